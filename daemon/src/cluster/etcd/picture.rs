//! Our keys as far as we know them, from listings, the watch and our own transactions.

use super::keys::Key;
use super::model::{Change, Entry, Listing};
use crate::cluster::{LeaderNote, Member, MeshNote};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is stored under a worker's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkerNote {
    /// The daemon that it is linked to.
    pub(super) daemon: String,
}

/// A key with what it says; that is none where it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known<T> {
    pub(super) entry: Entry,
    pub(super) says: Option<T>,
}

impl<T: DeserializeOwned> Known<T> {
    fn new(key: &Key, entry: Entry) -> Known<T> {
        let says = serde_json::from_slice(&entry.value);
        if let Err(error) = &says {
            tracing::warn!(?key, %error, "a key in etcd holds what this version cannot read");
        }
        Known { entry, says: says.ok() }
    }
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// Until which revision everything is known, from the last listing and the watch since; 0 before the first.
    seen: i64,
    pub(super) hosts: BTreeMap<String, Known<Member>>,
    pub(super) workers: BTreeMap<String, Known<WorkerNote>>,
    pub(super) leader: Option<Known<LeaderNote>>,
    pub(super) mesh: Option<Known<MeshNote>>,
    /// Until which revision a key is known from a transaction of ours; the watch may still be behind it. At most one
    /// for each key that is ours to write.
    learned: BTreeMap<Key, i64>,
}

impl Picture {
    /// Everything is as listed. What was known before is void: etcd may have been wiped.
    pub(super) fn replace(&mut self, listing: Listing) {
        *self = Picture { seen: listing.revision, ..Picture::default() };
        for (key, entry) in listing.entries {
            self.set(key, Some(entry));
        }
    }

    /// Until which revision everything is known.
    pub(super) fn seen(&self) -> i64 {
        self.seen
    }

    /// The watch saw changes, in order. Those that are already known are left out.
    pub(super) fn changed(&mut self, changes: Vec<Change>) {
        let before = self.seen;
        for Change { key, revision, entry } in changes {
            self.seen = self.seen.max(revision);
            let learned = self.learned.get(&key).copied().unwrap_or_default();
            if revision > before.max(learned) {
                self.learned.remove(&key);
                self.set(key, entry);
            }
        }
    }

    /// A transaction of ours tells what a key holds at a revision. It is left out where the watch was there already.
    pub(super) fn learn(&mut self, key: &Key, revision: i64, entry: Option<Entry>) {
        if revision > self.seen {
            self.learned.insert(key.clone(), revision);
            self.set(key.clone(), entry);
        }
    }

    /// What a key holds.
    pub(super) fn entry(&self, key: &Key) -> Option<&Entry> {
        match key {
            Key::Host(name) => self.hosts.get(name).map(|known| &known.entry),
            Key::Worker(name) => self.workers.get(name).map(|known| &known.entry),
            Key::Leader => self.leader.as_ref().map(|known| &known.entry),
            Key::Mesh => self.mesh.as_ref().map(|known| &known.entry),
        }
    }

    fn set(&mut self, key: Key, entry: Option<Entry>) {
        match key {
            Key::Host(ref name) => put(&mut self.hosts, name.clone(), known(&key, entry)),
            Key::Worker(ref name) => put(&mut self.workers, name.clone(), known(&key, entry)),
            Key::Leader => self.leader = known(&key, entry),
            Key::Mesh => self.mesh = known(&key, entry),
        }
    }
}

fn known<T: DeserializeOwned>(key: &Key, entry: Option<Entry>) -> Option<Known<T>> {
    entry.map(|entry| Known::new(key, entry))
}

fn put<T>(map: &mut BTreeMap<String, T>, name: String, value: Option<T>) {
    match value {
        Some(value) => map.insert(name, value),
        None => map.remove(&name),
    };
}

#[cfg(test)]
mod tests {
    use super::Picture;
    use crate::cluster::etcd::keys::Key;
    use crate::cluster::etcd::model::{Change, Entry, Listing};

    fn entry(revision: i64) -> Entry {
        let value = br#"{"name":"a","address":"h:1","started_at":1}"#.to_vec();
        Entry { value, lease: 1, created: revision, modified: revision }
    }

    fn listed(revision: i64, at: Option<i64>) -> Picture {
        let mut picture = Picture::default();
        let entries = at.map(|at| (Key::Leader, entry(at))).into_iter().collect();
        picture.replace(Listing { revision, cluster: 1, entries });
        picture
    }

    fn change(revision: i64, put: bool) -> Change {
        Change { key: Key::Leader, revision, entry: put.then(|| entry(revision)) }
    }

    fn leader(picture: &Picture) -> Option<i64> {
        picture.entry(&Key::Leader).map(|entry| entry.modified)
    }

    #[test]
    fn what_is_older_than_what_is_known_changes_nothing() {
        let mut picture = listed(10, Some(8));
        picture.changed(vec![change(9, false)]);
        assert_eq!(leader(&picture), Some(8), "the watch is behind the listing");
        picture.changed(vec![change(11, false)]);
        assert_eq!(leader(&picture), None);
        picture.learn(&Key::Leader, 14, Some(entry(14)));
        picture.changed(vec![change(12, true), change(13, false)]);
        assert_eq!(leader(&picture), Some(14), "the watch is behind our own transaction");
        picture.changed(vec![change(15, false)]);
        assert_eq!(leader(&picture), None);
    }

    #[test]
    fn a_transaction_that_was_answered_late_changes_nothing() {
        let mut picture = listed(10, None);
        picture.changed(vec![change(20, true)]);
        picture.learn(&Key::Leader, 15, None);
        assert_eq!(leader(&picture), Some(20));
        picture.changed(vec![change(30, false)]);
        picture.learn(&Key::Leader, 25, Some(entry(25)));
        assert_eq!(leader(&picture), None);
    }

    #[test]
    fn a_listing_is_the_truth_also_when_its_revision_is_lower() {
        let mut picture = listed(100, Some(90));
        picture.learn(&Key::Leader, 120, Some(entry(120)));
        picture.replace(Listing { revision: 2, cluster: 1, entries: Vec::new() });
        assert_eq!(leader(&picture), None);
        picture.changed(vec![change(3, true)]);
        assert_eq!(leader(&picture), Some(3));
    }
}
