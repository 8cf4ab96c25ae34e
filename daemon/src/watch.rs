//! Watches: a run's events from the store by cursor, with a nudge from the leader when there are more.

use crate::bounds;
use crate::error::chain;
use part_core::{Record, RunId};
use part_proto::convert::event_to_wire;
use part_proto::{status, v1};
use part_store::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
use tonic::Status;

/// How far each run got that is led here.
#[derive(Default)]
pub(crate) struct WatchHub {
    runs: Mutex<HashMap<RunId, watch::Sender<u64>>>,
}

impl WatchHub {
    /// The leader committed entries of a run.
    pub(crate) fn advanced(&self, run: RunId, through: u64, finished: bool) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.entry(run).or_insert_with(|| watch::channel(0).0).send_replace(through);
        if finished {
            // Whoever waits sees the sender go, reads the rest and ends.
            runs.remove(&run);
        }
    }

    fn follow(&self, run: RunId) -> Option<watch::Receiver<u64>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(&run).map(watch::Sender::subscribe)
    }
}

/// Sends a run's events after `after` into `out` until the run is finished, or the watcher goes away. A slow watcher
/// is held back by `out` and costs one page of memory.
pub(crate) async fn watch_run(
    store: Arc<dyn Store>,
    hub: Arc<WatchHub>,
    run: RunId,
    mut after: u64,
    out: mpsc::Sender<Result<v1::Event, Status>>,
) {
    let mut news = hub.follow(run);
    loop {
        let page = match store.entries(run, after, bounds::WATCH_PAGE).await {
            Ok(page) => page,
            Err(error) => {
                // A watcher that is already gone needs no answer.
                drop(out.send(Err(status::unavailable(chain(&error)))).await);
                return;
            }
        };
        let empty = page.is_empty();
        for entry in page {
            after = entry.number;
            let finished = matches!(entry.record, Record::RunFinished { .. });
            if out.send(Ok(event_to_wire(&entry))).await.is_err() || finished {
                return;
            }
        }
        if empty && !wait_for_more(&mut news, after, &out).await {
            news = hub.follow(run);
        }
    }
}

/// Waits until there may be more than `after`. False when the run is not (or no longer) led here.
async fn wait_for_more(
    news: &mut Option<watch::Receiver<u64>>,
    after: u64,
    out: &mpsc::Sender<Result<v1::Event, Status>>,
) -> bool {
    let Some(through) = news else {
        tokio::time::sleep(bounds::WATCH_ELSEWHERE).await;
        return false;
    };
    let led_here = tokio::select! {
        more = through.wait_for(|through| *through > after) => more.is_ok(),
        () = out.closed() => true,
    };
    if !led_here {
        *news = None;
    }
    led_here
}
