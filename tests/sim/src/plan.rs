//! What a seed stands for: the workers, the suites, what each spec really does, and when trouble comes.

use crate::Rng;
use part_core::{
    AttemptId, AttemptVerdict, Bounds, CancelMode, Capabilities, Carried, GroupPolicy, GroupSubmission,
    InvalidReason, Millis, Recipe, Requirement, Requirements, RunId, RunPolicy, Sample, Source, SpecIndex,
    SpecSubmission, Submission, SubmissionId, Timestamp, Workspace,
};
use std::collections::BTreeMap;

/// Everything that is decided before the story begins.
pub(crate) struct Plan {
    pub(crate) bounds: Bounds,
    pub(crate) workers: Vec<WorkerPlan>,
    pub(crate) clients: Vec<ClientPlan>,
    /// What each spec really does, by its name; names are unique in a story.
    pub(crate) natures: BTreeMap<String, Nature>,
    /// Mean time between faults; none in a story without faults.
    pub(crate) fault_every: Option<Millis>,
    /// No fault comes after this.
    pub(crate) faults_end: Timestamp,
    /// By when every run must have ended.
    pub(crate) deadline: Timestamp,
    /// Longest time that a message or a commit takes.
    pub(crate) delay: Millis,
}

pub(crate) struct WorkerPlan {
    pub(crate) name: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) slots: u32,
    pub(crate) joins: Timestamp,
}

pub(crate) struct ClientPlan {
    pub(crate) comes: Timestamp,
    pub(crate) submission: Submission,
    /// How long after the answer it cancels, and how hard.
    pub(crate) cancels: Option<(Millis, CancelMode)>,
    /// It sends its submission a second time although it was answered.
    pub(crate) repeats: bool,
}

/// What a spec really does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    pub(crate) typical: Millis,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Solid,
    /// Fails so many times in a hundred.
    Flaky(u64),
    Broken,
    /// Ends only by its time limit.
    Hangs,
    /// Takes its worker with it, process and results.
    KillsWorker,
    RunsNoTests,
}

/// The attempt of an earlier run that carried passes point to.
const EARLIER: AttemptId = AttemptId { run: RunId(1), spec: SpecIndex(0), number: 1 };
/// Time limit of every attempt.
const LIMIT: Millis = Millis::seconds(40);
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
            Kind::KillsWorker => return (time, Ending::KillsWorker),
            Kind::RunsNoTests => AttemptVerdict::Invalid(InvalidReason::NoTests),
        };
        (time.min(LIMIT), Ending::Verdict(verdict))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Verdict(AttemptVerdict),
    KillsWorker,
}

const KINDS_OF_WORKERS: [&[(&str, &str)]; 5] = [
    &[("os", "linux"), ("browser.chromium", "131.0.2"), ("label.gpu", "")],
    &[("os", "linux")],
    &[("os", "linux"), ("browser.chromium", "118.0")],
    &[("os", "macos"), ("browser.safari", "17.4")],
    &[],
];

/// Every one of these is met by the first or the fourth kind of worker.
const NEEDS: [&[&str]; 6] =
    [&[], &[], &["os=linux"], &["os=macos"], &["os=linux", "browser.chromium>=120"], &["label.gpu"]];

impl Plan {
    pub(crate) fn from_seed(rng: &mut Rng) -> Plan {
        let fault_every = rng.chance(85).then(|| Millis(rng.between(1_500, 20_000)));
        let faults_end = Timestamp(rng.between(20_000, 150_000));
        let mut natures = BTreeMap::new();
        let count = rng.between(1, 3);
        let clients: Vec<ClientPlan> =
            (0..count).map(|number| client(number, fault_every.is_some(), &mut natures, rng)).collect();
        let mut plan = Plan {
            bounds: bounds(rng),
            workers: workers(rng),
            clients,
            natures,
            fault_every,
            faults_end,
            deadline: Timestamp(0),
            delay: Millis(rng.between(1, 400)),
        };
        plan.deadline = plan.faults_end + plan.longest_rest();
        plan
    }

