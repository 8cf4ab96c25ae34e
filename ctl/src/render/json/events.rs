//! Events of a run's ledger as JSON lines.
//!
//! Specs are named, not numbered, so that each line can be understood by itself.

use super::{Line, names};
use crate::view::RunView;
use part_proto::convert::{
    attempt_verdict_from_wire, run_verdict_from_wire, spec_verdict_from_wire, test_from_wire,
};
use part_proto::v1::{self, event::Fact, finish::Exit, run_cancelled::Reason};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What every ledger line has.
#[derive(Serialize)]
pub(crate) struct LedgerLine<'e> {
    run: &'e str,
    number: u64,
    at: u64,
    #[serde(flatten)]
    fact: Map<String, Value>,
}

/// The line for an event. `view` has folded all events before it.
pub(crate) fn ledger_line<'e>(view: &RunView, event: &'e v1::Event) -> Line<LedgerLine<'e>> {
    let (name, fact) = match &event.fact {
        Some(fact) => describe(view, fact),
        None => ("unknown", json!({})),
    };
    let fact = match fact {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    Line::new(name, LedgerLine { run: &event.run, number: event.number, at: event.at, fact })
}

fn describe(view: &RunView, fact: &Fact) -> (&'static str, Value) {
    match fact {
        Fact::RunOpened(opened) => ("run_opened", opened_fields(opened)),
        Fact::GroupAdded(added) => {
            let framework = added.recipe.as_ref().map(|recipe| recipe.framework.as_str());
            let fields = json!({
                "group": added.label, "suite": added.suite, "requirements": added.requirements,
                "retries": added.retries, "framework": framework, "specs": added.specs,
                "overhead_ms": added.overhead_ms, "rules": added.rules.as_ref().map(group_rules),
            });
            ("group_added", fields)
        }
        Fact::SpecsAdded(added) => {
            let group = view.groups.get(added.group as usize).map(|group| group.label.as_str());
            let specs: Vec<Value> = added.specs.iter().map(added_spec).collect();
            ("specs_added", json!({ "group": group, "specs": specs }))
        }
        Fact::SubmissionJoined(joined) => {
            let source = joined.source.as_ref().map(source_fields);
            let mut fields = json!({ "source": source, "workspace": joined.workspace_in_place });
            expected(&mut fields, joined.expect_groups, &joined.expect_labels);
            ("submission_joined", fields)
        }
        Fact::SubmissionDropped(v1::SubmissionDropped {}) => {
            let groups = view.groups.iter().skip(view.newest_group());
            let labels: Vec<&str> = groups.map(|group| group.label.as_str()).collect();
            ("submission_dropped", json!({ "groups": labels }))
        }
        Fact::AttemptDismissed(dismissed) => {
            let fields = with_spec(view, dismissed.spec, Some(dismissed.attempt), json!({}));
            ("attempt_dismissed", fields)
        }
        Fact::RunSealed(v1::RunSealed {}) => ("run_sealed", json!({})),
        Fact::AttemptAssigned(assigned) => {
            let mut more = json!({
                "worker": assigned.worker, "slot": assigned.slot, "forecast_ms": assigned.forecast_ms,
            });
            if let Some(why) = &assigned.why {
                more["why"] = why_fields(why);
            }
            if let Some(first) = assigned.batch {
                more["batch"] = view.specs.get(first as usize).map(|spec| spec.name.as_str()).into();
            }
            ("attempt_assigned", with_spec(view, assigned.spec, Some(assigned.attempt), more))
        }
        Fact::AttemptStarted(started) => {
            ("attempt_started", with_spec(view, started.spec, Some(started.attempt), json!({})))
        }
        Fact::TestsReported(reported) => {
            let tests: Vec<Value> = reported.tests.iter().map(test_fields).collect();
            (
                "tests_reported",
                with_spec(view, reported.spec, Some(reported.attempt), json!({ "tests": tests })),
            )
        }
        Fact::AttemptFinished(finished) => {
            let finish = finished.finish.as_ref().map_or_else(|| json!({}), finish_fields);
            ("attempt_finished", with_spec(view, finished.spec, Some(finished.attempt), finish))
        }
        Fact::AttemptSuperseded(late) => {
            let more = json!({ "verdict": attempt_name(late.verdict) });
            ("attempt_superseded", with_spec(view, late.spec, Some(late.attempt), more))
        }
        Fact::SpecDecided(decided) => {
            let verdict = spec_verdict_from_wire(decided).map_or("unknown", names::spec_verdict);
            let mut more = json!({ "verdict": verdict });
            if !decided.because.is_empty() {
                more["because"] = decided.because.as_str().into();
            }
            if view.specs.get(decided.spec as usize).is_some_and(|spec| spec.quarantined) {
                more["quarantined"] = true.into();
            }
            ("spec_decided", with_spec(view, decided.spec, None, more))
        }
        Fact::RunCancelled(cancelled) => ("run_cancelled", cancelled_fields(cancelled)),
        Fact::RunFinished(finished) => {
            let verdict = run_verdict_from_wire(finished.verdict).map_or("unknown", names::run_verdict);
            (
                "run_finished",
                json!({ "verdict": verdict, "summary": finished.summary.as_ref().map(summary_fields) }),
            )
        }
    }
}

