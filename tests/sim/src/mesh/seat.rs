//! The leader's seat of one daemon: finding a footing in the store, and giving the seat up.
//!
//! As in `daemon/src/seat.rs` and the outer loop of `daemon/src/leader/driver.rs`.

use super::World;
use super::clock::{Mono, PeriodClock};
use super::daemon::Purpose;
use super::driver::{Leader, Mail};
use super::event::{Answer, Answered, Event, Proc, StoreAsk, ToWorker};
use super::mutant::Mutant;
use crate::{Checked, check};
use part_core::{Bounds, Config, Core, Input, Millis, State, Term, Timestamp};
use std::collections::VecDeque;

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
    /// It begins a term and reads the unfinished runs. What came for the leader meanwhile waits.
    Footing {
        above: Term,
        since: Mono,
        wait: Millis,
        mail: VecDeque<Mail>,
    },
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
        self.seek_footing(proc, Term(0), VecDeque::new());
        Ok(())
    }

    fn seek_footing(&mut self, proc: Proc, above: Term, mail: VecDeque<Mail>) {
        let since = self.mono(proc.host);
        self.daemon_state(proc, |daemon| daemon.seat = Seat::Footing { above, since, wait: FIRST, mail });
        self.ask_store(proc, StoreAsk::Begin { above }, Purpose::Begin);
    }

    /// Tries again after a failure, for a while.
    pub(super) fn find_footing(&mut self, proc: Proc) -> Checked {
        let Some(Seat::Footing { above, .. }) = self.daemon(proc).map(|daemon| &daemon.seat) else {
            return Ok(());
        };
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
        let mut leader = Box::new(Leader::new(core, clock, mono, &self.plan.bounds));
        self.daemon_state(proc, |daemon| {
            if let Seat::Footing { mail, .. } = &mut daemon.seat {
                leader.mail = std::mem::take(mail);
            }
            daemon.seat = Seat::Leading(leader);
        });
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
            Some(Mutant::NoAdoptionWait) => {
                Bounds { gather: Millis(0), recovery_window: Millis(0), ..bounds }
            }
            Some(Mutant::NoAdoption) => Bounds {
                recovery_window: Millis(0),
                suspect_after: Millis(1),
                lost_after: Millis(1),
                ..bounds
            },
            Some(_) | None => bounds,
        }
    }

    /// Ends a leadership period, or the search for a footing.
    pub(super) fn step_down(&mut self, proc: Proc, why: Down) -> Checked {
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let seat = std::mem::take(&mut daemon.seat);
        self.tell(|| format!("{proc:?} steps down: {why:?}"));
        let ttl = self.plan.ttl;
        let mail = match seat {
            Seat::Leading(leader) => self.abandon(proc, *leader, why),
            Seat::Footing { mail, .. } => mail,
            Seat::Vacant => VecDeque::new(),
        };
        match why {
            Down::Rebuild => self.seek_footing(proc, Term(0), mail),
            Down::Outbid(term) => self.seek_footing(proc, term, mail),
            Down::Stopped => self.turn_away(proc, mail),
            Down::Superseded => {
                self.turn_away(proc, mail);
                self.resign(proc, ttl);
            }
            Down::Store => {
                self.turn_away(proc, mail);
                self.resign(proc, Millis(3 * ttl.0));
            }
        }
        Ok(())
    }

    /// Links close and whoever waits for an answer is told. What was not taken yet is left for the next leader, which is
    /// the same process where it only rebuilds itself; and what workers sent over the old links still comes in then.
    fn abandon(&mut self, proc: Proc, leader: Leader, why: Down) -> VecDeque<Mail> {
        let rebuilds = matches!(why, Down::Rebuild | Down::Outbid(_));
        for conn in leader.links.values() {
            match rebuilds {
                true => self.send_to_worker(*conn, ToWorker::Closed),
                false => self.leader_closes(*conn, true),
            }
        }
        for asker in leader.answers.values() {
            self.answer(proc, *asker, Answered::Unavailable);
        }
        if why == Down::Stopped {
            self.ask_store(proc, StoreAsk::EndTerm(leader.core.term()), Purpose::EndTerm);
        }
        leader.mail
    }

    /// Nobody will take this mail.
    fn turn_away(&mut self, proc: Proc, mail: VecDeque<Mail>) {
        for mail in mail {
            match mail {
                Mail::LinkOpened { conn, .. } => self.leader_closes(conn, true),
                Mail::Request { asker, .. } => self.answer(proc, asker, Answered::Unavailable),
                Mail::Said { .. } | Mail::LinkClosed { .. } | Mail::TermSeen(_) | Mail::Told(_) => {}
            }
        }
    }
}
