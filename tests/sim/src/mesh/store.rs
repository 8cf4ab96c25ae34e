//! A model of the store: one transaction at a time, fenced by term, whose answers may be late, lost or refusals.

use super::World;
use super::event::{Answer, Body, CallId, Event, Letter, Node, Proc, StoreAsk};
use super::mutant::Mutant;
use crate::ledger::Ledger;
use crate::{Checked, ensure};
use part_core::{Entry, Millis, Record, Term};

/// Entries of one answer to a watcher.
const PAGE: usize = 64;

/// The store.
pub(super) struct Store {
    pub(super) ledger: Ledger,
    pub(super) term: Term,
    /// False while it does not answer.
    pub(super) up: bool,
    pub(super) slow: bool,
    /// It says that it cannot now.
    pub(super) fails: bool,
    /// It does what it is asked for, and its answers are lost.
    pub(super) mute: bool,
}

impl Store {
    pub(super) fn new() -> Store {
        let ledger = Ledger::default();
        Store { ledger, term: Term(0), up: true, slow: false, fails: false, mute: false }
    }

    /// Why a batch cannot be recorded, whatever its term; none when it can.
    fn misfit(&self, entries: &[Entry]) -> bool {
        let mut next = std::collections::BTreeMap::new();
        for entry in entries {
            let expected = next.entry(entry.run).or_insert_with(|| self.ledger.last_number(entry.run) + 1);
            if entry.number != *expected {
                return true;
            }
            *expected += 1;
            if let Record::RunOpened { submission, .. } = &entry.record
                && self.ledger.submissions.contains_key(submission)
            {
                return true;
            }
        }
        false
    }
}

impl World {
    pub(super) fn store_asked(&mut self, letter: Letter) -> Checked {
        if self.store.slow && self.rng.chance(70) {
            let at = self.now + Millis(self.rng.below(6_000));
            self.schedule(at, Event::StoreActs(Box::new(letter)));
            return Ok(());
        }
        self.store_acts(letter)
    }

    pub(super) fn store_acts(&mut self, letter: Letter) -> Checked {
        let Body::ToStore(proc, call, ask) = letter.body else { return Ok(()) };
        if !self.store.up {
            return Ok(());
        }
        if self.store.fails && self.rng.chance(80) {
            self.store_answers(proc, call, Answer::Temporary);
            return Ok(());
        }
        let answer = self.store_does(proc, ask)?;
        if !self.store.mute || self.rng.chance(20) {
            self.store_answers(proc, call, answer);
        } else {
            self.figures.answers_lost += 1;
        }
        Ok(())
    }

    fn store_answers(&mut self, proc: Proc, call: CallId, answer: Answer) {
        self.post(Node::Store, Node::Host(proc.host), Body::Answer(proc, call, answer));
    }

    fn store_does(&mut self, proc: Proc, ask: StoreAsk) -> Checked<Answer> {
        Ok(match ask {
            StoreAsk::Begin { above } => {
                ensure(self.etcd.held.contains(&proc), || {
                    format!("[9] {proc:?} begins a term and never held the leader key")
                })?;
                self.terms_over.insert(self.store.term, self.now);
                self.store.term = Term(self.store.term.0.max(above.0) + 1);
                let term = self.store.term;
                self.term_begun = self.now;
                self.figures.terms += 1;
                self.tell(|| format!("store: {proc:?} begins term {term}"));
                Answer::Begun(term)
            }
            StoreAsk::Load => {
                let folded = &self.store.ledger.folded;
                let open = folded.runs().filter(|run| run.finished.is_none());
                let newest = open.map(|run| self.store.ledger.last_at(run.id)).max().unwrap_or_default();
                Answer::Loaded(Box::new(folded.clone()), newest)
            }
            StoreAsk::Commit { term, entries } => self.store_commits(proc, term, &entries)?,
            StoreAsk::EndTerm(term) => {
                // Nobody holds it then, and it takes no further commit.
                if term == self.store.term {
                    self.terms_over.insert(term, self.now);
                    self.store.term = Term(term.0 + 1);
                }
                Answer::Done
            }
            StoreAsk::Submission(id) => Answer::Submission(self.store.ledger.submissions.get(&id).copied()),
            StoreAsk::Page { run, after } => Answer::Page(self.store.ledger.page(run, after, PAGE)),
        })
    }

    fn store_commits(&mut self, proc: Proc, term: Term, entries: &[Entry]) -> Checked<Answer> {
        let fenced = !matches!(self.mutant, Some(Mutant::CommitsOfAnyTerm | Mutant::LeadsByTimeOnly));
        if fenced && term != self.store.term {
            self.figures.fenced += 1;
            self.tell(|| format!("store: {proc:?} is refused, its term {term} is over"));
            return Ok(Answer::Superseded);
        }
        if self.store.misfit(entries) {
            self.tell(|| format!("store: {} entries of {proc:?} do not fit", entries.len()));
            self.figures.misfits += 1;
            // Recorded already, and the leader never heard of it; anything else is a mistake of its own.
            ensure(self.unsure.contains(&term), || {
                format!("[1] what {proc:?} wants to record in term {term} does not fit")
            })?;
            return Ok(Answer::Misfit);
        }
        ensure(entries.is_empty() || term == self.store.term, || {
            format!("[2] {proc:?} recorded {} entries in term {term}, which is over", entries.len())
        })?;
        for entry in entries {
            self.check_reality(entry)?;
        }
        self.store.ledger.commit(entries)?;
        self.mix(entries.len() as u64);
        self.tell(|| format!("store: {} entries of {proc:?} in term {term}", entries.len()));
        Ok(Answer::Done)
    }
}
