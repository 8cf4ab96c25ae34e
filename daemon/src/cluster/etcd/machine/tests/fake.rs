//! An etcd that is a map, in virtual time, and players that talk to it.

use crate::cluster::View;
use crate::cluster::etcd::clock::Moment;
use crate::cluster::etcd::keys::Key;
use crate::cluster::etcd::lease::beat;
use crate::cluster::etcd::machine::{Machine, Watch};
use crate::cluster::etcd::model::{Ask, Change, Entry, Event, Expect, Left, Listing, Outcome, Then, Txn};
use crate::cluster::etcd::trouble::{Kind, Trouble};
use std::collections::BTreeMap;
use std::time::Duration;

/// The map, its leases, and all that ever changed.
#[derive(Default)]
pub(super) struct Etcd {
    pub(super) now: Moment,
    revision: i64,
    map: BTreeMap<Key, Entry>,
    leases: BTreeMap<i64, (Duration, Moment)>,
    granted: i64,
    history: Vec<Change>,
    /// How often it was wiped.
    pub(super) wiped: u64,
}

impl Etcd {
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.map.iter()
    }

    pub(super) fn listing(&self) -> Listing {
        let entries = self.map.iter().map(|(key, entry)| (key.clone(), entry.clone())).collect();
        Listing { revision: self.revision, cluster: 7, entries }
    }

    pub(super) fn grant(&mut self, ttl: Duration) -> i64 {
        self.granted += 1;
        self.leases.insert(self.granted, (ttl, self.now + ttl));
        self.granted
    }

    /// Keeps a lease alive; false when it is gone.
    pub(super) fn keep(&mut self, lease: i64) -> bool {
        let until = self.leases.get_mut(&lease).map(|(ttl, until)| *until = self.now + *ttl);
        until.is_some()
    }

    pub(super) fn end_lease(&mut self, lease: i64) {
        if self.leases.remove(&lease).is_none() {
            return;
        }
        let keys = self.map.iter().filter(|(_, entry)| entry.lease == lease);
        let keys: Vec<Key> = keys.map(|(key, _)| key.clone()).collect();
        self.revision += i64::from(!keys.is_empty());
        for key in keys {
            self.write(key, None);
        }
    }

    /// Ends the leases whose time is over.
    pub(super) fn expire(&mut self) {
        let over = self.leases.iter().filter(|(_, (_, until))| *until <= self.now);
        let over: Vec<i64> = over.map(|(lease, _)| *lease).collect();
        over.into_iter().for_each(|lease| self.end_lease(lease));
    }

    pub(super) fn wipe(&mut self) {
        let (now, wiped) = (self.now, self.wiped + 1);
        // Leases have random numbers in etcd, so those of before never come again.
        *self = Etcd { now, granted: self.granted, wiped, ..Etcd::default() };
    }

    /// None when it needs a lease that is not there.
    pub(super) fn change(&mut self, txn: &Txn) -> Option<Outcome> {
        let entry = self.map.get(&txn.key);
        let done = match txn.expect {
            Expect::Anything => true,
            Expect::Absent => entry.is_none(),
            Expect::Modified(at) => entry.is_some_and(|entry| entry.modified == at),
            Expect::Lease(lease) => entry.is_some_and(|entry| entry.lease == lease),
        };
        if !done {
            return Some(Outcome { revision: self.revision, done, found: entry.cloned() });
        }
        match &txn.then {
            Then::Put { value, lease } => {
                if *lease != 0 && !self.leases.contains_key(lease) {
                    return None;
                }
                let created = entry.map_or(self.revision + 1, |entry| entry.created);
                self.revision += 1;
                let entry = Entry { value: value.clone(), lease: *lease, created, modified: self.revision };
                self.write(txn.key.clone(), Some(entry));
            }
            Then::Delete => {
                self.revision += 1;
                self.write(txn.key.clone(), None);
            }
            Then::Nothing => {}
        }
        Some(Outcome { revision: self.revision, done, found: None })
    }

    fn write(&mut self, key: Key, entry: Option<Entry>) {
        match &entry {
            Some(entry) => self.map.insert(key.clone(), entry.clone()),
            None => self.map.remove(&key),
        };
        self.history.push(Change { key, revision: self.revision, entry });
    }

    pub(super) fn left(&self, lease: i64) -> Option<Left> {
        let (granted, until) = self.leases.get(&lease)?;
        let left = until.saturating_sub(self.now);
        Some(Left { seconds: i64::try_from(left.as_secs()).expect("few"), granted: *granted })
    }

    /// Lets time pass for these players, all of whom are well. The others are as dead.
    pub(super) fn pass(&mut self, time: Duration, players: &mut [&mut Player]) {
        let end = self.now + time;
        while self.now < end {
            self.now = (self.now + Duration::from_millis(50)).min(end);
            self.expire();
            for player in players.iter_mut() {
                player.beat(self);
                player.settle(self);
            }
        }
    }
}

