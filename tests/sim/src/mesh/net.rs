//! The network: letters that come late or never, and links whose messages come in order or not at all.

use super::World;
use super::event::{Body, ConnId, Event, Letter, Node, Proc, ToLeader, ToWorker};
use crate::Checked;
use part_core::{Incarnation, Millis, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who cannot reach whom, and all links.
#[derive(Default)]
pub(super) struct Net {
    cuts: BTreeSet<(Node, Node)>,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    opened: u64,
}

/// One link's connection.
pub(super) struct Conn {
    pub(super) worker: Proc,
    pub(super) leader: Proc,
    /// The life that introduced itself over it, once it did.
    pub(super) introduced: Option<Incarnation>,
    /// When the leader's end last got something.
    pub(super) heard: Timestamp,
    to_leader: Pipe<ToLeader>,
    to_worker: Pipe<ToWorker>,
}

/// One direction of a connection.
struct Pipe<T> {
    queue: VecDeque<T>,
    last: Timestamp,
    /// Nothing goes in any more.
    shut: bool,
}

impl<T> Pipe<T> {
    fn new() -> Self {
        Pipe { queue: VecDeque::new(), last: Timestamp(0), shut: false }
    }

    fn end(&mut self) {
        self.queue.clear();
        self.shut = true;
    }
}

impl Net {
    pub(super) fn is_cut(&self, from: Node, to: Node) -> bool {
        self.cuts.contains(&(from, to))
    }

    /// True when letters go both ways.
    pub(super) fn joined(&self, one: Node, other: Node) -> bool {
        !self.is_cut(one, other) && !self.is_cut(other, one)
    }

    pub(super) fn cut(&mut self, from: Node, to: Node) {
        self.cuts.insert((from, to));
    }

    pub(super) fn mend(&mut self, from: Node, to: Node) {
        self.cuts.remove(&(from, to));
    }

    pub(super) fn mend_all(&mut self) {
        self.cuts.clear();
    }

    /// True when something is cut off from or for a node.
    pub(super) fn touches(&self, node: Node) -> bool {
        self.cuts.iter().any(|(from, to)| *from == node || *to == node)
    }
}

impl World {
    /// How long a message takes: most not long, a few ten times as long.
    pub(super) fn delay(&mut self) -> Millis {
        let usual = self.rng.below(self.plan.delay.0 + 1);
        Millis(if self.rng.chance(self.plan.spikes) { 10 * usual } else { usual })
    }

    /// Sends a letter: it arrives late, or never.
    pub(super) fn post(&mut self, from: Node, to: Node, body: Body) {
        let near = from == to;
        let lost = !near && (self.net.is_cut(from, to) || self.rng.below(1000) < self.plan.loss);
        if lost {
            self.figures.lost_messages += 1;
            return;
        }
        let late = if near { Millis(1) } else { self.delay() };
        self.schedule(self.now + late, Event::Post(Box::new(Letter { from, to, body })));
    }

    /// Opens a connection from a worker to a daemon.
    pub(super) fn open_conn(&mut self, worker: Proc, leader: Proc) -> ConnId {
        self.net.opened += 1;
        let conn = ConnId(self.net.opened);
        let (to_leader, to_worker) = (Pipe::new(), Pipe::new());
        let heard = self.now;
        self.net.conns.insert(conn, Conn { worker, leader, introduced: None, heard, to_leader, to_worker });
        conn
    }

    pub(super) fn send_to_leader(&mut self, conn: ConnId, message: ToLeader) {
        let at = self.now + self.delay();
        let Some(pipe) = self.net.conns.get_mut(&conn).map(|conn| &mut conn.to_leader) else { return };
        if !pipe.shut {
            pipe.last = pipe.last.max(at);
            pipe.queue.push_back(message);
            let at = pipe.last;
            self.schedule(at, Event::ToLeader(conn));
        }
    }

    pub(super) fn send_to_worker(&mut self, conn: ConnId, message: ToWorker) {
        let at = self.now + self.delay();
        let Some(pipe) = self.net.conns.get_mut(&conn).map(|conn| &mut conn.to_worker) else { return };
        if !pipe.shut {
            pipe.last = pipe.last.max(at);
            pipe.queue.push_back(message);
            let at = pipe.last;
            self.schedule(at, Event::ToWorker(conn));
        }
    }

    /// The next message of a link is at the leader's door, unless the way is cut: then it is sent again a while later.
    pub(super) fn reaches_leader(&mut self, id: ConnId) -> Checked {
        let again = self.now + Millis(self.rng.between(200, 1_500));
        let Some(conn) = self.net.conns.get(&id) else { return Ok(()) };
        let (leader, worker) = (conn.leader, conn.worker);
        if self.net.is_cut(Node::Host(worker.host), Node::Host(leader.host)) {
            self.schedule(again, Event::ToLeader(id));
            return Ok(());
        }
        let alive = self.is_alive(leader);
        let Some(conn) = self.net.conns.get_mut(&id) else { return Ok(()) };
        let Some(message) = conn.to_leader.queue.pop_front() else { return Ok(()) };
        conn.heard = self.now;
        if !alive {
            conn.to_leader.end();
            // The machine that is there says that the process is not.
            if self.hosts[leader.host].up {
                self.send_to_worker(id, ToWorker::Closed);
            }
            return Ok(());
        }
        self.daemon_hears(id, message)
    }

    /// The next message of a link is at the worker's door.
    pub(super) fn reaches_worker(&mut self, id: ConnId) -> Checked {
        let again = self.now + Millis(self.rng.between(200, 1_500));
        let Some(conn) = self.net.conns.get(&id) else { return Ok(()) };
        let (leader, worker) = (conn.leader, conn.worker);
        if self.net.is_cut(Node::Host(leader.host), Node::Host(worker.host)) {
            self.schedule(again, Event::ToWorker(id));
            return Ok(());
        }
        let Some(conn) = self.net.conns.get_mut(&id) else { return Ok(()) };
        let Some(message) = conn.to_worker.queue.pop_front() else { return Ok(()) };
        if !self.is_alive(worker) {
            return Ok(());
        }
        self.worker_hears(id, message)
    }

    /// The worker's end closes. What it had sent still arrives, and then the news, if the machine lives to send it.
    pub(super) fn worker_closes(&mut self, id: ConnId, tells: bool) {
        if tells {
            self.send_to_leader(id, ToLeader::Closed);
        }
        if let Some(conn) = self.net.conns.get_mut(&id) {
            conn.to_worker.end();
            conn.to_leader.shut = true;
        }
    }

    /// The leader's end closes. What it had sent still arrives, and then the news.
    pub(super) fn leader_closes(&mut self, id: ConnId, tells: bool) {
        if tells {
            self.send_to_worker(id, ToWorker::Closed);
        }
        if let Some(conn) = self.net.conns.get_mut(&id) {
            conn.to_leader.end();
            conn.to_worker.shut = true;
        }
    }

    /// A connection is reset: what was on its way is lost, and both ends hear of it.
    pub(super) fn reset(&mut self, id: ConnId) {
        let Some(conn) = self.net.conns.get_mut(&id) else { return };
        conn.to_leader.queue.clear();
        conn.to_worker.queue.clear();
        self.send_to_leader(id, ToLeader::Closed);
        self.send_to_worker(id, ToWorker::Closed);
        if let Some(conn) = self.net.conns.get_mut(&id) {
            (conn.to_leader.shut, conn.to_worker.shut) = (true, true);
        }
    }

    /// A machine is gone: nothing that it had sent or was to get arrives any more, and nobody is told.
    pub(super) fn drop_conns_of(&mut self, host: usize) {
        for conn in self.net.conns.values_mut() {
            if conn.worker.host == host || conn.leader.host == host {
                conn.to_leader.end();
                conn.to_worker.end();
            }
        }
    }

    /// Connections that nothing can come over any more are forgotten.
    pub(super) fn sweep_conns(&mut self) {
        let over = |conn: &Conn| {
            conn.to_leader.shut
                && conn.to_worker.shut
                && conn.to_leader.queue.is_empty()
                && conn.to_worker.queue.is_empty()
        };
        self.net.conns.retain(|_, conn| !over(conn));
    }
}
