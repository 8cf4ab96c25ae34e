//! The leader as its driver runs it: inputs in order, records committed in batches, effects only then.

use super::links::{self, ToWorker};
use super::silence::Silence;
use super::{Event, Sabotage, World};
use crate::worker::LinkId;
use crate::{Checked, check, ensure};
use part_core::{
    Command, Config, Core, Effect, Entry, Incarnation, Input, Millis, Pending, Record, RunId, SubmissionId,
    Term, Timestamp, WorkerId,
};
use std::collections::BTreeMap;

/// One leadership.
pub(super) struct Leader {
    pub(super) core: Core,
    term: Term,
    links: BTreeMap<WorkerId, (LinkId, Incarnation)>,
    silence: Silence,
    /// Introductions whose welcome was not released yet: orders made before it belong to an earlier link.
    unwelcomed: BTreeMap<WorkerId, u32>,
    /// What waits for the write under way to be done.
    next: Pending,
    writing: Option<Writing>,
    /// When it is already going to be woken.
    wakes_at: Option<Timestamp>,
}

/// A batch on its way to the store.
enum Writing {
    Honest(Pending),
    /// Its effects are out already, which only a saboteur does.
    Released(Vec<Entry>),
}

impl Writing {
    fn entries(&self) -> &[Entry] {
        match self {
            Writing::Honest(pending) => pending.entries(),
            Writing::Released(entries) => entries,
        }
    }

    fn confirm(self) -> Vec<Effect> {
        match self {
            Writing::Honest(pending) => pending.confirm(),
            Writing::Released(_) => Vec::new(),
        }
    }
}

impl Leader {
    pub(super) fn opened(&mut self, worker: &WorkerId, link: LinkId, life: Incarnation) {
        self.links.insert(worker.clone(), (link, life));
        *self.unwelcomed.entry(worker.clone()).or_default() += 1;
    }

    pub(super) fn closed(&mut self, worker: &WorkerId) {
        self.links.remove(worker);
    }

    /// The life on the other end of this link, if it is the worker's newest.
    pub(super) fn life_on(&self, worker: &WorkerId, link: LinkId) -> Option<Incarnation> {
        self.links.get(worker).filter(|(newest, _)| *newest == link).map(|(_, life)| *life)
    }

    /// Records that are not committed yet.
    fn uncommitted(&self) -> impl Iterator<Item = &Entry> {
        let writing = self.writing.iter().flat_map(Writing::entries);
        writing.chain(self.next.entries())
    }

    /// True when a run of this submission is on its way to the ledger.
    pub(super) fn is_opening(&self, id: SubmissionId) -> bool {
        self.uncommitted()
            .any(|e| matches!(&e.record, Record::RunOpened { submission, .. } if *submission == id))
    }
}

impl World {
    pub(super) fn leader_starts(&mut self) -> Checked {
        if self.leader.is_some() {
            return Ok(());
        }
        self.figures.takeovers += u64::from(self.term > Term(0));
        self.term = Term(self.term.0 + 1);
        let config = Config { term: self.term, bounds: self.plan.bounds.clone() };
        let (core, pending) = Core::new(config, self.store.folded.clone(), self.now);
        self.tell(|| format!("leader starts, recovering: {}", core.is_recovering()));
        check::after_input(&core, pending.entries(), &self.plan.bounds, self.now)?;
        self.leader = Some(Leader {
            core,
            term: self.term,
            links: BTreeMap::new(),
            silence: Silence::since(self.now),
            unwelcomed: BTreeMap::new(),
            next: pending,
            writing: None,
            wakes_at: None,
        });
        self.pump()
    }

