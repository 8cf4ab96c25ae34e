//! Membership and election against real etcd: Debian's program, on free ports and in temporary folders.
//!
//! What is tested is no part of the daemon's public face, so its modules are compiled into this test a second time.

#[path = "../../src/bounds.rs"]
#[expect(dead_code, reason = "the bounds of the whole daemon")]
mod bounds;
mod certificates;
mod election;
mod entrance;
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the rest of the daemon uses more of it, and shows some of it to the world"
)]
#[path = "../../src/cluster/mod.rs"]
mod cluster;
mod membership;
mod outage;
mod server;
mod support;

// What the modules above find in their own crate.
use partd::{DaemonError, config};
