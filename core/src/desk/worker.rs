//! [`Desk`]: what a worker remembers, obeys and refuses.

use super::spool::Spool;
use crate::{
    AttemptId, CancelMode, Capabilities, Command, Finish, HeldAttempt, HeldState, Incarnation, Introduction,
    LostCause, Report, ReportBody, SlotId, StartOrder, Term, WorkerId,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a worker is for the whole of one life.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Its stable name.
    pub worker: WorkerId,
    /// This life.
    pub incarnation: Incarnation,
    /// Where it runs, for display.
    pub host: String,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its slots.
    pub slots: Vec<SlotId>,
    /// Slots beyond those, for groups that may start more than it has CPUs.
    pub extra_slots: Vec<SlotId>,
    /// How many CPUs it has; 0 where that is not known.
    pub cpus: u32,
    /// Version of its program, for display.
    pub version: String,
}

/// What the worker's slots are to do after a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Give this order to its slot; if the slot cannot take it, say so with [`Desk::refuse`].
    Start(StartOrder),
    /// Stop an attempt.
    Cancel {
        /// The attempt.
        attempt: AttemptId,
        /// Its slot.
        slot: SlotId,
        /// How hard.
        mode: CancelMode,
    },
    /// Nobody will ask for this attempt again: what is left of it may go.
    Forget {
        /// The attempt.
        attempt: AttemptId,
        /// Its slot.
        slot: SlotId,
    },
}

/// One life of a worker, as far as its leader is concerned.
#[derive(Clone, Debug)]
pub struct Desk {
    identity: Identity,
    /// The highest term that was obeyed.
    term: Term,
    /// What each slot holds, until its end is acknowledged.
    held: BTreeMap<AttemptId, SlotId>,
    /// Attempts to forget without a report.
    discarded: BTreeSet<AttemptId>,
    spool: Spool,
    refused_commands: u64,
}

impl Desk {
    /// An empty desk. What an earlier life left behind is added with [`Desk::adopt`].
    pub fn new(identity: Identity) -> Desk {
        Desk {
            identity,
            term: Term::default(),
            held: BTreeMap::new(),
            discarded: BTreeSet::new(),
            spool: Spool::default(),
            refused_commands: 0,
        }
    }

    /// Takes over an attempt that an earlier life of this worker was given.
    pub fn adopt(&mut self, attempt: AttemptId, slot: SlotId) {
        self.held.insert(attempt, slot);
    }

    /// What it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The highest term that was obeyed.
    pub fn term_seen(&self) -> Term {
        self.term
    }

    /// Commands of older terms that were refused in this life.
    pub fn refused_commands(&self) -> u64 {
        self.refused_commands
    }

    /// The slot of an attempt that is held.
    pub fn slot_of(&self, attempt: AttemptId) -> Option<SlotId> {
        self.held.get(&attempt).copied()
    }

    /// What is held, until its end is acknowledged.
    pub fn held(&self) -> impl ExactSizeIterator<Item = (AttemptId, SlotId)> {
        self.held.iter().map(|(attempt, slot)| (*attempt, *slot))
    }

    /// The first message of a link, with what only the machine knows. Reports go out again from the first after
    /// [`Desk::rewind`], which belongs to every new link.
    pub fn introduction(
        &self,
        draining: bool,
        problem: Option<String>,
        scarce: Option<String>,
    ) -> Introduction {
        let finished: BTreeSet<AttemptId> = self.spool.finished().collect();
        let held = self.held.iter().map(|(attempt, slot)| HeldAttempt {
            attempt: *attempt,
            slot: *slot,
            state: if finished.contains(attempt) { HeldState::Reported } else { HeldState::Running },
        });
        Introduction {
            worker: self.identity.worker.clone(),
            incarnation: self.identity.incarnation,
            host: self.identity.host.clone(),
            term_seen: self.term,
            capabilities: self.identity.capabilities.clone(),
            slots: self.identity.slots.clone(),
            extra_slots: self.identity.extra_slots.clone(),
            cpus: self.identity.cpus,
            scarce,
            held: held.collect(),
            draining,
            problem,
            version: self.identity.version.clone(),
        }
    }

    /// Notes the term of something that a leader said. False, and counted, when a newer leader was obeyed already:
    /// then it must be ignored.
    pub fn obeys(&mut self, term: Term) -> bool {
        if term < self.term {
            self.refused_commands += 1;
            return false;
        }
        self.term = term;
        true
    }

    /// Takes a command and says what the slots are to do about it, in order. Nothing for one of an older term.
    pub fn hear(&mut self, term: Term, command: Command) -> Vec<Act> {
        if !self.obeys(term) {
            return Vec::new();
        }
        match command {
            Command::Welcome { acknowledged, discard, lost_after: _ } => {
                let mut acts = self.acknowledged(acknowledged);
                acts.extend(discard.into_iter().filter_map(|attempt| self.discard(attempt)));
                acts
            }
            Command::Start(order) => self.start(order),
            Command::Cancel { attempt, mode } => {
                let slot = self.slot_of(attempt);
                slot.map(|slot| Act::Cancel { attempt, slot, mode }).into_iter().collect()
            }
            Command::Acknowledge { through } => self.acknowledged(through),
        }
    }

