//! What the figures are, and what they mean.

use super::specs::{Standing, Wholes};
use super::work::Work;
use crate::{Algorithm, Millis, Run, TestCounts, what_if};
use serde::{Deserialize, Serialize};

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
        let mut summary = RunSummary::default();
        let wholes = Wholes::of(run);
        wholes.standings().for_each(|(_, standing)| summary.count(standing));
        (summary.dropped, summary.split) = (wholes.dropped, wholes.split);
        for spec in run.specs.iter().filter(|spec| spec.is_counted(run)) {
            if let Some(finish) = spec.deciding_finish().filter(|_| spec.is_decided()) {
                summary.tests.merge(finish.tests);
            }
        }
        let mut groups = GroupSummary::all(run, &wholes);
        Work::of(run).finish(&mut summary, &mut groups);
        summary.groups = groups.into_iter().flatten().collect();
        let jobs: Vec<_> = super::bonds::jobs(run).into_iter().map(|(_, job)| job).collect();
        (summary.what_if, summary.worth) = what_if::what_if(&jobs);
        summary
    }

    fn count(&mut self, standing: Standing) {
        self.specs += 1;
        match standing {
            Standing::Carried => (self.passed, self.carried) = (self.passed + 1, self.carried + 1),
            Standing::Passed => self.passed += 1,
            Standing::Flaky => (self.passed, self.flaky) = (self.passed + 1, self.flaky + 1),
            Standing::Cancelled => self.cancelled += 1,
            Standing::Quarantined => self.quarantined += 1,
            Standing::NotPassed => self.failed += 1,
            Standing::Undecided => self.undecided += 1,
        }
    }
}

impl GroupSummary {
    /// The groups with what their specs came to; none for those that count for nothing.
    fn all(run: &Run, wholes: &Wholes<'_>) -> Vec<Option<GroupSummary>> {
        let empty = |group: &crate::Group| GroupSummary {
            label: group.label.as_ref().to_owned(),
            algorithm: group.policy.algorithm,
            ..GroupSummary::default()
        };
        let counts = |group: &crate::Group| !run.submission_of(group).dropped;
        let mut groups: Vec<Option<GroupSummary>> =
            run.groups.iter().map(|group| counts(group).then(|| empty(group))).collect();
        for (group, standing) in wholes.standings() {
            let Some(Some(group)) = groups.get_mut(group.0 as usize) else { continue };
            group.specs += 1;
            group.failed += u32::from(standing == Standing::NotPassed);
        }
        groups
    }
}
