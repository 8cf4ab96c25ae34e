//! Why a workspace is not ready.

use part_core::{AttemptVerdict, Finish, LostCause};

/// Why a workspace is not ready.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Nobody wants it any more.
    Cancelled,
    /// This worker could not do its part: the attempt goes elsewhere.
    Worker(String),
    /// A setup step failed.
    Setup(Box<Finish>),
}

impl Trouble {
    /// The end of an attempt that this trouble keeps from starting.
    pub(crate) fn finish(self) -> Box<Finish> {
        match self {
            Trouble::Cancelled => {
                Box::new(Finish::declared(AttemptVerdict::Cancelled, "cancelled before it started"))
            }
            Trouble::Worker(message) => Box::new(Finish::lost(LostCause::WorkerFailed, message)),
            Trouble::Setup(finish) => finish,
        }
    }
}

/// Runs what may take its time on a thread of its own; a panic in it is this worker's trouble.
pub(crate) async fn blocking<T: Send + 'static>(
    doing: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Trouble::Worker(format!("{doing}: {error}")))
}
