//! What is on a shelf, and the way from one to the other.

use super::store::{DELETING, DiskBlobs, LISTING, RETIRING, REVIVING, blocking};
use crate::blob::{BlobEntry, BlobError, Digest, Shelf};
use crate::bounds::BLOBS_PER_LISTING;
use futures::{Stream, StreamExt, stream};
use part_core::Timestamp;
use std::fs::{self, File, ReadDir};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Goes through the folders of a shelf, some entries at a time.
pub(super) fn list(blobs: DiskBlobs, shelf: Shelf) -> impl Stream<Item = Result<BlobEntry, BlobError>> {
    let (root, walk) = (blobs.root.clone(), Walk { shelf: blobs.shelf(shelf), next: 0, open: None });
    let pages = stream::unfold(Some(walk), move |walk| {
        let root = root.clone();
        async move {
            let mut walk = walk?;
            match blocking(LISTING, &root, move || walk.page().map(|page| (page, walk))).await {
                Ok((page, _)) if page.is_empty() => None,
                Ok((page, walk)) => Some((page.into_iter().map(Ok).collect(), Some(walk))),
                Err(error) => Some((vec![Err(error)], None)),
            }
        }
    });
    pages.flat_map(stream::iter)
}

struct Walk {
    shelf: PathBuf,
    /// The folder to look into next, by the first byte of its digests.
    next: u16,
    /// The folder being looked into, with that byte.
    open: Option<(u8, PathBuf, ReadDir)>,
}

impl Walk {
    /// The next entries; empty at the end only.
    fn page(&mut self) -> Result<Vec<BlobEntry>, BlobError> {
        let mut page = Vec::new();
        while page.len() < BLOBS_PER_LISTING {
            let Some((first, folder, entries)) = &mut self.open else {
                match u8::try_from(self.next) {
                    Ok(first) => self.open_folder(first)?,
                    Err(_) => break,
                }
                continue;
            };
            match entries.next() {
                Some(entry) => page.extend(look(*first, folder, entry)?),
                None => self.open = None,
            }
        }
        Ok(page)
    }

    fn open_folder(&mut self, first: u8) -> Result<(), BlobError> {
        self.next += 1;
        let folder = self.shelf.join(format!("{first:02x}"));
        match fs::read_dir(&folder) {
            Ok(entries) => self.open = Some((first, folder, entries)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(BlobError::io(LISTING, &folder, error)),
        }
        Ok(())
    }
}

/// What a file is; none for one that is no blob, or gone by now.
fn look(first: u8, folder: &Path, entry: io::Result<fs::DirEntry>) -> Result<Option<BlobEntry>, BlobError> {
    let entry = entry.map_err(|error| BlobError::io(LISTING, folder, error))?;
    let name = entry.file_name();
    let Some(digest) = name.to_str().and_then(|name| format!("{first:02x}{name}").parse().ok()) else {
        return Ok(None);
    };
    let about = entry.metadata().and_then(|about| Ok((about.len(), about.modified()?)));
    match about {
        Ok((bytes, modified)) => Ok(Some(BlobEntry { digest, bytes, since: timestamp(modified) })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BlobError::io(LISTING, &entry.path(), error)),
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

pub(super) fn retire(blobs: &DiskBlobs, digests: &[Digest]) -> Result<(), BlobError> {
    for digest in digests {
        let (kept, retired) = (blobs.path(Shelf::Kept, *digest), blobs.path(Shelf::Retired, *digest));
        // First the time: a blob that is on the shelf with an old one would be deleted at once.
        let stamped = File::open(&kept).and_then(|file| file.set_modified(SystemTime::now()));
        let done = stamped.and_then(|()| carry(&kept, &retired));
        unless_gone(done).map_err(|error| BlobError::io(RETIRING, &kept, error))?;
    }
    Ok(())
}

pub(super) fn revive(blobs: &DiskBlobs, digests: &[Digest]) -> Result<(), BlobError> {
    for digest in digests {
        let (kept, retired) = (blobs.path(Shelf::Kept, *digest), blobs.path(Shelf::Retired, *digest));
        unless_gone(carry(&retired, &kept)).map_err(|error| BlobError::io(REVIVING, &retired, error))?;
    }
    Ok(())
}

pub(super) fn delete(blobs: &DiskBlobs, digests: &[Digest]) -> Result<(), BlobError> {
    for digest in digests {
        let retired = blobs.path(Shelf::Retired, *digest);
        unless_gone(fs::remove_file(&retired)).map_err(|error| BlobError::io(DELETING, &retired, error))?;
    }
    Ok(())
}

fn carry(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Either the blob is gone, or nothing was ever put into the folder that it goes to.
            to.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::rename(from, to)
        }
        done => done,
    }
}

/// Somebody else was faster, or it never was there: either way there is nothing to do.
fn unless_gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
