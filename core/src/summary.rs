//! The figures of a run: what it cost, and how far from the best possible it was.

use crate::{
    Algorithm, AttemptPhase, Millis, Run, SpecPhase, SpecVerdict, TestCounts, Timestamp,
    estimate::error_factor,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Figures of a finished (or running) run. Durations are measured by the leader's clock unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Specs of the run.
    pub specs: u32,
    /// Specs that passed, flaky and carried ones included.
    pub passed: u32,
    /// Specs that passed only on a retry.
    pub flaky: u32,
    /// Specs carried forward from an earlier run.
    pub carried: u32,
    /// Specs whose last attempt did not pass.
    pub failed: u32,
    /// Specs cancelled before they were decided.
    pub cancelled: u32,
    /// Specs not decided yet.
    pub undecided: u32,
    /// Attempts made.
    pub attempts: u32,
    /// Tests of the deciding attempts, by outcome.
    pub tests: TestCounts,
    /// Different slots that ran something.
    pub slots: u32,
    /// From the first assignment to the end of the last attempt.
    pub makespan: Millis,
    /// No schedule can be shorter on these slots: the longest spec, or all slot time divided by the slots.
    pub bound: Millis,
    /// All attempts' slot time together.
    pub slot_time: Millis,
    /// The spec that took longest in one attempt, and how long.
    pub longest: Option<(String, Millis)>,
    /// Mean over attempts of slot time minus the tests' own time; none without attempts that report tests' times.
    pub overhead_per_spec: Option<Millis>,
    /// Typical factor between forecast and duration: 1.1 is ten per cent off. None when nothing was forecast.
    pub forecast_error: Option<f64>,
    /// Attempts that had a forecast.
    pub forecasts: u32,
    /// Of those with a spread of their own, how many took between the tenth and the ninetieth percentile of their
    /// forecast: four in five, where forecasts are honest.
    #[serde(default)]
    pub forecasts_inside: u32,
    /// Attempts whose forecast had a spread of its own.
    #[serde(default)]
    pub forecasts_with_spread: u32,
    /// Specs that failed and are quarantined: counted here and not in `failed`.
    #[serde(default)]
    pub quarantined: u32,
    /// Specs of groups that came in only in part and count for nothing.
    #[serde(default)]
    pub dropped: u32,
    /// Attempts that shared a process, and how many such processes there were.
    #[serde(default)]
    pub batched: u32,
    /// Processes that were shared.
    #[serde(default)]
    pub batches: u32,
    /// Second attempts of specs that took far longer than forecast, and how much slot time the losers took.
    #[serde(default)]
    pub backups: u32,
    /// Slot time of attempts that another attempt of their spec beat.
    #[serde(default)]
    pub backup_time: Millis,
    /// Specs that were split by their tests.
    #[serde(default)]
    pub split: u32,
    /// How long the same attempts would have taken on other numbers of slots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub what_if: Vec<WhatIf>,
    /// The number of slots worth having: more than these gain little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<u32>,
    /// Figures of each group, in the order of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupSummary>,
}

/// A makespan as it would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Slots.
    pub slots: u32,
    /// From the first start to the last end.
    pub makespan: Millis,
}

/// Figures of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Its label.
    pub label: String,
    /// What its limit on threads limits.
    pub algorithm: Algorithm,
    /// Specs.
    pub specs: u32,
    /// Specs that did not pass, quarantined ones left out.
    pub failed: u32,
    /// From its first assignment to its last end.
    pub makespan: Millis,
    /// Slot time of its attempts.
    pub slot_time: Millis,
    /// The most attempts that one worker had of it at a time.
    pub most_on_worker: u32,
    /// Typical factor between forecast and duration: 1.5 means that specs took half as long again as they do by
    /// themselves. None when nothing was forecast.
    pub stretch: Option<f64>,
}

impl RunSummary {
    /// Makespan over its bound: 1.0 is perfect. None when nothing ran.
    pub fn ratio(&self) -> Option<f64> {
        (self.bound > Millis::ZERO).then(|| self.makespan.0 as f64 / self.bound.0 as f64)
    }

    /// Computes the figures from a run.
    pub fn of(run: &Run) -> RunSummary {
        let mut summary = RunSummary { specs: run.specs.len() as u32, ..RunSummary::default() };
        let mut work = Work::default();
        for spec in &run.specs {
            summary.count_verdict(spec.phase);
            if let SpecPhase::Decided(_) = spec.phase
                && let Some(finish) = spec.deciding_finish()
            {
                summary.tests.merge(finish.tests);
            }
            for attempt in &spec.attempts {
                summary.attempts += 1;
                work.add(spec.name.as_ref(), attempt);
            }
        }
        work.finish(&mut summary);
        summary
    }

    fn count_verdict(&mut self, phase: SpecPhase) {
        match phase {
            SpecPhase::Waiting { .. } | SpecPhase::Active => self.undecided += 1,
            SpecPhase::Decided(SpecVerdict::Passed { flaky }) => {
                self.passed += 1;
                self.flaky += u32::from(flaky);
            }
            SpecPhase::Decided(SpecVerdict::Carried) => {
                self.passed += 1;
                self.carried += 1;
            }
            SpecPhase::Decided(SpecVerdict::NotPassed(_)) => self.failed += 1,
            SpecPhase::Decided(SpecVerdict::Cancelled) => self.cancelled += 1,
        }
    }
}

/// Sums over attempts.
#[derive(Default)]
struct Work<'a> {
    slots: BTreeSet<(&'a str, u32)>,
    first: Option<Timestamp>,
    last: Timestamp,
    total: Millis,
    longest: Option<(&'a str, Millis)>,
    overheads: Vec<u64>,
    errors: Vec<f64>,
}

impl<'a> Work<'a> {
    fn add(&mut self, spec: &'a str, attempt: &'a crate::Attempt) {
        let AttemptPhase::Finished { at, finish } = &attempt.phase else { return };
        let slot_time = at.since(attempt.assigned_at);
        self.slots.insert((attempt.worker.0.as_str(), attempt.slot.0));
        self.first = Some(self.first.map_or(attempt.assigned_at, |first| first.min(attempt.assigned_at)));
        self.last = self.last.max(*at);
        self.total = self.total + slot_time;
        if self.longest.is_none_or(|(_, longest)| slot_time > longest) {
            self.longest = Some((spec, slot_time));
        }
        if finish.timing.tests > Millis::ZERO {
            self.overheads.push((slot_time - finish.timing.tests).0);
        }
        if let (Some(forecast), true) = (attempt.forecast, finish.counts_for_history()) {
            self.errors.push(error_factor(forecast, slot_time));
        }
    }

    fn finish(mut self, summary: &mut RunSummary) {
        summary.slots = self.slots.len() as u32;
        summary.slot_time = self.total;
        summary.makespan = self.first.map_or(Millis::ZERO, |first| self.last.since(first));
        let share = self.total.0.div_ceil(u64::from(summary.slots.max(1)));
        let longest = self.longest.map_or(0, |(_, longest)| longest.0);
        summary.bound = Millis(share.max(longest));
        summary.longest = self.longest.map(|(spec, longest)| (spec.to_owned(), longest));
        summary.overhead_per_spec = (!self.overheads.is_empty())
            .then(|| Millis(self.overheads.iter().sum::<u64>() / self.overheads.len() as u64));
        summary.forecasts = self.errors.len() as u32;
        self.errors.sort_by(f64::total_cmp);
        summary.forecast_error = self.errors.get(self.errors.len() / 2).copied();
    }
}
