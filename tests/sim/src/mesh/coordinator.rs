//! A daemon's side of etcd: its lease with a deadline of its own, its picture of who leads, its tries to lead.
//!
//! As in `daemon/src/cluster`, simplified: only the leader key matters here.

use super::World;
use super::clock::Mono;
use super::daemon::Purpose;
use super::event::{Answer, Body, EtcdAsk, Event, Node, Note, Picture, Proc};
use super::mutant::Mutant;
use super::seat::{Down, Seat};
use crate::Checked;
use part_core::Millis;

/// How soon etcd must answer.
const PATIENCE: Millis = Millis(1_000);
/// The deadline of a lease is so much earlier than etcd's.
const MARGIN: Millis = Millis(1_000);
/// Those who want to lead wait up to so long once the leader has gone.
const JITTER: Millis = Millis(300);
/// Everything is read again at every so many beats, for a watch may be dead without a word.
const LIST_EVERY: u64 = 3;

/// What a daemon holds of etcd.
#[derive(Default)]
pub(super) struct Coordinator {
    lease: Option<Lease>,
    pub(super) picture: Picture,
    beats: u64,
    /// True while a try to lead is planned or under way.
    campaigns: bool,
    granting: bool,
    /// Until then it does not want to lead.
    resigned_until: Mono,
}

struct Lease {
    id: u64,
    /// Until then it surely lives: counted from when the last answered keep-alive was sent.
    good_until: Mono,
}

impl Coordinator {
    /// True while it holds the leader key under a lease that lives by its own deadline.
    pub(super) fn in_office(&self, mono: Mono) -> bool {
        let Some(lease) = &self.lease else { return false };
        mono < lease.good_until && self.picture.leader.is_some_and(|note| note.lease == lease.id)
    }

    fn good_lease(&self, mono: Mono) -> Option<u64> {
        self.lease.as_ref().filter(|lease| mono < lease.good_until).map(|lease| lease.id)
    }
}

impl World {
    /// One beat: the lease is kept alive, or asked for.
    pub(super) fn coordinate(&mut self, proc: Proc) -> Checked {
        let mono = self.mono(proc.host);
        let next = self.when(proc.host, mono + Millis(self.plan.ttl.0 / 6));
        self.schedule(next, Event::Coordinate(proc));
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let coordinator = &mut daemon.coordinator;
        coordinator.beats += 1;
        let list = coordinator.beats % LIST_EVERY == 1;
        let ask = match &coordinator.lease {
            Some(lease) => {
                Some((EtcdAsk::KeepAlive(lease.id), Purpose::KeepAlive { lease: lease.id, sent: mono }))
            }
            None if coordinator.granting => None,
            None => Some((EtcdAsk::Grant, Purpose::Grant { sent: mono })),
        };
        if let Some((ask, purpose)) = ask {
            self.daemon_state(proc, |daemon| daemon.coordinator.granting |= matches!(ask, EtcdAsk::Grant));
            self.ask_etcd(proc, ask, purpose);
        }
        if list {
            self.ask_etcd(proc, EtcdAsk::List, Purpose::List);
        }
        self.office_changed(proc)
    }

    fn ask_etcd(&mut self, proc: Proc, ask: EtcdAsk, purpose: Purpose) {
        if let Some(call) = self.call(proc, purpose, PATIENCE) {
            self.post(Node::Host(proc.host), Node::Etcd, Body::ToEtcd(proc, call, ask));
        }
    }

    pub(super) fn campaign(&mut self, proc: Proc) -> Checked {
        let mono = self.mono(proc.host);
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let coordinator = &mut daemon.coordinator;
        match coordinator.good_lease(mono) {
            Some(lease) if coordinator.picture.leader.is_none() => {
                self.ask_etcd(proc, EtcdAsk::Campaign(lease), Purpose::Campaign);
            }
            Some(_) | None => coordinator.campaigns = false,
        }
        Ok(())
    }

    /// An answer of etcd, or none in time.
    pub(super) fn etcd_answered(&mut self, proc: Proc, purpose: &Purpose, answer: Option<Answer>) -> Checked {
        let ttl = self.plan.ttl;
        let phantom = self.mutant == Some(Mutant::PhantomWins);
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let coordinator = &mut daemon.coordinator;
        match purpose {
            Purpose::Grant { sent } => {
                coordinator.granting = false;
                if let Some(Answer::Granted(id)) = answer {
                    coordinator.lease = Some(Lease { id, good_until: *sent + (ttl - MARGIN) });
                }
            }
            Purpose::KeepAlive { lease, sent } => {
                let known = coordinator.lease.as_mut().filter(|known| known.id == *lease);
                match (answer, known) {
                    (Some(Answer::Alive), Some(known)) => {
                        known.good_until = known.good_until.max(*sent + (ttl - MARGIN));
                    }
                    (Some(Answer::LeaseGone), Some(_)) => coordinator.lease = None,
                    (_, _) => {}
                }
            }
            Purpose::Campaign => {
                coordinator.campaigns = false;
                if let Some(Answer::Listed(mut picture)) = answer {
                    if phantom && let Some(lease) = coordinator.lease.as_ref().map(|lease| lease.id) {
                        picture.leader = Some(Note { proc, lease });
                    }
                    return self.sees(proc, picture);
                }
            }
            Purpose::List => {
                if let Some(Answer::Listed(picture)) = answer {
                    return self.sees(proc, picture);
                }
            }
            Purpose::Begin
            | Purpose::Load(_)
            | Purpose::Commit(_)
            | Purpose::EndTerm
            | Purpose::Lookup { .. }
            | Purpose::Page { .. } => {}
        }
        self.office_changed(proc)
    }

    /// A newer picture of who leads. Older ones come late and are ignored.
    pub(super) fn sees(&mut self, proc: Proc, picture: Picture) -> Checked {
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let known = &mut daemon.coordinator.picture;
        if (picture.cluster, picture.revision) >= (known.cluster, known.revision) {
            *known = picture;
        }
        self.office_changed(proc)
    }

    /// Takes the seat, gives it up, or tries for it, as the picture says.
    pub(super) fn office_changed(&mut self, proc: Proc) -> Checked {
        let mono = self.mono(proc.host);
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let coordinator = &mut daemon.coordinator;
        let vacant = matches!(daemon.seat, Seat::Vacant);
        if coordinator.in_office(mono) {
            if vacant && mono >= coordinator.resigned_until {
                return self.take_seat(proc);
            }
            return Ok(());
        }
        match coordinator.picture.leader {
            Some(note) if note.proc != proc && !vacant => return self.step_down(proc, Down::Stopped),
            Some(_) => {}
            None if coordinator.campaigns || mono < coordinator.resigned_until => {}
            None if coordinator.good_lease(mono).is_some() => {
                coordinator.campaigns = true;
                let at = self.now + Millis(self.rng.below(JITTER.0));
                self.schedule(at, Event::Campaign(proc));
            }
            None => {}
        }
        Ok(())
    }

    /// Gives the office back and does not want it for a while.
    pub(super) fn resign(&mut self, proc: Proc, pause: Millis) {
        let mono = self.mono(proc.host);
        let Some(daemon) = self.daemon(proc) else { return };
        let coordinator = &mut daemon.coordinator;
        coordinator.resigned_until = mono + pause;
        if let Some(lease) = coordinator.lease.as_ref().map(|lease| lease.id) {
            self.ask_etcd(proc, EtcdAsk::Resign(lease), Purpose::List);
        }
    }
}
