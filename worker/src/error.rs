//! What can go wrong in a worker, apart from specs.

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
