//! Realms: who leads what in one home folder, and what to do with runs whose leader is gone.
//!
//! A daemon leads the realm `mesh`. Each embedded mesh leads a realm of its own, so that several can use one home at
//! once. Each holder keeps a lock on a file for as long as its process lives; a lock that can be taken means that the
//! holder is gone.

use crate::clock::Clock;
use crate::error::chain;
use crate::leader::load;
use crate::{DaemonError, bounds};
use part_core::{Config, Core, Input, State, Term};
use part_store::{Holder, Realm, RealmRow, Store};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

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

/// A lock held for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes a lock; none when another process has it.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Lock>, DaemonError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(DaemonError::folder("creating the folder", folder))?;
        }
        let open = File::options().create(true).truncate(false).read(true).write(true).open(path);
        let file = open.map_err(DaemonError::folder("opening the lock", path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { file, path: path.to_owned() })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(DaemonError::folder("locking", path)(error.into())),
        }
    }

    /// Writes who holds it, for whoever finds it taken.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), DaemonError> {
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(DaemonError::folder("writing the lock", &self.path))
    }

    /// What the holder of a taken lock wrote.
    pub(crate) fn read_note(path: &Path) -> String {
        let mut text = String::new();
        match File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text)) {
            Ok(_) if !text.is_empty() => text,
            Ok(_) => "it says nothing about itself".to_owned(),
            Err(error) => format!("its note cannot be read: {error}"),
        }
    }

    /// Removes the lock's file; for locks that nobody will look for again.
    pub(crate) fn remove(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(file = %self.path.display(), %error, "a lock's file could not be removed");
        }
    }
}

/// True when the process that holds a realm is known to be gone.
pub(crate) fn holder_is_gone(row: &RealmRow) -> bool {
    let Some(holder) = &row.holder else { return true };
    let Ok(note) = serde_json::from_str::<HolderNote>(&holder.0) else { return false };
    if !note.lock.exists() {
        return true;
    }
    match Lock::try_take(&note.lock) {
        Ok(lock) => lock.is_some(),
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
        // Another process may be doing the same; then one of the two finds its term over, and all is well.
        match store.commit(realm, term, entries).await {
            Ok(()) => {}
            Err(part_store::CommitError::Superseded { .. }) => return Ok(()),
            Err(error) => return Err(DaemonError::Commit(error)),
        }
    }
    drop(pending.confirm());
    store.end_term(realm, term).await.map_err(DaemonError::Commit)
}
