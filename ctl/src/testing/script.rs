//! Runs written down as scripts: a builder that makes the events a server would send.

use crate::view::{Keep, RunView};
use part_core::{
    Artifact, AttemptVerdict, CancelReason, Entry, Estimate, ExitStatus, Finish, GroupIndex, GroupPolicy,
    GroupSubmission, HistoryKey, InvalidReason, Joining, Millis, Output, Recipe, Record, ReportFormat,
    ReportPlace, ReportSource, Requirements, Rule, RunId, RunPolicy, RunSummary, RunVerdict, SlotId, Source,
    SpecAdded, SpecIndex, SpecSubmission, SpecVerdict, Submission, SubmissionId, TestCounts, TestOutcome,
    TestResult, Timestamp, Timing, Turn, Why, WorkerId, Workspace,
};
use part_proto::convert::event_to_wire;
use part_proto::v1;
use std::collections::BTreeMap;

/// The run of all scripts.
pub(crate) const RUN: RunId = RunId(0x0190_0000_0000_7000_8abc_def0_1234_5678);

/// When scripts begin: a fixed moment.
pub(crate) const BEGIN: u64 = 1_760_000_000_000;

/// A run as it is being written.
pub(crate) struct Script {
    at: u64,
    events: Vec<v1::Event>,
    groups: u32,
    specs: u32,
    recipes: Vec<Recipe>,
}

impl Script {
    /// A run of project `shop`, just opened.
    pub(crate) fn new() -> Self {
        Self::opened(false)
    }

    /// A run of project `shop` that others may join.
    pub(crate) fn joinable() -> Self {
        Self::opened(true)
    }

    fn opened(joinable: bool) -> Self {
        let mut script = Script { at: BEGIN, events: Vec::new(), groups: 0, specs: 0, recipes: Vec::new() };
        script.push(Record::RunOpened {
            submission: SubmissionId(7),
            project: "shop".into(),
            build: "build-41".into(),
            source: Source { user: "dev".into(), host: "desk".into(), ..Source::default() },
            workspace: Workspace::InPlace("/home/you/shop".into()),
            policy: RunPolicy::default(),
            content: None,
            attempt: 1,
            joinable,
        });
        script
    }

    /// A group with its specs: names and forecasts in milliseconds.
    pub(crate) fn group(mut self, label: &str, retries: u32, specs: &[(&str, Option<u64>)]) -> Self {
        let group = GroupIndex(self.groups);
        let recipe = recipe();
        self.recipes.push(recipe.clone());
        self.push(Record::GroupAdded {
            group,
            label: label.into(),
            suite: "e2e".into(),
            requirements: Requirements::default(),
            policy: GroupPolicy { retries, ..GroupPolicy::default() },
            recipe: Box::new(recipe),
            specs: specs.len() as u32,
            overhead: None,
        });
        let added = specs.iter().map(|(name, expected)| SpecAdded {
            name: (*name).into(),
            size_bytes: 100,
            estimate: expected.map(estimate),
            expected_tests: None,
            carried: None,
            ..part_core::SpecAdded::default()
        });
        self.push(Record::SpecsAdded { group, first: SpecIndex(self.specs), specs: added.collect() });
        self.groups += 1;
        self.specs += specs.len() as u32;
        self
    }

    /// A group whose specs are all carried forward from an earlier run.
    pub(crate) fn carried(mut self, label: &str, specs: &[&str]) -> Self {
        let before = self.specs;
        self = self.group(label, 0, &specs.iter().map(|name| (*name, None)).collect::<Vec<_>>());
        if let Some(v1::Event { fact: Some(v1::event::Fact::SpecsAdded(added)), .. }) = self.events.last_mut()
        {
            for (place, spec) in added.specs.iter_mut().enumerate() {
                spec.carried_from = format!("{}/{}/1", RunId(5), before as usize + place);
                spec.carried_ms = 900;
            }
        }
        self
    }

    /// The newest group's specs are quarantined.
    pub(crate) fn quarantined(mut self) -> Self {
        self.newest_specs().for_each(|spec| spec.quarantined = true);
        self
    }

