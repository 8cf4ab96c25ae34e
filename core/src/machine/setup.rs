//! What no worker can run: a worker that could not make a run's workspace ready gets nothing more of that run, and what
//! no worker can be set up for is given up in bounded time; so is what no worker can do, where its run waits for workers
//! for a limited time only.
//!
//! What is barred is live: after a takeover each such worker is tried once more.

use super::next::is_own_fault;
use crate::live::{Barred, Timer, Worker};
use crate::queue::{Class, Place, Queue};
use crate::{AttemptVerdict, Core, Millis, Pending, RunId, SpecIndex, SpecVerdict, Timestamp, WorkerId};

/// Workers that are named where all of them are meant.
const NAMED: usize = 5;

impl Core {
    /// The setup of a run failed on a worker: until the worker's next life it gets nothing more of it.
    pub(crate) fn bar(&mut self, run: RunId, worker: &WorkerId) {
        let barred = self
            .live
            .named(worker)
            .and_then(|(_, worker)| Some(Barred { life: worker.incarnation?, able: worker.able }));
        let (Some(barred), Some(live)) = (barred, self.live.runs.get_mut(&run)) else { return };
        live.barred.insert(worker.clone(), barred);
        self.live.watched_runs.insert(run);
        self.live.takers_changed = true;
    }

    /// A worker's next life is tried again: whoever mended it has started it anew.
    pub(crate) fn unbar_earlier_lives(&mut self, worker: &WorkerId) {
        let life = self.live.named(worker).and_then(|(_, worker)| worker.incarnation);
        let mut none_left = Vec::new();
        for run in &self.live.watched_runs {
            let Some(live) = self.live.runs.get_mut(run) else { continue };
            if live.barred.get(worker).is_some_and(|barred| Some(barred.life) != life) {
                live.barred.remove(worker);
                self.live.takers_changed = true;
            }
            if live.barred.is_empty() && !self.waits_for_limited_time(*run) {
                none_left.push(*run);
            }
        }
        for run in none_left {
            self.live.watched_runs.remove(&run);
            if let Some(live) = self.live.runs.get_mut(&run) {
                live.hopeless.clear();
            }
        }
    }

    fn waits_for_limited_time(&self, run: RunId) -> bool {
        self.state.run(run).is_some_and(|run| run.policy.wait_for_workers.is_some())
    }

    /// Looks again at what each watched run may hope for, after workers or what waits changed.
    pub(crate) fn reconsider_hope(&mut self, now: Timestamp) {
        let runs: Vec<RunId> = self.live.watched_runs.iter().copied().collect();
        for run in runs {
            let Some(live) = self.live.runs.get(&run) else { continue };
            let waiting: Vec<Class> = live.queue.waiting().iter().collect();
            let hopeless: Vec<(Class, Millis)> = waiting
                .into_iter()
                .filter_map(|class| Some((class, self.time_without_hope(run, class)?)))
                .collect();
            let Some(live) = self.live.runs.get_mut(&run) else { continue };
            live.hopeless.retain(|class, _| hopeless.iter().any(|(other, _)| other == class));
            for (class, wait) in hopeless {
                live.hopeless.entry(class).or_insert_with(|| {
                    self.live.timers.insert((now + wait, Timer::GiveUp(run)));
                    now
                });
            }
        }
    }

    /// How long what waits of a class goes on waiting, although no worker is there that may run it. None while one is:
    /// one that can and is not barred, or that has yet to say what it can. None too where no worker can run it for
    /// reasons other than its setup, unless its run says how long it waits for workers.
    fn time_without_hope(&self, run: RunId, class: Class) -> Option<Millis> {
        let live = self.live.runs.get(&run)?;
        let hopes = |worker: &Worker| {
            worker.incarnation.is_none()
                || worker.will_take_work() && worker.able.contains(class) && !live.bars(&worker.id)
        };
        if self.live.workers.values().any(hopes) {
            return None;
        }
        let setup_is_to_blame = live.barred.values().any(|barred| barred.able.contains(class));
        let own = self.state.run(run).and_then(|run| run.policy.wait_for_workers);
        if setup_is_to_blame { Some(self.config.bounds.setup_wait) } else { own }
    }

