//! What the tests of this folder share: ledgers as the real core makes them.

use part_core::rehearse::{Act, Rehearsal, VirtualWorker};
use part_core::{
    AttemptVerdict, GroupPolicy, GroupSubmission, Joining, Millis, Recipe, Requirements, Run, RunId,
    RunPolicy, Sample, Selection, Source, SpecSubmission, State, Submission, SubmissionId, Timestamp,
    Workspace,
};

/// What is done to a group so that the core does something with it.
pub(super) struct Played;

impl Played {
    /// Lets the group's specs be split.
    pub(super) fn splitting(group: &mut GroupSubmission) {
        group.policy.split = true;
        let command = vec!["run".to_owned(), "{tests}".to_owned()];
        group.recipe.select = Some(Selection { command, join: ",".to_owned(), each: String::new() });
    }
}

/// A spec that took so many milliseconds before; one of 0 is unknown.
pub(super) fn spec(name: &str, ms: u64) -> SpecSubmission {
    let sample = Sample { at: Timestamp(1), duration: Millis(ms), tests: None };
    let history = if ms > 0 { vec![sample] } else { Vec::new() };
    SpecSubmission { name: name.to_owned(), history, ..SpecSubmission::default() }
}

pub(super) fn group(label: &str, specs: Vec<SpecSubmission>) -> GroupSubmission {
    GroupSubmission {
        label: label.to_owned(),
        suite: "main".to_owned(),
        requirements: Requirements::default(),
        policy: GroupPolicy::default(),
        recipe: Recipe::of_command(vec!["true".to_owned()]),
        overhead: None,
        specs,
    }
}

pub(super) fn submission(id: u128, groups: Vec<GroupSubmission>) -> Submission {
    Submission {
        id: SubmissionId(id),
        project: "shop".to_owned(),
        build: "7".to_owned(),
        joining: Joining::Never,
        past: Vec::new(),
        run_all: false,
        source: Source::default(),
        workspace: Workspace::InPlace("/shop".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        groups,
    }
}

/// The run that submissions become, which come one after the other, on two slots that can do everything. Its id says
/// which attempt of the build it is to be told apart by.
pub(super) fn ledger(
    attempt: u128,
    submissions: Vec<Submission>,
    verdict: impl Fn(&str) -> AttemptVerdict,
) -> Run {
    let mut rehearsal = Rehearsal::new();
    for name in ["left", "right"] {
        let mut worker = VirtualWorker::new(name, 1);
        worker.capabilities.0.insert("part.select".to_owned(), "1".to_owned());
        rehearsal.worker(worker);
    }
    for submission in submissions {
        rehearsal.submit(Timestamp(1), submission);
    }
    rehearsal.keep_entries();
    let played = rehearsal.play(|begun| {
        // A part is told by its tests.
        let only = begun.order.only.as_deref();
        let name = only.map_or_else(|| begun.order.spec.to_string(), |tests| tests.join(" "));
        let takes = if only.is_some() { Millis(50_000) } else { Millis(1000) };
        Act::ends(takes, verdict(&name))
    });
    let entries = played.expect("it comes to an end").entries;
    let renamed: Vec<_> =
        entries.into_iter().map(|entry| part_core::Entry { run: RunId(attempt), ..entry }).collect();
    let state = State::fold(&renamed).expect("a ledger that fits");
    state.run(RunId(attempt)).expect("the run").clone()
}
