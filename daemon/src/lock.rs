//! Locks between the processes of one home folder. The kernel lets go of a lock with the process that holds it, so a
//! lock never lies about a holder that was killed.

use crate::{DaemonError, bounds};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

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
        let taken = try_lock(&file, path, FlockOperation::NonBlockingLockExclusive)?;
        Ok(taken.then(|| Lock { file, path: path.to_owned() }))
    }

    /// Takes a lock, waiting up to `limit` while another process has it; none when it still has it then.
    pub(crate) async fn take(path: &Path, limit: Duration) -> Result<Option<Lock>, DaemonError> {
        let end = Instant::now() + limit;
        loop {
            if let Some(lock) = Lock::try_take(path)? {
                return Ok(Some(lock));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            tokio::time::sleep(bounds::LOCK_LOOK).await;
        }
    }

    /// True when a process holds the lock. Leaves nothing behind, and any number may look at a time; but who takes it
    /// at this very moment may find it taken ([`bounds::LOCK_LOOKED_AT`]).
    pub(crate) fn is_held(path: &Path) -> Result<bool, DaemonError> {
        match File::open(path) {
            Ok(file) => try_lock(&file, path, FlockOperation::NonBlockingLockShared).map(|free| !free),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(DaemonError::folder("opening the lock", path)(error)),
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
}

fn try_lock(file: &File, path: &Path, operation: FlockOperation) -> Result<bool, DaemonError> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(DaemonError::folder("locking", path)(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_has_one_holder_and_may_be_looked_at() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("deep/lock");
        assert!(!Lock::is_held(&path).expect("looked"));
        assert!(!path.exists() && !place.path().join("deep").exists(), "looking leaves nothing behind");
        let mut held = Lock::try_take(&path).expect("taken").expect("free");
        held.note("me").expect("written");
        assert!(Lock::is_held(&path).expect("looked"));
        assert!(Lock::take(&path, 3 * bounds::LOCK_LOOK).await.expect("tried").is_none());
        assert_eq!(Lock::read_note(&path), "me");
        drop(held);
        assert!(!Lock::is_held(&path).expect("looked"));
        assert!(Lock::take(&path, Duration::ZERO).await.expect("tried").is_some());
    }
}
