//! The way to a daemon: plain text or TLS, checked as far as can be, and told clearly when it fails.

mod config;
mod dialer;
mod error;
mod pinned;
#[cfg(test)]
mod tests;

pub use config::{Credentials, Trust, TrustError};
pub use dialer::Dialer;
pub use error::DialError;