/// A machine with its watch and keep-alives.
pub(super) struct Player {
    pub(super) machine: Machine,
    pub(super) asked: Vec<Ask>,
    watch: Option<Watch>,
    /// Changes that were heard, and of which history.
    heard: (u64, usize),
    beat_at: Moment,
}

impl Player {
    pub(super) fn new(machine: Machine) -> Player {
        Player { machine, asked: Vec::new(), watch: None, heard: (0, 0), beat_at: Duration::ZERO }
    }

    pub(super) fn view(&self, etcd: &Etcd) -> View {
        self.machine.view(etcd.now)
    }

    /// Asks and hears until there is nothing more to do now.
    pub(super) fn settle(&mut self, etcd: &mut Etcd) {
        self.machine.tick(etcd.now);
        for _ in 0..100 {
            self.hear(etcd);
            match self.machine.next(etcd.now) {
                Some(ask) => self.answer(etcd, ask),
                None => return,
            }
        }
        panic!("no end of questions: {:?}", &self.asked[self.asked.len() - 10..]);
    }

    pub(super) fn answer(&mut self, etcd: &mut Etcd, ask: Ask) {
        let event = self.play(etcd, ask);
        self.machine.handle(event, etcd.now, 700);
    }

    /// Does what is asked; gives the answer.
    pub(super) fn play(&mut self, etcd: &mut Etcd, ask: Ask) -> Event {
        self.asked.push(ask.clone());
        let now = etcd.now;
        match ask {
            Ask::List => Event::Listed(etcd.listing()),
            Ask::Grant { ttl } => Event::Granted { lease: etcd.grant(ttl), ttl, sent: now },
            Ask::Look { lease } => Event::Looked { lease, left: etcd.left(lease), sent: now, received: now },
            Ask::Change(txn) => match etcd.change(&txn) {
                Some(outcome) => Event::Answered { txn, outcome },
                None => Event::Failed {
                    trouble: Trouble::new(Kind::LeaseGone, &"http://e".into(), "does not know the lease"),
                },
            },
        }
    }

    /// Hears what the watch tells.
    pub(super) fn hear(&mut self, etcd: &Etcd) {
        let Some(watch) = self.machine.watch() else { return };
        if self.watch != Some(watch) || self.heard.0 != etcd.wiped {
            self.watch = Some(watch);
            let from = etcd.history.partition_point(|change| change.revision < watch.from);
            self.heard = (etcd.wiped, from);
        }
        let changes = etcd.history[self.heard.1..].to_vec();
        self.heard.1 = etcd.history.len();
        if !changes.is_empty() {
            self.machine.handle(Event::Changed { watch: watch.number, changes }, etcd.now, 700);
        }
    }

    /// The watch ends.
    pub(super) fn cut(&mut self, etcd: &Etcd) {
        if let Some(watch) = self.machine.watch() {
            let trouble = Trouble::new(Kind::Connection, &"http://e".into(), "hung up");
            self.machine.handle(Event::Blind { watch: watch.number, trouble }, etcd.now, 300);
        }
    }

    /// Keeps the lease alive where that is due.
    pub(super) fn beat(&mut self, etcd: &mut Etcd) {
        let now = etcd.now;
        let Some((lease, ttl)) = self.machine.lease_to_keep(now).filter(|_| now >= self.beat_at) else {
            return;
        };
        self.beat_at = now + beat(ttl);
        let event = match etcd.keep(lease) {
            true => Event::Acked { lease, ttl, sent: now },
            false => Event::LeaseGone { lease },
        };
        self.machine.handle(event, now, 0);
    }
}
