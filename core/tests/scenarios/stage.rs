//! Plays commands against a core, as a driver would, and checks it after every input.

use crate::render::{Names, worker_view};
use crate::script::{Command, What};
use crate::submit::Submit;
use crate::suite;
use part_core::{
    AttemptId, CancelMode, Capabilities, Config, Core, Effect, Entry, Finish, HeldAttempt, HeldState,
    Incarnation, Input, Introduction, Millis, Output, Pending, Report, ReportBody, RequestId, RunId, SlotId,
    SpecIndex, State, SubmissionId, Term, TestCounts, Timestamp, Timing, WorkerId,
};
use std::collections::BTreeMap;

/// How often a worker is heard from unless it is silent.
const HEARTBEAT: Millis = Millis::seconds(2);

/// A core with a ledger, a clock and workers.
pub(crate) struct Stage {
    core: Core,
    now: Timestamp,
    term: Term,
    /// The committed entries of all runs.
    ledger: Vec<Entry>,
    /// The fold of the ledger.
    folded: State,
    runs: Vec<(String, RunId)>,
    workers: BTreeMap<String, Bench>,
    requests: u64,
    answers: Vec<String>,
    place: String,
}

/// A worker as the scenario plays it.
struct Bench {
    facts: Vec<(String, String)>,
    slots: u32,
    extra: u32,
    cpus: u32,
    life: u64,
    linked: bool,
    silent: bool,
    sent: Vec<Report>,
    /// Batches of tests reported per attempt.
    batches: BTreeMap<AttemptId, u32>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let term = Term(1);
        let (core, _) = Core::new(Config { term, ..Config::default() }, State::default(), Timestamp(0));
        Stage {
            core,
            now: Timestamp(0),
            term,
            ledger: Vec::new(),
            folded: State::default(),
            runs: Vec::new(),
            workers: BTreeMap::new(),
            requests: 0,
            answers: Vec::new(),
            place: String::new(),
        }
    }

    /// Performs one command and returns what came out.
    pub(crate) fn perform(&mut self, command: Command, place: &str) -> Vec<String> {
        self.place = place.to_owned();
        match command {
            Command::Pass { time } => self.pass(time),
            Command::RestartLeader => self.restart_leader(),
            Command::Uncommitted(command) => {
                let input = self.input(*command);
                drop(self.core.handle(self.now, input));
                self.restart_leader();
            }
            Command::Explain { run, spec } => self.explain(&run, &spec),
            Command::Open { run } => {
                let run = self.core.state().run(self.run(&run));
                let because = run.map(|run| run.open_because(self.now));
                self.answers.push(match because {
                    Some(Some(because)) => because,
                    Some(None) => "something of it is left to run".to_owned(),
                    None => "it is over".to_owned(),
                });
            }
            Command::Workers => {
                let views = self.core.workers(self.now);
                let names = Names { state: &self.folded, runs: &self.runs };
                self.answers.extend(views.iter().map(|view| worker_view(&names, view)));
            }
            Command::Wakeup => self.answers.push(match self.core.wakeup() {
                Some((at, why)) => format!("in {}, {why}", at.since(self.now)),
                None => "never".to_owned(),
            }),
            Command::Silent { worker } => self.bench(&worker).silent = true,
            command @ (Command::Worker { .. }
            | Command::Introduce { .. }
            | Command::CloseLink { .. }
            | Command::Heard { .. }
            | Command::Drain { .. }
            | Command::HoldBack { .. }
            | Command::Submit(_)
            | Command::Scarce { .. }
            | Command::Report { .. }
            | Command::Resend { .. }
            | Command::Cancel { .. }
            | Command::Abandon { .. }
            | Command::PauseLeader { .. }) => {
                let input = self.input(command);
                self.feed(input);
            }
        }
        std::mem::take(&mut self.answers)
    }

    /// The input that a command stands for.
    fn input(&mut self, command: Command) -> Input {
        match command {
            Command::Worker { worker, slots, extra, cpus, facts } => {
                let bench = Bench {
                    facts,
                    slots: slots.unwrap_or(1),
                    extra,
                    cpus,
                    life: 1,
                    linked: true,
                    silent: false,
                    sent: Vec::new(),
                    batches: BTreeMap::new(),
                };
                self.workers.insert(worker.clone(), bench);
                self.introduction(&worker, Vec::new())
            }
            Command::Introduce { worker, slots, life, holding } => {
                let held =
                    holding.iter().map(|(name, reported)| self.held(&worker, name, *reported)).collect();
                let bench = self.bench(&worker);
                bench.slots = slots.unwrap_or(bench.slots);
                if let Some(life) = life {
                    bench.life = life;
                    bench.sent.clear();
                }
                (bench.linked, bench.silent) = (true, false);
                self.introduction(&worker, held)
            }
            Command::CloseLink { worker, life } => {
                let bench = self.bench(&worker);
                let life = life.unwrap_or(bench.life);
                bench.linked &= life != bench.life;
                Input::LinkClosed { incarnation: Incarnation(life), worker: WorkerId(worker) }
            }
            Command::Heard { worker } => {
                let bench = self.bench(&worker);
                bench.silent = false;
                Input::Heartbeat { incarnation: Incarnation(bench.life), worker: WorkerId(worker) }
            }
            Command::Drain { worker, draining } => Input::DrainChanged { worker: WorkerId(worker), draining },
            Command::Scarce { worker, what } => {
                let incarnation = Incarnation(self.bench(&worker).life);
                Input::PressureChanged { worker: WorkerId(worker), incarnation, scarce: what }
            }
            Command::HoldBack { worker, by } => Input::HeldBack { worker: WorkerId(worker), by },
            Command::Submit(submit) => self.submission(*submit),
            Command::Report { worker, spec, what, message } => self.report(&worker, &spec, what, message),
            Command::Resend { worker, number } => {
                let bench = self.bench(&worker);
                let sent = bench.sent.iter().find(|report| report.number == number);
                let report = sent.cloned().expect("report numbers count from 1 in each life of a worker");
                Input::Reported { incarnation: Incarnation(bench.life), worker: WorkerId(worker), report }
            }
            Command::Cancel { run, by, kill } => {
                let mode = if kill { CancelMode::Kill } else { CancelMode::Graceful };
                Input::CancelRequested { request: self.request(), run: self.run(&run), by, mode }
            }
            Command::Abandon { run } => Input::RunAbandoned {
                run: self.run(&run),
                detail: "the process that ran it is gone".to_owned(),
            },
            Command::PauseLeader { time } => {
                self.now = self.now + time;
                Input::LeaderPaused { lasted: time }
            }
            other @ (Command::Silent { .. }
            | Command::Pass { .. }
            | Command::RestartLeader
            | Command::Uncommitted(_)
            | Command::Explain { .. }
            | Command::Open { .. }
            | Command::Workers
            | Command::Wakeup) => panic!("{}: {other:?} is no single input", self.place),
        }
    }

    fn feed(&mut self, input: Input) {
        let pending = self.core.handle(self.now, input);
        self.commit(pending);
    }

    /// Commits a batch as the driver does: records first, then effects.
    fn commit(&mut self, pending: Pending) {
        for entry in pending.entries() {
            let stored = serde_json::to_string(entry).expect("a record can be stored");
            let read: Entry = serde_json::from_str(&stored).expect("a stored record can be read");
            assert_eq!(&read, entry, "{}: a record changed in the store", self.place);
            self.folded.apply(entry).expect("a record fits the ledger");
            self.ledger.push(entry.clone());
        }
        let names = Names { state: &self.folded, runs: &self.runs };
        self.answers.extend(pending.entries().iter().map(|entry| names.entry(entry)));
        let effects = pending.confirm();
        self.answers.extend(effects.iter().map(|effect| names.effect(effect)));
        for effect in effects {
            if let Effect::CloseLink { worker } = effect {
                self.bench(&worker.0).linked = false;
            }
        }
        self.check();
    }

    fn check(&self) {
        let violations = self.core.audit();
        assert!(violations.is_empty(), "{}: the audit found {violations:?}", self.place);
        let folded: Vec<_> = self.folded.runs().filter(|run| run.finished.is_none()).collect();
        let live: Vec<_> = self.core.state().runs().collect();
        assert_eq!(folded, live, "{}: folding the ledger does not give the live state", self.place);
    }

    /// Lets time pass: the core is woken when it asked to be, and workers that are there send heartbeats.
    fn pass(&mut self, time: Millis) {
        let end = self.now + time;
        loop {
            let beat = Timestamp((self.now.0 / HEARTBEAT.0 + 1) * HEARTBEAT.0);
            let wakeup = self.core.wakeup().map_or(end, |(at, _)| at);
            let next = beat.min(wakeup).min(end).max(self.now);
            self.now = next;
            let before = self.answers.len();
            if next == beat {
                self.heartbeats();
            }
            self.feed(Input::TimePassed);
            if self.answers.len() > before {
                self.answers.insert(before, format!("(at {})", self.now.since(Timestamp(0))));
            }
            if next == end {
                return;
            }
        }
    }

    fn heartbeats(&mut self) {
        let heard: Vec<(String, u64)> = self
            .workers
            .iter()
            .filter(|(_, bench)| bench.linked && !bench.silent)
            .map(|(name, bench)| (name.clone(), bench.life))
            .collect();
        for (worker, life) in heard {
            self.feed(Input::Heartbeat { worker: WorkerId(worker), incarnation: Incarnation(life) });
        }
    }

    fn restart_leader(&mut self) {
        self.term = Term(self.term.0 + 1);
        self.workers.values_mut().for_each(|bench| bench.linked = false);
        let folded = State::fold(&self.ledger).expect("the ledger can be folded");
        let config = Config { term: self.term, ..Config::default() };
        let (core, pending) = Core::new(config, folded, self.now);
        self.core = core;
        self.commit(pending);
    }

    fn explain(&mut self, run: &str, spec: &str) {
        let (run, id) = self.spec(&format!("{run}:{spec}"));
        match self.core.explain(run, id, self.now) {
            Some(explanation) => self.answers.extend(explanation.facts),
            None => self.answers.push("nothing: the run is not in memory".to_owned()),
        }
    }

    fn introduction(&mut self, worker: &str, held: Vec<HeldAttempt>) -> Input {
        let term_seen = self.term;
        let bench = self.bench(worker);
        let introduction = Introduction {
            worker: WorkerId(worker.to_owned()),
            incarnation: Incarnation(bench.life),
            host: format!("{worker}.example"),
            term_seen,
            capabilities: Capabilities(bench.facts.iter().cloned().collect()),
            slots: (0..bench.slots).map(SlotId).collect(),
            held,
            draining: false,
            problem: None,
            version: String::new(),
            cpus: bench.cpus,
            extra_slots: (bench.slots..bench.slots + bench.extra).map(SlotId).collect(),
            scarce: None,
        };
        Input::WorkerIntroduced { introduction }
    }

    fn held(&self, worker: &str, name: &str, reported: bool) -> HeldAttempt {
        let attempt = self.attempt(worker, name);
        let Some((_, _, known)) = self.folded.attempt(attempt) else {
            panic!("{}: there was no attempt {name:?}", self.place);
        };
        let state = if reported { HeldState::Reported } else { HeldState::Running };
        HeldAttempt { attempt, slot: known.slot, state }
    }

    fn report(&mut self, worker: &str, spec: &str, what: What, message: String) -> Input {
        let attempt = self.attempt(worker, spec);
        let bench = self.bench(worker);
        let body = match what {
            What::Started => ReportBody::Started { attempt },
            What::Tests { passed, failed, skipped } => {
                let batch = bench.batches.entry(attempt).or_default();
                *batch += 1;
                ReportBody::Tests { attempt, batch: *batch - 1, tests: suite::tests(passed, failed, skipped) }
            }
            What::Finished(verdict) => {
                let counts = TestCounts { passed: 1, ..TestCounts::default() };
                let finish = Finish {
                    timing: Timing { run: Millis(1000), ..Timing::default() },
                    tests: counts,
                    output: Output::default(),
                    ..Finish::declared(verdict, message)
                };
                ReportBody::Finished { attempt, finish: Box::new(finish) }
            }
            What::Lost(cause) => {
                ReportBody::Finished { attempt, finish: Box::new(Finish::lost(cause, message)) }
            }
        };
        let number = bench.sent.last().map_or(1, |report| report.number + 1);
        let report = Report { number, body };
        bench.sent.push(report.clone());
        Input::Reported { worker: WorkerId(worker.to_owned()), incarnation: Incarnation(bench.life), report }
    }

    fn submission(&mut self, submit: Submit) -> Input {
        let fresh = self.runs.len() as u128 + 1;
        let id = submit.id.unwrap_or(fresh);
        let run = RunId(fresh << 64 | fresh);
        // A name is given once; a submission that turns out to be known keeps the name of its run.
        if !self.runs.iter().any(|(name, _)| *name == submit.run) {
            self.runs.push((submit.run.clone(), run));
        }
        let request = self.request();
        let submission = suite::submission(submit, SubmissionId(id));
        Input::RunSubmitted { request, run, submission: Box::new(submission) }
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn bench(&mut self, worker: &str) -> &mut Bench {
        let Some(bench) = self.workers.get_mut(worker) else {
            panic!("{}: the scenario has no worker {worker:?}", self.place);
        };
        bench
    }

    fn run(&self, name: &str) -> RunId {
        let run = self.runs.iter().find(|(run, _)| run == name).map(|(_, id)| *id);
        run.unwrap_or_else(|| panic!("{}: the scenario has no run {name:?}", self.place))
    }

    /// The spec that `[RUN:]NAME` names; without a run, of the newest run that has it.
    fn spec(&self, text: &str) -> (RunId, SpecIndex) {
        let (run, name) = match text.split_once(':') {
            Some((run, name)) => (Some(self.run(run)), name),
            None => (None, text),
        };
        let mut candidates =
            self.runs.iter().rev().map(|(_, id)| *id).filter(|id| run.is_none_or(|run| run == *id));
        let found = candidates.find_map(|id| {
            let specs = &self.folded.run(id)?.specs;
            let index = specs.iter().position(|spec| spec.name.as_ref() == name)?;
            Some((id, SpecIndex(index as u32)))
        });
        found.unwrap_or_else(|| panic!("{}: no run has a spec {text:?}", self.place))
    }

    /// The attempt that `[RUN:]SPEC[/NUMBER]` names; without a number, the newest one on the worker.
    fn attempt(&self, worker: &str, text: &str) -> AttemptId {
        let (spec, number) = match text.split_once('/') {
            Some((spec, number)) => (spec, number.parse().ok()),
            None => (text, None),
        };
        let (run, spec) = self.spec(spec);
        let attempts =
            self.folded.run(run).and_then(|run| run.spec(spec)).map(|spec| spec.attempts.as_slice());
        let on_worker = attempts.unwrap_or_default().iter().rposition(|attempt| attempt.worker.0 == worker);
        let Some(number) = number.or(on_worker.map(|place| place as u32 + 1)) else {
            panic!("{}: {worker} has no attempt of {text:?}", self.place);
        };
        AttemptId { run, spec, number }
    }
}