    /// Gives up what no worker can run, where none came in time. What is more than a batch takes follows in a moment.
    pub(crate) fn give_up(&mut self, run: RunId, now: Timestamp, pending: &mut Pending) {
        self.reconsider_hope(now);
        let most = self.config.bounds.given_up_at_once.max(1);
        let Some(live) = self.live.runs.get(&run) else { return };
        let due = live.hopeless.iter().filter(|(class, since)| {
            self.time_without_hope(run, **class).is_some_and(|wait| now.since(**since) >= wait)
        });
        let waiting = due.flat_map(|(class, _)| live.queue.of_class(*class));
        let specs: Vec<(Queue, Place)> = waiting.take(most).map(|(queue, place)| (queue, *place)).collect();
        if !specs.is_empty() {
            // What has its turn after these is looked at in a moment.
            self.live.timers.insert((now + Millis(1), Timer::GiveUp(run)));
        }
        for (queue, place) in specs {
            // Reaching the number of failures cancels the rest.
            if !self.state.run(run).and_then(|run| run.spec(place.spec)).is_some_and(crate::Spec::waits) {
                break;
            }
            self.dequeue(run, queue, &place);
            self.end_turn(run, place.spec);
            self.decide(run, place.spec, self.verdict_without_worker(run, place.spec), now, pending);
            if self.state.run(run).is_some_and(|run| run.cancelled.is_none()) {
                self.next_turn(run, place.spec);
            }
        }
        self.live.takers_changed = true;
        self.finish_run_if_done(run, now, pending);
    }

    /// A spec that had failed for real and only waited to be tried again has failed.
    fn verdict_without_worker(&self, run: RunId, spec: SpecIndex) -> SpecVerdict {
        let spec = self.state.run(run).and_then(|run| run.spec(spec));
        let own = spec.and_then(|spec| {
            spec.finishes().map(|(_, finish)| finish.verdict).filter(|verdict| is_own_fault(*verdict)).last()
        });
        let setup_is_to_blame = self.live.runs.get(&run).is_some_and(|live| !live.barred.is_empty());
        let no_worker = if setup_is_to_blame { AttemptVerdict::SetupFailed } else { AttemptVerdict::Lost };
        SpecVerdict::NotPassed(own.unwrap_or(no_worker))
    }

    /// What no worker could do that a spec needs, in words.
    pub(crate) fn why_no_worker(&self, run_id: RunId, index: SpecIndex, still_waits: bool) -> String {
        let Some(run) = self.state.run(run_id) else { return String::new() };
        let Some(spec) = run.spec(index) else { return String::new() };
        let requirements = &run.group_of(spec).requirements;
        let wait = run.policy.wait_for_workers.map_or_else(String::new, |wait| format!(" within {wait}"));
        let mut reasons: Vec<String> = Vec::new();
        for worker in self.live.workers.values() {
            let reason = match requirements.nearest_miss(&worker.capabilities) {
                Some(miss) => format!("worker {} lacks {}", worker.id, miss.part),
                None => match worker.why_no_work() {
                    Some(why) => format!("worker {}: {why}", worker.id),
                    None => continue,
                },
            };
            reasons.push(reason);
        }
        let more = reasons.len().saturating_sub(NAMED);
        reasons.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match reasons.is_empty() {
            true if still_waits => "no worker is there".to_owned(),
            true => format!("no worker was there{wait}"),
            false if still_waits => format!("no worker can run it: {}{more}", reasons.join("; ")),
            false => format!("no worker could run it{wait}: {}{more}", reasons.join("; ")),
        }
    }

    /// Where a run could not be set up, in words.
    pub(crate) fn why_given_up(&self, run: RunId) -> String {
        let barred = self.live.runs.get(&run).map(|live| live.barred.keys().collect::<Vec<_>>());
        let barred = barred.unwrap_or_default();
        let named: Vec<&str> = barred.iter().take(NAMED).map(|worker| worker.0.as_str()).collect();
        let more = match barred.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let plural = if barred.len() == 1 { "worker" } else { "workers" };
        format!("the workspace could not be made ready on {plural} {}{more}", named.join(", "))
    }
}
