//! Membership and election through etcd.
//!
//! Decided in one place and done in another: [`machine`] is pure, it takes in what happened and the time, and says what
//! to ask etcd next, which lease to keep, what to watch, and what the rest of the daemon sees. [`driver`] does it.
//!
//! Keys, all under `PREFIX/`: `hosts/NAME`, `leader` and `workers/NAME` under the daemon's one lease, and `mesh` without.
//! The leader key is taken by a create-if-absent transaction, never by etcd's election calls, which can tell a waiter
//! with a dead lease that it won. Nothing here may be needed to know what became of a run: that is the store's.
//!
//! Who came first wins, and no clocks of two hosts are compared: a daemon whose living key was written over writes it
//! again; one that took a key over from an earlier life of its own and finds that life writing it again is the second,
//! and leaves.
//!
//! Start reading at [`machine`].

mod clock;
mod connect;
mod driver;
mod explain;
mod join;
mod keeper;
mod keys;
mod lease;
mod link;
mod machine;
mod model;
mod picture;
mod retry;
mod rival;
mod trouble;
mod version;
mod watcher;

pub(crate) use join::join;