    /// The newest group's specs are the parts of this one.
    pub(crate) fn parts_of(mut self, whole: &str) -> Self {
        let count = self.newest_specs().count() as u32;
        for (spec, number) in self.newest_specs().zip(1..) {
            spec.name = format!("{whole} (part {number} of {count})");
            spec.part = Some(v1::Part { of: whole.to_owned(), number, count, tests: 2 });
        }
        self
    }

    fn newest_specs(&mut self) -> impl Iterator<Item = &mut v1::SpecAdded> {
        let specs = match self.events.last_mut().and_then(|event| event.fact.as_mut()) {
            Some(v1::event::Fact::SpecsAdded(added)) => added.specs.as_mut_slice(),
            Some(_) | None => &mut [],
        };
        specs.iter_mut()
    }

    /// Another submission joins; its groups follow.
    pub(crate) fn joined(mut self, submission: u128) -> Self {
        self.push(Record::SubmissionJoined {
            submission: SubmissionId(submission),
            source: Source { user: "ci".into(), host: "other".into(), ..Source::default() },
            workspace: Workspace::InPlace("/home/ci/shop".into()),
            content: None,
            expect: None,
        });
        self
    }

    /// The submission that was coming in counts for nothing.
    pub(crate) fn dropped(mut self) -> Self {
        self.push(Record::SubmissionDropped);
        self
    }

    /// All of the submission is in.
    pub(crate) fn sealed(mut self) -> Self {
        self.push(Record::RunSealed);
        self
    }

    /// Time passes.
    pub(crate) fn after(mut self, ms: u64) -> Self {
        self.at += ms;
        self
    }

    /// An attempt gets a slot of worker `desk` and starts.
    pub(crate) fn start(self, spec: u32, number: u32, slot: u32) -> Self {
        self.start_on("desk", spec, number, slot, None)
    }

    /// An attempt gets a slot and starts.
    pub(crate) fn start_on(
        mut self,
        worker: &str,
        spec: u32,
        number: u32,
        slot: u32,
        forecast: Option<u64>,
    ) -> Self {
        let attempt = self.attempt(spec, number);
        let worker = WorkerId(worker.into());
        self.push(Record::AttemptAssigned {
            attempt,
            worker,
            slot: SlotId(slot),
            forecast: forecast.map(Millis),
            batch: None,
            why: None,
        });
        self.push(Record::AttemptStarted { attempt });
        self
    }

    /// First attempts of these specs share a process on a slot of worker `desk`; the first of them starts.
    pub(crate) fn start_batch(mut self, specs: &[u32], slot: u32) -> Self {
        let batch = specs.first().map(|first| SpecIndex(*first));
        let why = |rule| Some(Why { rule, turn: Turn::Alone, waiting: 3, candidates: 1, after: None });
        for (place, spec) in specs.iter().enumerate() {
            self.push(Record::AttemptAssigned {
                attempt: self.attempt(*spec, 1),
                worker: WorkerId("desk".into()),
                slot: SlotId(slot),
                forecast: None,
                batch,
                why: why(if place == 0 { Rule::Longest } else { Rule::Batch }),
            });
        }
        match specs.first() {
            Some(first) => self.begin(*first, 1),
            None => self,
        }
    }

    /// A backup attempt gets slot 0 of a worker and starts.
    pub(crate) fn backup_on(mut self, worker: &str, spec: u32, number: u32) -> Self {
        self.push(Record::AttemptAssigned {
            attempt: self.attempt(spec, number),
            worker: WorkerId(worker.into()),
            slot: SlotId(0),
            forecast: None,
            batch: None,
            why: Some(Why { rule: Rule::Backup, turn: Turn::Alone, waiting: 0, candidates: 1, after: None }),
        });
        self.begin(spec, number)
    }

    /// An attempt starts.
    pub(crate) fn begin(mut self, spec: u32, number: u32) -> Self {
        let attempt = self.attempt(spec, number);
        self.push(Record::AttemptStarted { attempt });
        self
    }

    /// An attempt counts for nothing any more.
    pub(crate) fn dismiss(mut self, spec: u32, number: u32) -> Self {
        let attempt = self.attempt(spec, number);
        self.push(Record::AttemptDismissed { attempt });
        self
    }

