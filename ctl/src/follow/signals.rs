//! Signals of the user.

use crate::error::{CliError, Kind};
use crate::exit::Exit;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Signals that were not looked at yet; more than three change nothing.
const QUEUE: usize = 4;

/// Ctrl-C and SIGTERM, in the order they came. From the first use on they no longer end the process by themselves.
pub(crate) struct Signals(mpsc::Receiver<Exit>);

impl Signals {
    /// Listens to this process's signals.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let (queue, signals) = mpsc::channel(QUEUE);
        for (kind, exit) in
            [(SignalKind::interrupt(), Exit::Interrupted), (SignalKind::terminate(), Exit::Terminated)]
        {
            let mut source = signal(kind)
                .map_err(|error| CliError::new(Kind::Local, "cannot listen to signals").because(error))?;
            let queue = queue.clone();
            tokio::spawn(async move {
                while source.recv().await.is_some() {
                    // A full queue already says all that can be said.
                    if let Err(mpsc::error::TrySendError::Closed(_)) = queue.try_send(exit) {
                        return;
                    }
                }
            });
        }
        Ok(Signals(signals))
    }

    /// Signals that a test sends.
    #[cfg(test)]
    pub(crate) fn scripted() -> (mpsc::Sender<Exit>, Self) {
        let (queue, signals) = mpsc::channel(QUEUE);
        (queue, Signals(signals))
    }

    /// The next signal, as the exit code that goes with it. Never returns when there can be none any more.
    pub(crate) async fn next(&mut self) -> Exit {
        match self.0.recv().await {
            Some(exit) => exit,
            None => std::future::pending().await,
        }
    }
}
