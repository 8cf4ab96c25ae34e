//! Temporary files of blobs that are being written, and the removal of those whose writer is gone.
//!
//! A writer holds a lock on its file, which ends with the process however that ends. So a file that can be locked
//! by somebody else has no writer, and several processes may share one folder. Where several hosts do, a lock may
//! not be seen by the others, or there may be none at all: there only files of a certain age are leftovers.

use crate::bounds::SHARED_LEFTOVER_AGE;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// Who writes into a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Processes of this host.
    Processes,
    /// Processes of several hosts.
    Hosts,
}

/// A file that is being written; removed when dropped before [`Temporary::keep`].
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) file: File,
    path: Option<PathBuf>,
}

impl Temporary {
    /// Makes a new file in `folder`, locked where possible.
    pub(super) fn create(folder: &Path, sharing: Sharing) -> io::Result<Temporary> {
        loop {
            let random = RandomState::new().hash_one(std::process::id());
            let path = folder.join(format!("{}-{random:016x}", std::process::id()));
            let file = match File::options().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            match (file.try_lock(), sharing) {
                // Not every file system of several hosts has locks; the sweep there goes by age.
                (_, Sharing::Hosts) => return Ok(Temporary { file, path: Some(path) }),
                // A sweep between creation and lock takes the file for a leftover.
                (Ok(()), Sharing::Processes) if path.try_exists()? => {
                    return Ok(Temporary { file, path: Some(path) });
                }
                (Ok(()) | Err(TryLockError::WouldBlock), Sharing::Processes) => {}
                (Err(TryLockError::Error(error)), Sharing::Processes) => {
                    fs::remove_file(&path)?;
                    return Err(error);
                }
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Gives the file its final name, in place of any file of that name. After an error it may be tried again.
    pub(super) fn keep(&mut self, name: &Path) -> io::Result<()> {
        fs::rename(self.path(), name)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            // The next sweep removes it.
            tracing::debug!(path = %path.display(), %error, "a temporary file was not removed");
        }
    }
}

/// Removes the files of writers that are gone. Returns how many.
pub(super) fn sweep(folder: &Path, sharing: Sharing) -> io::Result<usize> {
    let mut removed = 0;
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        match remove_abandoned(&path, sharing) {
            Ok(true) => removed += 1,
            Ok(false) => {}
            // It takes space and nothing else; perhaps it is another user's.
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot remove a blob that was never finished")
            }
        }
    }
    Ok(removed)
}

fn remove_abandoned(path: &Path, sharing: Sharing) -> io::Result<bool> {
    // Its writer, or another sweep, was faster.
    let gone =
        |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(false) } else { Err(error) };
    let file = match File::options().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) => return gone(error),
    };
    let abandoned = match (sharing, file.try_lock()) {
        (Sharing::Processes | Sharing::Hosts, Err(TryLockError::WouldBlock)) => false,
        (Sharing::Processes, Err(TryLockError::Error(error))) => return Err(error),
        (Sharing::Processes, Ok(())) => true,
        (Sharing::Hosts, Ok(()) | Err(TryLockError::Error(_))) => {
            // A clock that is behind the file server's makes it younger, never older.
            file.metadata()?.modified()?.elapsed().unwrap_or_default() > SHARED_LEFTOVER_AGE
        }
    };
    match abandoned {
        true => fs::remove_file(path).map(|()| true).or_else(gone),
        false => Ok(false),
    }
}
