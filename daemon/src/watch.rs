//! Watches: a run's events from the store by cursor, with a nudge from the leader when there are more.

use crate::api::{Shared, store_failed};
use crate::bounds;
use crate::error::chain;
use crate::realm::end_abandoned;
use part_core::{Record, RunId};
use part_proto::convert::event_to_wire;
use part_proto::{status, v1};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
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
            let looked = Instant::now();
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
            if !empty {
                continue;
            }
            match news {
                // An error means that the run is not led here any more; the next look tells.
                Some(mut through) => {
                    drop(through.wait_for(|through| *through > self.after).await);
                    tokio::time::sleep_until(looked + bounds::WATCH_GATHER).await;
                }
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
        if self.shared.clustered
            || realms.iter().any(|realm| realm.realm == row.realm && !self.shared.is_abandoned(realm))
        {
            return Ok(false);
        }
        if !row.realm.is_local() {
            return Err(status::unavailable(
                "no daemon leads this run now; it goes on when partd is started again",
            ));
        }
        // Nobody will go on with it; its end is for whoever notices first.
        let ended = end_abandoned(self.shared.store.as_ref(), &self.shared.holder).await;
        ended.map(|()| false).map_err(|error| status::unavailable(chain(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MoodyStore, shared, submission};
    use part_core::{CancelMode, Config, Core, Input, Pending, RequestId, State, Term, Timestamp};
    use part_store::{Holder, Realm, Store};
    use std::time::Duration;
    use tokio::task::JoinHandle;

    const RUN: RunId = RunId(7);

    /// A run in a store, with nobody but the test to lead it.
    struct Bench {
        store: MoodyStore,
        shared: Arc<Shared>,
        realm: Realm,
        core: Core,
    }

    impl Bench {
        async fn open(realm: Realm, holder: &str) -> Bench {
            let store = MoodyStore::new();
            let term =
                store.begin_term(&realm, &Holder(holder.to_owned()), Term::default()).await.expect("begun");
            let config = Config { term, ..Config::default() };
            let (core, _) = Core::new(config, State::default(), Timestamp(1));
            let mut bench = Bench { shared: shared(&store, None), store, realm, core };
            let submission = submission(1, &["a"]);
            bench.input(Input::RunSubmitted { request: RequestId(1), run: RUN, submission }).await;
            bench
        }

        async fn input(&mut self, input: Input) -> u64 {
            let pending: Pending = self.core.handle(Timestamp(2), input);
            self.store.commit(&self.realm, self.core.term(), pending.entries()).await.expect("recorded");
            pending.entries().last().map_or(0, |entry| entry.number)
        }

        async fn finish(&mut self) -> u64 {
            let (by, mode) = ("a test".to_owned(), CancelMode::Kill);
            self.input(Input::CancelRequested { request: RequestId(2), run: RUN, by, mode }).await
        }

        fn watch(&self, after: u64) -> (mpsc::Receiver<Result<v1::Event, Status>>, JoinHandle<()>) {
            let (out, events) = mpsc::channel(bounds::WATCH_QUEUE);
            (events, tokio::spawn(watch_run(Arc::clone(&self.shared), RUN, after, out)))
        }
    }

    async fn all(mut events: mpsc::Receiver<Result<v1::Event, Status>>) -> Vec<Result<u64, tonic::Code>> {
        let mut seen = Vec::new();
        let read = async {
            while let Some(event) = events.recv().await {
                seen.push(event.map(|event| event.number).map_err(|status| status.code()));
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), read).await.expect("an end");
        seen
    }

    #[tokio::test]
    async fn a_finished_run_is_watched_to_its_end_from_any_cursor() {
        let mut bench = Bench::open(Realm::mesh(), "").await;
        let last = bench.finish().await;
        for after in 0..=last + 1 {
            let (events, _) = bench.watch(after);
            assert_eq!(all(events).await, (after + 1..=last).map(Ok).collect::<Vec<_>>(), "after {after}");
        }
    }

    #[tokio::test]
    async fn a_watcher_that_goes_away_leaves_no_task_behind() {
        let bench = Bench::open(Realm::mesh(), "not JSON: it lives").await;
        for led_here in [false, true] {
            if led_here {
                bench.shared.hub.advanced(RUN, 4, false);
            }
            let (mut events, task) = bench.watch(0);
            events.recv().await.expect("an event").expect("no error");
            drop(events);
            tokio::time::timeout(Duration::from_secs(60), task).await.expect("ended").expect("no panic");
        }
    }

    #[tokio::test]
    async fn a_stopping_daemon_says_so() {
        let bench = Bench::open(Realm::mesh(), "not JSON: it lives").await;
        bench.shared.hub.advanced(RUN, 4, false);
        let (events, _) = bench.watch(2);
        bench.shared.closing.cancel();
        assert_eq!(all(events).await.last(), Some(&Err(tonic::Code::Unavailable)));
    }

    #[tokio::test]
    async fn news_that_a_leader_lost_are_found_in_the_store() {
        let mut bench = Bench::open(Realm::mesh(), "not JSON: it lives").await;
        bench.shared.hub.advanced(RUN, 4, false);
        let (events, _) = bench.watch(0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Recorded, but the leader lost its footing before it could tell.
        let last = bench.finish().await;
        bench.shared.hub.leaderless();
        assert_eq!(all(events).await, (1..=last).map(Ok).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_run_that_nobody_leads_any_more_does_not_keep_its_watchers() {
        let gone = r#"{"pid":1,"program":"p","lock":"/nowhere/lock","address":"/nowhere/sock"}"#;
        let bench = Bench::open(Realm::mesh(), gone).await;
        let (events, _) = bench.watch(0);
        assert_eq!(all(events).await.last(), Some(&Err(tonic::Code::Unavailable)), "a daemon may come back");

        let bench = Bench::open(Realm::local("x"), gone).await;
        let (events, _) = bench.watch(0);
        let seen = all(events).await;
        assert!(seen.iter().all(Result::is_ok), "{seen:?}");
        let row = bench.store.run_row(RUN).await.expect("read").expect("there");
        let verdict = row.progress.finished.expect("closed").verdict;
        assert_eq!(verdict, part_core::RunVerdict::Incomplete);
    }
}
