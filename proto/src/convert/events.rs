//! Ledger entries to events.

use super::error::{WireError, required};
use super::finish::{attempt_verdict_from_wire, attempt_verdict_to_wire, finish_to_wire, test_to_wire};
use super::ids::submission_id_to_wire;
use super::recipe::recipe_to_wire;
use super::rules::{
    expect_to_wire, group_rules_to_wire, locks_to_wire, part_to_wire, run_rules_to_wire, why_to_wire,
};
use super::runs::{run_verdict_to_wire, source_to_wire, summary_to_wire};
use super::workspace::workspace_to_wire;
use crate::v1::{self, event::Fact, run_cancelled::Reason};
use part_core::{CancelReason, Entry, GroupIndex, Record, SpecAdded, SpecVerdict};

/// A ledger entry as clients see it.
pub fn event_to_wire(entry: &Entry) -> v1::Event {
    v1::Event {
        run: entry.run.to_string(),
        number: entry.number,
        at: entry.at.0,
        fact: Some(fact(&entry.record)),
    }
}

fn fact(record: &Record) -> Fact {
    match record {
        Record::RunOpened {
            submission,
            project,
            build,
            source,
            workspace,
            policy,
            content: _,
            attempt,
            joinable,
        } => {
            let (workspace_in_place, shipped) = workspace_to_wire(workspace);
            Fact::RunOpened(v1::RunOpened {
                submission_id: submission_id_to_wire(*submission),
                project: project.clone(),
                build: build.clone(),
                source: Some(source_to_wire(source)),
                workspace_in_place,
                shipped,
                max_failures: policy.max_failures,
                lost_after_ms: policy.lost_after.map(|limit| limit.0),
                worker_kills: policy.worker_kills,
                attempt: *attempt,
                joinable: *joinable,
                rules: Some(run_rules_to_wire(policy)),
            })
        }
        Record::SubmissionJoined { submission, source, workspace, content: _, expect } => {
            let (workspace_in_place, shipped) = workspace_to_wire(workspace);
            let (expect_groups, expect_labels) = expect_to_wire(expect.as_ref());
            Fact::SubmissionJoined(v1::SubmissionJoined {
                submission_id: submission_id_to_wire(*submission),
                source: Some(source_to_wire(source)),
                workspace_in_place,
                shipped,
                expect_groups,
                expect_labels,
            })
        }
        Record::SubmissionDropped => Fact::SubmissionDropped(v1::SubmissionDropped {}),
        Record::GroupAdded { group, label, suite, requirements, policy, recipe, specs, overhead } => {
            Fact::GroupAdded(Box::new(v1::GroupAdded {
                group: group.0,
                label: label.clone(),
                suite: suite.clone(),
                requirements: requirements.iter().map(ToString::to_string).collect(),
                retries: policy.retries,
                recipe: Some(recipe_to_wire(recipe)),
                specs: *specs,
                rules: Some(group_rules_to_wire(policy)),
                overhead_ms: overhead.map(|overhead| overhead.0),
            }))
        }
        Record::SpecsAdded { group, first, specs } => specs_added(*group, first.0, specs),
        Record::RunSealed => Fact::RunSealed(v1::RunSealed {}),
        Record::AttemptAssigned { attempt, worker, slot, forecast, why, batch } => {
            Fact::AttemptAssigned(v1::AttemptAssigned {
                spec: attempt.spec.0,
                attempt: attempt.number,
                worker: worker.0.clone(),
                slot: slot.0,
                forecast_ms: forecast.map(|forecast| forecast.0),
                why: why.as_ref().map(why_to_wire),
                batch: batch.map(|first| first.0),
            })
        }
        Record::AttemptDismissed { attempt } => {
            Fact::AttemptDismissed(v1::AttemptDismissed { spec: attempt.spec.0, attempt: attempt.number })
        }
        Record::AttemptStarted { attempt } => {
            Fact::AttemptStarted(v1::AttemptStarted { spec: attempt.spec.0, attempt: attempt.number })
        }
        Record::TestsReported { attempt, batch, tests } => Fact::TestsReported(v1::TestsReported {
            spec: attempt.spec.0,
            attempt: attempt.number,
            batch: *batch,
            tests: tests.iter().map(test_to_wire).collect(),
        }),
        Record::AttemptFinished { attempt, finish, key: _, counts, corrected: _ } => {
            Fact::AttemptFinished(Box::new(v1::AttemptFinished {
                spec: attempt.spec.0,
                attempt: attempt.number,
                finish: Some(finish_to_wire(finish)),
                counts: *counts,
            }))
        }
        Record::AttemptSuperseded { attempt, verdict } => Fact::AttemptSuperseded(v1::AttemptSuperseded {
            spec: attempt.spec.0,
            attempt: attempt.number,
            verdict: attempt_verdict_to_wire(*verdict).into(),
        }),
        Record::SpecDecided { spec, verdict, because } => spec_decided(spec.0, *verdict, because),
        Record::RunCancelled { reason } => Fact::RunCancelled(v1::RunCancelled {
            reason: Some(match reason {
                CancelReason::Requested { by } => Reason::RequestedBy(by.clone()),
                CancelReason::MaxFailures { failures } => Reason::MaxFailures(*failures),
                CancelReason::GroupsMissing { missing } => Reason::GroupsMissing(missing.clone()),
                CancelReason::Abandoned { detail } => Reason::Abandoned(detail.clone()),
            }),
        }),
        Record::RunFinished { verdict, summary } => Fact::RunFinished(Box::new(v1::RunFinished {
            verdict: run_verdict_to_wire(*verdict).into(),
            summary: Some(summary_to_wire(summary)),
        })),
    }
}

