//! How well the core packs a suite: no faults, no delays, only the choice of what runs where and when.

use crate::{Checked, Rng, Violation};
use part_core::{
    AttemptVerdict, Capabilities, Command, Config, Core, Effect, Finish, GroupPolicy, GroupSubmission,
    Incarnation, Input, Introduction, Millis, Pending, Recipe, Record, Report, ReportBody, RequestId,
    Requirements, RunId, RunPolicy, RunSummary, Sample, SlotId, Source, SpecSubmission, State, Submission,
    SubmissionId, Term, Timestamp, WorkerId, Workspace,
};
use std::collections::BTreeMap;

/// A suite and the slots to run it on.
#[derive(Clone, Debug)]
pub struct PackingPlan {
    /// Slots, spread over workers of four.
    pub slots: u32,
    /// What each spec really takes, by its name.
    pub durations: BTreeMap<String, Millis>,
    /// What each spec took before, oldest first.
    pub history: BTreeMap<String, Vec<Sample>>,
}

impl PackingPlan {
    /// A random suite without history: so many specs, most of them short, a few long.
    pub fn random(rng: &mut Rng, specs: u64, slots: u32) -> Self {
        let typical = rng.between(500, 10_000);
        let durations =
            (0..specs).map(|number| (format!("spec {number:05}"), Millis(rng.duration(typical)))).collect();
        PackingPlan { slots, durations, history: BTreeMap::new() }
    }

    /// What each spec takes in its next run: within so many per cent of what it takes in this one.
    pub fn varied(&self, rng: &mut Rng, percent: u64) -> BTreeMap<String, Millis> {
        let mut vary =
            |time: &Millis| Millis((time.0 * rng.between(100 - percent, 100 + percent) / 100).max(1));
        self.durations.iter().map(|(name, time)| (name.clone(), vary(time))).collect()
    }

    /// No schedule is shorter: the longest spec, or everything shared among the slots.
    pub fn bound(&self) -> Millis {
        let total: u64 = self.durations.values().map(|time| time.0).sum();
        let longest = self.durations.values().max().copied().unwrap_or_default();
        Millis(total.div_ceil(u64::from(self.slots.max(1)))).max(longest)
    }
}

/// How a suite was packed.
#[derive(Clone, Debug)]
pub struct Packing {
    /// From the first start to the last end.
    pub makespan: Millis,
    /// What the core says about it.
    pub summary: RunSummary,
    /// The durations that count for the history, by spec.
    pub learned: BTreeMap<String, Sample>,
}

/// Runs a suite to its end.
pub fn pack(plan: &PackingPlan) -> Checked<Packing> {
    let mut bench = Bench::new(plan);
    bench.join_workers();
    bench.submit();
    while bench.summary.is_none() {
        bench.step()?;
    }
    let (makespan, learned) = (bench.now.since(Timestamp(0)), bench.learned);
    let summary = bench.summary.ok_or_else(|| Violation("the run has no summary".to_owned()))?;
    Ok(Packing { makespan, summary, learned })
}

/// A core that is run for the sake of its choices, or of what they cost.
pub struct Bench<'a> {
    core: Core,
    plan: &'a PackingPlan,
    now: Timestamp,
    /// What ends when, on which worker.
    ends: BTreeMap<(Timestamp, u64), (WorkerId, ReportBody)>,
    reports: u64,
    summary: Option<RunSummary>,
    learned: BTreeMap<String, Sample>,
}

impl<'a> Bench<'a> {
    /// A fresh core without workers.
    pub fn new(plan: &'a PackingPlan) -> Self {
        let (core, _) =
            Core::new(Config { term: Term(1), ..Config::default() }, State::default(), Timestamp(0));
        let (ends, learned) = (BTreeMap::new(), BTreeMap::new());
        Bench { core, plan, now: Timestamp(0), ends, reports: 0, summary: None, learned }
    }