    /// A slot could not take the attempts of an order that [`Desk::hear`] gave out: the leader learns that they are
    /// lost, and why.
    pub fn refuse(&mut self, order: &StartOrder, why: &str) {
        for attempt in order.attempts.iter().map(|order| order.attempt) {
            self.held.remove(&attempt);
            let message = format!("slot {}: {why}", order.slot);
            let finish = Box::new(Finish::lost(LostCause::Refused, message));
            self.spool.push(ReportBody::Finished { attempt, finish });
        }
    }

    /// Takes a fact from a slot: it becomes a numbered report, unless the leader wants to hear nothing of its attempt.
    pub fn slot_said(&mut self, body: ReportBody) -> Option<Act> {
        if let ReportBody::Finished { attempt, .. } = &body
            && self.discarded.remove(attempt)
        {
            return self.settled(*attempt);
        }
        self.spool.push(body);
        None
    }

    /// A new link is open: every report that is not acknowledged goes out again.
    pub fn rewind(&mut self) {
        self.spool.rewind();
    }

    /// True while [`Desk::next_report`] has something for the present link.
    pub fn has_unsent(&self) -> bool {
        self.spool.has_unsent()
    }

    /// The next report for the present link.
    pub fn next_report(&mut self) -> Option<&Report> {
        self.spool.next()
    }

