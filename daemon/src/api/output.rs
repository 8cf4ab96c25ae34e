//! Live output: brings together a client that wants to see an attempt and the worker that runs it.

use crate::bounds;
use part_proto::{status, v1};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// Where the output goes that workers send.
type Out = mpsc::Sender<Result<v1::FollowedOutput, Status>>;

/// All looks at running attempts through this daemon.
#[derive(Default)]
pub(crate) struct Outputs {
    waiting: Mutex<HashMap<u128, Out>>,
}

/// A look that has begun; ends with this value.
pub(super) struct Looking {
    outputs: Arc<Outputs>,
    pub(super) watch: u128,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.outputs.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.watch);
    }
}

impl Outputs {
    /// Begins a look, under a name that nobody can guess.
    pub(super) fn begin(
        self: &Arc<Self>,
    ) -> Result<(Looking, mpsc::Receiver<Result<v1::FollowedOutput, Status>>), Status> {
        let watch = uuid::Uuid::new_v4().as_u128();
        let (out, output) = mpsc::channel(bounds::OUTPUT_QUEUE);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= bounds::OUTPUT_WATCHES {
            let most = bounds::OUTPUT_WATCHES;
            return Err(status::exhausted(format!(
                "{most} clients look at running attempts already; try again later"
            )));
        }
        waiting.insert(watch, out);
        Ok((Looking { outputs: Arc::clone(self), watch }, output))
    }

    fn take(&self, watch: u128) -> Option<Out> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&watch)
    }

    /// Takes what a worker sends to the client that waits for it, until one of them has enough.
    pub(super) async fn bring(&self, mut chunks: Streaming<v1::OutputChunk>) -> Result<(), Status> {
        let first = tokio::time::timeout(bounds::OUTPUT_BEGINS, chunks.message()).await;
        let first = first.map_err(|_| status::unavailable("no output came in time"))??;
        let watch = first.and_then(|chunk| <[u8; 16]>::try_from(chunk.watch.as_slice()).ok());
        let out = watch.and_then(|watch| self.take(u128::from_be_bytes(watch)));
        let out = out.ok_or_else(|| status::not_found("nobody waits for this output"))?;
        loop {
            let chunk = tokio::select! {
                () = out.closed() => return Ok(()),
                chunk = chunks.message() => chunk?,
            };
            let Some(v1::OutputChunk { data, dropped, .. }) = chunk else { return Ok(()) };
            if out.send(Ok(v1::FollowedOutput { data, dropped })).await.is_err() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_bounded_and_leave_nothing_behind() {
        let outputs = Arc::new(Outputs::default());
        let looks: Vec<_> = (0..bounds::OUTPUT_WATCHES).map(|_| outputs.begin().expect("room")).collect();
        assert_eq!(outputs.begin().err().map(|status| status.code()), Some(tonic::Code::ResourceExhausted));
        drop(looks);
        let (look, _output) = outputs.begin().expect("room again");
        assert!(outputs.take(look.watch).is_some() && outputs.take(look.watch).is_none());
    }
}
