//! Where a run's time went, for the wire.

use crate::bounds;
use part_core::Run;
use part_core::report::{ChainLink, TimeReport, TimeShares};
use part_proto::convert::summary_to_wire;
use part_proto::v1;
use prost::Message as _;

/// The report of a run, as far as it has come.
pub(super) fn response(run: &Run) -> v1::ReportResponse {
    let TimeReport { shares, chain, findings, summary } = TimeReport::of(run);
    let mut response = v1::ReportResponse {
        shares: shares.into_iter().map(shares_to_wire).collect(),
        chain: Vec::new(),
        findings,
        summary: Some(summary_to_wire(&summary)),
    };
    // A chain of very many short attempts is cut at its beginning: what is near the end decided most.
    let mut bytes = response.encoded_len();
    for link in chain.into_iter().rev().map(link_to_wire) {
        bytes += link.encoded_len() + 8;
        if bytes > bounds::ANSWER_BYTES {
            break;
        }
        response.chain.push(link);
    }
    response.chain.reverse();
    response
}

fn shares_to_wire(shares: TimeShares) -> v1::TimeShares {
    let TimeShares { group, tests, start_up, setup, wasted, waiting, imbalance, total } = shares;
    v1::TimeShares {
        group,
        tests_ms: tests.0,
        start_up_ms: start_up.0,
        setup_ms: setup.0,
        wasted_ms: wasted.0,
        waiting_ms: waiting.0,
        imbalance_ms: imbalance.0,
        total_ms: total.0,
    }
}

fn link_to_wire(link: ChainLink) -> v1::ChainLink {
    let ChainLink { group, spec, attempt, worker, slot, start, end, because } = link;
    v1::ChainLink {
        group,
        spec,
        attempt,
        worker: worker.0,
        slot: slot.0,
        start_ms: start.0,
        end_ms: end.0,
        because,
    }
}