    /// Ends a leadership. What it was writing may have reached the store all the same, or in part.
    pub(super) fn leader_dies(&mut self, down: Millis) -> Checked {
        let Some(mut leader) = self.leader.take() else { return Ok(()) };
        self.tell(|| "leader dies".to_owned());
        if let Some(writing) = leader.writing.take() {
            let entries = writing.entries();
            let reached = match self.rng.below(100) {
                0..50 => entries.len(),
                // A large batch is written in several transactions.
                50..75 => self.rng.below(entries.len() as u64 + 1) as usize,
                _ => 0,
            };
            self.figures.batches_lost += u64::from(reached < entries.len());
            self.store.commit(&entries[..reached])?;
        }
        self.figures.batches_lost += u64::from(!leader.next.is_empty());
        self.leader_frozen = self.now;
        for worker in 0..self.workers.len() {
            if let Some((link, _)) = self.workers[worker].link {
                let at = self.soon(Millis(4_000));
                self.schedule(at, Event::Notice(worker, link));
            }
        }
        // Messages under way to this leader reach nobody; its own may still arrive.
        self.wires.values_mut().for_each(links::Wire::lose_leader);
        self.wires.retain(|link, wire| self.workers[wire.worker].link.is_some_and(|(own, _)| own == *link));
        self.clients_lose_leader();
        let at = self.now + Millis(self.rng.between(50, down.0));
        self.schedule(at, Event::LeaderStarts);
        Ok(())
    }

    /// Gives the core one input and looks at what it makes of it.
    pub(super) fn feed(&mut self, input: Input) -> Checked {
        if self.leader.is_none() {
            return Ok(());
        }
        self.tell(|| format!("{input:?}"));
        let (now, bounds) = (self.now, &self.plan.bounds);
        let Some(leader) = self.leader.as_mut() else { return Ok(()) };
        let reason = leader.silence.hear(&input, now);
        let pending = leader.core.handle(now, input);
        self.figures.inputs += 1;
        let checked = check::after_input(&leader.core, pending.entries(), bounds, now)
            .and_then(|()| leader.silence.check(&reason, pending.entries(), &self.store, bounds, now));
        if let Some(transcript) = &mut self.transcript {
            transcript.extend(
                pending.entries().iter().map(|e| format!("        {:?} {}: {:?}", e.run, e.number, e.record)),
            );
        }
        leader.next.append(pending);
        checked?;
        self.pump()
    }

    /// Starts the next write, and sees to it that the core is woken.
    fn pump(&mut self) -> Checked {
        let took = self.rng.below(self.plan.delay.0 / 4 + 2);
        let Some(leader) = self.leader.as_mut() else { return Ok(()) };
        let term = leader.term;
        let mut early = Vec::new();
        let starts = leader.writing.is_none() && !leader.next.is_empty();
        if starts {
            let batch = std::mem::take(&mut leader.next);
            leader.writing = Some(match self.sabotage {
                Some(Sabotage::EffectsBeforeCommit) => {
                    let entries = batch.entries().to_vec();
                    early = batch.confirm();
                    Writing::Released(entries)
                }
                Some(_) | None => Writing::Honest(batch),
            });
        }
        let wakeup = leader.core.wakeup().map(|(at, _)| at.max(self.now));
        let sooner = wakeup.filter(|at| leader.wakes_at.is_none_or(|known| *at < known || known < self.now));
        if sooner.is_some() {
            leader.wakes_at = sooner;
        }
        if let Some(at) = sooner {
            self.schedule(at, Event::Wake(term));
        }
        if starts {
            self.schedule(self.now + Millis(took), Event::Commit(term));
        }
        self.release(early)
    }

    pub(super) fn wake(&mut self, term: Term) -> Checked {
        match self.leader.as_mut().filter(|leader| leader.term == term) {
            Some(leader) => leader.wakes_at = None,
            None => return Ok(()),
        }
        self.feed(Input::TimePassed)
    }

    pub(super) fn leader_thaws(&mut self, lasted: Millis) -> Checked {
        self.tell(|| format!("leader runs on after {lasted}"));
        self.feed(Input::LeaderPaused { lasted })
    }

