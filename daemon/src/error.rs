//! What can go wrong in a daemon.

use part_store::{BlobError, CommitError, StoreError};
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// A daemon that cannot start or go on.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// Its configuration is wrong; all problems at once.
    #[error("the configuration is wrong:\n{}", problems.join("\n"))]
    Config {
        /// One line each, with the place.
        problems: Vec<String>,
    },
    /// A folder or file cannot be used.
    #[error("{doing} {}", path.display())]
    Folder {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the same data.
    #[error("{} is used by another daemon ({holder}); stop it, or give this one a home of its own", home.display())]
    HomeTaken {
        /// The folder.
        home: PathBuf,
        /// What is known about the other one.
        holder: String,
    },
    /// Another process keeps others from starting.
    #[error("another process kept {} for {waited:?}; if it hangs, end it: it is one that starts or was stopped", path.display())]
    Gate {
        /// The lock.
        path: PathBuf,
        /// How long was waited.
        waited: std::time::Duration,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The address would offer the mesh to other machines without any protection.
    #[error(
        "refusing to listen on {address}: anyone who can reach it could run commands here. \
         Give it TLS (`partd certs` makes the files for --tls-ca, --tls-cert and --tls-key), listen on 127.0.0.1, or say \
         --insecure-listen if the network is yours alone"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The blob store failed.
    #[error("the blob store failed")]
    Blobs(#[source] BlobError),
    /// A commit failed for good.
    #[error("a commit failed")]
    Commit(#[source] CommitError),
    /// The ledger contradicts itself.
    #[error("the ledger is damaged")]
    Ledger(#[source] part_core::Misfit),
    /// The worker cannot start.
    #[error("the worker cannot start")]
    Worker(#[source] part_worker::WorkerError),
    /// The leader failed again and again.
    #[error("the leader failed {times} times in a row, last because {why}")]
    Unstable {
        /// How often.
        times: u32,
        /// The last reason.
        why: String,
    },
    /// A part of the daemon panicked.
    #[error("{part} failed unexpectedly: {what}")]
    Panicked {
        /// Which.
        part: &'static str,
        /// With what.
        what: String,
    },
    /// The other daemons of the mesh could not be joined.
    #[error("cannot join the mesh")]
    Cluster(#[source] crate::cluster::ClusterError),
    /// Certificates cannot be used.
    #[error("TLS cannot be set up")]
    Trust(#[source] crate::trust::TrustFailure),
    /// A verb of the command line cannot be done.
    #[error("{what}")]
    Command {
        /// Why not, and what to do about it.
        what: String,
    },
    /// A connection inside the process could not be made.
    #[error("cannot connect to the embedded mesh")]
    Connect(#[source] tonic::transport::Error),
}

impl DaemonError {
    /// True when the same may succeed later without anybody changing anything.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            DaemonError::Store(error) | DaemonError::Commit(CommitError::Store(error)) => {
                error.is_temporary()
            }
            DaemonError::Blobs(error) => error.is_temporary(),
            DaemonError::Config { .. }
            | DaemonError::Folder { .. }
            | DaemonError::HomeTaken { .. }
            | DaemonError::Gate { .. }
            | DaemonError::Listen { .. }
            | DaemonError::Exposed { .. }
            | DaemonError::Commit(CommitError::Superseded { .. } | CommitError::Misfit { .. })
            | DaemonError::Ledger(_)
            | DaemonError::Worker(_)
            | DaemonError::Unstable { .. }
            | DaemonError::Panicked { .. }
            | DaemonError::Cluster(_)
            | DaemonError::Trust(_)
            | DaemonError::Command { .. }
            | DaemonError::Connect(_) => false,
        }
    }

    pub(crate) fn command(what: impl Into<String>) -> DaemonError {
        DaemonError::Command { what: what.into() }
    }

    pub(crate) fn folder(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> DaemonError {
        let path = path.into();
        move |source| DaemonError::Folder { doing, path, source }
    }
}

/// An error with its causes, on one line: the daemon's only place that prints chains.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // A transparent wrapper repeats its source.
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