fn opened_fields(opened: &v1::RunOpened) -> Value {
    let mut fields = json!({
        "project": opened.project, "build": opened.build, "source": opened.source.as_ref().map(source_fields),
        "workspace": opened.workspace_in_place, "max_failures": opened.max_failures, "attempt": opened.attempt,
        "joinable": opened.joinable,
    });
    if let Some(rules) = &opened.rules {
        let mut said = json!({
            "completion_delay_ms": rules.completion_delay_ms, "weight": rules.weight.max(1),
            "priority": rules.priority, "failed_first": rules.failed_first,
        });
        let known = [
            ("retry_budget", rules.retry_budget.map(u64::from)),
            ("wait_for_workers_ms", rules.wait_for_workers_ms),
        ];
        known.into_iter().for_each(|(name, value)| put(&mut said, name, value));
        expected(&mut said, rules.expect_groups, &rules.expect_labels);
        fields["rules"] = said;
    }
    fields
}

/// A field that is left out where it is not known.
fn put<T: Into<Value>>(fields: &mut Value, name: &str, value: Option<T>) {
    if let Some(value) = value {
        fields[name] = value.into();
    }
}

/// The groups that are waited for.
fn expected(fields: &mut Value, groups: u32, labels: &[String]) {
    put(fields, "expect_groups", (groups > 0).then_some(groups));
    put(fields, "expect_labels", (!labels.is_empty()).then(|| labels.to_vec()));
}

fn group_rules(rules: &v1::GroupRules) -> Value {
    let mut fields = json!({
        "parallel": names::parallel(rules.parallel()), "algorithm": names::algorithm(rules.algorithm()),
        "backups": rules.backups, "batches": !rules.no_batches, "split": rules.split,
    });
    match (rules.threads_per_hundred_cpus, rules.threads) {
        (0, 0) => {}
        (0, threads) => fields["max_threads"] = threads.into(),
        (percent, _) => fields["max_threads_percent_of_cpus"] = percent.into(),
    }
    put(&mut fields, "timeout_percent", (rules.timeout_percent > 0).then_some(rules.timeout_percent));
    fields
}

fn why_fields(why: &v1::Why) -> Value {
    let mut fields = json!({
        "rule": names::rule(why.rule()), "turn": names::turn(why.turn()), "waiting": why.waiting,
        "candidates": why.candidates,
    });
    put(&mut fields, "after", (!why.after.is_empty()).then_some(why.after.as_str()));
    fields
}

/// Where a run came from; what is not known is left out.
pub(super) fn source_fields(source: &v1::Source) -> Value {
    let fields = [
        ("user", &source.user),
        ("host", &source.host),
        ("commit", &source.commit),
        ("branch", &source.branch),
        ("rerun_of", &source.rerun_of),
        ("url", &source.url),
        ("ci", &source.ci),
    ];
    let known = fields.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(known.map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))).collect())
}

fn added_spec(spec: &v1::SpecAdded) -> Value {
    let mut fields = json!({ "spec": spec.name });
    if let Some(expected) = spec.expected_ms {
        fields["expected_ms"] = expected.into();
        fields["samples"] = spec.samples.into();
    }
    if !spec.carried_from.is_empty() {
        fields["carried_from"] = spec.carried_from.as_str().into();
        fields["carried_ms"] = spec.carried_ms.into();
    }
    if let Some(tests) = spec.expected_tests {
        fields["expected_tests"] = tests.into();
    }
    put(&mut fields, "collection", (!spec.collection.is_empty()).then_some(spec.collection.as_str()));
    put(&mut fields, "assembly", (!spec.assembly.is_empty()).then_some(spec.assembly.as_str()));
    let marks =
        [("serial", spec.serial), ("quarantined", spec.quarantined), ("failed_last", spec.failed_last)];
    marks.into_iter().for_each(|(name, is)| put(&mut fields, name, is.then_some(true)));
    if !spec.locks.is_empty() {
        let locks = spec.locks.iter().map(|lock| json!({ "name": lock.name, "permits": lock.permits }));
        fields["locks"] = locks.collect();
    }
    if let Some(part) = &spec.part {
        fields["part"] =
            json!({ "of": part.of, "number": part.number, "count": part.count, "tests": part.tests });
    }
    fields
}

fn with_spec(view: &RunView, spec: u32, attempt: Option<u32>, more: Value) -> Value {
    let known = view.specs.get(spec as usize);
    let group = known.and_then(|spec| view.groups.get(spec.group)).map(|group| group.label.as_str());
    let mut fields = json!({ "group": group, "spec": known.map(|spec| spec.name.as_str()) });
    if let Some(attempt) = attempt {
        fields["attempt"] = attempt.into();
    }
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
    }
    fields
}

