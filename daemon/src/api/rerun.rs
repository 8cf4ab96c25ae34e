//! Submissions made of an earlier run.

use super::carry::{pass_of, wholes};
use part_core::{
    Expect, GroupSubmission, Joining, Millis, Run, Source, SpecIndex, SpecSubmission, Submission,
    SubmissionId, Workspace,
};
use part_proto::status;
use tonic::Status;

/// What to submit to run `old` again: all of it, or only what did not pass, with its passes carried forward.
///
/// One submission, unless the groups of the old run came with different workspaces: then one for each workspace. They
/// are to become one run, the first beginning the attempt that `attempt` says, the others joining it.
pub(super) fn submissions(
    old: &Run,
    id: SubmissionId,
    build: String,
    failed_only: bool,
    attempt: u32,
) -> Result<Vec<Submission>, Status> {
    if old.finished.is_none() {
        return Err(status::wrong_state(format!("run {} is not finished; cancel it first", old.id)));
    }
    let mut by_workspace: Vec<(Workspace, Source, Vec<GroupSubmission>)> = Vec::new();
    let (mut wholes, mut again) = (wholes(old).into_iter().peekable(), 0);
    for (index, group) in old.groups.iter().enumerate() {
        let came_with = old.submission_of(group);
        if came_with.dropped {
            continue;
        }
        let mut specs = Vec::new();
        while let Some(((_, name), parts)) = wholes.next_if(|((group, _), _)| group.0 as usize == index) {
            let carried = if failed_only { pass_of(old, &parts) } else { None };
            again += usize::from(carried.is_none());
            let first = parts.first().copied();
            specs.extend(whole(old, name, &parts).map(|spec| (first, SpecSubmission { carried, ..spec })));
        }
        // In the order of the run, which is that of its submission.
        specs.sort_by_key(|(first, _)| *first);
        let group = GroupSubmission {
            label: group.label.as_ref().to_owned(),
            suite: group.suite.clone(),
            requirements: group.requirements.clone(),
            policy: group.policy.clone(),
            recipe: group.recipe.as_ref().clone(),
            specs: specs.into_iter().map(|(_, spec)| spec).collect(),
            overhead: None,
        };
        let workspace = came_with.workspace.as_ref();
        match by_workspace.iter_mut().find(|(known, ..)| known == workspace) {
            Some((_, _, groups)) => groups.push(group),
            None => by_workspace.push((workspace.clone(), came_with.source.clone(), vec![group])),
        }
    }
    if again == 0 {
        return Err(status::wrong_state(format!("nothing of run {} failed or is missing", old.id)));
    }
    let alone = by_workspace.len() == 1;
    let expect = Expect::Count(by_workspace.iter().map(|(.., groups)| groups.len() as u32).sum());
    let mut policy = old.policy.clone();
    policy.completion_delay = Millis::ZERO;
    policy.expect = (!alone).then_some(expect);
    let build = if build.is_empty() { old.build.clone() } else { build };
    let submission = |(place, (workspace, source, groups))| Submission {
        id: numbered(id, place),
        project: old.project.as_ref().to_owned(),
        build: build.clone(),
        joining: if alone { Joining::Never } else { Joining::Attempt(attempt) },
        past: Vec::new(),
        // What is carried is chosen here.
        run_all: true,
        source: Source { rerun_of: Some(old.id), ..source },
        workspace,
        policy: policy.clone(),
        content: None,
        groups,
    };
    Ok((0..).zip(by_workspace).map(submission).collect())
}

/// A spec as it was submitted, put together from its parts where it was split.
fn whole(old: &Run, name: &str, parts: &[SpecIndex]) -> Option<SpecSubmission> {
    let first = old.spec(*parts.first()?)?;
    let listed =
        parts.iter().map(|index| old.spec(*index)?.expected_tests.as_deref().map(<[String]>::to_vec));
    Some(SpecSubmission {
        name: name.to_owned(),
        size_bytes: first.size_bytes,
        expected_tests: listed.collect::<Option<Vec<_>>>().map(|lists| lists.concat()),
        collection: first.collection.as_deref().map(str::to_owned),
        serial: first.serial,
        assembly: first.assembly.as_deref().map(str::to_owned),
        locks: first.locks.to_vec(),
        quarantined: first.quarantined,
        // Nobody recorded whether it may be split; what was split before may be.
        whole: first.part.is_none(),
        ..SpecSubmission::default()
    })
}

