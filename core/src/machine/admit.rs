//! A run becomes known to the scheduler: when it is submitted or joined, and when a leader takes over.

use super::next::goes_elsewhere;
use crate::live::{LiveGroup, LiveRun, Running, Timer};
use crate::{
    Algorithm, AttemptId, AttemptPhase, CancelMode, CancelReason, Core, Run, RunId, SpecIndex, SpecPhase,
    Threads, Timestamp,
};

impl Core {
    /// Begins to schedule a run, with all its groups.
    pub(crate) fn admit(&mut self, run_id: RunId, now: Timestamp) {
        let Some(run) = self.state.runs.get(&run_id) else { return };
        let live = LiveRun::stopping(stop_mode(run.cancelled.as_ref()));
        let policy = &run.policy;
        self.live.order.join(
            run_id,
            &run.project,
            policy.priority,
            policy.weight.unwrap_or(1),
            run.opened_at,
        );
        if policy.wait_for_workers.is_some() {
            self.live.watched_runs.insert(run_id);
        }
        self.live.runs.insert(run_id, live);
        self.admit_groups(run_id, 0, now);
    }

    /// Begins to schedule a run's groups from one on: those before are known.
    pub(crate) fn admit_groups(&mut self, run_id: RunId, from: usize, now: Timestamp) {
        let Some(run) = self.state.runs.get(&run_id) else { return };
        let mut new_class = false;
        let (mut groups, mut greedy) = (Vec::new(), false);
        for (index, group) in run.groups.iter().enumerate().skip(from) {
            let (class, new) = self.live.classes.acquire(&group.requirements);
            new_class |= new;
            let specs = run.specs.iter().filter(|spec| spec.group.0 as usize == index);
            groups.push(LiveGroup::new(class, group, specs));
            greedy |= is_greedy(group);
        }
        let was_greedy = run.groups[..from].iter().any(is_greedy);
        self.live.greedy_runs += u32::from(greedy && !was_greedy);
        let specs = || run.specs.iter().enumerate().filter(|(_, spec)| spec.group.0 as usize >= from);
        self.live.locks.declare(run_id, specs().flat_map(|(_, spec)| spec.locks.iter()));
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        live.groups.extend(groups);
        let mut waiting = Vec::new();
        for (index, spec) in specs() {
            let index = SpecIndex(index as u32);
            match spec.phase {
                SpecPhase::Waiting { since } => {
                    waiting.push(index);
                    // Every wait that goes on at a takeover began with an attempt's end.
                    let until = since + self.config.bounds.elsewhere_wait;
                    if goes_elsewhere(spec) && until > now {
                        live.elsewhere.insert(index, until);
                        self.live.timers.insert((until, Timer::Elsewhere(run_id)));
                    }
                }
                SpecPhase::Active => {
                    if let Some(group) = live.group_mut(spec.group)
                        && let Some(chain) = group.chain_of(spec)
                    {
                        group.take_turn(chain, index);
                    }
                }
                SpecPhase::Decided(_) => {}
            }
        }
        if new_class {
            self.live.reclassify();
        } else {
            self.live.classes.rank();
        }
        self.enqueue_all(run_id, waiting);
        self.live.takers_changed |= self.live.watched_runs.contains(&run_id);
    }

    /// After a takeover: the workers that hold attempts of this run are expected back.
    pub(crate) fn expect_workers_of(&mut self, run_id: RunId, now: Timestamp) {
        let Some(run) = self.state.runs.get(&run_id) else { return };
        let mut held = Vec::new();
        for (index, spec) in run.specs.iter().enumerate() {
            for (number, attempt) in (1..).zip(&spec.attempts) {
                if attempt.phase == AttemptPhase::Active {
                    let id = AttemptId { run: run_id, spec: SpecIndex(index as u32), number };
                    let running =
                        Running::adopted(id, spec.is_suspect_in(number), self.limited_group(run_id, spec));
                    held.push((
                        running,
                        attempt.worker.clone(),
                        attempt.slot,
                        spec.locks.clone(),
                        attempt.assigned_at,
                    ));
                }
            }
        }
        for (running, worker, slot, locks, assigned_at) in held {
            let key = self.live.worker_key(&worker, now);
            self.live.change(key, |worker| worker.take(slot, running));
            self.live.locks.hold(&locks, running.attempt);
            self.watch_silence(key, now);
            self.watch_for_straggling(running.attempt, assigned_at);
            let forecast = self.state.attempt(running.attempt).and_then(|(_, _, attempt)| attempt.forecast);
            if let Some(live) = self.live.runs.get_mut(&run_id) {
                live.occupy((key, slot), assigned_at, forecast.unwrap_or_default());
            }
        }
    }

    /// A run is over: nothing of it is scheduled any more.
    pub(crate) fn dismiss_run(&mut self, run_id: RunId) {
        let greedy = self.state.run(run_id).is_some_and(|run: &Run| run.groups.iter().any(is_greedy));
        self.live.greedy_runs -= u32::from(greedy);
        if let Some(live) = self.live.runs.remove(&run_id) {
            self.live.classes.waiting_changed(crate::queue::ClassSet::default(), live.queue.waiting());
            live.groups.into_iter().for_each(|group| self.live.classes.release(group.class));
        }
        self.live.watched_runs.remove(&run_id);
        self.live.backed_runs.remove(&run_id);
        self.live.locks.forget(run_id);
        self.live.order.leave(run_id);
    }
}

/// True when workers' extra slots serve a group too.
fn is_greedy(group: &crate::Group) -> bool {
    group.policy.algorithm == Algorithm::Aggressive || group.policy.threads == Threads::Unlimited
}

/// How hard the attempts of a cancelled run are to be stopped, as far as the ledger knows.
fn stop_mode(cancelled: Option<&CancelReason>) -> Option<CancelMode> {
    match cancelled? {
        CancelReason::Requested { .. } | CancelReason::Abandoned { .. } => Some(CancelMode::Graceful),
        CancelReason::MaxFailures { .. } | CancelReason::GroupsMissing { .. } => None,
    }
}
