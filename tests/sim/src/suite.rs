//! What clients submit, and what each of their specs really does.

use crate::Rng;
use part_core::{
    AttemptId, AttemptVerdict, CancelMode, Carried, GroupPolicy, GroupSubmission, InvalidReason, Millis,
    Recipe, Requirement, Requirements, RunId, RunPolicy, Sample, Source, SpecIndex, SpecSubmission,
    Submission, SubmissionId, Timestamp, Workspace,
};
use std::collections::BTreeMap;

/// What one client does.
pub(crate) struct ClientPlan {
    pub(crate) comes: Timestamp,
    pub(crate) submission: Submission,
    /// How long after the answer it cancels, and how hard.
    pub(crate) cancels: Option<(Millis, CancelMode)>,
    /// It sends its submission a second time although it was answered.
    pub(crate) repeats: bool,
    /// It first sends something that nobody can run.
    pub(crate) errs: bool,
}

/// What specs really do, by name; names are unique in a story.
pub(crate) type Natures = BTreeMap<String, Nature>;

/// What a spec really does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    pub(crate) typical: Millis,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Solid,
    /// Fails so many times in a hundred.
    Flaky(u64),
    Broken,
    /// Ends only by its time limit.
    Hangs,
    /// Takes its machine with it.
    KillsHost,
    RunsNoTests,
}

/// The attempt of an earlier run that carried passes point to.
const EARLIER: AttemptId = AttemptId { run: RunId(1), spec: SpecIndex(0), number: 1 };
/// Time limit of every attempt: longer than the silence after which a worker is lost.
pub(crate) const LIMIT: Millis = Millis::seconds(70);
/// Longest grace between the order to stop and the end.
pub(crate) const GRACE: Millis = Millis::seconds(3);

impl Nature {
    /// How long an attempt takes and what it comes to, unless it is stopped.
    pub(crate) fn attempt(&self, rng: &mut Rng) -> (Millis, Ending) {
        let time = Millis((self.typical.0 * rng.between(80, 125) / 100).max(1));
        let verdict = match self.kind {
            Kind::Solid => AttemptVerdict::Passed,
            Kind::Flaky(percent) if rng.chance(percent) => AttemptVerdict::Failed,
            Kind::Flaky(_) => AttemptVerdict::Passed,
            Kind::Broken if rng.chance(20) => AttemptVerdict::Crashed,
            Kind::Broken if rng.chance(20) => AttemptVerdict::Invalid(InvalidReason::Report),
            Kind::Broken => AttemptVerdict::Failed,
            Kind::Hangs => return (LIMIT, Ending::Verdict(AttemptVerdict::TimedOut)),
            Kind::KillsHost => return (time.min(LIMIT), Ending::KillsHost),
            Kind::RunsNoTests => AttemptVerdict::Invalid(InvalidReason::NoTests),
        };
        (time.min(LIMIT), Ending::Verdict(verdict))
    }
}

/// How an attempt's process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Verdict(AttemptVerdict),
    KillsHost,
}

/// Every one of these is met by the first or the fourth kind of worker in `plan.rs`.
const NEEDS: [&[&str]; 6] =
    [&[], &[], &["os=linux"], &["os=macos"], &["os=linux", "browser.chromium>=120"], &["label.gpu"]];

/// A client with its suite, whose specs are added to `natures`.
pub(crate) fn client(number: u64, faulty: bool, natures: &mut Natures, rng: &mut Rng) -> ClientPlan {
    let max_failures = rng.chance(15).then(|| rng.between(1, 3) as u32);
    let lost_after = rng.chance(15).then(|| Millis(rng.below(90_000)));
    let groups =
        (0..rng.between(1, 3)).map(|group| self::group(number, group, faulty, natures, rng)).collect();
    let submission = Submission {
        id: SubmissionId(u128::from(rng.bits()) << 64 | u128::from(rng.bits())),
        project: "shop".to_owned(),
        build: format!("build {number}"),
        source: Source::default(),
        workspace: Workspace::InPlace("/srv/shop".to_owned()),
        policy: RunPolicy { max_failures, lost_after, worker_kills: None, ..RunPolicy::default() },
        content: None,
        groups,
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    };
    let mode = if rng.chance(30) { CancelMode::Kill } else { CancelMode::Graceful };
    ClientPlan {
        comes: Timestamp(if number == 0 { rng.below(15_000) } else { rng.below(60_000) }),
        submission,
        cancels: rng.chance(25).then(|| (Millis(rng.below(60_000)), mode)),
        repeats: rng.chance(20),
        errs: rng.chance(10),
    }
}

fn group(client: u64, number: u64, faulty: bool, natures: &mut Natures, rng: &mut Rng) -> GroupSubmission {
    let needs = rng.pick(&NEEDS).copied().unwrap_or_default();
    // The table above holds valid requirements only; one that were not would simply not be asked for.
    let needs: Vec<Requirement> = needs.iter().filter_map(|text| text.parse().ok()).collect();
    let (typical, with_history) = (rng.between(200, 9_000), rng.chance(60));
    let mut specs = Vec::new();
    for place in 0..rng.between(1, 9) {
        let name = format!("c{client}g{number}s{place}");
        let nature = nature(typical, faulty, rng);
        let known = with_history && rng.chance(85);
        let runs = if known { rng.between(1, 5) } else { 0 };
        let history = (0..runs).map(|at| {
            let duration = Millis((nature.typical.0 * rng.between(70, 140) / 100).max(1));
            Sample { at: Timestamp(at), duration, tests: None }
        });
        let history = history.collect();
        natures.insert(name.clone(), nature);
        specs.push(SpecSubmission {
            name,
            size_bytes: rng.below(5_000),
            history,
            expected_tests: None,
            carried: rng.chance(4).then_some(Carried { attempt: EARLIER, duration: Millis(1_000) }),
            ..part_core::SpecSubmission::default()
        });
    }
    GroupSubmission {
        label: format!("group {number}"),
        suite: format!("suite {number}"),
        requirements: Requirements::new(needs),
        policy: GroupPolicy { retries: rng.below(3) as u32, ..GroupPolicy::default() },
        recipe: Recipe::of_command(vec!["true".to_owned()]),
        specs,
        overhead: None,
    }
}

fn nature(typical: u64, faulty: bool, rng: &mut Rng) -> Nature {
    let kind = match rng.below(100) {
        0..72 => Kind::Solid,
        72..84 => Kind::Flaky(rng.between(10, 80)),
        84..92 => Kind::Broken,
        92..95 => Kind::Hangs,
        95..98 => Kind::RunsNoTests,
        _ if faulty => Kind::KillsHost,
        _ => Kind::Solid,
    };
    Nature { typical: Millis(rng.duration(typical)), kind }
}
