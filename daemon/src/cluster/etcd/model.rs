//! What goes to etcd and comes from it, in our words.

use super::clock::Moment;
use super::keys::Key;
use super::trouble::Trouble;
use std::time::Duration;

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Vec<u8>,
    /// The lease that it lives and dies with; 0 for none.
    pub(super) lease: i64,
    /// When it came to be.
    pub(super) created: i64,
    /// When it was last written.
    pub(super) modified: i64,
}

/// All our keys at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) revision: i64,
    /// The id of the etcd cluster.
    pub(super) cluster: u64,
    pub(super) entries: Vec<(Key, Entry)>,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: Key,
    pub(super) revision: i64,
    /// None where it was removed.
    pub(super) entry: Option<Entry>,
}

/// What must hold of a key for a transaction to do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// Nothing.
    Anything,
    /// It is not there.
    Absent,
    /// It was last written at this revision.
    Modified(i64),
    /// It lives under this lease.
    Lease(i64),
}

/// What a transaction does with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Writes it, under this lease; 0 for none.
    Put { value: Vec<u8>, lease: i64 },
    /// Removes it.
    Delete,
    /// Nothing; it was only about what is expected.
    Nothing,
}

/// A transaction on one key. Where it does nothing, it says what the key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Txn {
    pub(super) key: Key,
    pub(super) expect: Expect,
    pub(super) then: Then,
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) revision: i64,
    /// True when what was expected held, and it was done.
    pub(super) done: bool,
    /// What the key holds where it was not done; none when it is not there.
    pub(super) found: Option<Entry>,
}

/// Something to ask etcd. One at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// For all our keys.
    List,
    /// For a lease.
    Grant { ttl: Duration },
    /// How long somebody's lease has left.
    Look { lease: i64 },
    /// For a change.
    Change(Txn),
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// All our keys were read.
    Listed(Listing),
    /// The watch of this number saw changes, in order.
    Changed { watch: u64, changes: Vec<Change> },
    /// The watch of this number ended.
    Blind { watch: u64, trouble: Trouble },
    /// We have a lease, asked for at `sent`.
    Granted { lease: i64, ttl: Duration, sent: Moment },
    /// The lease lives: the keep-alive that was sent at `sent` was answered.
    Acked { lease: i64, ttl: Duration, sent: Moment },
    /// There is no such lease.
    LeaseGone { lease: i64 },
    /// A keep-alive was not answered.
    Silent { lease: i64, trouble: Trouble },
    /// A look at a lease, asked for at `sent` and answered at `received`.
    Looked { lease: i64, left: Option<Left>, sent: Moment, received: Moment },
    /// A transaction was answered.
    Answered { txn: Txn, outcome: Outcome },
    /// What was asked was not answered, or refused; it may have happened all the same.
    Failed { trouble: Trouble },
}

/// How long a lease has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Whole seconds, rounded down.
    pub(super) seconds: i64,
    /// How long it lives after a keep-alive.
    pub(super) granted: Duration,
}