    /// An attempt reports tests and ends.
    pub(crate) fn end(mut self, spec: u32, number: u32, finish: Finish, tests: Vec<TestResult>) -> Self {
        let attempt = self.attempt(spec, number);
        let mut finish = finish;
        for test in &tests {
            finish.tests.add(test);
        }
        if !tests.is_empty() {
            self.push(Record::TestsReported { attempt, batch: 0, tests });
        }
        let counts = matches!(finish.verdict, AttemptVerdict::Passed | AttemptVerdict::Failed);
        let key = HistoryKey {
            project: String::new(),
            suite: String::new(),
            class: String::new(),
            spec: String::new(),
        };
        self.push(Record::AttemptFinished {
            attempt,
            finish: Box::new(finish),
            key,
            counts,
            corrected: None,
        });
        self
    }

    /// An attempt passes with two tests, and its spec is decided.
    pub(crate) fn pass(self, spec: u32, number: u32) -> Self {
        let tests = vec![passed_test("adds"), passed_test("removes")];
        self.end(spec, number, finish(AttemptVerdict::Passed, 400), tests)
            .decide(spec, SpecVerdict::Passed { flaky: number > 1 })
    }

    /// An attempt fails with one failed test of two; undecided.
    pub(crate) fn fail(self, spec: u32, number: u32) -> Self {
        let tests = vec![passed_test("adds"), failed_test("removes")];
        let mut ended = finish(AttemptVerdict::Failed, 400);
        ended.message = "1 of 2 tests failed".into();
        ended.exit = Some(ExitStatus::Code(1));
        ended.output = output("starting\nadds: ok\nremoves: not ok\n");
        self.end(spec, number, ended, tests)
    }

    /// A spec's verdict.
    pub(crate) fn decide(mut self, spec: u32, verdict: SpecVerdict) -> Self {
        self.push(Record::SpecDecided { spec: SpecIndex(spec), verdict, because: String::new() });
        self
    }

    /// The run is to stop.
    pub(crate) fn cancel(mut self, reason: CancelReason) -> Self {
        self.push(Record::RunCancelled { reason });
        self
    }

    /// A late report about a lost attempt.
    pub(crate) fn superseded(mut self, spec: u32, number: u32, verdict: AttemptVerdict) -> Self {
        let attempt = self.attempt(spec, number);
        self.push(Record::AttemptSuperseded { attempt, verdict });
        self
    }

    /// The run is finished.
    pub(crate) fn finish(mut self, verdict: RunVerdict, summary: RunSummary) -> Self {
        self.push(Record::RunFinished { verdict, summary: Box::new(summary) });
        self
    }

    /// An event of a kind from the future.
    pub(crate) fn unknown(mut self) -> Self {
        self.push(Record::RunSealed);
        if let Some(event) = self.events.last_mut() {
            event.fact = None;
        }
        self
    }

    /// The events.
    pub(crate) fn events(self) -> Vec<v1::Event> {
        self.events
    }

    /// The view that its events make.
    pub(crate) fn folded(self, keep: Keep) -> RunView {
        let mut view = RunView::new(keep);
        for event in self.events() {
            view.apply(event).expect("the script makes sense");
        }
        view
    }

    fn attempt(&self, spec: u32, number: u32) -> part_core::AttemptId {
        part_core::AttemptId { run: RUN, spec: SpecIndex(spec), number }
    }

    fn push(&mut self, record: Record) {
        let number = self.events.len() as u64 + 1;
        self.events.push(event_to_wire(&Entry { run: RUN, number, at: Timestamp(self.at), record }));
    }
}

/// A submission of project `shop` with one spec.
pub(crate) fn submission() -> Submission {
    let spec = SpecSubmission { name: "a.sh".into(), ..SpecSubmission::default() };
    Submission {
        id: SubmissionId(7),
        project: "shop".into(),
        build: "build-41".into(),
        joining: Joining::Never,
        past: Vec::new(),
        run_all: false,
        source: Source::default(),
        workspace: Workspace::InPlace("/home/you/shop".into()),
        policy: RunPolicy::default(),
        content: None,
        groups: vec![GroupSubmission {
            label: "a".into(),
            suite: "sh".into(),
            requirements: Requirements::default(),
            policy: GroupPolicy::default(),
            recipe: Recipe::of_command(vec!["sh".into(), "{spec}".into()]),
            overhead: None,
            specs: vec![spec],
        }],
    }
}

