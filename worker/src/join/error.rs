//! Why a worker cannot join or go on: one clear sentence each.

use crate::WorkerError;
use part_trust::{Address, DialError, FileError, TokenError, TrustError};
use std::path::PathBuf;
use thiserror::Error;

/// Why a worker cannot join or go on.
#[derive(Debug, Error)]
pub enum JoinError {
    /// Another worker uses the same folder.
    #[error("{} is used by another part-worker; stop it, or give this one a folder of its own with --home", home.display())]
    HomeTaken {
        /// The folder.
        home: PathBuf,
    },
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The token's file holds none.
    #[error("{}: {source}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: TokenError,
    },
    /// There is nothing to show.
    #[error(
        "there is neither a certificate in {} nor a token: make one on a daemon's host with \
         `partd token create --role worker` and give it with --token-file FILE", home.display()
    )]
    NothingToShow {
        /// The worker's folder.
        home: PathBuf,
    },
    /// A secret would be shown to anybody on the way.
    #[error(
        "the token is not sent to {address} in plain text: name the mesh's authority with --ca FILE, or use a token that \
         was made where TLS is configured and carries the authority's fingerprint"
    )]
    PlainToken {
        /// Where it would have gone.
        address: Address,
    },
    /// What is trusted or shown makes no sense.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A daemon cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// A daemon does not admit this worker.
    #[error("{address} does not admit this worker: {why}")]
    Refused {
        /// The daemon.
        address: Address,
        /// Its words.
        why: String,
    },
    /// A daemon cannot answer now.
    #[error("{address} cannot admit this worker now: {why}")]
    Unavailable {
        /// The daemon.
        address: Address,
        /// Its words.
        why: String,
    },
    /// A daemon's answer makes no sense.
    #[error("the answer of {address} cannot be used: {why}")]
    BadAnswer {
        /// The daemon.
        address: Address,
        /// What is wrong with it.
        why: String,
    },
    /// A key could not be made or used.
    #[error("a key for the certificate cannot be made: {0}")]
    Key(String),
    /// The certificate is over and there is no other.
    #[error(
        "the certificate has expired and could not be renewed; join again with a new token (last: {why})"
    )]
    Expired {
        /// Why it was not renewed.
        why: String,
    },
    /// The worker cannot start.
    #[error("the worker cannot start")]
    Worker(#[source] WorkerError),
    /// This program cannot be found.
    #[error("this program's own file cannot be found")]
    Program(#[source] std::io::Error),
    /// The worker panicked.
    #[error("the worker failed unexpectedly: {0}")]
    Panicked(String),
}
