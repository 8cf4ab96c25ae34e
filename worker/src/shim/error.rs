//! What can go wrong between a worker and its shims.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A shim could not be started, reached or understood.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// The shim ended, or broke its connection, without being asked to. Its attempt is lost; what is left
    /// of its processes is ended by [`super::reap_orphans`].
    #[error("the shim of {} is gone: {detail}", .dir.display())]
    Lost {
        /// The shim's folder.
        dir: PathBuf,
        /// What is known about its end.
        detail: String,
    },
    /// Another controller has taken this shim over; its attempt goes on.
    #[error("the shim of {} was taken over by another controller", .dir.display())]
    Replaced {
        /// The shim's folder.
        dir: PathBuf,
    },
    /// No shim listens in this folder.
    #[error("connecting to the shim of {}", .dir.display())]
    Connect {
        /// The shim's folder.
        dir: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The shim's program could not be started.
    #[error("starting the shim {}", .exe.display())]
    Launch {
        /// The program.
        exe: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The shim started but did not become ready.
    #[error("the shim {} did not become ready in {}: {detail}", .exe.display(), .dir.display())]
    NotReady {
        /// The program.
        exe: PathBuf,
        /// Its folder.
        dir: PathBuf,
        /// What it said, or how it ended.
        detail: String,
    },
    /// A shim that could not be ended, or its processes, stood in the way.
    #[error("{} still has {count} processes of an earlier shim that cannot be killed", .dir.display())]
    Haunted {
        /// The shim's folder.
        dir: PathBuf,
        /// How many.
        count: usize,
    },
    /// The shim refused a request.
    #[error("the shim of {} refused: {reason}", .dir.display())]
    Refused {
        /// The shim's folder.
        dir: PathBuf,
        /// Why.
        reason: String,
    },
    /// The order does not fit into one line.
    #[error("attempt {attempt} needs {bytes} bytes for its arguments and environment; {limit} are allowed")]
    OrderTooLarge {
        /// Name of the attempt.
        attempt: String,
        /// Its size as a line.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The shim neither runs this attempt nor has its record.
    #[error("the shim of {} knows nothing of attempt {attempt}", .dir.display())]
    UnknownAttempt {
        /// The shim's folder.
        dir: PathBuf,
        /// Name of the attempt.
        attempt: String,
    },
    /// The shim did not answer in time.
    #[error("the shim of {} did not answer within {after:?}", .dir.display())]
    Silent {
        /// The shim's folder.
        dir: PathBuf,
        /// How long was waited.
        after: Duration,
    },
    /// The shim said something that cannot be understood here.
    #[error("the shim of {} said something unexpected: {detail}", .dir.display())]
    Protocol {
        /// The shim's folder.
        dir: PathBuf,
        /// What.
        detail: String,
    },
    /// A record or note on disk is damaged.
    #[error("reading {}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// The system refused something.
    #[error("{doing} {}", .path.display())]
    Io {
        /// What we were doing.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The system refused something that has no path.
    #[error("{doing}")]
    System {
        /// What we were doing.
        doing: &'static str,
        /// The cause.
        source: io::Error,
    },
}

impl ShimError {
    /// Turns an I/O error into ours: `.map_err(ShimError::io("creating", path))`.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ShimError {
        let path = path.into();
        move |source| ShimError::Io { doing, path, source }
    }

    /// The same for calls without a path.
    pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> ShimError {
        move |source| ShimError::System { doing, source: source.into() }
    }

    /// The error and its causes on one line, for records and logs of the shim itself.
    pub(crate) fn chain(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        text
    }
}
