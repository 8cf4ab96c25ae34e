//! The view's data.

use super::backlog::Backlog;
use part_core::{
    AttemptVerdict, CancelReason, Finish, Millis, Recipe, RunSummary, RunVerdict, Source, SpecVerdict,
    TestCounts, TestOutcome, TestResult, Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// How much of the tests' results is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Only tests that failed, and of those the details of the first thousand.
    Failures,
    /// Every test with everything: for reports.
    Everything,
}

/// Failed tests whose details are kept under [`Keep::Failures`]: at most some 100 kB each.
const DETAILED_FAILURES: usize = 1000;

/// A run as far as its events are known.
#[derive(Debug)]
pub(crate) struct RunView {
    /// Its full id; empty before the first event.
    pub(crate) run: String,
    /// Number of the newest event that was folded.
    pub(crate) cursor: u64,
    /// Project.
    pub(crate) project: String,
    /// CI build id.
    pub(crate) build: String,
    /// Which attempt of its build it is, from 1; 0 where the leader does not count them.
    pub(crate) attempt: u32,
    /// Further submissions of the build may join.
    pub(crate) joinable: bool,
    /// Where it came from.
    pub(crate) source: Source,
    /// Absolute path of the workspace on the worker's own host.
    pub(crate) workspace: String,
    /// When it was opened, by the leader's clock.
    pub(crate) opened_at: Timestamp,
    /// When the newest event became true, by the leader's clock.
    pub(crate) newest_at: Timestamp,
    /// Its groups, in order.
    pub(crate) groups: Vec<GroupView>,
    /// Its specs over all groups, in order.
    pub(crate) specs: Vec<SpecView>,
    /// The submission is complete.
    pub(crate) sealed: bool,
    /// Why it is being stopped.
    pub(crate) cancelled: Option<CancelReason>,
    /// When it finished and what it came to.
    pub(crate) finished: Option<Finished>,
    /// Specs by state, as people see them: parts of one that was split count once.
    pub(crate) tally: Tally,
    /// How many specs there are as people see them, those of dropped submissions left out.
    pub(crate) total: u32,
    /// Attempts that hold a slot, by worker and slot: place of the spec and number of the attempt. Those of a batch share
    /// one; what runs there now stands first.
    pub(crate) running: BTreeMap<(String, u32), Vec<(usize, u32)>>,
    /// Slots that ever ran something of this run.
    pub(crate) slots: BTreeSet<(String, u32)>,
    /// Durations that are still ahead.
    pub(crate) backlog: Backlog,
    /// Events of a kind that this client does not know.
    pub(crate) unknown_events: u64,
    /// Place of the newest submission's first group.
    pub(super) newest_group: usize,
    pub(super) keep: Keep,
    pub(super) details_left: usize,
}

/// A run's end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finished {
    /// When, by the leader's clock.
    pub(crate) at: Timestamp,
    /// What it came to, as the server says.
    pub(crate) verdict: RunVerdict,
    /// Its figures, as the server computed them.
    pub(crate) summary: RunSummary,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupView {
    /// Its label.
    pub(crate) label: String,
    /// Its suite.
    pub(crate) suite: String,
    /// What its workers must be able to do.
    pub(crate) requirements: Vec<String>,
    /// How often an attempt that did not pass is tried again.
    pub(crate) retries: u32,
    /// How its specs are run.
    pub(crate) recipe: Recipe,
    /// How many specs it has, as announced.
    pub(crate) specs: u32,
    /// Its submission did not come in whole: it counts for nothing.
    pub(crate) dropped: bool,
}