    /// Links workers of four slots each, the last one with what is left.
    pub fn join_workers(&mut self) {
        let mut left = self.plan.slots;
        let mut number = 0;
        while left > 0 {
            let introduction = Introduction {
                worker: WorkerId(format!("w{number:04}")),
                incarnation: Incarnation(1),
                host: String::new(),
                term_seen: Term(1),
                capabilities: Capabilities::default(),
                slots: (0..left.min(4)).map(SlotId).collect(),
                held: Vec::new(),
                draining: false,
                problem: None,
                version: String::new(),
                cpus: 0,
                extra_slots: Vec::new(),
                scarce: None,
            };
            self.take(Input::WorkerIntroduced { introduction });
            left = left.saturating_sub(4);
            number += 1;
        }
    }

    /// Submits the suite.
    pub fn submit(&mut self) {
        let submission = Box::new(submission(self.plan));
        self.take(Input::RunSubmitted { request: RequestId(0), run: RunId(1), submission });
    }

    /// Lets the next attempt end.
    pub fn step(&mut self) -> Checked {
        let Some(((at, _), (worker, body))) = self.ends.pop_first() else {
            return Err(Violation("nothing runs, and the run is not finished".to_owned()));
        };
        self.now = at;
        self.reports += 1;
        let report = Report { number: self.reports, body };
        self.take(Input::Reported { worker, incarnation: Incarnation(1), report });
        Ok(())
    }

    fn take(&mut self, input: Input) {
        let pending = self.core.handle(self.now, input);
        self.learn(&pending);
        for effect in pending.confirm() {
            let Effect::Command { worker, command: Command::Start(order) } = effect else { continue };
            for attempt in order.attempts {
                let time = self.plan.durations.get(attempt.spec.as_ref()).copied().unwrap_or_default();
                let finish = Box::new(Finish::declared(AttemptVerdict::Passed, ""));
                let body = ReportBody::Finished { attempt: attempt.attempt, finish };
                let place = (self.now + time, u64::from(attempt.attempt.spec.0));
                self.ends.insert(place, (worker.clone(), body));
            }
        }
    }

    fn learn(&mut self, pending: &Pending) {
        for entry in pending.entries() {
            match &entry.record {
                Record::AttemptFinished { key, counts: true, .. } => {
                    let duration = self.plan.durations.get(&key.spec).copied().unwrap_or_default();
                    self.learned.insert(key.spec.clone(), Sample { at: entry.at, duration, tests: None });
                }
                Record::RunFinished { summary, .. } => self.summary = Some(summary.as_ref().clone()),
                Record::RunOpened { .. }
                | Record::SubmissionJoined { .. }
                | Record::SubmissionDropped
                | Record::AttemptDismissed { .. }
                | Record::GroupAdded { .. }
                | Record::SpecsAdded { .. }
                | Record::RunSealed
                | Record::AttemptAssigned { .. }
                | Record::AttemptStarted { .. }
                | Record::TestsReported { .. }
                | Record::AttemptFinished { .. }
                | Record::AttemptSuperseded { .. }
                | Record::SpecDecided { .. }
                | Record::RunCancelled { .. } => {}
            }
        }
    }
}

fn submission(plan: &PackingPlan) -> Submission {
    let specs = plan.durations.keys().map(|name| SpecSubmission {
        name: name.clone(),
        size_bytes: 0,
        history: plan.history.get(name).cloned().unwrap_or_default(),
        expected_tests: None,
        carried: None,
        ..part_core::SpecSubmission::default()
    });
    let group = GroupSubmission {
        label: "all".to_owned(),
        suite: "all".to_owned(),
        requirements: Requirements::default(),
        policy: GroupPolicy { retries: 0, ..GroupPolicy::default() },
        recipe: Recipe::of_command(vec!["true".to_owned()]),
        specs: specs.collect(),
        overhead: None,
    };
    Submission {
        id: SubmissionId(1),
        project: "shop".to_owned(),
        build: "1".to_owned(),
        source: Source::default(),
        workspace: Workspace::InPlace("/srv/shop".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        groups: vec![group],
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    }
}
