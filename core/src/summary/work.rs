//! Sums over the attempts of a run.

use super::figures::{GroupSummary, RunSummary};
use super::stints::{Member, SlotKey, Stint, members, stints};
use crate::estimate::error_factor;
use crate::{GroupIndex, Millis, Rule, Run, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The ninetieth percentile of a normal distribution, in standard deviations.
const P90: f64 = 1.2816;
/// Standard deviations in a mean absolute deviation of a normal distribution.
const DEVIATION: f64 = 1.2533;
/// No forecast is taken for more exact than five per cent.
const EXACTEST: f64 = 1.05;

/// Sums over attempts.
#[derive(Default)]
pub(super) struct Work<'a> {
    slots: BTreeSet<SlotKey<'a>>,
    window: Window,
    total: Millis,
    longest: Option<(&'a str, Millis)>,
    overheads: Vec<u64>,
    errors: Vec<f64>,
    attempts: u32,
    with_spread: u32,
    inside: u32,
    batched: u32,
    batches: u32,
    backups: u32,
    backup_time: Millis,
    groups: BTreeMap<GroupIndex, GroupWork>,
}

/// From the first assignment to the last end.
#[derive(Clone, Copy, Default)]
struct Window {
    first: Option<Timestamp>,
    last: Timestamp,
}

impl Window {
    fn add(&mut self, from: Timestamp, to: Timestamp) {
        self.first = Some(self.first.map_or(from, |first| first.min(from)));
        self.last = self.last.max(to);
    }

    fn length(self) -> Millis {
        self.first.map_or(Millis::ZERO, |first| self.last.since(first))
    }
}

#[derive(Default)]
struct GroupWork {
    window: Window,
    total: Millis,
    /// Logarithms of durations over forecasts.
    stretches: Vec<f64>,
    most_on_worker: u32,
}

impl<'a> Work<'a> {
    pub(super) fn of(run: &'a Run) -> Work<'a> {
        let mut work = Work::default();
        let mut rivals: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
        for member in members(run) {
            work.attempts += 1;
            work.batched += u32::from(member.attempt.batch.is_some());
            let second = member.attempt.why.is_some_and(|why| why.rule == Rule::Backup);
            if second || member.attempt.dismissed {
                let rivals = rivals.entry(member.index.0).or_default();
                rivals.0 += u32::from(second);
                rivals.1 += u32::from(member.attempt.dismissed);
            }
            work.add(&member);
        }
        // A ledger that does not say why it was made still says that one of two was dismissed.
        work.backups = rivals.values().map(|(made, beaten)| *made.max(beaten)).sum();
        let stints = stints(run);
        let shared = stints.iter().filter(|stint| stint.members[0].attempt.batch.is_some());
        work.batches = shared.count() as u32;
        work.sweep(&stints);
        work
    }

    fn add(&mut self, member: &Member<'a>) {
        let Some((at, finish)) = member.ended else { return };
        let (attempt, slot_time) = (member.attempt, member.attempt.slot_time());
        self.slots.insert((attempt.worker.0.as_str(), attempt.slot.0));
        self.window.add(attempt.assigned_at, at);
        self.total = self.total + slot_time;
        let group = self.groups.entry(member.spec.group).or_default();
        group.window.add(attempt.assigned_at, at);
        group.total = group.total + slot_time;
        if attempt.dismissed {
            self.backup_time = self.backup_time + slot_time;
            return;
        }
        if self.longest.is_none_or(|(_, longest)| slot_time > longest) {
            self.longest = Some((member.spec.name.as_ref(), slot_time));
        }
        if finish.timing.tests > Millis::ZERO {
            self.overheads.push((slot_time - finish.timing.tests).0);
        }
        let Some(forecast) = attempt.forecast.filter(|_| finish.counts_for_history()) else { return };
        let error = error_factor(forecast, slot_time);
        self.errors.push(error);
        group.stretches.push(if slot_time < forecast { -error.ln() } else { error.ln() });
        if let Some(estimate) = member.spec.estimate {
            let likely = (P90 * DEVIATION * estimate.log_spread).exp().max(EXACTEST);
            self.with_spread += 1;
            self.inside += u32::from(error <= likely);
        }
    }

    /// Finds the most stints that each worker had of each group at a time.
    fn sweep(&mut self, stints: &[Stint<'_>]) {
        // At one moment, what ends makes room for what begins.
        let mut changes: Vec<(GroupIndex, &str, Timestamp, i8)> = Vec::with_capacity(2 * stints.len());
        for stint in stints.iter().filter(|stint| stint.from < stint.to) {
            changes.push((stint.group, stint.slot.0, stint.from, 1));
            changes.push((stint.group, stint.slot.0, stint.to, -1));
        }
        changes.sort_unstable();
        let mut there = 0u32;
        for (place, (group, worker, _, change)) in changes.iter().enumerate() {
            let fresh = place == 0 || (changes[place - 1].0, changes[place - 1].1) != (*group, *worker);
            there = if fresh { 0 } else { there };
            there = if *change > 0 { there + 1 } else { there.saturating_sub(1) };
            let group = self.groups.entry(*group).or_default();
            group.most_on_worker = group.most_on_worker.max(there);
        }
        for stint in stints {
            // One that took no time at all was there all the same.
            let group = self.groups.entry(stint.group).or_default();
            group.most_on_worker = group.most_on_worker.max(1);
        }
    }

    pub(super) fn finish(mut self, summary: &mut RunSummary, groups: &mut [Option<GroupSummary>]) {
        summary.attempts = self.attempts;
        summary.slots = self.slots.len() as u32;
        summary.slot_time = self.total;
        summary.makespan = self.window.length();
        let share = self.total.0.div_ceil(u64::from(summary.slots.max(1)));
        let longest = self.longest.map_or(0, |(_, longest)| longest.0);
        // The shares of a batch are measured by its worker's clock, and may come to a little more than was there.
        summary.bound = Millis(share.max(longest)).min(summary.makespan);
        summary.longest = self.longest.map(|(spec, longest)| (spec.to_owned(), longest));
        summary.overhead_per_spec = (!self.overheads.is_empty())
            .then(|| Millis(self.overheads.iter().sum::<u64>() / self.overheads.len() as u64));
        summary.forecasts = self.errors.len() as u32;
        self.errors.sort_by(f64::total_cmp);
        summary.forecast_error = self.errors.get(self.errors.len() / 2).copied();
        (summary.forecasts_with_spread, summary.forecasts_inside) = (self.with_spread, self.inside);
        (summary.batched, summary.batches) = (self.batched, self.batches);
        (summary.backups, summary.backup_time) = (self.backups, self.backup_time);
        for (index, work) in self.groups {
            let Some(Some(group)) = groups.get_mut(index.0 as usize) else { continue };
            group.makespan = work.window.length();
            group.slot_time = work.total;
            group.most_on_worker = work.most_on_worker;
            let count = work.stretches.len() as f64;
            let mean = work.stretches.iter().sum::<f64>() / count;
            group.stretch = (!work.stretches.is_empty()).then(|| mean.exp());
        }
    }
}
