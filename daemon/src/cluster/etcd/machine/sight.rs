//! When to read all keys, and what to watch.

use crate::bounds;
use crate::cluster::etcd::clock::Moment;
use crate::cluster::etcd::model::Listing;
use crate::cluster::etcd::retry::Retry;

/// A watch of all our keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster::etcd) struct Watch {
    /// Tells it from earlier ones.
    pub(in crate::cluster::etcd) number: u64,
    /// The first revision that it must tell.
    pub(in crate::cluster::etcd) from: i64,
}

/// How well we see.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight {
    watch: Option<Watch>,
    watching_since: Moment,
    watches: u64,
    /// Since when no watch was seen to be well.
    blind_since: Option<Moment>,
    retry: Retry,
    list_at: Moment,
    /// Listings in a row that were older than what the watch told.
    behind: u32,
    cluster: Option<u64>,
}

/// Listings that may be older than what the watch told, because both were under way at once, before etcd is taken to
/// have lost something.
const BEHIND: u32 = 3;

impl Sight {
    /// True when all keys must be read.
    pub(super) fn due(&self, now: Moment) -> bool {
        now >= self.list_at
    }

    /// When that will be.
    pub(super) fn list_at(&self) -> Moment {
        self.list_at
    }

    /// Read all keys as soon as can be.
    pub(super) fn nudge(&mut self, now: Moment) {
        self.list_at = self.list_at.min(now);
    }

    pub(super) fn watch(&self) -> Option<Watch> {
        self.watch
    }

    /// Since when the picture may have been getting old.
    pub(super) fn blind_since(&self) -> Option<Moment> {
        self.blind_since
    }

    /// All keys were read, while all that happened until `seen` was known. False when that is to be left out, because
    /// the watch knows more.
    pub(super) fn listed(&mut self, listing: &Listing, seen: i64, now: Moment) -> bool {
        let moved = self.cluster.is_some_and(|cluster| cluster != listing.cluster);
        if moved {
            tracing::warn!(
                now = format!("{:x}", listing.cluster),
                "this etcd is another cluster than before; all daemons of a mesh must use the same one"
            );
        }
        self.cluster = Some(listing.cluster);
        let older = listing.revision < seen;
        if older && !moved && self.watch.is_some() && self.behind < BEHIND {
            self.behind += 1;
            self.list_at = now + bounds::ETCD_LOOK;
            return false;
        }
        if older {
            tracing::warn!(
                seen,
                now = listing.revision,
                "etcd has lost its data or was restored from a copy"
            );
        }
        self.behind = 0;
        self.list_at = now + bounds::ETCD_AUDIT;
        if self.watch.is_none() || older || moved {
            self.watches += 1;
            self.watch = Some(Watch { number: self.watches, from: listing.revision + 1 });
            self.watching_since = now;
        }
        self.blind_since = None;
        true
    }

    /// The watch of this number ended. False when it was an earlier one.
    pub(super) fn blind(&mut self, watch: u64, now: Moment, roll: u64) -> bool {
        if self.watch.is_none_or(|current| current.number != watch) {
            return false;
        }
        self.watch = None;
        self.blind_since = Some(now);
        // One that lived may have been compacted away or cut off: the next one will do. One that did not will not.
        if now >= self.watching_since + bounds::ETCD_WATCH_STEADY {
            self.retry.clear();
            self.list_at = now;
        } else {
            self.retry.failed(now, roll);
            self.list_at = self.retry.at();
        }
        true
    }
}
