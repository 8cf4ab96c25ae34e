//! The leader's side of links: taking them, beating, and noticing that one is dead.

use super::World;
use super::driver::Mail;
use super::event::{ConnId, Event, Proc, ToLeader, ToWorker};
use crate::{Checked, ensure};
use part_core::{Incarnation, Input, Introduction, Millis, Term};

/// The leader says that it is there this often.
const HEARTBEAT: Millis = Millis(2_000);
/// A connection on which nothing came for so long is dead: its pings were not answered.
const DEAD: Millis = Millis(20_000);
/// A leader that can reach the store finds out within this that its term is over.
const NOTICES: Millis = Millis(25_000);

impl World {
    /// A message of a worker is at a daemon that is there.
    pub(super) fn daemon_hears(&mut self, id: ConnId, message: ToLeader) -> Checked {
        let Some(conn) = self.net.conns.get(&id) else { return Ok(()) };
        let (leader, worker, introduced) = (conn.leader, conn.worker, conn.introduced);
        if let ToLeader::Introduce(introduction) = message {
            return self.introduced(id, leader, introduction);
        }
        let Some(incarnation) = introduced else { return Ok(()) };
        let name = self.hosts[worker.host].worker.clone();
        let input = match message {
            ToLeader::Introduce(_) => return Ok(()),
            ToLeader::Heartbeat => Input::Heartbeat { worker: name.clone(), incarnation },
            ToLeader::Report(report) => Input::Reported { worker: name.clone(), incarnation, report },
            ToLeader::Draining(draining) => Input::DrainChanged { worker: name.clone(), draining },
            ToLeader::Health(problem) => Input::HealthChanged { worker: name.clone(), incarnation, problem },
            ToLeader::Closed => return self.link_is_closed(id, leader, incarnation),
        };
        self.mail(leader, Mail::Said { worker: name, conn: id, input })
    }

    fn introduced(&mut self, id: ConnId, leader: Proc, introduction: Box<Introduction>) -> Checked {
        let term = match self.daemon(leader).map(|daemon| &daemon.seat) {
            Some(super::seat::Seat::Leading(leading)) => leading.core.term(),
            Some(_) | None => {
                self.leader_closes(id, true);
                return Ok(());
            }
        };
        if introduction.term_seen > term {
            // Either this leader's term is over, or the store lost terms; the leader finds out which.
            self.leader_closes(id, true);
            return self.mail(leader, Mail::TermSeen(introduction.term_seen));
        }
        if let Some(conn) = self.net.conns.get_mut(&id) {
            conn.introduced = Some(introduction.incarnation);
        }
        self.mail(leader, Mail::LinkOpened { introduction, conn: id })
    }

    fn link_is_closed(&mut self, id: ConnId, leader: Proc, incarnation: Incarnation) -> Checked {
        let Some(conn) = self.net.conns.get(&id) else { return Ok(()) };
        let worker = self.hosts[conn.worker.host].worker.clone();
        self.leader_closes(id, false);
        self.mail(leader, Mail::LinkClosed { worker, incarnation, conn: id })
    }

    /// The leader says over every link that it is there, also while it waits for its store.
    pub(super) fn leader_beats(&mut self, proc: Proc, term: Term) -> Checked {
        let Some(super::seat::Seat::Leading(leader)) = self.daemon(proc).map(|daemon| &daemon.seat) else {
            return Ok(());
        };
        if leader.core.term() != term {
            return Ok(());
        }
        self.check_zombie(proc, term)?;
        let Some(super::seat::Seat::Leading(leader)) = self.daemon(proc).map(|daemon| &daemon.seat) else {
            return Ok(());
        };
        let links: Vec<ConnId> = leader.links.values().copied().collect();
        for id in links {
            self.send_to_worker(id, ToWorker::Heartbeat(term));
            let Some(conn) = self.net.conns.get(&id) else { continue };
            if self.plan.pings
                && self.now.since(conn.heard) > DEAD
                && let Some(incarnation) = conn.introduced
            {
                self.link_is_closed(id, proc, incarnation)?;
            }
        }
        let next = self.mono(proc.host) + HEARTBEAT;
        let at = self.when(proc.host, next);
        self.schedule(at, Event::LeaderBeats(proc, term));
        Ok(())
    }

    /// A leader whose term is over must not hold workers for long while it can reach the store.
    fn check_zombie(&self, proc: Proc, term: Term) -> Checked {
        let since = self.storeless_of(proc.host).max(self.term_begun);
        let zombie = term < self.store.term && self.now.since(since) > NOTICES;
        ensure(!zombie, || {
            format!("[2] {proc:?} still leads in term {term}, which is over since {}", since.0)
        })
    }
}
