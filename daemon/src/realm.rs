//! Realms: who leads what in one home folder, and what to do with runs whose leader is gone.
//!
//! A daemon leads the realm `mesh`. Each embedded mesh leads a realm of its own, so that several can use one home at
//! once. Each holder keeps a lock on a file for as long as its process lives; a lock that can be taken means that the
//! holder is gone.

use crate::clock::Clock;
use crate::error::chain;
use crate::leader::load;
use crate::lock::Lock;
use crate::{DaemonError, bounds};
use part_core::{Config, Core, Input, State, Term};
use part_store::{CommitError, Holder, Realm, RealmRow, Store};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a holder notes about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HolderNote {
    /// Its process.
    pub(crate) pid: u32,
    /// Its program.
    pub(crate) program: String,
    /// The file that it keeps locked.
    pub(crate) lock: PathBuf,
    /// Where it can be reached: a socket's path or an address.
    pub(crate) address: String,
}

/// True when the process that holds a realm is known to be gone.
pub(crate) fn holder_is_gone(row: &RealmRow) -> bool {
    let Some(holder) = &row.holder else { return true };
    let Ok(note) = serde_json::from_str::<HolderNote>(&holder.0) else { return false };
    match Lock::is_held(&note.lock) {
        Ok(held) => !held,
        Err(error) => {
            tracing::warn!(error = chain(&error), "cannot tell whether a holder lives");
            false
        }
    }
}

/// Where the holder of a realm can be reached, if it lives.
pub(crate) fn address_of(row: &RealmRow) -> Option<String> {
    let note = serde_json::from_str::<HolderNote>(&row.holder.as_ref()?.0).ok()?;
    (!holder_is_gone(row)).then_some(note.address)
}

/// Ends the runs of embedded meshes whose process is gone: what was recorded stays, the rest is marked as missing.
pub(crate) async fn end_abandoned(store: &dyn Store, me: &Holder) -> Result<(), DaemonError> {
    for row in store.realms().await.map_err(DaemonError::Store)? {
        if row.realm.is_local() && row.unfinished > 0 && holder_is_gone(&row) {
            end_realm(store, &row, me).await?;
        }
    }
    Ok(())
}

async fn end_realm(store: &dyn Store, row: &RealmRow, me: &Holder) -> Result<(), DaemonError> {
    let detail = match row.holder.as_ref().and_then(|h| serde_json::from_str::<HolderNote>(&h.0).ok()) {
        Some(note) => format!("{} (process {}) that ran it is gone", note.program, note.pid),
        None => "the process that ran it is gone".to_owned(),
    };
    let realm: &Realm = &row.realm;
    let term = store.begin_term(realm, me, Term::default()).await.map_err(DaemonError::Store)?;
    let mut state = State::default();
    let mut newest = part_core::Timestamp::default();
    for run in store.unfinished(realm).await.map_err(DaemonError::Store)? {
        newest = newest.max(load(store, run, &mut state).await?);
    }
    let runs: Vec<_> = state.runs().map(|run| run.id).collect();
    let now = Clock::start().not_before(newest).now();
    let (mut core, mut pending) = Core::new(Config { term, ..Config::default() }, state, now);
    for run in runs {
        pending.append(core.handle(now, Input::RunAbandoned { run, detail: detail.clone() }));
    }
    for entries in pending.entries().chunks(bounds::BATCH) {
        if !ours(store.commit(realm, term, entries).await)? {
            return Ok(());
        }
    }
    drop(pending.confirm());
    ours(store.end_term(realm, term).await).map(drop)
}

/// Another process may be doing the same; then one of the two finds its term over, and all is well.
fn ours(done: Result<(), CommitError>) -> Result<bool, DaemonError> {
    match done {
        Ok(()) => Ok(true),
        Err(CommitError::Superseded { .. }) => Ok(false),
        Err(error) => Err(DaemonError::Commit(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{MoodyStore, submission};
    use part_core::{RequestId, RunId, RunVerdict, Timestamp};

    async fn abandoned(store: &MoodyStore, number: u128) -> RunId {
        let (run, realm) = (RunId(number), Realm::local(number));
        let gone = r#"{"pid":9,"program":"partctl","lock":"/nowhere/lock","address":"/nowhere/sock"}"#;
        let term = store.begin_term(&realm, &Holder(gone.to_owned()), Term::default()).await.expect("begun");
        let (mut core, _) = Core::new(Config { term, ..Config::default() }, State::default(), Timestamp(1));
        let (request, submission) = (RequestId(1), submission(number, &["a", "b"]));
        let pending = core.handle(Timestamp(1), Input::RunSubmitted { request, run, submission });
        store.commit(&realm, term, pending.entries()).await.expect("recorded");
        run
    }

    #[tokio::test]
    async fn several_processes_may_close_the_same_runs_at_once() {
        let store = MoodyStore::new();
        let runs = [abandoned(&store, 1).await, abandoned(&store, 2).await];
        let me = Holder("me".to_owned());
        let closing = (0..8).map(|_| {
            let (store, me) = (store.clone(), me.clone());
            tokio::spawn(async move { end_abandoned(&store, &me).await })
        });
        for closed in futures::future::join_all(closing).await {
            closed.expect("no panic").expect("no error");
        }
        end_abandoned(&store, &me).await.expect("the last one in any case");
        for run in runs {
            let row = store.run_row(run).await.expect("read").expect("there");
            let finished = row.progress.finished.expect("closed");
            assert_eq!(finished.verdict, RunVerdict::Incomplete);
            let entries = store.entries(run, 0, 100).await.expect("read");
            let ends =
                entries.iter().filter(|entry| matches!(entry.record, part_core::Record::RunFinished { .. }));
            assert_eq!(ends.count(), 1, "its end is recorded once");
        }
    }

    #[tokio::test]
    async fn a_term_that_another_process_took_over_is_no_error() {
        let store = MoodyStore::new();
        abandoned(&store, 1).await;
        let rows = store.realms().await.expect("read");
        let (me, other) = (Holder("me".to_owned()), Holder("other".to_owned()));
        let row = &rows[0];
        end_realm(&store, row, &me).await.expect("closed");
        // It saw the run before it was closed.
        end_realm(&store, row, &other).await.expect("nothing left to do");
        let over = CommitError::Superseded { realm: row.realm.clone(), held: Term(1), current: Term(2) };
        assert!(!ours(Err(over)).expect("no error"));
    }
}
