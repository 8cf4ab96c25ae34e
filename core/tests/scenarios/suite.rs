//! What scenarios submit and report, in the core's own shapes.

use crate::script::{Group, Known, Spec, Submit};
use part_core::{
    AttemptId, Carried, GroupPolicy, GroupSubmission, Millis, Recipe, Requirement, Requirements, RunId,
    RunPolicy, Sample, Source, SpecIndex, SpecSubmission, Submission, SubmissionId, TestOutcome, TestResult,
    Timestamp, Workspace,
};

/// The submission that a command describes.
pub(crate) fn submission(submit: Submit, id: SubmissionId) -> Submission {
    Submission {
        id,
        project: "shop".to_owned(),
        build: submit.run,
        source: Source::default(),
        workspace: Workspace::InPlace("/srv/shop".to_owned()),
        policy: RunPolicy {
            max_failures: submit.max_failures,
            lost_after: submit.lost_after,
            worker_kills: submit.worker_kills,
            ..part_core::RunPolicy::default()
        },
        content: submit.content,
        groups: submit.groups.into_iter().map(group).collect(),
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    }
}

fn group(group: Group) -> GroupSubmission {
    let needs: Vec<Requirement> =
        group.needs.iter().map(|text| text.parse().expect("a requirement")).collect();
    let suite = group.label.rsplit('/').next().unwrap_or_default().to_owned();
    GroupSubmission {
        label: group.label,
        suite,
        requirements: Requirements::new(needs),
        policy: GroupPolicy { retries: group.retries, ..GroupPolicy::default() },
        recipe: Recipe::of_command(vec!["sh".to_owned(), "{spec}".to_owned()]),
        specs: group.specs.into_iter().map(spec).collect(),
        overhead: None,
    }
}

fn spec(spec: Spec) -> SpecSubmission {
    let history = match spec.known {
        Known::Took(duration) => vec![Sample { at: Timestamp(0), duration, tests: None }],
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
    SpecSubmission {
        name: spec.name,
        size_bytes,
        history,
        expected_tests: None,
        carried,
        ..part_core::SpecSubmission::default()
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
