//! Batches: short specs that share a process, so that its start is paid once.
//!
//! A batch is made when a slot is free, out of the specs that follow the chosen one in its queue. It lasts until
//! everything else is expected to end, or half as long while that is far away: so batches shrink toward the end, the tail
//! is even, and no slot starts more processes than it must.

use super::assign::Choice;
use crate::live::{LiveRun, WorkerKey, scaled};
use crate::queue::{Lane, Place, Tier};
use crate::{Core, Millis, Run, RunId, Spec, Timestamp};

/// The fact by which a worker says that it runs several specs in one process.
const ABLE: &str = "part.batch";

impl Core {
    /// The chosen spec, and those that share its process.
    pub(super) fn batch_of(&self, choice: &Choice, now: Timestamp) -> Vec<Place> {
        let alone = vec![choice.place];
        let Some((run, live)) = self.state.run(choice.run).zip(self.live.runs.get(&choice.run)) else {
            return alone;
        };
        let Some(first) = run.spec(choice.place.spec).filter(|_| self.is_able(choice.worker)) else {
            return alone;
        };
        let Some(overhead) = self.overhead_worth_sharing(run, live, first, choice) else { return alone };
        let Some(waiting) = live.queue.queue(choice.queue) else { return alone };
        let own = |spec: &Spec| self.own_time(choice.run, spec, overhead);
        // What is left without what its processes would cost, and what runs still, for each slot that can serve it: a
        // batch of that length ends when everything else does.
        let processes = overhead.0.saturating_mul(waiting.len() as u64);
        let slots = u64::from(self.live.classes.slots(choice.queue.class).max(1));
        let work = waiting.work().saturating_sub(processes).saturating_add(live.running_work(now));
        let bounds = &self.config.bounds;
        let left = work / slots;
        let halves = left > overhead.0.saturating_mul(bounds.batch_last_overheads);
        let target = if halves { left / 2 } else { left };
        let target = target.min(overhead.0.saturating_mul(bounds.batch_overheads));
        let (mut batch, mut length) = (alone, own(first));
        let followers = waiting.places().filter(|place| place.spec != choice.place.spec);
        for place in followers.take(self.config.bounds.batch) {
            let Some(spec) = run.spec(place.spec) else { break };
            let longer = length.saturating_add(own(spec));
            if longer > target || batch.len() >= self.config.bounds.batch {
                break;
            }
            if spec.group == first.group
                && may_share(spec, place)
                && !self.must_go_elsewhere(live, place, now)
            {
                batch.push(*place);
                length = longer;
            }
        }
        batch
    }

    fn is_able(&self, worker: WorkerKey) -> bool {
        let worker = self.live.workers.get(&worker);
        worker.is_some_and(|worker| worker.capabilities.0.contains_key(ABLE) && worker.cordon.is_none())
    }

    /// What a process costs beside the tests, where that is more than the chosen spec takes by itself.
    fn overhead_worth_sharing(
        &self,
        run: &Run,
        live: &LiveRun,
        spec: &Spec,
        choice: &Choice,
    ) -> Option<Millis> {
        let group = run.group_of(spec);
        let wanted = !group.recipe.batch.is_empty() && !group.policy.no_batches;
        if !wanted || choice.queue.lane != Lane::Open || !may_share(spec, &choice.place) {
            return None;
        }
        let live_group = live.group(spec.group)?;
        let overhead = live_group.overhead()?;
        let in_chain = live_group.chain_of(spec).is_some();
        (!in_chain && self.own_time(run.id, spec, overhead) < overhead.0).then_some(overhead)
    }

    /// How long a spec is expected to take without what its process costs, in milliseconds.
    fn own_time(&self, run: RunId, spec: &Spec, overhead: Millis) -> u64 {
        let expected = self.forecast(run, spec).unwrap_or(Millis(2 * overhead.0));
        (expected - overhead).0.max(1)
    }

    fn must_go_elsewhere(&self, live: &LiveRun, place: &Place, now: Timestamp) -> bool {
        live.elsewhere.get(&place.spec).is_some_and(|until| *until > now)
    }

    /// The forecasts of attempts that are started together on a worker: each its own time and its share of the rest.
    pub(super) fn forecasts_of(&self, run: RunId, batch: &[Place], worker: WorkerKey) -> Vec<Option<Millis>> {
        let factor =
            self.live.workers.get(&worker).map_or(1.0, |worker| worker.speed.factor(self.live.speed));
        let spec_of = |place: &Place| self.state.run(run).and_then(|run| run.spec(place.spec));
        let overhead = || {
            let group = spec_of(batch.first()?)?.group;
            self.live.runs.get(&run)?.group(group)?.overhead()
        };
        let shared = if batch.len() > 1 { overhead() } else { None };
        let each = |place: &Place| {
            let spec = spec_of(place)?;
            let expected = self.forecast(run, spec)?;
            let expected = match shared {
                Some(overhead) => {
                    Millis(self.own_time(run, spec, overhead) + overhead.0 / batch.len() as u64)
                }
                None => expected,
            };
            Some(scaled(expected, factor))
        };
        batch.iter().map(each).collect()
    }
}

/// True when a spec may share a process: nothing about it asks for a process of its own.
fn may_share(spec: &Spec, place: &Place) -> bool {
    let fresh = matches!(place.tier, Tier::Known | Tier::Unknown | Tier::FailedLast);
    fresh && spec.attempts.is_empty() && spec.locks.is_empty() && spec.part.is_none()
}