    /// What one slot alone would need for everything, with every retry and every loss, plus the core's own patience.
    fn longest_rest(&self) -> Millis {
        let mut total = 240_000;
        for client in &self.clients {
            total += client.comes.0;
            for group in &client.submission.groups {
                for spec in &group.specs {
                    let nature = self.natures.get(&spec.name).map_or(LIMIT, |nature| match nature.kind {
                        Kind::Hangs => LIMIT,
                        Kind::Solid
                        | Kind::Flaky(_)
                        | Kind::Broken
                        | Kind::KillsWorker
                        | Kind::RunsNoTests => Millis(nature.typical.0 * 5 / 4).min(LIMIT),
                    });
                    let tries = u64::from(group.policy.retries + self.bounds.lost_attempts + 1);
                    let waits = u64::from(group.policy.retries) * self.bounds.elsewhere_wait.0;
                    // A worker that is killed by a spec takes a while to come back.
                    let recovers = match self.natures.get(&spec.name).map(|nature| nature.kind) {
                        Some(Kind::KillsWorker) => 80_000 * tries,
                        Some(_) | None => 0,
                    };
                    total += tries * (nature.0 + 5 * self.delay.0) + waits + recovers;
                }
            }
        }
        Millis(total)
    }
}

fn bounds(rng: &mut Rng) -> Bounds {
    if rng.chance(70) {
        return Bounds::DEFAULT;
    }
    Bounds {
        open_runs: rng.between(1, 2) as usize,
        specs_per_record: rng.between(1, 4) as usize,
        lost_attempts: rng.between(1, 4) as u32,
        // Not below the number of workers: the core also looks past only so many idle ones of a kind.
        lookahead: rng.between(6, 16) as usize,
        slots_per_worker: rng.between(1, 4) as usize,
        recovery_window: Millis(rng.between(1_000, 40_000)),
        elsewhere_wait: Millis(rng.between(0, 40_000)),
        ..Bounds::DEFAULT
    }
}

fn capabilities(kind: &[(&str, &str)]) -> Capabilities {
    Capabilities(kind.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

/// The first worker can run nearly everything and the second the rest, so that every run can end.
fn workers(rng: &mut Rng) -> Vec<WorkerPlan> {
    let count = rng.between(2, 5);
    let mut workers = Vec::new();
    for number in 0..count {
        let kind = match number {
            0 => KINDS_OF_WORKERS[0],
            1 => KINDS_OF_WORKERS[3],
            _ => rng.pick(&KINDS_OF_WORKERS).copied().unwrap_or_default(),
        };
        workers.push(WorkerPlan {
            name: format!("w{number}"),
            capabilities: capabilities(kind),
            slots: rng.between(1, 3) as u32,
            joins: Timestamp(if rng.chance(70) { rng.below(500) } else { rng.below(60_000) }),
        });
    }
    workers
}

fn client(number: u64, faulty: bool, natures: &mut BTreeMap<String, Nature>, rng: &mut Rng) -> ClientPlan {
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
        policy: RunPolicy { max_failures, lost_after },
        groups,
    };
    let mode = if rng.chance(30) { CancelMode::Kill } else { CancelMode::Graceful };
    ClientPlan {
        comes: Timestamp(if number == 0 { rng.below(2_000) } else { rng.below(60_000) }),
        submission,
        cancels: rng.chance(15).then(|| (Millis(rng.below(60_000)), mode)),
        repeats: rng.chance(20),
    }
}

fn group(
    client: u64,
    number: u64,
    faulty: bool,
    natures: &mut BTreeMap<String, Nature>,
    rng: &mut Rng,
) -> GroupSubmission {
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
            Sample { at: Timestamp(at), duration }
        });
        let history = history.collect();
        natures.insert(name.clone(), nature);
        specs.push(SpecSubmission {
            name,
            size_bytes: rng.below(5_000),
            history,
            expected_tests: None,
            carried: rng.chance(4).then_some(Carried { attempt: EARLIER, duration: Millis(1_000) }),
        });
    }
    GroupSubmission {
        label: format!("group {number}"),
        suite: format!("suite {number}"),
        requirements: Requirements::new(needs),
        policy: GroupPolicy { retries: rng.below(3) as u32 },
        recipe: Recipe::of_command(vec!["true".to_owned()]),
        specs,
    }
}

fn nature(typical: u64, faulty: bool, rng: &mut Rng) -> Nature {
    let kind = match rng.below(100) {
        0..70 => Kind::Solid,
        70..82 => Kind::Flaky(rng.between(10, 80)),
        82..90 => Kind::Broken,
        90..94 => Kind::Hangs,
        94..97 => Kind::RunsNoTests,
        _ if faulty => Kind::KillsWorker,
        _ => Kind::Solid,
    };
    Nature { typical: Millis(rng.duration(typical)), kind }
}
