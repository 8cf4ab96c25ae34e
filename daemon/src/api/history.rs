//! Fills in what the store knows about the specs of a submission.

use super::forecast;
use super::lookup::store_failed;
use super::services::Shared;
use super::times::TestTimes;
use crate::bounds;
use part_core::{Estimate, GroupSubmission, HistoryKey, Millis, RunId, Submission, Timestamp};
use part_store::{ENTRIES_PER_PAGE, HISTORY_PER_SPEC, SpecHistory};
use std::collections::BTreeMap;
use tonic::Status;

impl Shared {
    /// Fills in durations, what failed last, what processes cost, and the durations of tests of what might be split on
    /// so many slots.
    pub(super) async fn fill_in_history(
        &self,
        submission: &mut Submission,
        slots: u32,
    ) -> Result<(), Status> {
        let project = submission.project.clone();
        for group in &mut submission.groups {
            self.fill_in_group(&project, group).await?;
        }
        self.fill_in_tests(submission, slots).await
    }

    async fn fill_in_group(&self, project: &str, group: &mut GroupSubmission) -> Result<(), Status> {
        let class = group.requirements.target();
        let mut own = self.histories(project, group, &class).await?;
        let mut others = Vec::new();
        if own.iter().any(|history| history.samples.is_empty()) {
            let classes = self.store.classes(project, &group.suite).await;
            for other in classes.map_err(|error| store_failed(&error))? {
                if other != class {
                    others.push(self.histories(project, group, &other).await?);
                }
            }
        }
        let newest = forecast::newest(own.iter().chain(others.iter().flatten()));
        forecast::keep_recent(&mut own, newest);
        others.iter_mut().for_each(|other| forecast::keep_recent(other, newest));
        group.overhead = forecast::overhead(&own);
        let borrowed = forecast::borrowed(&own, &others);
        for ((spec, history), borrowed) in group.specs.iter_mut().zip(&own).zip(borrowed) {
            forecast::fill_in(spec, history);
            if spec.history.is_empty() {
                spec.history = borrowed;
            }
        }
        Ok(())
    }

    /// What the next run would be told of these keys.
    pub(super) async fn forecasts(&self, keys: &[HistoryKey]) -> Result<Vec<Option<Estimate>>, Status> {
        let histories = self.store.history(keys, HISTORY_PER_SPEC).await;
        let mut histories = histories.map_err(|error| store_failed(&error))?;
        let mut newest: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
        for (key, history) in keys.iter().zip(&histories) {
            let of_suite = newest.entry((&key.project, &key.suite)).or_default();
            *of_suite = forecast::newest([history]).max(*of_suite);
        }
        for (key, history) in keys.iter().zip(&mut histories) {
            let of_suite = newest.get(&(key.project.as_str(), key.suite.as_str())).copied();
            forecast::keep_recent(std::slice::from_mut(history), of_suite.unwrap_or_default());
        }
        let samples = histories.iter().map(forecast::samples);
        Ok(samples.map(|samples| Estimate::from_samples(&samples)).collect())
    }

    /// The histories of a group's specs in a class, in their order.
    async fn histories(
        &self,
        project: &str,
        group: &GroupSubmission,
        class: &str,
    ) -> Result<Vec<SpecHistory>, Status> {
        let keys: Vec<HistoryKey> =
            group.specs.iter().map(|spec| key(project, group, class, &spec.name)).collect();
        self.store.history(&keys, HISTORY_PER_SPEC).await.map_err(|error| store_failed(&error))
    }

    async fn fill_in_tests(&self, submission: &mut Submission, slots: u32) -> Result<(), Status> {
        let large = large(submission, slots);
        if large.is_empty() {
            return Ok(());
        }
        let place_key = |(group, spec): &(usize, usize)| {
            let group = &submission.groups[*group];
            key(&submission.project, group, &group.requirements.target(), &group.specs[*spec].name)
        };
        let keys: Vec<HistoryKey> = large.iter().map(place_key).collect();
        let passes = self.store.newest_passes(&keys).await.map_err(|error| store_failed(&error))?;
        let mut by_run: BTreeMap<RunId, Vec<&HistoryKey>> = BTreeMap::new();
        for (key, pass) in keys.iter().zip(passes) {
            if let Some(attempt) = pass {
                by_run.entry(attempt.run).or_default().push(key);
            }
        }
        let mut times = BTreeMap::new();
        // Ids grow with time: the newest runs are read.
        for (run, wanted) in by_run.into_iter().rev().take(bounds::TIMED_RUNS) {
            let mut gathered = TestTimes::of(wanted);
            self.read(run, |entry| gathered.take(entry)).await?;
            times.extend(gathered.finish());
        }
        for ((group, spec), key) in large.into_iter().zip(&keys) {
            if let Some(tests) = times.remove(key) {
                submission.groups[group].specs[spec].tests = tests;
            }
        }
        Ok(())
    }

    /// Reads a ledger from its beginning. One that was forgotten has no entries.
    async fn read(&self, run: RunId, mut take: impl FnMut(&part_core::Entry)) -> Result<(), Status> {
        let mut after = 0;
        loop {
            let page = self.store.entries(run, after, ENTRIES_PER_PAGE).await;
            let page = page.map_err(|error| store_failed(&error))?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.number;
            page.iter().for_each(&mut take);
        }
    }
}

fn key(project: &str, group: &GroupSubmission, class: &str, spec: &str) -> HistoryKey {
    HistoryKey {
        project: project.to_owned(),
        suite: group.suite.clone(),
        class: class.to_owned(),
        spec: spec.to_owned(),
    }
}

/// Places (group and spec) of the specs that may be split and are long enough for that to be worth a look, the longest
/// first: those above half of what each slot gets.
fn large(submission: &Submission, slots: u32) -> Vec<(usize, usize)> {
    let expected = |history: &[part_core::Sample]| Estimate::from_samples(history).map(|e| e.expected());
    let running = submission.groups.iter().flat_map(|group| &group.specs).filter(|s| s.carried.is_none());
    let total: u64 = running.filter_map(|spec| expected(&spec.history)).map(|time| time.0).sum();
    let least = Millis(total / (2 * u64::from(slots.max(1))));
    let mut large = Vec::new();
    for (place, group) in submission.groups.iter().enumerate() {
        if !group.policy.split || group.recipe.select.is_none() {
            continue;
        }
        for (number, spec) in group.specs.iter().enumerate() {
            let wanted = spec.carried.is_none() && !spec.whole && spec.expected_tests.is_some();
            let time = expected(&spec.history).filter(|time| wanted && *time > least);
            large.extend(time.map(|time| (time, (place, number))));
        }
    }
    large.sort_by_key(|(time, place)| (std::cmp::Reverse(*time), *place));
    large.truncate(bounds::TIMED_SPECS);
    large.into_iter().map(|(_, place)| place).collect()
}
