//! What waits: specs get into their queues, and out of them.

use crate::live::LiveGroup;
use crate::queue::{Gate, Lane, Place, Queue, Tier};
use crate::{
    Algorithm, AttemptVerdict, Core, GroupIndex, Millis, Parallel, Run, RunId, Spec, SpecIndex, Threads,
};
use std::cmp::Reverse;
use std::collections::BTreeSet;

impl Core {
    /// Puts a waiting spec where it belongs: into its queue, or with those that wait for their stage or their turn.
    pub(crate) fn enqueue(&mut self, run_id: RunId, index: SpecIndex) {
        self.put(run_id, index);
        self.next_turn(run_id, index);
        self.queue_changed(run_id);
    }

    /// The same for many at a time: they are all there before turns are given.
    pub(crate) fn enqueue_all(&mut self, run_id: RunId, specs: impl IntoIterator<Item = SpecIndex>) {
        specs.into_iter().for_each(|spec| self.put(run_id, spec));
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        let turns: Vec<SpecIndex> = live.groups.iter_mut().flat_map(LiveGroup::next_turns).collect();
        turns.into_iter().for_each(|spec| self.push(run_id, spec));
        self.queue_changed(run_id);
    }

    fn put(&mut self, run_id: RunId, index: SpecIndex) {
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(index)) else { return };
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        let Some(group) = live.group_mut(spec.group) else { return };
        if group.is_too_early(spec) {
            return group.park_for_stage(spec, index);
        }
        let Some(chain) = group.chain_of(spec) else { return self.push(run_id, index) };
        // The order within a chain is that of a queue; what the chain as a whole weighs is looked at when it is queued.
        let alone = place_alone(self.state.run(run_id), spec, index);
        group.park_in_chain(chain, alone);
    }

    fn push(&mut self, run_id: RunId, index: SpecIndex) {
        let Some((gate, before)) = self.state.run(run_id).and_then(|run| {
            let spec = run.spec(index)?;
            Some((gate_of(run, spec), self.live.runs.get(&run_id)?.queue.waiting()))
        }) else {
            return;
        };
        if let Some(live) = self.live.runs.get_mut(&run_id) {
            live.gate_id(gate);
        }
        let Some((queue, place)) = self.place_of(run_id, index) else { return };
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        live.queue.push(queue, place);
        self.live.classes.waiting_changed(live.queue.waiting(), before);
    }

    /// Tells the order between runs how much of a run waits now.
    pub(crate) fn queue_changed(&mut self, run_id: RunId) {
        let Some(live) = self.live.runs.get(&run_id) else { return };
        let work = (!live.queue.is_empty()).then(|| live.queue.work());
        // What a class could hope for may be gone by now.
        self.live.takers_changed |= work.is_some() && self.live.watched_runs.contains(&run_id);
        self.live.order.set_waiting(run_id, work);
    }

    /// Takes a spec out of its queue, for a slot or for good.
    pub(crate) fn dequeue(&mut self, run_id: RunId, queue: Queue, place: &Place) {
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        let before = live.queue.waiting();
        live.queue.remove(queue, place);
        live.elsewhere.remove(&place.spec);
        self.live.classes.waiting_changed(live.queue.waiting(), before);
        let work = (!live.queue.is_empty()).then(|| live.queue.work());
        self.live.order.set_waiting(run_id, work);
    }

    /// Takes a waiting spec out of wherever it waits, before something changes that its place depends on.
    pub(crate) fn withdraw(&mut self, run_id: RunId, index: SpecIndex) {
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(index)) else { return };
        let Some(live) = self.live.runs.get_mut(&run_id) else { return };
        let Some(group) = live.group_mut(spec.group) else { return };
        if group.unpark(spec, index) {
            return;
        }
        let until = live.elsewhere.get(&index).copied();
        if let Some((queue, place)) = self.place_of(run_id, index) {
            self.dequeue(run_id, queue, &place);
        }
        self.end_turn(run_id, index);
        if let (Some(until), Some(live)) = (until, self.live.runs.get_mut(&run_id)) {
            live.elsewhere.insert(index, until);
        }
    }

    /// A spec's turn in its chain is over.
    pub(crate) fn end_turn(&mut self, run_id: RunId, index: SpecIndex) {
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(index)) else { return };
        let live = self.live.runs.get_mut(&run_id);
        let Some(group) = live.and_then(|live| live.group_mut(spec.group)) else { return };
        if let Some(chain) = group.chain_of(spec) {
            group.end_turn(&chain, index);
        }
    }

    /// The next spec of the chain that a spec belongs to has its turn.
    pub(crate) fn next_turn(&mut self, run_id: RunId, index: SpecIndex) {
        let Some(spec) = self.state.run(run_id).and_then(|run| run.spec(index)) else { return };
        let live = self.live.runs.get_mut(&run_id);
        let Some(group) = live.and_then(|live| live.group_mut(spec.group)) else { return };
        let next = group.chain_of(spec).and_then(|chain| group.next_turn(&chain));
        if let Some(next) = next {
            self.push(run_id, next);
            self.queue_changed(run_id);
        }
    }

    /// A spec is decided: others may wait for that.
    pub(crate) fn was_decided(&mut self, run_id: RunId, index: SpecIndex) {
        let Some(run) = self.state.run(run_id) else { return };
        let Some(spec) = run.spec(index) else { return };
        let over = run.cancelled.is_some();
        let live = self.live.runs.get_mut(&run_id);
        let Some(group) = live.and_then(|live| live.group_mut(spec.group)) else { return };
        let opened: BTreeSet<SpecIndex> = group.decided(spec, index);
        if over || opened.is_empty() {
            return;
        }
        self.enqueue_all(run_id, opened);
    }

    /// Where a waiting spec is queued, as it follows from the ledger and from what is kept for it.
    pub(crate) fn place_of(&self, run_id: RunId, index: SpecIndex) -> Option<(Queue, Place)> {
        let (run, live) = (self.state.run(run_id)?, self.live.runs.get(&run_id)?);
        let spec = run.spec(index)?;
        let group = live.group(spec.group)?;
        let mut place = place_alone(Some(run), spec, index);
        if let (Some(chain), Tier::Known | Tier::Unknown) = (group.chain_of(spec), place.tier) {
            // All of the chain follows from here: it is as urgent as a spec of that length.
            place = Place { tier: Tier::Known, weight: Reverse(group.remaining(&chain).max(1)), ..place };
        }
        let lane = match live.elsewhere.contains_key(&index) {
            _ if spec.is_suspect() => Lane::Suspect,
            true => Lane::Elsewhere,
            false => Lane::Open,
        };
        Some((Queue { class: group.class, lane, gate: live.known_gate(&gate_of(run, spec))? }, place))
    }

    /// How long a spec is expected to take on a worker of usual speed: from its own history, else like its group.
    pub(crate) fn forecast(&self, run: RunId, spec: &Spec) -> Option<Millis> {
        let own = spec.estimate.map(|estimate| estimate.expected());
        own.or_else(|| self.live.runs.get(&run)?.group(spec.group)?.typical())
    }

    /// A spec's group, where that has a limit on the specs that one worker runs of it.
    pub(crate) fn limited_group(&self, run: RunId, spec: &Spec) -> Option<GroupIndex> {
        self.state.run(run).and_then(|run| gate_of(run, spec).limited)
    }
}

