//! The leader's seat of one daemon: finding a footing in the store, and giving the seat up.
//!
//! As in `daemon/src/seat.rs` and the outer loop of `daemon/src/leader/driver.rs`.

use super::World;
use super::clock::{Mono, PeriodClock};
use super::daemon::Purpose;
use super::driver::{Leader, Mail};
use super::event::{Answer, Answered, Event, Proc, StoreAsk};
use super::mutant::Mutant;
use crate::{Checked, check};
use part_core::{Bounds, Config, Core, Input, Millis, State, Term, Timestamp};

/// First wait before the store is asked again; doubled up to [`SLOWEST`].
pub(super) const FIRST: Millis = Millis(50);
/// Longest wait before the store is asked again.
pub(super) const SLOWEST: Millis = Millis(5_000);
/// A leader whose store stays away for so long leaves the office to another.
pub(super) const STORE_AWAY: Millis = Millis(10_000);

/// Whether this daemon leads.
#[derive(Default)]
pub(super) enum Seat {
    #[default]
    Vacant,
    /// It begins a term and reads the unfinished runs.
    Footing { above: Term, since: Mono, wait: Millis },
    Leading(Box<Leader>),
}

impl Seat {
    pub(super) fn leads(&self) -> bool {
        matches!(self, Seat::Leading(_))
    }
}

/// Why a leadership period ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Down {
    /// Somebody else is in office.
    Stopped,
    /// Another leader began a term.
    Superseded,
    /// The store stayed away.
    Store,
    /// What it held cannot be trusted any more.
    Rebuild,
    /// A worker obeyed this higher term.
    Outbid(Term),
}

impl World {
    /// In office: finds a footing.
    pub(super) fn take_seat(&mut self, proc: Proc) -> Checked {
        self.seek_footing(proc, Term(0));
        Ok(())
    }

    fn seek_footing(&mut self, proc: Proc, above: Term) {
        let since = self.mono(proc.host);
        self.daemon_state(proc, |daemon| daemon.seat = Seat::Footing { above, since, wait: FIRST });
        self.ask_store(proc, StoreAsk::Begin { above }, Purpose::Begin);
    }

    /// Tries again after a failure, for a while.
    pub(super) fn find_footing(&mut self, proc: Proc) -> Checked {
        let Some(Seat::Footing { above, .. }) = self.daemon(proc).map(|daemon| &daemon.seat) else { return Ok(()) };
        let above = *above;
        self.ask_store(proc, StoreAsk::Begin { above }, Purpose::Begin);
        Ok(())
    }

    fn footing_failed(&mut self, proc: Proc) -> Checked {
        let mono = self.mono(proc.host);
        let Some(Seat::Footing { since, wait, .. }) = self.daemon(proc).map(|daemon| &mut daemon.seat) else {
            return Ok(());
        };
        if mono.since(*since) >= STORE_AWAY {
            return self.step_down(proc, Down::Store);
        }
        let at = mono + *wait;
        *wait = Millis(2 * wait.0).min(SLOWEST);
        let at = self.when(proc.host, at);
        self.schedule(at, Event::FindFooting(proc));
        Ok(())
    }

    pub(super) fn begun(&mut self, proc: Proc, answer: Option<Answer>) -> Checked {
        let seeks = self.daemon(proc).is_some_and(|daemon| matches!(daemon.seat, Seat::Footing { .. }));
        match answer {
            Some(Answer::Begun(term)) if seeks => {
                self.ask_store(proc, StoreAsk::Load, Purpose::Load(term));
                Ok(())
            }
            Some(_) | None => self.footing_failed(proc),
        }
    }

    pub(super) fn loaded(&mut self, proc: Proc, term: Term, answer: Option<Answer>) -> Checked {
        let seeks = self.daemon(proc).is_some_and(|daemon| matches!(daemon.seat, Seat::Footing { .. }));
        match answer {
            Some(Answer::Loaded(state, newest)) if seeks => self.begins(proc, term, *state, newest),
            Some(_) | None => self.footing_failed(proc),
        }
    }

    /// A leadership period begins.
    fn begins(&mut self, proc: Proc, term: Term, state: State, newest: Timestamp) -> Checked {
        let host = &self.hosts[proc.host];
        let clock = PeriodClock::start(&host.clock, self.now, newest);
        let now = clock.now(host.clock.mono(self.now));
        let config = Config { term, bounds: self.bounds_for_core() };
        let (core, recovered) = Core::new(config, state, now);
        self.figures.periods += 1;
        self.tell(|| format!("{proc:?} leads in term {term}, recovering: {}", core.is_recovering()));
        check::after_input(&core, recovered.entries(), &self.plan.bounds, now)?;
        let mono = self.mono(proc.host);
        let leader = Box::new(Leader::new(core, clock, mono, &self.plan.bounds));
        self.daemon_state(proc, |daemon| daemon.seat = Seat::Leading(leader));
        self.schedule(self.now, Event::LeaderBeats(proc, term));
        self.with_leader(proc, |world, leader| world.settle(proc, leader, recovered))?;
        for (worker, by) in self.held_back.clone() {
            self.mail(proc, Mail::Told(Input::HeldBack { worker, by: Some(by) }))?;
        }
        Ok(())
    }

    fn bounds_for_core(&self) -> Bounds {
        let bounds = self.plan.bounds.clone();
        match self.mutant {
            Some(Mutant::NoAdoptionWait) => Bounds { recovery_window: Millis(0), ..bounds },
            Some(Mutant::NoAdoption) => {
                Bounds { recovery_window: Millis(0), suspect_after: Millis(1), lost_after: Millis(1), ..bounds }
            }
            Some(_) | None => bounds,
        }
    }

    /// Ends a leadership period, or the search for a footing.
    pub(super) fn step_down(&mut self, proc: Proc, why: Down) -> Checked {
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let seat = std::mem::take(&mut daemon.seat);
        self.tell(|| format!("{proc:?} steps down: {why:?}"));
        let ttl = self.plan.ttl;
        if let Seat::Leading(leader) = seat {
            self.abandon(proc, &leader);
            if why == Down::Stopped {
                self.ask_store(proc, StoreAsk::EndTerm(leader.core.term()), Purpose::EndTerm);
            }
        }
        match why {
            Down::Stopped => {}
            Down::Superseded => self.resign(proc, ttl),
            Down::Store => self.resign(proc, Millis(3 * ttl.0)),
            Down::Rebuild => self.seek_footing(proc, Term(0)),
            Down::Outbid(term) => self.seek_footing(proc, term),
        }
        Ok(())
    }

    /// Links close and whoever waits is told, as far as the process can.
    fn abandon(&mut self, proc: Proc, leader: &Leader) {
        for conn in leader.links.values().chain(leader.opening()) {
            self.leader_closes(*conn, true);
        }
        for asker in leader.answers.values().chain(leader.asked()) {
            self.answer(proc, *asker, Answered::Unavailable);
        }
    }
}
