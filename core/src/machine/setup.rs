//! Setups that fail: a worker that could not make a run's workspace ready gets nothing more of that run, and what no
//! worker can be set up for is given up in bounded time.
//!
//! What is barred is live: after a takeover each such worker is tried once more.

use super::next::is_own_fault;
use crate::live::{Barred, Timer, Worker};
use crate::queue::Class;
use crate::{AttemptVerdict, Core, Pending, RunId, SpecIndex, SpecVerdict, Timestamp, WorkerId};

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
        self.live.barred_runs.insert(run);
        self.live.takers_changed = true;
    }

    /// A worker's next life is tried again: whoever mended it has started it anew.
    pub(crate) fn unbar_earlier_lives(&mut self, worker: &WorkerId) {
        let life = self.live.named(worker).and_then(|(_, worker)| worker.incarnation);
        let mut none_left = Vec::new();
        for run in &self.live.barred_runs {
            let Some(live) = self.live.runs.get_mut(run) else { continue };
            if live.barred.get(worker).is_some_and(|barred| Some(barred.life) != life) {
                live.barred.remove(worker);
            }
            if live.barred.is_empty() {
                live.hopeless.clear();
                none_left.push(*run);
            }
        }
        self.live.barred_runs.retain(|run| !none_left.contains(run));
    }

    /// Looks again at what each barred run may hope for, after workers or what waits changed.
    pub(crate) fn reconsider_hope(&mut self, now: Timestamp) {
        let runs: Vec<RunId> = self.live.barred_runs.iter().copied().collect();
        for run in runs {
            let Some(live) = self.live.runs.get(&run) else { continue };
            let waiting: Vec<Class> = live.queue.waiting().iter().collect();
            let hopeless: Vec<Class> =
                waiting.into_iter().filter(|class| !self.has_hope(run, *class)).collect();
            let until = now + self.config.bounds.setup_wait;
            let Some(live) = self.live.runs.get_mut(&run) else { continue };
            live.hopeless.retain(|class, _| hopeless.contains(class));
            for class in hopeless {
                live.hopeless.entry(class).or_insert_with(|| {
                    self.live.timers.insert((until, Timer::GiveUp(run)));
                    now
                });
            }
        }
    }

    /// True while some worker may still run a class of a run: one that can and is not barred, or that has yet to say
    /// what it can. Also true where no worker can run it at all: that has nothing to do with its setup.
    fn has_hope(&self, run: RunId, class: Class) -> bool {
        let Some(live) = self.live.runs.get(&run) else { return true };
        let hopes = |worker: &Worker| {
            worker.incarnation.is_none()
                || worker.will_take_work() && worker.able.contains(class) && !live.bars(&worker.id)
        };
        let setup_is_to_blame = live.barred.values().any(|barred| barred.able.contains(class));
        !setup_is_to_blame || self.live.workers.values().any(hopes)
    }

    /// Gives up what no worker could be set up for, where no other came in time. What is more than a batch takes
    /// follows in a moment.
    pub(crate) fn give_up(&mut self, run: RunId, now: Timestamp, pending: &mut Pending) {
        self.reconsider_hope(now);
        let bounds = &self.config.bounds;
        let (wait, most) = (bounds.setup_wait, bounds.given_up_at_once.max(1));
        let Some(live) = self.live.runs.get(&run) else { return };
        let due = live.hopeless.iter().filter(|(_, since)| now.since(**since) >= wait);
        let waiting = due.flat_map(|(class, _)| live.queue.of_class(*class).map(|(_, place)| place.spec));
        let specs: Vec<SpecIndex> = waiting.take(most).collect();
        if specs.len() == most {
            self.live.timers.insert((now + crate::Millis(1), Timer::GiveUp(run)));
        }
        for spec in specs {
            // Reaching the number of failures cancels the rest.
            if !self.state.run(run).and_then(|run| run.spec(spec)).is_some_and(crate::Spec::waits) {
                break;
            }
            let Some((class, lane, place)) = self.place_of(run, spec) else { continue };
            self.dequeue(run, class, lane, &place);
            self.decide(run, spec, self.verdict_without_worker(run, spec), now, pending);
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
        SpecVerdict::NotPassed(own.unwrap_or(AttemptVerdict::SetupFailed))
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