/// Figures as a server would compute them for a small run.
pub(crate) fn summary(specs: u32, passed: u32) -> RunSummary {
    RunSummary {
        specs,
        passed,
        failed: specs - passed,
        attempts: specs,
        tests: TestCounts { passed: 2 * passed, failed: specs - passed, skipped: 0, flaky: 0 },
        slots: 2,
        makespan: Millis(4300),
        bound: Millis(4100),
        slot_time: Millis(7000),
        longest: Some(("e2e/orders.spec.js".into(), Millis(4100))),
        overhead_per_spec: Some(Millis(450)),
        forecast_error: Some(1.12),
        forecasts: specs,
        ..RunSummary::default()
    }
}

/// An end of this verdict after a run of `ms`.
pub(crate) fn finish(verdict: AttemptVerdict, ms: u64) -> Finish {
    Finish {
        verdict,
        message: String::new(),
        lost: None,
        exit: Some(ExitStatus::Code(0)),
        timing: Timing { setup: Millis(20), run: Millis(ms), tests: Millis(ms / 2), teardown: Millis(5) },
        tests: TestCounts::default(),
        missing_tests: Vec::new(),
        output: Output::default(),
        artifacts: Vec::new(),
        leaked: Vec::new(),
        cpu_wait: None,
    }
}

/// An end with everything that can go wrong.
pub(crate) fn terrible_finish() -> Finish {
    Finish {
        message: "2 of 9 listed tests were not executed".into(),
        exit: Some(ExitStatus::Signal(9)),
        missing_tests: vec!["cart > is emptied".into(), "cart > \u{1b}[2Jis paid".into()],
        output: Output { total_bytes: 9000, dropped_bytes: 0, inline: None, blob: Some("ab".repeat(32)) },
        artifacts: vec![Artifact { path: "trace.zip".into(), bytes: 48_200, digest: "cd".repeat(32) }],
        leaked: vec!["node server.js (4711)".into()],
        ..finish(AttemptVerdict::Invalid(InvalidReason::MissingTests), 800)
    }
}

/// Short output.
pub(crate) fn output(text: &str) -> Output {
    Output { total_bytes: text.len() as u64, dropped_bytes: 0, inline: Some(text.into()), blob: None }
}

/// A test that passed.
pub(crate) fn passed_test(name: &str) -> TestResult {
    TestResult {
        id: format!("cart > {name}"),
        name: format!("cart > {name}"),
        outcome: TestOutcome::Passed,
        duration_micros: Some(120_000),
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: None,
    }
}

/// A test that failed.
pub(crate) fn failed_test(name: &str) -> TestResult {
    TestResult {
        outcome: TestOutcome::Failed,
        message: Some("expected 1 item, found 2".into()),
        detail: Some("AssertionError: expected 1 item, found 2\n    at cart.spec.js:31:7".into()),
        location: Some("e2e/cart.spec.js:31".into()),
        ..passed_test(name)
    }
}

fn estimate(ms: u64) -> Estimate {
    Estimate { log_mean: (ms as f64).ln(), log_spread: 0.1, samples: 4, newest: None }
}

fn recipe() -> Recipe {
    Recipe {
        framework: "playwright".into(),
        command: vec![
            "npx".into(),
            "playwright".into(),
            "test".into(),
            "{spec}".into(),
            "--reporter=json".into(),
        ],
        folder: "web".into(),
        env: BTreeMap::from([("BASE_URL".into(), "http://localhost:8080".into())]),
        browser: String::new(),
        report: ReportSource {
            format: ReportFormat::PlaywrightJson,
            place: ReportPlace::File("{report}".into()),
        },
        exit: Default::default(),
        artifacts: Vec::new(),
        timeout: None,
        idle_timeout: None,
        grace: Millis::seconds(5),
        copy_workspace: false,
        reproduce: vec!["npx".into(), "playwright".into(), "test".into(), "{spec}".into()],
        batch: Vec::new(),
        select: None,
    }
}

/// The view of a script, with the tests of what failed.
pub(crate) fn folded(script: Script) -> RunView {
    script.folded(Keep::Failures)
}
