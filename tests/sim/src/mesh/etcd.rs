//! A model of etcd: leases, one key, a watch, and its known ways to fail.

use super::World;
use super::event::{Answer, Body, CallId, EtcdAsk, Event, Node, Note, Picture, Proc};
use part_core::{Millis, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Etcd as one place: its own replication is not what is tested here.
#[derive(Default)]
pub(super) struct Etcd {
    /// False while it has no quorum.
    pub(super) up: bool,
    pub(super) slow: bool,
    leases: BTreeMap<u64, Lease>,
    granted: u64,
    picture: Picture,
    watchers: BTreeSet<Proc>,
    /// Everybody who ever held the leader key.
    pub(super) held: BTreeSet<Proc>,
}

struct Lease {
    owner: Proc,
    ends: Timestamp,
}

impl Etcd {
    pub(super) fn new() -> Etcd {
        Etcd { up: true, picture: Picture { cluster: 1, ..Picture::default() }, ..Etcd::default() }
    }

    pub(super) fn unwatch(&mut self, proc: Proc) {
        self.watchers.remove(&proc);
    }

    /// A lease that lives, for a fault to pick.
    pub(super) fn some_lease(&self, pick: u64) -> Option<u64> {
        let count = self.leases.len() as u64;
        self.leases.keys().nth(pick.checked_rem(count)? as usize).copied()
    }
}

impl World {
    pub(super) fn etcd_asked(&mut self, proc: Proc, call: CallId, ask: EtcdAsk) {
        if !self.etcd.up {
            return;
        }
        let answer = self.etcd_does(proc, ask);
        if self.etcd.slow && self.rng.chance(60) {
            return; // Too late for whoever asked.
        }
        self.post(Node::Etcd, Node::Host(proc.host), Body::Answer(proc, call, answer));
    }

    fn etcd_does(&mut self, proc: Proc, ask: EtcdAsk) -> Answer {
        match ask {
            EtcdAsk::Grant => {
                self.etcd.granted += 1;
                let lease = self.etcd.granted;
                self.etcd.leases.insert(lease, Lease { owner: proc, ends: self.now });
                self.prolong(lease);
                Answer::Granted(lease)
            }
            EtcdAsk::KeepAlive(lease) if self.etcd.leases.contains_key(&lease) => {
                self.prolong(lease);
                Answer::Alive
            }
            EtcdAsk::KeepAlive(_) => Answer::LeaseGone,
            EtcdAsk::Campaign(lease) => {
                let free = self.etcd.picture.leader.is_none();
                if free && self.etcd.leases.contains_key(&lease) {
                    self.put_leader(Some(Note { proc, lease }));
                }
                Answer::Listed(self.etcd.picture)
            }
            EtcdAsk::List => {
                self.etcd.watchers.insert(proc);
                Answer::Listed(self.etcd.picture)
            }
            EtcdAsk::Resign(lease) => {
                if self.etcd.picture.leader.is_some_and(|note| note.lease == lease) {
                    self.put_leader(None);
                }
                Answer::Listed(self.etcd.picture)
            }
        }
    }

    fn prolong(&mut self, lease: u64) {
        // A fast clock of etcd's makes leases short.
        let ends = self.now + Millis(self.plan.ttl.0 * 1_000_000 / self.plan.etcd_rate);
        if let Some(known) = self.etcd.leases.get_mut(&lease) {
            known.ends = ends;
            self.schedule(ends, Event::LeaseEnds(lease, ends));
        }
    }

    pub(super) fn lease_ends(&mut self, lease: u64, at: Timestamp) {
        if self.etcd.up && self.etcd.leases.get(&lease).is_some_and(|known| known.ends == at) {
            self.revoke(lease);
        }
    }

    /// A lease is gone, and with it the leader key that lived under it.
    pub(super) fn revoke(&mut self, lease: u64) {
        if let Some(lease) = self.etcd.leases.remove(&lease) {
            self.tell(|| format!("etcd: a lease of {:?} is gone", lease.owner));
        }
        if self.etcd.picture.leader.is_some_and(|note| note.lease == lease) {
            self.put_leader(None);
        }
    }

    fn put_leader(&mut self, leader: Option<Note>) {
        self.tell(|| format!("etcd: the leader key holds {leader:?}"));
        self.etcd.picture.revision += 1;
        self.etcd.picture.leader = leader;
        self.etcd.held.extend(leader.map(|note| note.proc));
        let picture = self.etcd.picture;
        for proc in self.etcd.watchers.clone() {
            self.post(Node::Etcd, Node::Host(proc.host), Body::News(proc, picture));
        }
    }

    /// Quorum is back: leases live as long again.
    pub(super) fn etcd_returns(&mut self) {
        self.etcd.up = true;
        let leases: Vec<u64> = self.etcd.leases.keys().copied().collect();
        leases.into_iter().for_each(|lease| self.prolong(lease));
    }

    /// Everything is lost; another cluster begins in its place.
    pub(super) fn etcd_wiped(&mut self) {
        let (cluster, granted) = (self.etcd.picture.cluster + 1, self.etcd.granted);
        let (up, slow) = (self.etcd.up, self.etcd.slow);
        let picture = Picture { cluster, ..Picture::default() };
        let held = std::mem::take(&mut self.etcd.held);
        // Lease ids are random in etcd and do not come again.
        self.etcd = Etcd { up, slow, granted, picture, held, ..Etcd::default() };
    }
}
