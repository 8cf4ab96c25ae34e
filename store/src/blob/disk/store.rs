//! The store itself: its folder, and what it answers.

use super::write::DiskWriter;
use super::{batch, marker, shelf};
use crate::blob::sweep::{Sharing, Temporary, sweep};
use crate::blob::{
    BatchRead, BlobContent, BlobError, BlobList, BlobStore, BlobWriter, Digest, Durability, PutOptions, Shelf,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const OPENING: &str = "open the folder of blobs";
pub(super) const WRITING: &str = "write a blob";
pub(super) const READING: &str = "read a blob";
pub(super) const LOOKING: &str = "look for a blob";
pub(super) const LISTING: &str = "list the blobs";
pub(super) const RETIRING: &str = "retire a blob";
pub(super) const REVIVING: &str = "bring a retired blob back";
pub(super) const DELETING: &str = "delete a blob";
const SETTLING: &str = "make blobs outlive a crash";

/// Blobs in a folder. Several processes may use one folder at once.
#[derive(Clone, Debug)]
pub struct DiskBlobs {
    pub(super) root: Arc<Path>,
    sharing: Sharing,
}

impl DiskBlobs {
    /// Opens a folder of this host, making it where it is missing, and removes what interrupted writers left in it.
    pub async fn open(root: impl AsRef<Path>) -> Result<DiskBlobs, BlobError> {
        let blobs = DiskBlobs::of(root.as_ref(), Sharing::Processes)?;
        let opened = blobs.clone();
        blocking(OPENING, &blobs.root, move || opened.prepare()).await?;
        Ok(blobs)
    }

    /// Opens a folder that several hosts mount, and tells its id: random, made once, kept in the folder. Who sees
    /// another id under the same path looks at another folder. The folder must exist: where the mount is missing,
    /// none is made up.
    pub async fn open_shared(root: impl AsRef<Path>) -> Result<(DiskBlobs, String), BlobError> {
        let blobs = DiskBlobs::of(root.as_ref(), Sharing::Hosts)?;
        let opened = blobs.clone();
        let opening = move || {
            marker::check_folder(&opened.root)?;
            opened.prepare()?;
            marker::folder_id(&opened.root)
        };
        let id = blocking(OPENING, &blobs.root, opening).await?;
        Ok((blobs, id))
    }

    fn of(root: &Path, sharing: Sharing) -> Result<DiskBlobs, BlobError> {
        let full = std::path::absolute(root).map_err(|error| BlobError::io(OPENING, root, error))?;
        Ok(DiskBlobs { root: Arc::from(full), sharing })
    }

    fn prepare(&self) -> Result<(), BlobError> {
        let folder = self.temporary_folder();
        fs::create_dir_all(&folder).map_err(|error| BlobError::io(OPENING, &folder, error))?;
        let removed = sweep(&folder, self.sharing).map_err(|error| BlobError::io(OPENING, &folder, error))?;
        if removed > 0 {
            tracing::info!(folder = %folder.display(), removed, "removed blobs that were never finished");
        }
        Ok(())
    }

    fn temporary_folder(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// A new file for a blob that is being written.
    pub(super) fn temporary(&self) -> Result<Temporary, BlobError> {
        let folder = self.temporary_folder();
        Temporary::create(&folder, self.sharing).map_err(|error| BlobError::io(WRITING, &folder, error))
    }

    pub(super) fn shelf(&self, shelf: Shelf) -> PathBuf {
        match shelf {
            Shelf::Kept => self.root.to_path_buf(),
            Shelf::Retired => self.root.join("retired"),
        }
    }

    pub(super) fn path(&self, shelf: Shelf, digest: Digest) -> PathBuf {
        let text = digest.to_string();
        let (folder, name) = text.split_at(2);
        let mut path = self.shelf(shelf);
        path.push(folder);
        path.push(name);
        path
    }

    fn size_of(&self, digest: Digest) -> Result<Option<u64>, BlobError> {
        let path = self.path(Shelf::Kept, digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BlobError::io(LOOKING, &path, error)),
        }
    }

    fn missing_of(&self, digests: &[Digest]) -> Result<Vec<Digest>, BlobError> {
        let mut missing = Vec::new();
        for digest in digests {
            if self.size_of(*digest)?.is_none() {
                missing.push(*digest);
            }
        }
        Ok(missing)
    }

    fn sync(&self) -> Result<(), BlobError> {
        let failed = |error| BlobError::io(SETTLING, &self.root, error);
        let folder = File::open(&self.root).map_err(failed)?;
        sync_file_system(&folder).map_err(failed)
    }
}

#[cfg(target_os = "linux")]
fn sync_file_system(folder: &File) -> io::Result<()> {
    rustix::fs::syncfs(folder).map_err(io::Error::from)
}

/// Elsewhere only everything can be synced at once, and `sync` may return before it is done.
#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &File) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

impl BlobStore for DiskBlobs {
    fn put(&self, options: PutOptions) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, BlobError>> {
        async move {
            let blobs = self.clone();
            let temporary = blocking(WRITING, &self.root, move || blobs.temporary()).await?;
            let writer: Box<dyn BlobWriter> = Box::new(DiskWriter::new(self.clone(), options, temporary));
            Ok(writer)
        }
        .boxed()
    }

    fn get(
        &self,
        digest: Digest,
        range: Option<Range<u64>>,
    ) -> BoxFuture<'_, Result<BlobContent, BlobError>> {
        async move {
            let blobs = self.clone();
            let (size, reader) =
                blocking(READING, &self.root, move || blobs.open_blob(digest, range)).await?;
            Ok(BlobContent { size, stream: reader.stream().boxed() })
        }
        .boxed()
    }

    fn size(&self, digest: Digest) -> BoxFuture<'_, Result<Option<u64>, BlobError>> {
        let blobs = self.clone();
        async move { blocking(LOOKING, &self.root, move || blobs.size_of(digest)).await }.boxed()
    }

    fn missing<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<Digest>, BlobError>> {
        let (blobs, digests) = (self.clone(), digests.to_vec());
        async move { blocking(LOOKING, &self.root, move || blobs.missing_of(&digests)).await }.boxed()
    }

    fn put_batch(
        &self,
        all: Vec<(Digest, Bytes)>,
        durability: Durability,
    ) -> BoxFuture<'_, Result<(), BlobError>> {
        let blobs = self.clone();
        async move { blocking(WRITING, &self.root, move || batch::put(&blobs, &all, durability)).await }
            .boxed()
    }

    fn read_batch<'a>(
        &'a self,
        digests: &'a [Digest],
        limit: u64,
    ) -> BoxFuture<'a, Result<Vec<BatchRead>, BlobError>> {
        let (blobs, digests) = (self.clone(), digests.to_vec());
        async move { blocking(READING, &self.root, move || batch::read(&blobs, &digests, limit)).await }
            .boxed()
    }

    fn list(&self, shelf: Shelf) -> BlobList {
        shelf::list(self.clone(), shelf).boxed()
    }

    fn retire<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        let (blobs, digests) = (self.clone(), digests.to_vec());
        async move { blocking(RETIRING, &self.root, move || shelf::retire(&blobs, &digests)).await }.boxed()
    }

    fn revive<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        let (blobs, digests) = (self.clone(), digests.to_vec());
        async move { blocking(REVIVING, &self.root, move || shelf::revive(&blobs, &digests)).await }.boxed()
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        let (blobs, digests) = (self.clone(), digests.to_vec());
        async move { blocking(DELETING, &self.root, move || shelf::delete(&blobs, &digests)).await }.boxed()
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), BlobError>> {
        let blobs = self.clone();
        async move { blocking(SETTLING, &self.root, move || blobs.sync()).await }.boxed()
    }
}

/// Runs what waits for the disk where waiting is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    path: &Path,
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The runtime is shutting down, or our own code panicked.
        Err(error) => {
            let (place, source) = (path.display().to_string(), error.into());
            Err(BlobError::Unavailable { doing, place, source })
        }
    }
}