/// The number of each submission: the client's for the first, and for the others what always follows from it, so that
/// asking again does nothing twice.
fn numbered(id: SubmissionId, place: u32) -> SubmissionId {
    if place == 0 {
        return id;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&id.0.to_le_bytes()).update(&place.to_le_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    SubmissionId(u128::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::rehearsed::{Played, group, ledger, spec, submission};
    use part_core::{AttemptVerdict, Lock, RunPolicy};

    fn joined(workspaces: [&str; 3]) -> Run {
        let label = |number: usize| ["one", "two", "three"][number];
        let submissions = workspaces.iter().enumerate().map(|(number, workspace)| {
            let groups = vec![group(label(number), vec![spec("a", 1000), spec("b", 1000)])];
            let policy = RunPolicy { expect: Some(Expect::Count(3)), ..RunPolicy::default() };
            let workspace = Workspace::InPlace((*workspace).to_owned());
            let id = number as u128 + 1;
            Submission { joining: Joining::Current, policy, workspace, ..submission(id, groups) }
        });
        ledger(1, submissions.collect(), |name| match name {
            "b" => AttemptVerdict::Failed,
            _ => AttemptVerdict::Passed,
        })
    }

    #[test]
    fn groups_run_again_in_the_files_that_they_came_with() {
        let id = SubmissionId(99);
        let again =
            submissions(&joined(["/x", "/y", "/x"]), id, String::new(), true, 2).expect("something failed");
        let shape: Vec<(&Workspace, Vec<&str>)> = again
            .iter()
            .map(|one| (&one.workspace, one.groups.iter().map(|group| group.label.as_str()).collect()))
            .collect();
        let (x, y) = (Workspace::InPlace("/x".to_owned()), Workspace::InPlace("/y".to_owned()));
        assert_eq!(shape, [(&x, vec!["one", "three"]), (&y, vec!["two"])]);
        for one in &again {
            assert_eq!((one.joining, &one.policy.expect), (Joining::Attempt(2), &Some(Expect::Count(3))));
            assert!(one.run_all && one.groups.iter().all(|group| group.specs[0].carried.is_some()));
            assert!(one.groups.iter().all(|group| group.specs[1].carried.is_none()));
        }
        assert_eq!(again[0].id, id);
        assert_ne!(again[1].id, id);
        let repeated = submissions(&joined(["/x", "/y", "/x"]), id, String::new(), true, 2).expect("again");
        assert_eq!(repeated[1].id, again[1].id, "the same number makes the same submissions");

        let together = submissions(&joined(["/x", "/x", "/x"]), id, "8".to_owned(), false, 2).expect("one");
        assert_eq!((together.len(), together[0].groups.len(), together[0].build.as_str()), (1, 3, "8"));
        assert_eq!((together[0].joining, &together[0].policy.expect), (Joining::Never, &None));
        assert!(together[0].groups.iter().flat_map(|group| &group.specs).all(|spec| spec.carried.is_none()));
    }

    #[test]
    fn specs_keep_their_rules_and_parts_become_one_again() {
        let mut big = spec("big", 100_000);
        big.expected_tests = Some(["t1", "t2", "t3", "t4"].map(str::to_owned).to_vec());
        let mut odd = spec("odd", 1000);
        odd.collection = Some("users".to_owned());
        odd.locks = vec![Lock { name: "billing".to_owned(), permits: 2 }];
        (odd.quarantined, odd.serial) = (true, true);
        let mut all = group("all", vec![big, odd, spec("small", 1000)]);
        Played::splitting(&mut all);
        let run = ledger(1, vec![submission(1, vec![all])], |_| AttemptVerdict::Passed);
        let again = submissions(&run, SubmissionId(5), String::new(), false, 2).expect("all").remove(0);
        let specs = &again.groups[0].specs;
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["big", "odd", "small"]);
        let mut listed = specs[0].expected_tests.clone().expect("its tests");
        listed.sort();
        assert_eq!(listed, ["t1", "t2", "t3", "t4"]);
        assert!(!specs[0].whole && specs[2].whole, "only what was split may be split again");
        let odd = &specs[1];
        assert_eq!((odd.collection.as_deref(), odd.locks[0].permits), (Some("users"), 2));
        assert!(odd.quarantined && odd.serial);
        let nothing = submissions(&run, SubmissionId(5), String::new(), true, 2).expect_err("nothing failed");
        assert!(nothing.message().contains("nothing of run"), "{nothing}");
    }
}
