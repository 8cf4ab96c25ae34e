//! The leader key.

use super::json;
use crate::bounds;
use crate::cluster::etcd::clock::Moment;
use crate::cluster::etcd::keys::Key;
use crate::cluster::etcd::model::{Entry, Expect, Then, Txn};
use crate::cluster::etcd::picture::Picture;
use crate::cluster::etcd::retry::part_of;
use crate::cluster::{LeaderNote, Member};

/// Our dealings with the leader key.
#[derive(Clone, Debug)]
pub(super) struct Office {
    note: LeaderNote,
    /// When the leader key came to be of which a transaction said that it is ours, and nothing has made us doubt it since.
    confirmed: Option<i64>,
    /// Until then the key is given back where it is ours, and not tried for.
    resigned_until: Moment,
    /// Not before this do we try for the key, so that not all daemons do at once.
    try_at: Moment,
    /// Whether anybody held the key when we last looked.
    taken: bool,
}

impl Office {
    pub(super) fn new(me: &Member) -> Office {
        Office {
            note: note_of(me),
            confirmed: None,
            resigned_until: Moment::ZERO,
            try_at: Moment::ZERO,
            taken: false,
        }
    }

    pub(super) fn rename(&mut self, me: &Member) {
        self.note = note_of(me);
    }

    /// Moments at which something may change by itself.
    pub(super) fn wakes(&self) -> (Moment, Moment) {
        (self.resigned_until, self.try_at)
    }

    /// Nothing is sure any more: a transaction must say again that the key is ours.
    pub(super) fn doubt(&mut self) {
        self.confirmed = None;
    }

    pub(super) fn resign(&mut self, until: Moment) {
        self.resigned_until = until;
        // An answer may get lost on the way: when the time is over, etcd must say whether the key still is ours.
        self.doubt();
    }

    /// Looks who holds the key.
    pub(super) fn look(&mut self, picture: &Picture, now: Moment, roll: u64) {
        let taken = picture.leader.is_some();
        if self.taken && !taken {
            self.try_at = now + part_of(bounds::ETCD_JITTER, roll);
        }
        self.taken = taken;
        if picture.leader.as_ref().map(|leader| leader.entry.created) != self.confirmed {
            self.confirmed = None;
        }
    }

    /// True when the key is ours, by a transaction's word, and not about to be given back.
    pub(super) fn is_held(&self, picture: &Picture, lease: i64, now: Moment) -> bool {
        let ours = picture.leader.as_ref().filter(|leader| leader.entry.lease == lease);
        let confirmed = self.confirmed.is_some() && ours.map(|leader| leader.entry.created) == self.confirmed;
        confirmed && now >= self.resigned_until
    }

    /// What gives the key back, where that was asked for.
    pub(super) fn give_back(&self, picture: &Picture, lease: i64, now: Moment) -> Option<Txn> {
        let ours = picture.leader.as_ref().is_some_and(|leader| leader.entry.lease == lease);
        let (expect, then) = (Expect::Lease(lease), Then::Delete);
        (ours && now < self.resigned_until).then_some(Txn { key: Key::Leader, expect, then })
    }

    /// What makes sure of the key, or tries for it, where that is due.
    pub(super) fn take(&self, picture: &Picture, lease: i64, me: &Member, now: Moment) -> Option<Txn> {
        let value = json(&self.note);
        if let Some(leader) = &picture.leader {
            let ours = leader.entry.lease == lease;
            if ours && leader.entry.value != value {
                // Our address has changed.
                let then = Then::Put { value, lease };
                return Some(Txn { key: Key::Leader, expect: Expect::Lease(lease), then });
            }
            let sure = self.confirmed == Some(leader.entry.created);
            let (expect, then) = (Expect::Lease(lease), Then::Nothing);
            return (ours && !sure).then_some(Txn { key: Key::Leader, expect, then });
        }
        let mut others = picture.hosts.values().filter_map(|host| host.says.as_ref());
        let replaceable = others.any(|other| other.name != me.name && !other.draining);
        let due = now >= self.try_at && now >= self.resigned_until && !(me.draining && replaceable);
        let then = Then::Put { value, lease };
        due.then_some(Txn { key: Key::Leader, expect: Expect::Absent, then })
    }

    /// A transaction on the key was answered; `entry` is what the key holds now.
    pub(super) fn answered(&mut self, txn: &Txn, entry: Option<&Entry>) {
        let lease = match (txn.expect, &txn.then) {
            (Expect::Lease(lease), _) => Some(lease),
            (_, Then::Put { lease, .. }) => Some(*lease),
            (Expect::Anything | Expect::Absent | Expect::Modified(_), Then::Delete | Then::Nothing) => None,
        };
        let ours = entry.filter(|entry| Some(entry.lease) == lease);
        self.confirmed = ours.map(|entry| entry.created);
    }
}

fn note_of(me: &Member) -> LeaderNote {
    LeaderNote { name: me.name.clone(), address: me.address.clone(), started_at: me.started_at }
}
