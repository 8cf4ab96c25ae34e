//! The leader's batches: recorded first, and their effects let out only then.
//!
//! As in `daemon/src/leader/driver.rs`.

use super::World;
use super::clock::Mono;
use super::daemon::{Purpose, STORE_PATIENCE};
use super::driver::{Leader, Turned};
use super::event::{Answer, Answered, Body, CallId, Event, Node, Proc, StoreAsk, ToWorker};
use super::mutant::Mutant;
use super::seat::{Down, FIRST, SLOWEST, STORE_AWAY};
use crate::Checked;
use part_core::{Command, Effect, Entry, Millis, Pending, Term};

/// A batch on its way to the store.
pub(super) struct Writing {
    entries: Vec<Entry>,
    batch: Batch,
    since: Mono,
    wait: Millis,
    call: Option<CallId>,
}

enum Batch {
    Honest(Pending),
    /// Some effects are out already, which only a mutant does.
    Opened(Vec<Effect>),
}

impl World {
    /// Commits a batch, then lets its effects out.
    pub(super) fn settle(&mut self, proc: Proc, leader: &mut Leader, pending: Pending) -> Turned {
        let mono = self.mono(proc.host);
        let stale = mono.since(leader.confirmed) > self.plan.term_look
            && self.mutant != Some(Mutant::NeverLooksAtTerm);
        let fenced = !pending.is_empty() && self.mutant != Some(Mutant::EffectsOfAnyTerm);
        if pending.entries().is_empty() && !fenced && !(stale && pending.is_empty()) {
            self.release(proc, leader, pending.confirm())?;
            return self.go_on(proc, leader);
        }
        let entries = pending.entries().to_vec();
        let batch = match self.mutant {
            Some(Mutant::EffectsBeforeCommit) => {
                self.release(proc, leader, pending.confirm())?;
                Batch::Opened(Vec::new())
            }
            Some(Mutant::AcknowledgesBeforeCommit) => {
                let (early, late) = pending.confirm().into_iter().partition(|effect| {
                    matches!(effect, Effect::Command { command: Command::Acknowledge { .. }, .. })
                });
                self.release(proc, leader, early)?;
                Batch::Opened(late)
            }
            Some(_) | None => Batch::Honest(pending),
        };
        leader.writing = Some(Writing { entries, batch, since: mono, wait: FIRST, call: None });
        self.commit(proc, leader)
    }

    fn commit(&mut self, proc: Proc, leader: &mut Leader) -> Turned {
        let mono = self.mono(proc.host);
        let in_office = self.daemon(proc).is_some_and(|daemon| daemon.coordinator.in_office(mono));
        if self.mutant == Some(Mutant::LeadsByTimeOnly) && !in_office {
            return Ok(Err(Down::Superseded));
        }
        let term = leader.core.term();
        let Some(writing) = &mut leader.writing else { return Ok(Ok(())) };
        let entries = writing.entries.clone();
        let call = self.call(proc, Purpose::Commit(term), STORE_PATIENCE);
        writing.call = call;
        if let Some(call) = call {
            let body = Body::ToStore(proc, call, StoreAsk::Commit { term, entries });
            self.post(Node::Host(proc.host), Node::Store, body);
        }
        Ok(Ok(()))
    }

    pub(super) fn commit_again(&mut self, proc: Proc, term: Term) -> Checked {
        self.with_leader(proc, |world, leader| {
            let waits = leader.writing.as_ref().is_some_and(|writing| writing.call.is_none());
            if leader.core.term() == term && waits { world.commit(proc, leader) } else { Ok(Ok(())) }
        })
    }

    /// The store answered to a commit, or did not.
    pub(super) fn committed(
        &mut self,
        proc: Proc,
        term: Term,
        call: CallId,
        answer: Option<Answer>,
    ) -> Checked {
        self.with_leader(proc, |world, leader| {
            let own = leader.writing.as_ref().is_some_and(|writing| writing.call == Some(call));
            if leader.core.term() != term || !own {
                return Ok(Ok(()));
            }
            match answer {
                Some(Answer::Done) => world.recorded(proc, leader),
                Some(Answer::Superseded) => Ok(Err(Down::Superseded)),
                Some(Answer::Misfit) => Ok(Err(Down::Rebuild)),
                Some(_) | None => world.retry_commit(proc, leader),
            }
        })
    }

    fn retry_commit(&mut self, proc: Proc, leader: &mut Leader) -> Turned {
        let mono = self.mono(proc.host);
        let term = leader.core.term();
        self.unsure.insert(term);
        let Some(writing) = &mut leader.writing else { return Ok(Ok(())) };
        if mono.since(writing.since) >= STORE_AWAY {
            return Ok(Err(Down::Store));
        }
        let at = mono + writing.wait;
        writing.call = None;
        writing.wait = Millis(2 * writing.wait.0).min(SLOWEST);
        let at = self.when(proc.host, at);
        self.schedule(at, Event::CommitAgain(proc, term));
        Ok(Ok(()))
    }

    fn recorded(&mut self, proc: Proc, leader: &mut Leader) -> Turned {
        leader.confirmed = self.mono(proc.host);
        let Some(writing) = leader.writing.take() else { return Ok(Ok(())) };
        let effects = match writing.batch {
            Batch::Honest(pending) => pending.confirm(),
            Batch::Opened(late) => late,
        };
        self.release(proc, leader, effects)?;
        self.check_fold(leader)?;
        self.go_on(proc, leader)
    }

    fn release(&mut self, proc: Proc, leader: &mut Leader, effects: Vec<Effect>) -> Checked {
        let term = leader.core.term();
        if !effects.is_empty() {
            self.check_term(proc, term, leader.decides)?;
        }
        for effect in effects {
            match effect {
                Effect::Reply { request, reply } => {
                    if let Some(asker) = leader.answers.remove(&request) {
                        self.check_reply(asker, &reply)?;
                        self.answer(proc, asker, Answered::Reply(reply));
                    }
                }
                Effect::Command { worker, command } => {
                    self.check_order(proc, term, &worker, &command)?;
                    if let Some(conn) = leader.links.get(&worker) {
                        self.send_to_worker(*conn, ToWorker::Command(term, command));
                    }
                }
                Effect::CloseLink { worker } => {
                    if self.mutant != Some(Mutant::KeepsLinksOfTheLost)
                        && let Some(conn) = leader.links.remove(&worker)
                    {
                        self.leader_closes(conn, true);
                    }
                }
                Effect::RunAdvanced { run, through, finished } => self.check_news(run, through, finished)?,
            }
        }
        Ok(())
    }
}
