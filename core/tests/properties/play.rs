//! Arbitrary histories: steps that make sense in whatever state they find.

use crate::shapes::{GroupShape, RunRules, group_shape, run_rules, submission};
use part_core::{
    AttemptId, AttemptPhase, AttemptVerdict, Bounds, CancelMode, Capabilities, Config, Core, Entry, Finish,
    HeldAttempt, HeldState, Incarnation, Input, Introduction, InvalidReason, LostCause, Millis, Pending,
    Report, ReportBody, RequestId, RunId, SlotId, SpecIndex, State, SubmissionId, Term, TestOutcome,
    TestResult, Timestamp, WorkerId,
};
use proptest::prelude::*;

/// Later than any history.
pub(crate) const LATE: Timestamp = Timestamp(1 << 40);
const WORKERS: u8 = 4;

/// Something that may happen. Numbers choose among what is there.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Submit { groups: Vec<GroupShape>, rules: RunRules, again: bool },
    Introduce { worker: u8, slots: u8, new_life: bool, holds: u8, reported: bool },
    CloseLink { worker: u8 },
    Heartbeat { worker: u8 },
    Report { attempt: u8, what: Told },
    Stale { attempt: u8, verdict: AttemptVerdict },
    Cancel { run: u8, kill: bool },
    Abandon { run: u8 },
    Drain { worker: u8, draining: bool },
    HoldBack { worker: u8, held: bool },
    Health { worker: u8, full: bool },
    Scarce { worker: u8, scarce: bool },
    Pass { millis: u64 },
    Paused { millis: u64 },
    Restart,
}

#[derive(Clone, Debug)]
pub(crate) enum Told {
    Started,
    Tests(u8),
    Finished(AttemptVerdict),
    Lost(LostCause),
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..60)
}

fn step() -> impl Strategy<Value = Step> {
    let submit = (prop::collection::vec(group_shape(), 1..3), run_rules(), prop::bool::weighted(0.2));
    let submit = submit.prop_map(|(groups, rules, again)| Step::Submit { groups, rules, again });
    let introduce = (0..WORKERS, 0u8..4, any::<bool>(), any::<u8>(), any::<bool>());
    let introduce = introduce.prop_map(|(worker, slots, new_life, holds, reported)| Step::Introduce {
        worker,
        slots,
        new_life,
        holds,
        reported,
    });
    let told = prop_oneof![
        Just(Told::Started),
        (0u8..3).prop_map(Told::Tests),
        verdict().prop_map(Told::Finished),
        verdict().prop_map(Told::Finished),
        lost_cause().prop_map(Told::Lost),
    ];
    prop_oneof![
        3 => submit,
        6 => introduce,
        2 => (0..WORKERS).prop_map(|worker| Step::CloseLink { worker }),
        2 => (0..WORKERS).prop_map(|worker| Step::Heartbeat { worker }),
        12 => (any::<u8>(), told).prop_map(|(attempt, what)| Step::Report { attempt, what }),
        2 => (any::<u8>(), verdict()).prop_map(|(attempt, verdict)| Step::Stale { attempt, verdict }),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(run, kill)| Step::Cancel { run, kill }),
        1 => any::<u8>().prop_map(|run| Step::Abandon { run }),
        1 => (0..WORKERS, any::<bool>()).prop_map(|(worker, draining)| Step::Drain { worker, draining }),
        1 => (0..WORKERS, any::<bool>()).prop_map(|(worker, held)| Step::HoldBack { worker, held }),
        1 => (0..WORKERS, any::<bool>()).prop_map(|(worker, full)| Step::Health { worker, full }),
        1 => (0..WORKERS, any::<bool>()).prop_map(|(worker, scarce)| Step::Scarce { worker, scarce }),
        4 => (0u64..40_000).prop_map(|millis| Step::Pass { millis }),
        1 => (0u64..200_000).prop_map(|millis| Step::Paused { millis }),
        1 => Just(Step::Restart),
    ]
}

fn verdict() -> impl Strategy<Value = AttemptVerdict> {
    prop_oneof![
        6 => Just(AttemptVerdict::Passed),
        3 => Just(AttemptVerdict::Failed),
        1 => Just(AttemptVerdict::TimedOut),
        1 => Just(AttemptVerdict::Crashed),
        1 => Just(AttemptVerdict::Cancelled),
        1 => Just(AttemptVerdict::SetupFailed),
        1 => Just(AttemptVerdict::Invalid(InvalidReason::NoTests)),
        1 => Just(AttemptVerdict::Invalid(InvalidReason::Report)),
    ]
}

