//! Shipped workspaces on this host: fetched, laid out and set up once per run, used by all its attempts.
//!
//! ```text
//! HOME/cache/manifests/DIGEST     manifests; the time of the last write is that of the last use
//! HOME/cache/blobs/ab/DIGEST      their files, by content, shared by all runs
//! HOME/cache/setup/KEY/           what setup steps made: note.json and trees/N
//! HOME/cache/tmp/                 what is being written; cleared at start
//! HOME/workspaces/N/tree          a workspace; N is the smallest free number, so that paths repeat from run to run
//! HOME/workspaces/N/place.json    whose it is and what is in it, while it can be used
//! HOME/workspaces/N/setup/STEP    output of the last setup
//! ```
//!
//! What runs share is never written to after it got its name, and never linked into a workspace: `part_workspace`
//! tells why. A workspace that nobody uses any more is taken over by the next run, which makes anew only what differs
//! ([`part_workspace::renew`]); at most a few are kept for that.
//!
//! Start reading at `ready.rs`, then `work.rs`.

mod cache;
mod evict;
mod failure;
mod fetch;
mod kept;
mod places;
mod ready;
mod step;
mod work;

pub(crate) use ready::{InUse, Workspaces};
