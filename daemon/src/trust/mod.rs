//! Who may do what: the daemon's certificates, who a connection's other end is, tokens, and the one policy table.
//!
//! A connection shows who is there (`peer`), or a bearer token does (`tokens`); the guard puts the answer into each
//! request's extensions and asks the table (`policy`) before anything else sees the request. Not here: the accept
//! loop (`serve`), the service that admits workers (`api/join.rs`), and connecting (`part-trust`).
//!
//! Start reading at [`guarded`] in `guard`.

mod authority;
mod certificates;
mod denials;
mod error;
mod gate;
mod guard;
mod peer;
mod policy;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use authority::{Authority, requested_key};
pub(crate) use certificates::{Certificates, fingerprint};
pub use error::TrustFailure;
pub(crate) use gate::Gate;
pub(crate) use guard::{guarded, is_grpc};
pub(crate) use peer::{Peer, peer_of};
pub(crate) use policy::role_name;
pub(crate) use tokens::{TokenBook, TokenRefusal, span};