fn test_fields(wire: &v1::TestResult) -> Value {
    let outcome = test_from_wire(wire.clone()).map_or("unknown", |test| names::test_outcome(test.outcome));
    let mut fields = json!({ "id": wire.id, "name": wire.name, "outcome": outcome, "retries": wire.retries });
    if let Some(micros) = wire.duration_micros {
        fields["duration_micros"] = micros.into();
    }
    let texts = [
        ("message", &wire.message),
        ("detail", &wire.detail),
        ("output", &wire.output),
        ("location", &wire.location),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            fields[name] = text.as_str().into();
        }
    }
    fields
}

fn finish_fields(finish: &v1::Finish) -> Value {
    let mut fields = json!({
        "verdict": attempt_name(finish.verdict), "message": finish.message,
        "missing_tests": finish.missing_tests, "leaked": finish.leaked,
        "tests": finish.tests.as_ref().map(counts_fields),
    });
    match finish.exit {
        Some(Exit::ExitCode(code)) => fields["exit_code"] = code.into(),
        Some(Exit::ExitSignal(signal)) => fields["exit_signal"] = signal.into(),
        None => {}
    }
    if let Some(timing) = &finish.timing {
        fields["timing"] = json!({
            "setup_ms": timing.setup_ms, "run_ms": timing.run_ms, "tests_ms": timing.tests_ms,
            "teardown_ms": timing.teardown_ms,
        });
    }
    if let Some(output) = &finish.output {
        fields["output"] = json!({
            "total_bytes": output.total_bytes, "dropped_bytes": output.dropped_bytes, "inline": output.inline,
            "blob": output.blob,
        });
    }
    let artifacts = finish
        .artifacts
        .iter()
        .map(|file| json!({ "path": file.path, "bytes": file.bytes, "digest": file.digest }));
    fields["artifacts"] = artifacts.collect();
    fields
}

fn attempt_name(verdict: i32) -> &'static str {
    attempt_verdict_from_wire(verdict).map_or("unknown", names::attempt_verdict)
}

fn cancelled_fields(cancelled: &v1::RunCancelled) -> Value {
    match &cancelled.reason {
        Some(Reason::RequestedBy(by)) => json!({ "reason": "requested", "by": by }),
        Some(Reason::MaxFailures(failures)) => json!({ "reason": "max_failures", "failures": failures }),
        Some(Reason::GroupsMissing(missing)) => json!({ "reason": "groups_missing", "missing": missing }),
        Some(Reason::Abandoned(detail)) => json!({ "reason": "abandoned", "detail": detail }),
        None => json!({ "reason": "unknown" }),
    }
}

fn counts_fields(counts: &v1::TestCounts) -> Value {
    json!({
        "passed": counts.passed, "failed": counts.failed, "skipped": counts.skipped, "flaky": counts.flaky,
    })
}

/// A run's figures.
pub(super) fn summary_fields(summary: &v1::RunSummary) -> Value {
    let mut fields = json!({
        "specs": summary.specs, "passed": summary.passed, "flaky": summary.flaky, "carried": summary.carried,
        "failed": summary.failed, "cancelled": summary.cancelled, "undecided": summary.undecided,
        "attempts": summary.attempts, "tests": summary.tests.as_ref().map(counts_fields), "slots": summary.slots,
        "makespan_ms": summary.makespan_ms, "bound_ms": summary.bound_ms, "slot_time_ms": summary.slot_time_ms,
        "forecasts": summary.forecasts,
    });
    if !summary.longest_spec.is_empty() {
        fields["longest_spec"] = summary.longest_spec.as_str().into();
        fields["longest_ms"] = summary.longest_ms.into();
    }
    if let Some(overhead) = summary.overhead_per_spec_ms {
        fields["overhead_per_spec_ms"] = overhead.into();
    }
    if let Some(error) = summary.forecast_error {
        fields["forecast_error"] = error.into();
    }
    balance_fields(&mut fields, summary);
    fields
}

/// The figures that say how the run was balanced.
fn balance_fields(fields: &mut Value, summary: &v1::RunSummary) {
    let counts = [
        ("forecasts_inside", summary.forecasts_inside),
        ("forecasts_with_spread", summary.forecasts_with_spread),
        ("quarantined", summary.quarantined),
        ("dropped", summary.dropped),
        ("batched", summary.batched),
        ("batches", summary.batches),
        ("backups", summary.backups),
        ("split", summary.split),
    ];
    counts.into_iter().for_each(|(name, count)| fields[name] = count.into());
    fields["backup_time_ms"] = summary.backup_time_ms.into();
    fields["what_if"] = what_if_fields(&summary.what_if);
    put(fields, "worth", summary.worth);
    let groups = summary.groups.iter().map(|group| {
        let mut said = json!({
            "group": group.label, "algorithm": names::algorithm(group.algorithm()), "specs": group.specs,
            "failed": group.failed, "makespan_ms": group.makespan_ms, "slot_time_ms": group.slot_time_ms,
            "most_on_worker": group.most_on_worker,
        });
        put(&mut said, "stretch", group.stretch);
        said
    });
    fields["groups"] = groups.collect();
}

/// Makespans on other numbers of slots.
pub(super) fn what_if_fields(what_if: &[v1::WhatIf]) -> Value {
    what_if.iter().map(|one| json!({ "slots": one.slots, "makespan_ms": one.makespan_ms })).collect()
}
