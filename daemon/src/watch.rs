//! Watches: a run's events from the store by cursor, with a nudge from the leader when there are more.

use crate::api::Shared;
use crate::bounds;
use crate::error::chain;
use crate::realm::{end_abandoned, holder_is_gone};
use part_core::{Record, RunId};
use part_proto::convert::event_to_wire;
use part_proto::{status, v1};
use part_store::StoreError;
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

    /// The leader stepped down: what it knew last need not be all that is stored. Whoever waits looks for itself.
    pub(crate) fn leaderless(&self) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn follow(&self, run: RunId) -> Option<watch::Receiver<u64>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(&run).map(watch::Sender::subscribe)
    }
}

/// Where a watcher's events go.
pub(crate) type Out = mpsc::Sender<Result<v1::Event, Status>>;

/// Sends a run's events after `after` into `out` until the run is finished, the watcher goes away or the daemon stops.
/// A slow watcher is held back by `out` and costs one page of memory.
pub(crate) async fn watch_run(shared: Arc<Shared>, run: RunId, after: u64, out: Out) {
    let last_word = tokio::select! {
        () = shared.closing.cancelled() => Some(status::unavailable("the daemon is stopping")),
        () = out.closed() => None,
        end = (Watch { shared: &shared, run, after, looks: 0 }).follow(&out) => end.err(),
    };
    if let Some(status) = last_word {
        // One that takes nothing any more gets no last word.
        drop(tokio::time::timeout(bounds::WATCH_FAREWELL, out.send(Err(status))).await);
    }
}

/// One watcher's place in a run.
struct Watch<'a> {
    shared: &'a Shared,
    run: RunId,
    after: u64,
    /// Looks into the store since the last event, for a run that is not led here.
    looks: u32,
}

impl Watch<'_> {
    /// Until the run's end was sent, or had been sent before.
    async fn follow(mut self, out: &Out) -> Result<(), Status> {
        loop {
            // Before the look into the store, so that nothing can come between the two unnoticed.
            let news = self.shared.hub.follow(self.run);
            let page = self.shared.store.entries(self.run, self.after, bounds::WATCH_PAGE).await;
            let page = page.map_err(|error| store_failed(&error))?;
            let empty = page.is_empty();
            for entry in page {
                (self.after, self.looks) = (entry.number, 0);
                let finished = matches!(entry.record, Record::RunFinished { .. });
                if out.send(Ok(event_to_wire(&entry))).await.is_err() || finished {
                    return Ok(());
                }
            }
            match news {
                _ if !empty => {}
                // An error means that the run is not led here any more; the next look tells.
                Some(mut through) => drop(through.wait_for(|through| *through > self.after).await.is_ok()),
                None if self.is_over().await? => return Ok(()),
                None => tokio::time::sleep(bounds::WATCH_ELSEWHERE).await,
            }
        }
    }

    /// Looks at a run that is not led here, or not yet. An error when nobody leads it.
    async fn is_over(&mut self) -> Result<bool, Status> {
        let row = self.shared.store.run_row(self.run).await.map_err(|error| store_failed(&error))?;
        let Some(row) = row else { return Err(status::not_found(format!("there is no run {}", self.run))) };
        if row.progress.finished.is_some() {
            return Ok(row.progress.last_number <= self.after);
        }
        let ask = self.looks.is_multiple_of(bounds::WATCH_HOLDER_LOOKS);
        self.looks = self.looks.wrapping_add(1);
        if !ask || self.shared.leads(&row.realm) {
            return Ok(false);
        }
        let realms = self.shared.store.realms().await.map_err(|error| store_failed(&error))?;
        match realms.iter().find(|realm| realm.realm == row.realm) {
            Some(realm) if !holder_is_gone(realm) => Ok(false),
            _ if row.realm.is_local() => {
                // Nobody will go on with it; its end is for whoever notices first.
                let ended = end_abandoned(self.shared.store.as_ref(), &self.shared.holder).await;
                ended.map(|()| false).map_err(|error| status::unavailable(chain(&error)))
            }
            _ => Err(status::unavailable("no daemon leads this run now; it goes on when partd is started again")),
        }
    }
}

fn store_failed(error: &StoreError) -> Status {
    status::unavailable(chain(error))
}
