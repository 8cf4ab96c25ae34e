//! Membership and election against real etcd: Debian's program, on free ports and in temporary folders.
//!
//! What is tested is no part of the daemon's public face, so its modules are compiled into this test a second time.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it, and looks again after a while"
)]

#[path = "../../src/bounds.rs"]
#[expect(dead_code, reason = "the bounds of the whole daemon")]
mod bounds;
mod certificates;
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the rest of the daemon uses more of it, and shows some of it to the world"
)]
#[path = "../../src/cluster/mod.rs"]
mod cluster;
mod election;
mod entrance;
mod membership;
mod outage;
mod server;
mod support;

// What the modules above find in their own crate.
use partd::{DaemonError, config};
