//! Lines of plans and of reports on runs.

use super::events::{summary_fields, what_if_fields};
use part_proto::v1;
use serde::Serialize;
use serde_json::Value;

/// One attempt of a plan.
#[derive(Serialize)]
pub(crate) struct PlannedLine<'p> {
    group: &'p str,
    spec: &'p str,
    worker: &'p str,
    slot: u32,
    start_ms: u64,
    end_ms: u64,
    unknown: bool,
    critical: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<&'p str>,
    because: &'p str,
}

impl<'p> PlannedLine<'p> {
    /// The line for an attempt and its place in the plan.
    pub(crate) fn new(plan: &'p v1::PlanResponse, place: u32, attempt: &'p v1::PlannedAttempt) -> Self {
        let first = attempt.batch.and_then(|first| plan.attempts.get(first as usize));
        PlannedLine {
            group: &attempt.group,
            spec: &attempt.spec,
            worker: &attempt.worker,
            slot: attempt.slot,
            start_ms: attempt.start_ms,
            end_ms: attempt.end_ms,
            unknown: attempt.unknown,
            critical: plan.critical.contains(&place),
            batch: first.map(|first| first.spec.as_str()),
            because: &attempt.because,
        }
    }
}

/// A plan as a whole.
#[derive(Serialize)]
pub(crate) struct ScheduleLine {
    slots: u32,
    makespan_ms: u64,
    bound_ms: u64,
    attempts: usize,
    unknown: u32,
    carried: u32,
    what_if: Value,
    worth: Option<u32>,
}

impl From<&v1::PlanResponse> for ScheduleLine {
    fn from(plan: &v1::PlanResponse) -> Self {
        ScheduleLine {
            slots: plan.slots,
            makespan_ms: plan.makespan_ms,
            bound_ms: plan.bound_ms,
            attempts: plan.attempts.len(),
            unknown: plan.unknown,
            carried: plan.carried,
            what_if: what_if_fields(&plan.what_if),
            worth: plan.worth,
        }
    }
}

/// Where the slot time of a group went, or of the whole run.
#[derive(Serialize)]
pub(crate) struct TimeSharesLine<'r> {
    run: &'r str,
    group: Option<&'r str>,
    tests_ms: u64,
    start_up_ms: u64,
    setup_ms: u64,
    wasted_ms: u64,
    waiting_ms: u64,
    imbalance_ms: u64,
    total_ms: u64,
}

impl<'r> TimeSharesLine<'r> {
    /// The line for a group's shares of a run.
    pub(crate) fn new(run: &'r str, shares: &'r v1::TimeShares) -> Self {
        TimeSharesLine {
            run,
            group: Some(shares.group.as_str()).filter(|group| !group.is_empty()),
            tests_ms: shares.tests_ms,
            start_up_ms: shares.start_up_ms,
            setup_ms: shares.setup_ms,
            wasted_ms: shares.wasted_ms,
            waiting_ms: shares.waiting_ms,
            imbalance_ms: shares.imbalance_ms,
            total_ms: shares.total_ms,
        }
    }
}

/// One attempt of those that decided how long a run took.
#[derive(Serialize)]
pub(crate) struct ChainLine<'r> {
    run: &'r str,
    group: &'r str,
    spec: &'r str,
    attempt: u32,
    worker: &'r str,
    slot: u32,
    start_ms: u64,
    end_ms: u64,
    because: &'r str,
}

impl<'r> ChainLine<'r> {
    /// The line for an attempt of a run.
    pub(crate) fn new(run: &'r str, link: &'r v1::ChainLink) -> Self {
        ChainLine {
            run,
            group: &link.group,
            spec: &link.spec,
            attempt: link.attempt,
            worker: &link.worker,
            slot: link.slot,
            start_ms: link.start_ms,
            end_ms: link.end_ms,
            because: &link.because,
        }
    }
}

/// What limited a run, and its figures.
#[derive(Serialize)]
pub(crate) struct RunReportLine<'r> {
    run: &'r str,
    findings: &'r [String],
    summary: Option<Value>,
}

impl<'r> RunReportLine<'r> {
    /// The line for a run's report.
    pub(crate) fn new(run: &'r str, report: &'r v1::ReportResponse) -> Self {
        RunReportLine {
            run,
            findings: &report.findings,
            summary: report.summary.as_ref().map(summary_fields),
        }
    }
}
