//! What can go wrong in a worker, apart from specs.

use crate::shim::ShimError;
use std::path::PathBuf;
use thiserror::Error;

/// A worker that cannot do its job.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// A folder or file of the worker cannot be used.
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
    /// A slot's shim cannot be started.
    #[error("starting the shim of slot {slot}")]
    Shim {
        /// The slot.
        slot: u32,
        /// Why not.
        #[source]
        source: ShimError,
    },
    /// The leader refuses this worker for good.
    #[error("the leader refuses this worker: {reason}")]
    Refused {
        /// Its words.
        reason: String,
    },
}

impl WorkerError {
    pub(crate) fn folder(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> WorkerError {
        let path = path.into();
        move |source| WorkerError::Folder { doing, path, source }
    }
}
