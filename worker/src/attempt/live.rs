//! What a running attempt writes, for those who look at it while it runs.

use crate::bounds;
use crate::shim::{MAX_TAIL_BYTES, ShimError, ShimHandle};
use part_proto::v1::OutputChunk;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

/// Somebody who wants to see an attempt's output.
pub(crate) struct Listener {
    out: mpsc::Sender<OutputChunk>,
    /// Bytes of the attempt's output that went out or were passed over.
    offset: u64,
}

impl Listener {
    /// What it takes slowly is cut out, never waited for.
    pub(crate) fn new(out: mpsc::Sender<OutputChunk>) -> Listener {
        Listener { out, offset: 0 }
    }
}

/// The listeners of one attempt.
pub(super) struct Live {
    coming: mpsc::Receiver<Listener>,
    listeners: Vec<Listener>,
    tick: Interval,
}

impl Live {
    pub(super) fn new(coming: mpsc::Receiver<Listener>) -> Live {
        let mut tick = tokio::time::interval(bounds::LIVE_LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Live { coming, listeners: Vec::new(), tick }
    }

    /// Serves whoever listens; never ends by itself. An error is the shim's, and it has failed then.
    pub(super) async fn serve(&mut self, shim: &ShimHandle, attempt: &str) -> ShimError {
        loop {
            tokio::select! {
                Some(listener) = self.coming.recv() => self.listeners.push(listener),
                _ = self.tick.tick(), if !self.listeners.is_empty() => {
                    if let Err(error) = self.feed(shim, attempt).await {
                        return error;
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    async fn feed(&mut self, shim: &ShimHandle, attempt: &str) -> Result<(), ShimError> {
        self.listeners.retain(|listener| !listener.out.is_closed());
        for listener in &mut self.listeners {
            while let Ok(permit) = listener.out.try_reserve() {
                let chunk = match shim.tail(attempt, listener.offset, MAX_TAIL_BYTES as u64).await {
                    Ok(chunk) => chunk,
                    // It has just ended: whoever waits for its end is about to hear of it.
                    Err(ShimError::Refused { .. }) => return Ok(()),
                    Err(error) => return Err(error),
                };
                let dropped = chunk.offset.saturating_sub(listener.offset);
                listener.offset = chunk.offset + chunk.data.len() as u64;
                if chunk.data.is_empty() && dropped == 0 {
                    break;
                }
                permit.send(OutputChunk { watch: Vec::new(), data: chunk.data, dropped });
            }
        }
        Ok(())
    }
}