fn lost_cause() -> impl Strategy<Value = LostCause> {
    prop_oneof![
        2 => Just(LostCause::ShimDied),
        1 => Just(LostCause::NoRoom),
        1 => Just(LostCause::Refused),
        1 => Just(LostCause::WorkerFailed),
        1 => Just(LostCause::Drained),
        2 => Just(LostCause::BatchEnded),
    ]
}

/// Bounds that short histories reach.
fn config(term: u64) -> Config {
    let bounds = Bounds {
        given_up_at_once: 2,
        cordons_away: 1,
        ended_runs: 2,
        lost_remembered: 2,
        cordon_faults: 2,
        cordon_setups: 1,
        cordon_failures: 1,
        guaranteed_turn: 3,
        least_straggler: Millis(100),
        expected_groups_wait: Millis::seconds(60),
        ..Bounds::DEFAULT
    };
    Config { term: Term(term), bounds }
}

/// A core with its ledger.
pub(crate) struct Play {
    pub(crate) core: Core,
    pub(crate) ledger: Vec<Entry>,
    now: Timestamp,
    term: u64,
    lives: [u64; WORKERS as usize],
    reports: u64,
    submissions: u64,
    runs: u64,
}

impl Play {
    pub(crate) fn new() -> Self {
        let (core, _) = Core::new(config(0), State::default(), Timestamp(0));
        Play {
            core,
            ledger: Vec::new(),
            now: Timestamp(0),
            term: 0,
            lives: [1; WORKERS as usize],
            reports: 0,
            submissions: 0,
            runs: 0,
        }
    }

    pub(crate) fn commit(&mut self, entries: &[Entry]) {
        self.ledger.extend_from_slice(entries);
    }

    /// Takes one step and returns what came out of it.
    pub(crate) fn step(&mut self, step: &Step) -> Pending {
        let input = match step {
            Step::Submit { groups, rules, again } => self.submit(groups, rules, *again),
            Step::Introduce { worker, slots, new_life, holds, reported } => {
                self.introduce(*worker, *slots, *new_life, *holds, *reported)
            }
            Step::CloseLink { worker } => {
                Input::LinkClosed { worker: name(*worker), incarnation: self.life(*worker) }
            }
            Step::Heartbeat { worker } => {
                Input::Heartbeat { worker: name(*worker), incarnation: self.life(*worker) }
            }
            Step::Report { attempt, what } => {
                let Some(id) = pick(&self.active(), *attempt) else { return Pending::default() };
                self.report(id, what)
            }
            Step::Stale { attempt, verdict } => {
                let Some(id) = pick(&self.ended(), *attempt) else { return Pending::default() };
                self.report(id, &Told::Finished(*verdict))
            }
            Step::Cancel { run, kill } => {
                let mode = if *kill { CancelMode::Kill } else { CancelMode::Graceful };
                let (request, by) = (RequestId(0), "ann".to_owned());
                Input::CancelRequested { request, run: self.open_run(*run), by, mode }
            }
            Step::Abandon { run } => {
                Input::RunAbandoned { run: self.open_run(*run), detail: "its daemon is gone".to_owned() }
            }
            Step::Drain { worker, draining } => {
                Input::DrainChanged { worker: name(*worker), draining: *draining }
            }
            Step::HoldBack { worker, held } => {
                Input::HeldBack { worker: name(*worker), by: held.then(|| "ann".to_owned()) }
            }
            Step::Health { worker, full } => Input::HealthChanged {
                worker: name(*worker),
                incarnation: self.life(*worker),
                problem: full.then(|| "its disk is full".to_owned()),
            },
            Step::Scarce { worker, scarce } => Input::PressureChanged {
                worker: name(*worker),
                incarnation: self.life(*worker),
                scarce: scarce.then(|| "memory".to_owned()),
            },
            Step::Pass { millis } => {
                self.now = self.now + Millis(*millis);
                Input::TimePassed
            }
            Step::Paused { millis } => {
                self.now = self.now + Millis(*millis);
                Input::LeaderPaused { lasted: Millis(*millis) }
            }
            Step::Restart => return self.restart(),
        };
        self.core.handle(self.now, input)
    }

    /// An unfinished run, or one that nobody knows.
    fn open_run(&self, number: u8) -> RunId {
        let runs: Vec<RunId> = self.core.state().runs().map(|run| run.id).collect();
        pick(&runs, number).unwrap_or(RunId(7))
    }

    fn restart(&mut self) -> Pending {
        self.term += 1;
        let state = State::fold(&self.ledger).expect("the ledger fits");
        let (core, pending) = Core::new(config(self.term), state, self.now);
        self.core = core;
        pending
    }