/// A spec.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SpecView {
    /// Its name.
    pub(crate) name: String,
    /// Place of its group.
    pub(crate) group: usize,
    /// Forecast from its own history.
    pub(crate) expected: Option<Millis>,
    /// Samples that the forecast rests on.
    pub(crate) samples: u32,
    /// The earlier attempt that stands for it, and how long that took.
    pub(crate) carried: Option<(String, Millis)>,
    /// How many tests are expected, where they were listed.
    pub(crate) expected_tests: Option<u32>,
    /// The part of a spec that it is, where one was split.
    pub(crate) part: Option<PartView>,
    /// It does not fail the run.
    pub(crate) quarantined: bool,
    /// Its attempts, in order.
    pub(crate) attempts: Vec<AttemptView>,
    /// Its final verdict.
    pub(crate) verdict: Option<SpecVerdict>,
    /// What led to the verdict, where its attempts alone do not tell; mostly empty.
    pub(crate) because: String,
    /// Its forecast is in the backlog.
    pub(super) waiting: bool,
}

/// A part of a spec that was split by its tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartView {
    /// The spec that was split.
    pub(crate) of: String,
    /// Its number, from 1.
    pub(crate) number: u32,
    /// How many there are.
    pub(crate) count: u32,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptView {
    /// Its number within the spec, from 1.
    pub(crate) number: u32,
    /// The worker.
    pub(crate) worker: String,
    /// The slot.
    pub(crate) slot: u32,
    /// How long it was expected to take.
    pub(crate) forecast: Option<Millis>,
    /// When it got its slot, by the leader's clock.
    pub(crate) assigned_at: Timestamp,
    /// When its process started.
    pub(crate) started_at: Option<Timestamp>,
    /// Kept test results.
    pub(crate) tests: Vec<TestResult>,
    /// Tests reported so far, by outcome.
    pub(crate) counts: TestCounts,
    /// When and how it ended.
    pub(crate) ended: Option<(Timestamp, Box<Finish>)>,
    /// What a late report said, after the attempt had been declared lost.
    pub(crate) superseded: Option<AttemptVerdict>,
    /// The first spec of the batch that it shares a process with.
    pub(crate) batch: Option<u32>,
    /// It was started because another attempt of its spec took far longer than forecast.
    pub(crate) backup: bool,
    /// Another attempt of its spec ended first: it counts for nothing.
    pub(crate) dismissed: bool,
}

/// Specs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Passed in this run at the first try.
    pub(crate) passed: u32,
    /// Passed in this run after an attempt that did not.
    pub(crate) flaky: u32,
    /// Passed in an earlier run.
    pub(crate) carried: u32,
    /// Did not pass.
    pub(crate) failed: u32,
    /// Did not pass, which does not fail the run.
    pub(crate) quarantined: u32,
    /// Cancelled.
    pub(crate) cancelled: u32,
    /// Decided in any way.
    pub(crate) decided: u32,
}

impl RunView {
    /// A view that knows nothing yet.
    pub(crate) fn new(keep: Keep) -> Self {
        RunView {
            run: String::new(),
            cursor: 0,
            project: String::new(),
            build: String::new(),
            attempt: 0,
            joinable: false,
            source: Source::default(),
            workspace: String::new(),
            opened_at: Timestamp(0),
            newest_at: Timestamp(0),
            groups: Vec::new(),
            specs: Vec::new(),
            sealed: false,
            cancelled: None,
            finished: None,
            tally: Tally::default(),
            total: 0,
            running: BTreeMap::new(),
            slots: BTreeSet::new(),
            backlog: Backlog::default(),
            unknown_events: 0,
            newest_group: 0,
            keep,
            details_left: DETAILED_FAILURES,
        }
    }

    /// The id that people are shown: the first digits.
    pub(crate) fn short(&self) -> String {
        short_id(&self.run)
    }

    /// Specs that are not decided.
    pub(crate) fn left(&self) -> u32 {
        self.total.saturating_sub(self.tally.decided)
    }

    /// Place of the newest submission's first group.
    pub(crate) fn newest_group(&self) -> usize {
        self.newest_group
    }

    /// The group of a spec.
    pub(crate) fn group_of(&self, spec: &SpecView) -> &GroupView {
        &self.groups[spec.group]
    }