    /// Reports that are not acknowledged, oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Report> {
        self.spool.waiting()
    }

    fn start(&mut self, order: StartOrder) -> Vec<Act> {
        if order.attempts.iter().all(|order| self.held.contains_key(&order.attempt)) {
            return Vec::new(); // Sent again.
        }
        for attempt in &order.attempts {
            self.held.insert(attempt.attempt, order.slot);
        }
        vec![Act::Start(order)]
    }

    fn discard(&mut self, attempt: AttemptId) -> Option<Act> {
        let slot = self.slot_of(attempt)?;
        self.discarded.insert(attempt);
        Some(Act::Cancel { attempt, slot, mode: CancelMode::Kill })
    }

    fn acknowledged(&mut self, through: u64) -> Vec<Act> {
        let settled = self.spool.acknowledge(through);
        settled.into_iter().filter_map(|attempt| self.settled(attempt)).collect()
    }

    fn settled(&mut self, attempt: AttemptId) -> Option<Act> {
        self.discarded.remove(&attempt);
        self.held.remove(&attempt).map(|slot| Act::Forget { attempt, slot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptOrder, AttemptVerdict, Millis, Recipe, RunId, SpecIndex, Workspace};
    use std::sync::Arc;

    const SLOT: SlotId = SlotId(0);

    fn attempt(spec: u32) -> AttemptId {
        AttemptId { run: RunId(1), spec: SpecIndex(spec), number: 1 }
    }

    fn order(spec: u32) -> StartOrder {
        let order = AttemptOrder {
            attempt: attempt(spec),
            project: "p".into(),
            group: "g".into(),
            spec: "s".into(),
            recipe: Arc::new(Recipe::of_command(vec!["true".to_owned()])),
            expected_tests: None,
            only: None,
            timeout: None,
        };
        StartOrder {
            slot: SLOT,
            workspace: Workspace::InPlace("/".to_owned()),
            attempts: vec![order],
            cpus: None,
        }
    }

    fn finished(spec: u32) -> ReportBody {
        let finish = Box::new(Finish::declared(AttemptVerdict::Passed, ""));
        ReportBody::Finished { attempt: attempt(spec), finish }
    }

    fn desk() -> Desk {
        Desk::new(Identity {
            worker: WorkerId("w".to_owned()),
            incarnation: Incarnation(1),
            host: "h".to_owned(),
            capabilities: Capabilities::default(),
            slots: vec![SLOT],
            version: "0".to_owned(),
            cpus: 0,
            extra_slots: Vec::new(),
        })
    }

    fn held(desk: &Desk) -> Vec<(u32, HeldState)> {
        let held = desk.introduction(false, None, None).held;
        held.into_iter().map(|held| (held.attempt.spec.0, held.state)).collect()
    }

    fn reported(desk: &mut Desk) -> Vec<(u64, u32)> {
        desk.rewind();
        let mut ends = Vec::new();
        while let Some(Report { number, body }) = desk.next_report() {
            if let ReportBody::Finished { attempt, .. } = body {
                ends.push((*number, attempt.spec.0));
            }
        }
        ends
    }

    #[test]
    fn attempts_that_share_a_process_are_held_and_settled_one_by_one() {
        let mut desk = desk();
        let mut batch = order(1);
        batch.attempts.extend([order(2), order(3)].map(|mut order| order.attempts.remove(0)));
        let acts = desk.hear(Term(1), Command::Start(batch.clone()));
        assert_eq!(acts, [Act::Start(batch.clone())]);
        assert!(desk.hear(Term(1), Command::Start(batch.clone())).is_empty(), "sent again");
        let running = HeldState::Running;
        assert_eq!(held(&desk), [(1, running), (2, running), (3, running)]);
        // One of them is stopped by name, whoever shares its process.
        let cancel = Command::Cancel { attempt: attempt(2), mode: CancelMode::Graceful };
        let acts = desk.hear(Term(1), cancel);
        assert_eq!(acts, [Act::Cancel { attempt: attempt(2), slot: SLOT, mode: CancelMode::Graceful }]);
        for spec in 1..=3 {
            assert_eq!(desk.slot_said(finished(spec)), None);
        }
        let forget = |spec| Act::Forget { attempt: attempt(spec), slot: SLOT };
        assert_eq!(desk.hear(Term(1), Command::Acknowledge { through: 2 }), [forget(1), forget(2)]);
        assert_eq!(held(&desk), [(3, HeldState::Reported)]);
        assert_eq!(desk.hear(Term(1), Command::Acknowledge { through: 3 }), [forget(3)]);
        // A slot that cannot take it answers for each.
        desk.hear(Term(1), Command::Start(batch.clone()));
        desk.refuse(&batch, "the slot is taken");
        assert_eq!(reported(&mut desk), [(4, 1), (5, 2), (6, 3)]);
        assert!(held(&desk).is_empty());
    }

    #[test]
    fn an_order_that_comes_twice_is_one_order() {
        let mut desk = desk();
        assert_eq!(desk.hear(Term(1), Command::Start(order(7))), [Act::Start(order(7))]);
        assert_eq!(desk.hear(Term(1), Command::Start(order(7))), []);
        assert_eq!(held(&desk), [(7, HeldState::Running)]);
        assert_eq!(desk.slot_said(finished(7)), None);
        assert_eq!(desk.hear(Term(1), Command::Start(order(7))), [], "it ended, but nobody has heard of it");
        assert_eq!(held(&desk), [(7, HeldState::Reported)]);
        let forget = Act::Forget { attempt: attempt(7), slot: SLOT };
        assert_eq!(desk.hear(Term(1), Command::Acknowledge { through: 9 }), [forget]);
        assert_eq!(held(&desk), []);
    }

    #[test]
    fn an_order_that_a_slot_refuses_is_answered() {
        let mut desk = desk();
        desk.hear(Term(1), Command::Start(order(1)));
        desk.refuse(&order(1), "taken");
        assert_eq!(held(&desk), []);
        assert_eq!(reported(&mut desk), [(1, 1)]);
        assert_eq!(desk.hear(Term(1), Command::Acknowledge { through: 1 }), [], "there is nothing to forget");
    }

    #[test]
    fn only_the_highest_term_is_obeyed() {
        let mut desk = desk();
        assert!(desk.obeys(Term(5)));
        assert_eq!(desk.hear(Term(4), Command::Start(order(1))), []);
        assert!(!desk.obeys(Term(4)) && held(&desk).is_empty());
        assert_eq!((desk.refused_commands(), desk.term_seen()), (2, Term(5)));
        assert_eq!(desk.hear(Term(6), Command::Start(order(1))).len(), 1);
        assert_eq!(desk.introduction(true, Some("full".to_owned()), None).term_seen, Term(6));
    }

    #[test]
    fn what_is_discarded_is_stopped_and_not_reported() {
        let mut desk = desk();
        desk.adopt(attempt(1), SLOT);
        let discard = vec![attempt(1), attempt(9)];
        let lost_after = Millis::seconds(60);
        let acts = desk.hear(Term(1), Command::Welcome { acknowledged: 0, discard, lost_after });
        let kill = Act::Cancel { attempt: attempt(1), slot: SLOT, mode: CancelMode::Kill };
        assert_eq!(acts, [kill], "what is not held needs no stopping");
        let forget = Act::Forget { attempt: attempt(1), slot: SLOT };
        assert_eq!(desk.slot_said(finished(1)), Some(forget));
        assert_eq!((reported(&mut desk), held(&desk)), (vec![], vec![]));
    }

    #[test]
    fn reports_go_out_again_over_every_link_until_they_are_acknowledged() {
        let mut desk = desk();
        for spec in 1..=3 {
            desk.adopt(attempt(spec), SLOT);
            desk.slot_said(finished(spec));
        }
        assert_eq!(reported(&mut desk), [(1, 1), (2, 2), (3, 3)]);
        assert!(!desk.has_unsent());
        desk.hear(Term(1), Command::Acknowledge { through: 2 });
        assert_eq!(reported(&mut desk), [(3, 3)]);
        assert_eq!(desk.unacknowledged().count(), 1);
    }
}