    fn life(&self, worker: u8) -> Incarnation {
        Incarnation(self.lives[usize::from(worker)])
    }

    fn attempts(&self) -> Vec<(AttemptId, bool, WorkerId, SlotId)> {
        let mut attempts = Vec::new();
        for run in self.core.state().runs() {
            for (index, spec) in run.specs.iter().enumerate() {
                for (place, attempt) in spec.attempts.iter().enumerate() {
                    let id =
                        AttemptId { run: run.id, spec: SpecIndex(index as u32), number: place as u32 + 1 };
                    let active = attempt.phase == AttemptPhase::Active;
                    attempts.push((id, active, attempt.worker.clone(), attempt.slot));
                }
            }
        }
        attempts
    }

    fn active(&self) -> Vec<AttemptId> {
        self.attempts().into_iter().filter(|(_, active, ..)| *active).map(|(id, ..)| id).collect()
    }

    fn ended(&self) -> Vec<AttemptId> {
        self.attempts().into_iter().filter(|(_, active, ..)| !*active).map(|(id, ..)| id).collect()
    }

    fn report(&mut self, id: AttemptId, what: &Told) -> Input {
        let (_, _, attempt) = self.core.state().attempt(id).expect("an attempt that was picked");
        let (worker, batch) = (attempt.worker.clone(), attempt.test_batches);
        let body = match what {
            Told::Started => ReportBody::Started { attempt: id },
            // Any batch but the next one was sent again or cannot be.
            Told::Tests(off) => ReportBody::Tests {
                attempt: id,
                batch: batch.saturating_sub(1) + u32::from(*off),
                tests: vec![test()],
            },
            Told::Lost(cause) => {
                ReportBody::Finished { attempt: id, finish: Box::new(Finish::lost(*cause, "")) }
            }
            Told::Finished(verdict) => {
                ReportBody::Finished { attempt: id, finish: Box::new(Finish::declared(*verdict, "")) }
            }
        };
        self.reports += 1;
        let known = (0..WORKERS).find(|number| name(*number) == worker).unwrap_or(0);
        Input::Reported {
            worker,
            incarnation: self.life(known),
            report: Report { number: self.reports, body },
        }
    }

    fn introduce(&mut self, worker: u8, slots: u8, new_life: bool, holds: u8, reported: bool) -> Input {
        self.lives[usize::from(worker)] += u64::from(new_life);
        let state = if reported { HeldState::Reported } else { HeldState::Running };
        // It holds some of what it was given, and perhaps something that the leader gave to another.
        let mut held = Vec::new();
        for (place, (attempt, _, owner, slot)) in self.attempts().into_iter().enumerate() {
            let own = owner == name(worker);
            if holds >> (place % 8) & 1 == 1 && (own || place % 5 == 0) {
                held.push(HeldAttempt { attempt, slot, state });
            }
        }
        let facts = match worker {
            0 => vec![("os", "linux"), ("part.batch", "1"), ("part.select", "1")],
            1 => vec![("os", "linux"), ("browser.chromium", "131.0.1"), ("part.batch", "1")],
            2 => vec![("os", "macos")],
            _ => vec![],
        };
        let facts = facts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let introduction = Introduction {
            worker: name(worker),
            incarnation: self.life(worker),
            host: String::new(),
            term_seen: Term(self.term),
            capabilities: Capabilities(facts),
            slots: (0..u32::from(slots)).map(SlotId).collect(),
            held,
            draining: false,
            problem: None,
            version: String::new(),
            cpus: 2,
            extra_slots: (u32::from(slots)..u32::from(slots) + u32::from(worker % 3)).map(SlotId).collect(),
            scarce: None,
        };
        Input::WorkerIntroduced { introduction }
    }

    fn submit(&mut self, groups: &[GroupShape], rules: &RunRules, again: bool) -> Input {
        self.submissions += u64::from(!again || self.submissions == 0);
        let id = SubmissionId(u128::MAX - u128::from(self.submissions));
        // The driver makes a fresh id for every submission, new or not.
        self.runs += 1;
        let run = RunId(u128::from(self.runs) << 64);
        let submission = Box::new(submission(id, groups, rules));
        Input::RunSubmitted { request: RequestId(1), run, submission }
    }
}

fn test() -> TestResult {
    TestResult {
        id: "t".to_owned(),
        name: "t".to_owned(),
        outcome: TestOutcome::Passed,
        duration_micros: None,
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: None,
    }
}

fn name(worker: u8) -> WorkerId {
    WorkerId(format!("w{worker}"))
}

fn pick<T: Copy>(from: &[T], number: u8) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(number) % from.len()])
}
