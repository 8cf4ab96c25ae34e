//! Ledgers as the real core makes them: a run driven with random workers, results and mishaps.

use part_core::{
    AttemptId, AttemptVerdict, CancelMode, Capabilities, Command, Config, Core, Effect, Entry, Finish,
    GroupPolicy, GroupSubmission, Incarnation, Input, Introduction, Millis, Pending, Recipe, Report,
    ReportBody, RequestId, Requirements, RunId, RunPolicy, Sample, SlotId, Source, SpecSubmission, State,
    Submission, SubmissionId, Term, TestOutcome, TestResult, Timestamp, Timing, WorkerId, Workspace,
};
use std::collections::BTreeMap;

/// What to drive.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) specs: usize,
    pub(crate) workers: u64,
    pub(crate) slots: u32,
    pub(crate) cancel_at: Option<u32>,
}

const STEPS: u32 = 2000;

/// Runs the plan to the end of its run (or of the steps) and returns the entries as the core batched them.
pub(crate) fn ledger(plan: &Plan) -> Vec<Vec<Entry>> {
    let (core, pending) =
        Core::new(Config { term: Term(1), ..Config::default() }, State::default(), Timestamp(1000));
    let random = Random(plan.seed);
    let mut driver =
        Driver { core, random, now: 1000, reports: BTreeMap::new(), held: Vec::new(), batches: Vec::new() };
    driver.take(pending);
    for worker in 0..plan.workers {
        driver.introduce(worker, plan.slots);
    }
    let submission = Box::new(submission(plan));
    driver.input(Input::RunSubmitted {
        request: RequestId(1),
        run: RunId(u128::from(plan.seed) << 64 | 1),
        submission,
    });
    for step in 0..STEPS {
        let Some(run) = driver.core.state().runs().next().map(|run| run.id) else { break };
        if plan.cancel_at == Some(step) {
            let mode = CancelMode::Graceful;
            driver.input(Input::CancelRequested { request: RequestId(2), run, by: "user".to_owned(), mode });
        }
        driver.step(plan);
    }
    driver.batches
}

struct Driver {
    core: Core,
    random: Random,
    now: u64,
    reports: BTreeMap<String, u64>,
    held: Vec<(WorkerId, AttemptId)>,
    batches: Vec<Vec<Entry>>,
}

impl Driver {
    fn input(&mut self, input: Input) {
        self.now += self.random.below(500);
        let pending = self.core.handle(Timestamp(self.now), input);
        self.take(pending);
    }

    fn take(&mut self, pending: Pending) {
        if !pending.entries().is_empty() {
            self.batches.push(pending.entries().to_vec());
        }
        for effect in pending.confirm() {
            if let Effect::Command { worker, command: Command::Start(order) } = effect {
                self.held.extend(order.attempts.iter().map(|attempt| (worker.clone(), attempt.attempt)));
            }
        }
    }

    fn introduce(&mut self, worker: u64, slots: u32) {
        let worker = WorkerId(format!("worker-{worker}"));
        let introduction = Introduction {
            worker,
            incarnation: Incarnation(1),
            host: "host".to_owned(),
            term_seen: Term(0),
            capabilities: Capabilities::default(),
            slots: (0..slots).map(SlotId).collect(),
            held: Vec::new(),
            draining: false,
            problem: None,
            version: String::new(),
            cpus: 0,
            extra_slots: Vec::new(),
            scarce: None,
        };
        self.input(Input::WorkerIntroduced { introduction });
    }

    fn step(&mut self, plan: &Plan) {
        if self.held.is_empty() || self.random.below(20) == 0 {
            if let Some((at, _)) = self.core.wakeup() {
                self.now = self.now.max(at.0);
            }
            self.input(Input::TimePassed);
            let worker = self.random.below(plan.workers);
            // A worker that comes back without what it ran loses it.
            self.held.retain(|(holder, _)| holder.0 != format!("worker-{worker}"));
            return self.introduce(worker, plan.slots);
        }
        let place = self.random.below(self.held.len() as u64) as usize;
        let (worker, attempt) = self.held.swap_remove(place);
        self.report(&worker, ReportBody::Started { attempt });
        for batch in 0..self.random.below(3) as u32 {
            let tests = vec![self.test()];
            self.report(&worker, ReportBody::Tests { attempt, batch, tests });
        }
        let finish = Box::new(self.finish());
        self.report(&worker, ReportBody::Finished { attempt, finish });
    }

    fn report(&mut self, worker: &WorkerId, body: ReportBody) {
        let number = self.reports.entry(worker.0.clone()).or_default();
        *number += 1;
        let report = Report { number: *number, body };
        self.input(Input::Reported { worker: worker.clone(), incarnation: Incarnation(1), report });
    }

    fn test(&mut self) -> TestResult {
        TestResult {
            id: "a > b".to_owned(),
            name: "a > b \u{0}\u{1F600} \"quoted\"".to_owned(),
            outcome: TestOutcome::Passed,
            duration_micros: Some(self.random.below(1 << 40)),
            message: None,
            detail: Some("line\nline".to_owned()),
            output: None,
            retries: 0,
            location: None,
        }
    }

    fn finish(&mut self) -> Finish {
        let verdict = match self.random.below(6) {
            0 => AttemptVerdict::Failed,
            1 => AttemptVerdict::TimedOut,
            _ => AttemptVerdict::Passed,
        };
        let mut finish = Finish::declared(verdict, "");
        finish.timing = Timing { run: Millis(self.random.below(10_000)), ..Timing::default() };
        finish
    }
}

fn submission(plan: &Plan) -> Submission {
    let mut random = Random(plan.seed ^ 0xabcd);
    let spec = |number: usize| SpecSubmission {
        name: format!("spec {number} é.ts"),
        size_bytes: number as u64,
        // Durations whose logarithms need every bit of a float.
        history: (0..random.below(4))
            .map(|at| Sample { at: Timestamp(at), duration: Millis(random.below(99_999)), tests: None })
            .collect(),
        expected_tests: None,
        carried: None,
        ..part_core::SpecSubmission::default()
    };
    let group = GroupSubmission {
        label: "package/admin".to_owned(),
        suite: "e2e".to_owned(),
        requirements: Requirements::default(),
        policy: GroupPolicy { retries: 1, ..GroupPolicy::default() },
        recipe: recipe(),
        specs: (0..plan.specs).map(spec).collect(),
        overhead: None,
    };
    Submission {
        id: SubmissionId(u128::from(plan.seed) << 64 | 2),
        project: "shop".to_owned(),
        build: "1".to_owned(),
        source: Source::default(),
        workspace: Workspace::InPlace("/workspace".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        groups: vec![group],
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    }
}

/// Written as JSON, which stays valid when a recipe gains a field.
fn recipe() -> Recipe {
    let recipe = r#"{"framework": "generic", "command": ["sh", "{spec}"], "grace": 1000,
        "report": {"format": "exit-code", "place": "none"}}"#;
    serde_json::from_str(recipe).expect("a recipe")
}

/// A small generator (splitmix), so that a plan says all there is to say.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound.max(1)
    }
}