    /// Tests of the deciding attempts so far, by outcome.
    pub(crate) fn test_counts(&self) -> TestCounts {
        let mut counts = TestCounts::default();
        let counted = self.wholes().flat_map(|whole| whole.parts);
        for finish in counted.filter(|spec| spec.verdict.is_some()).filter_map(SpecView::last_finish) {
            counts.merge(finish.tests);
        }
        counts
    }

    /// Test results that were kept are forgotten; called once a failure was told.
    pub(crate) fn forget_output(&mut self, spec: usize, attempt: u32) {
        if self.keep == Keep::Failures
            && let Some(attempt) = self.specs.get_mut(spec).and_then(|spec| spec.attempt_mut(attempt))
        {
            for test in &mut attempt.tests {
                (test.detail, test.output) = (None, None);
            }
        }
    }
}

impl SpecView {
    /// The attempt of this number.
    pub(crate) fn attempt(&self, number: u32) -> Option<&AttemptView> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(super) fn attempt_mut(&mut self, number: u32) -> Option<&mut AttemptView> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    /// The newest attempt that ended, of those that count.
    pub(crate) fn last_ended(&self) -> Option<&AttemptView> {
        self.attempts.iter().rev().find(|attempt| attempt.ended.is_some() && !attempt.dismissed)
    }

    /// How the newest attempt that ended did so.
    pub(crate) fn last_finish(&self) -> Option<&Finish> {
        self.last_ended().and_then(AttemptView::finish)
    }

    /// The newest attempt that holds a slot now, of those that count.
    pub(crate) fn active(&self) -> Option<&AttemptView> {
        self.attempts.iter().rev().find(|attempt| attempt.ended.is_none() && !attempt.dismissed)
    }

    /// Its name as people see it: a part has that of the spec that was split.
    pub(crate) fn whole_name(&self) -> &str {
        self.part.as_ref().map_or(&self.name, |part| &part.of)
    }

    /// True when its verdict keeps a run green.
    pub(crate) fn is_pass(&self) -> bool {
        self.verdict.is_some_and(SpecVerdict::is_pass)
    }

    /// True when it passed only on a retry.
    pub(crate) fn is_flaky(&self) -> bool {
        self.verdict == Some(SpecVerdict::Passed { flaky: true })
    }

    /// Tests of its deciding attempt that passed only on the framework's own retry.
    pub(crate) fn flaky_tests(&self) -> u32 {
        self.last_finish().map_or(0, |finish| finish.tests.flaky)
    }
}

impl AttemptView {
    /// How it ended.
    pub(crate) fn finish(&self) -> Option<&Finish> {
        self.ended.as_ref().map(|(_, finish)| finish.as_ref())
    }

    /// How long it held its slot, by the leader's clock, or its share of a process's time; none while it does.
    pub(crate) fn took(&self) -> Option<Millis> {
        let (at, finish) = self.ended.as_ref()?;
        let timing = &finish.timing;
        let share = timing.setup + timing.run + timing.teardown;
        Some(if self.batch.is_some() { share } else { at.since(self.assigned_at) })
    }

    /// For how long it has run so far; one of a batch waits for those before it.
    pub(crate) fn spent(&self, now: Timestamp) -> Millis {
        match (self.batch, self.started_at) {
            (Some(_), None) => Millis::ZERO,
            (Some(_), Some(started)) => now.since(started),
            (None, _) => now.since(self.assigned_at),
        }
    }

    /// Kept results of tests that failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &TestResult> {
        self.tests.iter().filter(|test| is_failure(test.outcome))
    }
}

/// True for outcomes that fail a spec.
pub(crate) fn is_failure(outcome: TestOutcome) -> bool {
    match outcome {
        TestOutcome::Failed | TestOutcome::TimedOut => true,
        TestOutcome::Passed | TestOutcome::Skipped => false,
    }
}

/// The first digits of a run's id; text that is none stays as it is.
pub(crate) fn short_id(run: &str) -> String {
    run.parse::<part_core::RunId>().map_or_else(|_| run.to_owned(), |id| id.short())
}
