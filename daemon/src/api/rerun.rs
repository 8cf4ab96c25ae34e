//! A run made of an earlier one.

use part_core::{
    AttemptId, AttemptPhase, Carried, GroupSubmission, Run, Source, SpecIndex, SpecPhase, SpecSubmission,
    SpecVerdict, Submission, SubmissionId,
};
use part_proto::status;
use tonic::Status;

/// What to submit to run `old` again: all of it, or only what did not pass, with its passes carried forward.
pub(super) fn submission(
    old: &Run,
    id: SubmissionId,
    build: String,
    failed_only: bool,
) -> Result<Submission, Status> {
    if old.finished.is_none() {
        return Err(status::wrong_state(format!("run {} is not finished; cancel it first", old.id)));
    }
    let mut groups: Vec<GroupSubmission> = old
        .groups
        .iter()
        .map(|group| GroupSubmission {
            label: group.label.as_ref().to_owned(),
            suite: group.suite.clone(),
            requirements: group.requirements.clone(),
            policy: group.policy.clone(),
            recipe: group.recipe.as_ref().clone(),
            specs: Vec::new(),
            overhead: None,
        })
        .collect();
    let mut again = 0;
    for (index, spec) in old.specs.iter().enumerate() {
        let carried = if failed_only { pass_of(old, SpecIndex(index as u32)) } else { None };
        again += usize::from(carried.is_none());
        groups[spec.group.0 as usize].specs.push(SpecSubmission {
            name: spec.name.as_ref().to_owned(),
            size_bytes: spec.size_bytes,
            history: Vec::new(),
            expected_tests: spec.expected_tests.as_deref().map(<[String]>::to_vec),
            carried,
            ..part_core::SpecSubmission::default()
        });
    }
    if again == 0 {
        return Err(status::wrong_state(format!("nothing of run {} failed or is missing", old.id)));
    }
    Ok(Submission {
        id,
        project: old.project.as_ref().to_owned(),
        build: if build.is_empty() { old.build.clone() } else { build },
        source: Source { rerun_of: Some(old.id), ..old.source.clone() },
        workspace: old.submissions[0].workspace.as_ref().clone(),
        policy: old.policy.clone(),
        content: None,
        groups,
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    })
}

/// The pass that stands for a spec, which may itself have been carried.
fn pass_of(old: &Run, index: SpecIndex) -> Option<Carried> {
    let spec = old.spec(index)?;
    match spec.phase {
        SpecPhase::Decided(SpecVerdict::Carried) => spec.carried,
        SpecPhase::Decided(SpecVerdict::Passed { .. }) => {
            let (number, attempt) = spec.newest()?;
            let AttemptPhase::Finished { at, .. } = &attempt.phase else { return None };
            let duration = at.since(attempt.assigned_at);
            Some(Carried { attempt: AttemptId { run: old.id, spec: index, number }, duration })
        }
        SpecPhase::Decided(SpecVerdict::NotPassed(_) | SpecVerdict::Cancelled)
        | SpecPhase::Waiting { .. }
        | SpecPhase::Active => None,
    }
}