    pub(super) fn commit(&mut self, term: Term) -> Checked {
        let Some(leader) = self.leader.as_mut().filter(|leader| leader.term == term) else { return Ok(()) };
        if std::mem::take(&mut self.commit_fails) {
            return self.leader_dies(Millis(3_000));
        }
        let Some(batch) = leader.writing.take() else { return Ok(()) };
        self.store.commit(batch.entries())?;
        let caught_up = leader.next.is_empty();
        self.release(batch.confirm())?;
        if caught_up && let Some(leader) = &self.leader {
            let folded = self.store.folded.runs().filter(|run| run.finished.is_none());
            ensure(folded.eq(leader.core.state().runs()), || {
                "the fold of the ledger is not the live state".to_owned()
            })?;
        }
        self.pump()
    }

    /// Lets out what was committed.
    fn release(&mut self, effects: Vec<Effect>) -> Checked {
        let mut told: BTreeMap<RunId, u64> = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::Reply { request, reply } => self.answered(request, reply)?,
                Effect::RunAdvanced { run, through, finished } => {
                    let before = told.insert(run, through);
                    let (committed, ended) = (self.store.last_number(run), self.store.is_finished(run));
                    ensure(before.is_none_or(|before| before < through) && through <= committed, || {
                        format!(
                            "watchers of {run:?} hear of {through} after {before:?}, committed are {committed}"
                        )
                    })?;
                    ensure(!finished || ended, || {
                        format!("watchers hear of the end of {run:?}, which is open")
                    })?;
                }
                Effect::CloseLink { worker } => self.close_link(&worker),
                Effect::Command { worker, command } => self.order(worker, command)?,
            }
        }
        Ok(())
    }

    fn close_link(&mut self, worker: &WorkerId) {
        let Some(leader) = self.leader.as_mut() else { return };
        let replaced = leader.unwelcomed.get(worker).is_some_and(|count| *count > 0);
        if replaced || self.sabotage == Some(Sabotage::KeepsLinksOfTheLost) {
            return;
        }
        if let Some((link, _)) = leader.links.remove(worker) {
            self.send_to_worker(link, ToWorker::Closed);
        }
    }

    /// Sends an order, unless it was made for an earlier link than the one that is open now.
    fn order(&mut self, worker: WorkerId, command: Command) -> Checked {
        self.check_order(&worker, &command)?;
        let Some(leader) = self.leader.as_mut() else { return Ok(()) };
        let unwelcomed = leader.unwelcomed.entry(worker.clone()).or_default();
        if let Command::Welcome { .. } = command {
            *unwelcomed = unwelcomed.saturating_sub(1);
        }
        let stale = *unwelcomed > 0 && self.sabotage != Some(Sabotage::OrdersOverNewerLinks);
        let (term, link) = (leader.term, leader.links.get(&worker).map(|(link, _)| *link));
        if let (false, Some(link)) = (stale, link) {
            self.send_to_worker(link, ToWorker::Order(term, command));
        }
        Ok(())
    }

    /// An order may only follow from what the ledger says now.
    fn check_order(&self, worker: &WorkerId, command: &Command) -> Checked {
        let open = |run| {
            ensure(!self.store.ended_before_this_batch(run), || {
                format!("{worker} gets {command:?} after the end of its run")
            })
        };
        match command {
            Command::Start(order) => {
                for attempt in &order.attempts {
                    open(attempt.attempt.run)?;
                    let id = attempt.attempt;
                    // A batch may hold the attempt's end already; then the order is dropped with its link.
                    let known = self.store.folded.attempt(id).is_some_and(|(_, _, a)| a.worker == *worker);
                    ensure(known, || format!("{worker} is to start {id}, which the ledger does not know"))?;
                    let placed = self.store.place(id).is_none_or(|(_, slot)| *slot == order.slot);
                    ensure(placed, || {
                        format!("{worker} is to start {id} on slot {}, the ledger differs", order.slot)
                    })?;
                }
                Ok(())
            }
            Command::Cancel { attempt, .. } => {
                open(attempt.run)?;
                let known = self.store.folded.attempt(*attempt).is_some_and(|(_, _, a)| a.worker == *worker);
                ensure(known, || format!("{worker} is to stop {attempt}, which it was never given"))
            }
            Command::Welcome { .. } | Command::Acknowledge { .. } => Ok(()),
        }
    }
}
