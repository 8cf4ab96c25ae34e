//! What scenarios submit and report, in the core's own shapes.

use crate::submit::{Group, Known, Spec, Submit};
use part_core::{
    AttemptId, Carried, GroupSubmission, Millis, PastAttempt, Recipe, Requirement, Requirements, RunId,
    Sample, Selection, Source, SpecIndex, SpecSubmission, Submission, SubmissionId, TestOutcome, TestResult,
    Timestamp, Workspace,
};

/// The submission that a command describes.
pub(crate) fn submission(submit: Submit, id: SubmissionId) -> Submission {
    let past =
        |number: u32| PastAttempt { number, run: RunId(u128::from(number)), finished_at: Some(Timestamp(0)) };
    Submission {
        id,
        project: submit.project.unwrap_or_else(|| "shop".to_owned()),
        build: submit.build.unwrap_or(submit.run),
        source: Source { user: submit.from, ..Source::default() },
        workspace: Workspace::InPlace("/srv/shop".to_owned()),
        policy: submit.policy,
        content: submit.content,
        groups: submit.groups.into_iter().map(group).collect(),
        joining: submit.joining,
        past: submit.past.into_iter().map(past).collect(),
        run_all: false,
    }
}

fn group(group: Group) -> GroupSubmission {
    let needs: Vec<Requirement> =
        group.needs.iter().map(|text| text.parse().expect("a requirement")).collect();
    let suite = group.label.rsplit('/').next().unwrap_or_default().to_owned();
    let command = vec!["sh".to_owned(), "{spec}".to_owned()];
    let select = Selection { command: command.clone(), join: String::new(), each: String::new() };
    GroupSubmission {
        label: group.label,
        suite,
        requirements: Requirements::new(needs),
        recipe: Recipe {
            batch: if group.batches { command.clone() } else { Vec::new() },
            select: group.policy.split.then_some(select),
            timeout: group.timeout,
            ..Recipe::of_command(command)
        },
        policy: group.policy,
        specs: group.specs.into_iter().map(spec).collect(),
        overhead: group.overhead,
    }
}

fn spec(spec: Spec) -> SpecSubmission {
    let tests = spec.tests.iter().map(|(_, time)| *time).reduce(|sum, time| sum + time);
    let history = match spec.known {
        Known::Took(duration) => vec![Sample { at: Timestamp(0), duration, tests }],
        Known::Nothing { .. } | Known::Passed => Vec::new(),
    };
    let size_bytes = match spec.known {
        Known::Nothing { size } => size,
        Known::Took(_) | Known::Passed => 0,
    };
    let carried = match spec.known {
        Known::Passed => {
            let attempt = AttemptId { run: RunId(0), spec: SpecIndex(0), number: 1 };
            Some(Carried { attempt, duration: Millis::seconds(1) })
        }
        Known::Took(_) | Known::Nothing { .. } => None,
    };
    let listed: Vec<String> = spec.tests.iter().map(|(test, _)| test.clone()).collect();
    SpecSubmission {
        name: spec.name,
        size_bytes,
        history,
        expected_tests: (!listed.is_empty()).then_some(listed),
        carried,
        collection: spec.collection,
        serial: spec.serial,
        assembly: spec.assembly,
        locks: spec.locks,
        quarantined: spec.quarantined,
        whole: spec.whole,
        failed_last: spec.failed_last,
        tests: spec.tests,
    }
}

/// Test results with these outcomes.
pub(crate) fn tests(passed: u32, failed: u32, skipped: u32) -> Vec<TestResult> {
    let outcomes =
        [(TestOutcome::Passed, passed), (TestOutcome::Failed, failed), (TestOutcome::Skipped, skipped)];
    let mut results = Vec::new();
    for (outcome, count) in outcomes {
        for _ in 0..count {
            let id = format!("test {}", results.len() + 1);
            results.push(TestResult {
                name: id.clone(),
                id,
                outcome,
                duration_micros: None,
                message: None,
                detail: None,
                output: None,
                retries: 0,
                location: None,
            });
        }
    }
    results
}
