//! Who is who on the wire: tokens, identities in certificates, the files that hold them, and connecting to a daemon
//! with or without TLS.
//!
//! Shared by the daemon, the worker and the command line, so that each says the same about the same trouble. Not here:
//! who may do what (the daemon's policy table), the listener, and signing certificates (the daemon's authority).
//!
//! Start reading at [`Dialer`], the way to a daemon, and [`Token`], what a person hands to a machine.

mod address;
mod bounds;
mod dial;
mod files;
mod fingerprint;
mod identity;
mod token;

pub use address::{Address, AddressError};
pub use dial::{Credentials, DialError, Dialer, Trust, TrustError};
pub use files::{FileError, certificates, certificates_of, private_key, private_key_of, write_private};
pub use fingerprint::Fingerprint;
pub use identity::{Certified, Identity, IdentityError, certified};
pub use token::{NoRandomness, Token, TokenError, TokenHash};
