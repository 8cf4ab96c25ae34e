//! What can be wrong with certificates and authorities.

use part_trust::{FileError, IdentityError, TrustError};
use std::path::PathBuf;
use thiserror::Error;

/// Certificates that cannot be used.
#[derive(Debug, Error)]
pub enum TrustFailure {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was read makes no sense as TLS.
    #[error(transparent)]
    Tls(#[from] TrustError),
    /// A certificate cannot be understood.
    #[error("{} cannot be used: {source}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: IdentityError,
    },
    /// The certificate is not this daemon's.
    #[error(
        "{} is {is}, but this host is {name:?} in the mesh: make one with `partd certs --name {name}`, or set the name",
        path.display()
    )]
    WrongIdentity {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        is: String,
        /// This host's name.
        name: String,
    },
    /// The certificate, its key and the authority do not go together.
    #[error("{} does not go with {}: {why}", path.display(), authority.display())]
    Mismatch {
        /// The certificate.
        path: PathBuf,
        /// The authority.
        authority: PathBuf,
        /// Why not.
        why: String,
    },
    /// The key is of another authority.
    #[error("{} is not the key of {}", key.display(), authority.display())]
    WrongKey {
        /// The key.
        key: PathBuf,
        /// The authority.
        authority: PathBuf,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(String),
}
