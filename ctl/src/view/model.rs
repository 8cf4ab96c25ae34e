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
    /// Specs by state.
    pub(crate) tally: Tally,
    /// Attempts that hold a slot, by worker and slot: place of the spec and number of the attempt.
    pub(crate) running: BTreeMap<(String, u32), (usize, u32)>,
    /// Slots that ever ran something of this run.
    pub(crate) slots: BTreeSet<(String, u32)>,
    /// Durations that are still ahead.
    pub(crate) backlog: Backlog,
    /// Events of a kind that this client does not know.
    pub(crate) unknown_events: u64,
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
    /// Its attempts, in order.
    pub(crate) attempts: Vec<AttemptView>,
    /// Its final verdict.
    pub(crate) verdict: Option<SpecVerdict>,
    /// What led to the verdict, where its attempts alone do not tell; mostly empty.
    pub(crate) because: String,
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
            running: BTreeMap::new(),
            slots: BTreeSet::new(),
            backlog: Backlog::default(),
            unknown_events: 0,
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
        (self.specs.len() as u32).saturating_sub(self.tally.decided)
    }

    /// The group of a spec.
    pub(crate) fn group_of(&self, spec: &SpecView) -> &GroupView {
        &self.groups[spec.group]
    }

    /// Tests of the deciding attempts so far, by outcome.
    pub(crate) fn test_counts(&self) -> TestCounts {
        let mut counts = TestCounts::default();
        for finish in
            self.specs.iter().filter(|spec| spec.verdict.is_some()).filter_map(SpecView::last_finish)
        {
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

    /// The newest attempt that ended.
    pub(crate) fn last_ended(&self) -> Option<&AttemptView> {
        self.attempts.iter().rev().find(|attempt| attempt.ended.is_some())
    }

    /// How the newest attempt that ended did so.
    pub(crate) fn last_finish(&self) -> Option<&Finish> {
        self.last_ended().and_then(AttemptView::finish)
    }

    /// The attempt that holds a slot now.
    pub(crate) fn active(&self) -> Option<&AttemptView> {
        self.attempts.last().filter(|attempt| attempt.ended.is_none())
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

    /// How long it held its slot, by the leader's clock; none while it does.
    pub(crate) fn took(&self) -> Option<Millis> {
        self.ended.as_ref().map(|(at, _)| at.since(self.assigned_at))
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
