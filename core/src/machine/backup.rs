//! Stragglers: an attempt that runs far beyond its forecast near the end of its run may get a second one beside it, on
//! another worker. The first that ends with a result counts; the other is dismissed.

use super::assign::Taken;
use crate::live::{Timer, Trust, WorkerKey, scaled};
use crate::{
    AttemptId, CancelMode, Command, Core, Effect, Millis, Pending, Record, Rule, RunId, Timestamp, Turn, Why,
};

/// An attempt is a straggler beyond so many hundredths of its forecast, or beyond what its spread makes likely.
const BEYOND_PERCENT: u64 = 130;
/// Deviations of the logarithm that a duration lies within in 19 of 20 cases: 1.65 standard deviations, each 1.25 times
/// the mean deviation.
const LIKELY_DEVIATIONS: f64 = 1.65 * 1.25;

impl Core {
    /// Notes when an attempt becomes a straggler, where its group allows backups and nothing speaks against one.
    pub(super) fn watch_for_straggling(&mut self, id: AttemptId, now: Timestamp) {
        let Some((run, spec, attempt)) = self.state.attempt(id) else { return };
        let Some(live) = self.live.runs.get_mut(&id.run) else { return };
        let in_chain = live.group(spec.group).is_none_or(|group| group.chain_of(spec).is_some());
        let alone = spec.locks.is_empty() && attempt.batch.is_none() && !in_chain && !spec.is_suspect();
        let first = spec.live_attempts().count() == 1;
        let (Some(forecast), true) = (attempt.forecast, alone && first && run.group_of(spec).policy.backups)
        else {
            return;
        };
        let spread = spec.estimate.map_or(0.0, |estimate| estimate.log_spread);
        let likely = scaled(forecast, (LIKELY_DEVIATIONS * spread).exp());
        let limit = Millis(forecast.0.saturating_mul(BEYOND_PERCENT) / 100).max(likely);
        let at = now + limit.max(self.config.bounds.least_straggler);
        live.backups.watch(id, at);
        self.live.backed_runs.insert(id.run);
        self.live.timers.insert((at, Timer::Straggler(id.run)));
    }

    /// The attempt is over, or has a backup.
    pub(super) fn stop_watching_for_straggling(&mut self, id: AttemptId) {
        let Some(live) = self.live.runs.get_mut(&id.run) else { return };
        live.backups.forget(id);
        if live.backups.is_empty() {
            self.live.backed_runs.remove(&id.run);
        }
    }

    /// Gives stragglers a second attempt: on slots that nothing else can use, or where it is their run's turn and what
    /// else waits of it would be through before a backup that is started later.
    pub(super) fn back_up_stragglers(&mut self, now: Timestamp, pending: &mut Pending) {
        if self.live.backed_runs.is_empty()
            || self.live.idle.is_empty()
            || self.live.gathering_until.is_some()
        {
            return;
        }
        let runs: Vec<RunId> = self.live.backed_runs.iter().copied().collect();
        for run in runs {
            while let Some((id, key)) = self.next_backup(run, now) {
                self.back_up(id, key, now, pending);
            }
        }
    }

    fn next_backup(&self, run: RunId, now: Timestamp) -> Option<(AttemptId, WorkerKey)> {
        let live = self.live.runs.get(&run)?;
        let over = self.state.run(run)?.cancelled.is_some();
        let its_turn = self.live.order.iter().next().is_none_or(|next| next == run);
        if over || !its_turn {
            return None;
        }
        live.backups.stragglers(now).find_map(|id| {
            let (_, spec, attempt) = self.state.attempt(id)?;
            let slots = u64::from(self.live.classes.slots(live.group(spec.group)?.class).max(1));
            let in_time = live.queue.work() / slots <= attempt.forecast?.0;
            Some((id, self.backup_worker(id).filter(|_| in_time)?))
        })
    }

    /// An idle worker of full trust that does not have the spec, with a usual slot, and room for it in the budget.
    fn backup_worker(&self, id: AttemptId) -> Option<WorkerKey> {
        let (run, spec, attempt) = self.state.attempt(id)?;
        let live = self.live.runs.get(&id.run)?;
        let expected: u64 = live.backups.spent.0 + attempt.forecast?.0;
        let total: u64 = run.specs.iter().filter_map(|spec| Some(spec.estimate?.expected().0)).sum();
        let budget = total.saturating_mul(self.config.bounds.backup_budget) / 1000;
        if live.backups.made > 0 && expected > budget {
            return None;
        }
        let class = live.group(spec.group)?.class;
        let kinds = self.live.idle.iter().filter(|((room, _, able, trust), _)| {
            *room == crate::live::Room::Usual && able.contains(class) && *trust == Trust::Full
        });
        let mut workers = kinds.flat_map(|(_, idle)| idle.iter().map(|(_, _, key)| *key));
        workers.find(|key| {
            let Some(worker) = self.live.workers.get(key) else { return false };
            let had_it = spec.attempts.iter().any(|attempt| attempt.worker == worker.id);
            !had_it && !live.bars(&worker.id) && !self.is_at_limit(worker, id.run, spec.group)
        })
    }

    fn back_up(&mut self, id: AttemptId, key: WorkerKey, now: Timestamp, pending: &mut Pending) {
        self.stop_watching_for_straggling(id);
        let Some((slot, after)) = self.live.workers.get(&key).and_then(|worker| worker.free_slot()) else {
            return;
        };
        let forecast = self.state.attempt(id).and_then(|(_, _, attempt)| attempt.forecast);
        if let Some(live) = self.live.runs.get_mut(&id.run) {
            live.backups.made += 1;
            live.backups.spent = live.backups.spent + forecast.unwrap_or(Millis::ZERO);
        }
        let why = Why { rule: Rule::Backup, turn: Turn::Alone, waiting: 0, candidates: 1, after };
        let taken = Taken { run: id.run, spec: id.spec, slot, forecast, why, batch: None };
        let attempt = self.take(taken, key, now, pending);
        self.order_start(key, slot, &Vec::from_iter(attempt), pending);
    }

    /// One of several attempts of a spec has a result: the others count for nothing and are told to stop.
    pub(super) fn dismiss_others(&mut self, id: AttemptId, now: Timestamp, pending: &mut Pending) {
        let Some((_, spec, _)) = self.state.attempt(id) else { return };
        let others: Vec<AttemptId> = spec
            .live_attempts()
            .map(|(number, _)| AttemptId { number, ..id })
            .filter(|other| *other != id)
            .collect();
        for other in others {
            self.stop_watching_for_straggling(other);
            self.record(id.run, Record::AttemptDismissed { attempt: other }, now, pending);
            let worker = self.state.attempt(other).map(|(_, _, attempt)| attempt.worker.clone());
            if let Some(worker) = worker {
                let command = Command::Cancel { attempt: other, mode: CancelMode::Graceful };
                pending.effect(Effect::Command { worker, command });
            }
        }
    }
}
