//! How long connections may take for what. The daemon's own are in `bounds.rs`; tests use shorter ones.

use crate::bounds;
use std::time::Duration;

/// What a connection may take, and how many of them there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: usize,
    /// Those of one address that have not proven who they are, with TLS.
    pub(crate) unproven: usize,
    /// Those of one address that have not said anything, without TLS.
    pub(crate) ungreeted: usize,
    /// How long such a one is left in peace when another wants its place.
    pub(crate) unproven_rest: Duration,
    /// How long such a one may stay at all, with TLS.
    pub(crate) unproven_age: Duration,
    /// The TLS handshake.
    pub(crate) handshake: Duration,
    /// The first bytes of HTTP/2, or the head of the first request of HTTP/1.
    pub(crate) first_head: Duration,
    /// A connection is asked to make place for a new one after this time.
    pub(crate) age: Duration,
    /// And closed so long after that.
    pub(crate) age_grace: Duration,
    /// How long a stopping server waits for its connections.
    pub(crate) farewell: Duration,
}

impl Limits {
    /// Those of the daemon.
    pub(crate) const DEFAULT: Limits = Limits {
        connections: bounds::CONNECTIONS,
        unproven: bounds::UNPROVEN,
        ungreeted: bounds::UNGREETED,
        unproven_rest: bounds::UNPROVEN_REST,
        unproven_age: bounds::UNPROVEN_AGE,
        handshake: bounds::HANDSHAKE,
        first_head: bounds::FIRST_HEAD,
        age: bounds::CONNECTION_AGE,
        age_grace: bounds::CONNECTION_GRACE,
        farewell: bounds::FAREWELL,
    };
}
