//! One listener for gRPC and HTTP: our own accept loop, so that silent, greedy and unknown peers are bounded, and so
//! that stopping never waits for any of them.
//!
//! Start reading at [`serve`] in `accept`, then `connection`: the life of one connection.

mod accept;
mod connection;
mod limits;
mod lobby;
mod routes;
mod silence;
#[cfg(test)]
mod tests;

pub(crate) use accept::{Listener, serve};
pub(crate) use connection::Connected;
pub(crate) use limits::Limits;
pub(crate) use lobby::Ticket;
pub(crate) use routes::routes;