fn specs_added(group: GroupIndex, first: u32, specs: &[SpecAdded]) -> Fact {
    let spec = |spec: &SpecAdded| v1::SpecAdded {
        name: spec.name.clone(),
        size_bytes: spec.size_bytes,
        expected_ms: spec.estimate.map(|estimate| estimate.expected().0),
        log_spread: spec.estimate.map_or(0.0, |estimate| estimate.log_spread),
        samples: spec.estimate.map_or(0, |estimate| estimate.samples),
        carried_from: spec.carried.map(|carried| carried.attempt.to_string()).unwrap_or_default(),
        carried_ms: spec.carried.map_or(0, |carried| carried.duration.0),
        expected_tests: spec.expected_tests.as_ref().map(|tests| tests.len() as u32),
        collection: spec.collection.clone().unwrap_or_default(),
        serial: spec.serial,
        assembly: spec.assembly.clone().unwrap_or_default(),
        locks: locks_to_wire(&spec.locks),
        quarantined: spec.quarantined,
        failed_last: spec.failed_last,
        part: spec.part.as_ref().map(part_to_wire),
    };
    Fact::SpecsAdded(v1::SpecsAdded { group: group.0, first, specs: specs.iter().map(spec).collect() })
}

fn spec_decided(spec: u32, verdict: SpecVerdict, because: &str) -> Fact {
    let (wire, attempt) = match verdict {
        SpecVerdict::Passed { flaky: false } => (v1::SpecVerdict::Passed, None),
        SpecVerdict::Passed { flaky: true } => (v1::SpecVerdict::Flaky, None),
        SpecVerdict::Carried => (v1::SpecVerdict::Carried, None),
        SpecVerdict::NotPassed(verdict) => (v1::SpecVerdict::NotPassed, Some(verdict)),
        SpecVerdict::Cancelled => (v1::SpecVerdict::Cancelled, None),
    };
    Fact::SpecDecided(v1::SpecDecided {
        spec,
        verdict: wire.into(),
        attempt_verdict: attempt.map(|verdict| attempt_verdict_to_wire(verdict).into()),
        because: because.to_owned(),
    })
}

/// A spec's verdict from the wire; one that is not known here is an error, never a pass.
pub fn spec_verdict_from_wire(wire: &v1::SpecDecided) -> Result<SpecVerdict, WireError> {
    let value = wire.verdict;
    let unknown = || {
        WireError::wrong("spec_decided.verdict", format!("{value} is not a spec verdict that is known here"))
    };
    Ok(match v1::SpecVerdict::try_from(value).map_err(|_| unknown())? {
        v1::SpecVerdict::Unspecified => return Err(unknown()),
        v1::SpecVerdict::Passed => SpecVerdict::Passed { flaky: false },
        v1::SpecVerdict::Flaky => SpecVerdict::Passed { flaky: true },
        v1::SpecVerdict::Carried => SpecVerdict::Carried,
        v1::SpecVerdict::Cancelled => SpecVerdict::Cancelled,
        v1::SpecVerdict::NotPassed => {
            let attempt = required("spec_decided.attempt_verdict", wire.attempt_verdict)?;
            SpecVerdict::NotPassed(attempt_verdict_from_wire(attempt)?)
        }
    })
}

/// Why a run was cancelled, from the wire.
pub fn cancel_reason_from_wire(wire: v1::RunCancelled) -> Result<CancelReason, WireError> {
    Ok(match required("run_cancelled.reason", wire.reason)? {
        Reason::RequestedBy(by) => CancelReason::Requested { by },
        Reason::MaxFailures(failures) => CancelReason::MaxFailures { failures },
        Reason::GroupsMissing(missing) => CancelReason::GroupsMissing { missing },
        Reason::Abandoned(detail) => CancelReason::Abandoned { detail },
    })
}