/// A spec's place as if it were in no chain.
fn place_alone(run: Option<&Run>, spec: &Spec, index: SpecIndex) -> Place {
    let failed_first = run.is_some_and(|run| run.policy.failed_first);
    let last = spec.deciding_finish().map(|finish| finish.verdict);
    let (tier, weight) = match (last, spec.estimate) {
        (Some(AttemptVerdict::Lost | AttemptVerdict::Cancelled | AttemptVerdict::SetupFailed), _) => {
            (Tier::Again, 0)
        }
        (Some(_), _) => (Tier::Retry, 0),
        (None, estimate) if failed_first && spec.failed_last => {
            (Tier::FailedLast, estimate.map_or(0, |estimate| estimate.weight()))
        }
        (None, None) => (Tier::Unknown, spec.size_bytes),
        (None, Some(estimate)) => (Tier::Known, estimate.weight()),
    };
    Place { tier, weight: Reverse(weight), spec: index }
}

/// What a spec has to get past besides a slot.
fn gate_of(run: &Run, spec: &Spec) -> Gate {
    let policy = &run.group_of(spec).policy;
    let one_at_a_time = policy.parallel == Parallel::None;
    let limited = match policy.threads {
        Threads::Default | Threads::Unlimited => false,
        Threads::Count(_) | Threads::PerHundredCpus(_) => !one_at_a_time,
    };
    Gate {
        limited: limited.then_some(spec.group),
        greedy: policy.algorithm == Algorithm::Aggressive || policy.threads == Threads::Unlimited,
        locks: spec.locks.clone(),
    }
}
