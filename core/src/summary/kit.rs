//! Runs for tests, made as the leader makes them: from records.

use crate::{
    AttemptId, AttemptVerdict, Entry, Estimate, Finish, GroupIndex, GroupPolicy, Millis, Recipe, Record,
    Requirements, Rule, Run, RunId, RunPolicy, SlotId, Source, SpecAdded, SpecIndex, SpecVerdict, State,
    SubmissionId, TestCounts, Timestamp, Timing, Turn, Why, WorkerId, Workspace,
};

const RUN: RunId = RunId(1);

/// A run in the making. Times are milliseconds since it was opened.
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    groups: u32,
    specs: u32,
}

/// An attempt that is to be given to a slot.
#[derive(Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) spec: u32,
    pub(crate) worker: &'a str,
    pub(crate) slot: u32,
    pub(crate) forecast: Option<u64>,
    pub(crate) batch: Option<u32>,
    pub(crate) rule: Rule,
}

/// A plain attempt.
pub(crate) fn on(spec: u32, worker: &str, slot: u32) -> Try<'_> {
    Try { spec, worker, slot, forecast: None, batch: None, rule: Rule::Longest }
}

/// A spec of this name.
pub(crate) fn spec(name: &str) -> SpecAdded {
    SpecAdded { name: name.to_owned(), ..SpecAdded::default() }
}

/// A forecast with this spread.
pub(crate) fn estimate(ms: u64, log_spread: f64) -> Option<Estimate> {
    let sample = crate::Sample { at: Timestamp(0), duration: Millis(ms), tests: None };
    Estimate::from_samples(&[sample; 5]).map(|steady| Estimate { log_spread, ..steady })
}

/// Setup, start-up, tests and teardown, in milliseconds.
pub(crate) fn timing(setup: u64, start_up: u64, tests: u64, teardown: u64) -> Timing {
    let (setup, run) = (Millis(setup), Millis(start_up + tests));
    Timing { setup, run, tests: Millis(tests), teardown: Millis(teardown) }
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        let mut ledger = Ledger { entries: Vec::new(), groups: 0, specs: 0 };
        ledger.record(
            0,
            Record::RunOpened {
                submission: SubmissionId(1),
                project: "shop".to_owned(),
                build: "1".to_owned(),
                source: Source::default(),
                workspace: Workspace::InPlace("/shop".to_owned()),
                policy: RunPolicy::default(),
                content: None,
                attempt: 1,
                joinable: true,
            },
        );
        ledger
    }

    pub(crate) fn record(&mut self, at: u64, record: Record) {
        let number = self.entries.len() as u64 + 1;
        self.entries.push(Entry { run: RUN, number, at: Timestamp(at), record });
    }

    /// Another submission joins; its groups follow.
    pub(crate) fn join(&mut self, at: u64) {
        let joined = Record::SubmissionJoined {
            submission: SubmissionId(2),
            source: Source::default(),
            workspace: Workspace::InPlace("/shop".to_owned()),
            content: None,
            expect: None,
        };
        self.record(at, joined);
    }

    pub(crate) fn group(&mut self, at: u64, label: &str, policy: GroupPolicy, specs: Vec<SpecAdded>) {
        let recipe = Recipe::of_command(vec!["sh".to_owned()]);
        self.group_of(at, label, policy, recipe, specs);
    }

    pub(crate) fn group_of(
        &mut self,
        at: u64,
        label: &str,
        policy: GroupPolicy,
        recipe: Recipe,
        specs: Vec<SpecAdded>,
    ) {
        let (group, first) = (GroupIndex(self.groups), SpecIndex(self.specs));
        self.groups += 1;
        self.specs += specs.len() as u32;
        let added = Record::GroupAdded {
            group,
            label: label.to_owned(),
            suite: label.to_owned(),
            requirements: Requirements::default(),
            policy,
            recipe: Box::new(recipe),
            specs: specs.len() as u32,
            overhead: None,
        };
        self.record(at, added);
        self.record(at, Record::SpecsAdded { group, first, specs });
    }

    pub(crate) fn seal(&mut self, at: u64) {
        self.record(at, Record::RunSealed);
    }

    /// Gives an attempt to a slot.
    pub(crate) fn assign(&mut self, at: u64, number: u32, attempt: Try<'_>) {
        let why = Why { rule: attempt.rule, turn: Turn::Alone, waiting: 1, candidates: 1, after: None };
        let assigned = Record::AttemptAssigned {
            attempt: id(attempt.spec, number),
            worker: WorkerId(attempt.worker.to_owned()),
            slot: SlotId(attempt.slot),
            forecast: attempt.forecast.map(Millis),
            why: Some(why),
            batch: attempt.batch.map(SpecIndex),
        };
        self.record(at, assigned);
    }

    /// Ends an attempt.
    pub(crate) fn end(&mut self, at: u64, spec: u32, number: u32, verdict: AttemptVerdict, timing: Timing) {
        let tests = TestCounts { passed: u32::from(timing.tests > Millis::ZERO), ..TestCounts::default() };
        let finish = Finish { timing, tests, ..Finish::declared(verdict, "") };
        let key = crate::HistoryKey {
            project: String::new(),
            suite: String::new(),
            class: String::new(),
            spec: String::new(),
        };
        let attempt = id(spec, number);
        let finish = Box::new(finish);
        self.record(at, Record::AttemptFinished { attempt, finish, key, counts: true, corrected: None });
    }

    pub(crate) fn decide(&mut self, at: u64, spec: u32, verdict: SpecVerdict) {
        self.record(at, Record::SpecDecided { spec: SpecIndex(spec), verdict, because: String::new() });
    }

    pub(crate) fn dismiss(&mut self, at: u64, spec: u32, number: u32) {
        self.record(at, Record::AttemptDismissed { attempt: id(spec, number) });
    }

    /// A spec that passes at once: one attempt, whose tests take all of its time.
    pub(crate) fn pass(&mut self, from: u64, to: u64, attempt: Try<'_>) {
        self.assign(from, 1, attempt);
        self.end(to, attempt.spec, 1, AttemptVerdict::Passed, timing(0, 0, to - from, 0));
        self.decide(to, attempt.spec, SpecVerdict::Passed { flaky: false });
    }

    pub(crate) fn run(&self) -> Run {
        let state = State::fold(&self.entries).expect("records that fit");
        state.run(RUN).expect("the run").clone()
    }
}

fn id(spec: u32, number: u32) -> AttemptId {
    AttemptId { run: RUN, spec: SpecIndex(spec), number }
}
