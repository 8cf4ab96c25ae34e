//! From a scan to a manifest: every file hashed, unless it is known unchanged.

use crate::bounds;
use crate::digest::Digest;
use crate::hash::hash_file;
use crate::manifest::{Entry, Kind, Manifest, ManifestError};
use crate::scan::{Found, FoundKind, Scan};
use crate::stamps::Stamps;
use crate::threads;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// A workspace as it was: its manifest, and where its content can be read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What is in it.
    pub manifest: Manifest,
    /// A file with the content of each digest, relative to the root, and its size.
    pub sources: HashMap<Digest, (String, u64)>,
    /// What the files looked like: the next snapshot need not read them again.
    pub stamps: Stamps,
    /// Bytes that had to be read.
    pub read_bytes: u64,
}

/// Why there is no snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// A file cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file changes faster than it can be read.
    #[error("{} changes while it is read", .path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// The files make no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Snapshot {
    /// Hashes what `known` does not know, by several threads. A file that went away meanwhile is left out. `begun`
    /// is what [`Stamps::now`] gave before the scan.
    ///
    /// # Errors
    /// When a file cannot be read or keeps changing.
    pub fn take(root: &Path, scan: &Scan, known: &Stamps, begun: Stamps) -> Result<Snapshot, SnapshotError> {
        let read_bytes = AtomicU64::new(0);
        let files: Vec<&Found> =
            scan.found.iter().filter(|found| matches!(found.kind, FoundKind::File { .. })).collect();
        let hashed = std::sync::Mutex::new(vec![None; files.len()]);
        threads::for_each(&files, threads::count(bounds::READERS), 16, |place, found| {
            let FoundKind::File { stamp, .. } = &found.kind else { return Ok::<(), SnapshotError>(()) };
            let one = match known.digest(&found.path, stamp) {
                Some(digest) => Some((digest, *stamp)),
                None => read(&root.join(&found.path))?.inspect(|(_, stamp)| {
                    read_bytes.fetch_add(stamp.bytes, Ordering::Relaxed);
                }),
            };
            if let Some(slot) =
                hashed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_mut(place)
            {
                *slot = one;
            }
            Ok(())
        })?;
        let hashed = hashed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut stamps = begun;
        let mut sources = HashMap::with_capacity(files.len());
        let mut entries = Vec::with_capacity(scan.found.len());
        let mut hashed = hashed.into_iter();
        for found in &scan.found {
            let path = found.path.clone();
            let kind = match &found.kind {
                FoundKind::Folder => Kind::Folder,
                FoundKind::Link { target } => Kind::Symlink { target: target.clone() },
                FoundKind::File { executable, .. } => {
                    let Some((digest, stamp)) = hashed.next().flatten() else { continue };
                    stamps.insert(path.clone(), stamp, digest);
                    sources.entry(digest).or_insert_with(|| (path.clone(), stamp.bytes));
                    Kind::File { digest, bytes: stamp.bytes, executable: *executable }
                }
            };
            entries.push(Entry { path, kind });
        }
        let read_bytes = read_bytes.into_inner();
        Ok(Snapshot { manifest: Manifest::new(entries)?, sources, stamps, read_bytes })
    }
}

/// Digest and look of a file; none when it is gone.
fn read(path: &Path) -> Result<Option<(Digest, crate::stamps::Stamp)>, SnapshotError> {
    match hash_file(path) {
        Ok(Some(hashed)) => Ok(Some((hashed.digest, hashed.stamp))),
        Ok(None) => Err(SnapshotError::Changing { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SnapshotError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Options, scan};
    use std::fs;
    use std::fs::FileTimes;
    use std::time::{Duration, SystemTime};

    fn take(place: &Path, known: &Stamps) -> Snapshot {
        let begun = Stamps::now();
        let scan = scan(place, &Options::default()).expect("a scan");
        Snapshot::take(place, &scan, known, begun).expect("a snapshot")
    }

    #[test]
    fn what_did_not_change_is_not_read_again() {
        let place = tempfile::tempdir().expect("a folder");
        for (name, text) in [("a", "one"), ("b", "two"), ("c", "one")] {
            fs::write(place.path().join(name), text).expect("a file");
        }
        let first = take(place.path(), &Stamps::default());
        assert_eq!((first.read_bytes, first.sources.len(), first.stamps.len()), (9, 2, 3));
        // What was written a moment ago may be written again within the same tick of the clock.
        assert_eq!(take(place.path(), &first.stamps).read_bytes, 9);
        let known = first.stamps.clone().looked_later(Duration::from_secs(10));
        let second = take(place.path(), &known);
        assert_eq!((second.read_bytes, &second.manifest), (0, &first.manifest));

        // A change that keeps size and modification time is seen all the same.
        let file = fs::File::options().write(true).open(place.path().join("a")).expect("open");
        let before = file.metadata().expect("there").modified().expect("a time");
        std::io::Write::write_all(&mut &file, b"ONE").expect("written");
        file.set_times(FileTimes::new().set_modified(before)).expect("set back");
        let third = take(place.path(), &known);
        assert_eq!(third.read_bytes, 3);
        assert_ne!(third.manifest, first.manifest);
        assert!(before <= SystemTime::now() + Duration::from_secs(1));
    }

    #[test]
    fn a_file_that_went_away_is_left_out() {
        let place = tempfile::tempdir().expect("a folder");
        fs::write(place.path().join("a"), "x").expect("a file");
        fs::write(place.path().join("b"), "y").expect("a file");
        let found = scan(place.path(), &Options::default()).expect("a scan");
        fs::remove_file(place.path().join("a")).expect("removed");
        let snapshot =
            Snapshot::take(place.path(), &found, &Stamps::default(), Stamps::now()).expect("a snapshot");
        let paths: Vec<&str> = snapshot.manifest.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["b"]);
    }
}
