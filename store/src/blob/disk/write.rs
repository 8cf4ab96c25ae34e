//! Blobs that are being written.

use super::store::{DiskBlobs, WRITING, blocking};
use crate::blob::sweep::Temporary;
use crate::blob::{BlobError, BlobRef, BlobWriter, Digest, Durability, PutOptions, Shelf};
use crate::bounds::BLOB_CHUNK_BYTES;
use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// A blob that is being written.
pub(super) struct DiskWriter {
    blobs: DiskBlobs,
    options: PutOptions,
    /// None after an error, and while it is away on another thread.
    part: Option<Box<Part>>,
    gathered: BytesMut,
    bytes: u64,
}

struct Part {
    temporary: Temporary,
    hasher: blake3::Hasher,
}

impl BlobWriter for DiskWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>> {
        async move {
            self.bytes = self.bytes.saturating_add(bytes.len() as u64);
            if self.bytes > self.options.limit {
                self.part = None;
                return Err(BlobError::TooLarge { limit: self.options.limit });
            }
            self.gathered.extend_from_slice(&bytes);
            if self.gathered.len() < BLOB_CHUNK_BYTES {
                return Ok(());
            }
            let (part, chunk) = (self.take_part()?, self.gathered.split().freeze());
            self.part = Some(blocking(WRITING, &self.blobs.root, move || part.append(&chunk)).await?);
            Ok(())
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<BlobRef, BlobError>> {
        async move {
            let (part, chunk) = (self.take_part()?, self.gathered.split().freeze());
            let (root, blobs, options, bytes) =
                (self.blobs.root.clone(), self.blobs.clone(), self.options, self.bytes);
            let end = move || {
                let digest = part.append(&chunk)?.keep(&blobs, options)?;
                Ok(BlobRef { digest, bytes })
            };
            blocking(WRITING, &root, end).await
        }
        .boxed()
    }
}

impl DiskWriter {
    pub(super) fn new(blobs: DiskBlobs, options: PutOptions, temporary: Temporary) -> DiskWriter {
        let part = Part { temporary, hasher: blake3::Hasher::new() };
        DiskWriter { blobs, options, part: Some(Box::new(part)), gathered: BytesMut::new(), bytes: 0 }
    }

    fn take_part(&mut self) -> Result<Box<Part>, BlobError> {
        self.part.take().ok_or_else(|| {
            let gone = io::Error::other("an earlier write of this blob failed or was given up");
            BlobError::io(WRITING, &self.blobs.root, gone)
        })
    }
}

impl Part {
    fn append(mut self: Box<Self>, chunk: &[u8]) -> Result<Box<Part>, BlobError> {
        self.hasher.update(chunk);
        let written = self.temporary.file.write_all(chunk);
        written.map_err(|error| BlobError::io(WRITING, self.temporary.path(), error))?;
        Ok(self)
    }

    /// Checks the digest and gives the file its final name.
    fn keep(self, blobs: &DiskBlobs, options: PutOptions) -> Result<Digest, BlobError> {
        let digest = Digest::from_bytes(*self.hasher.finalize().as_bytes());
        options.check(digest)?;
        keep(self.temporary, blobs, digest, options.durability)?;
        Ok(digest)
    }
}

/// Gives a file that was written and checked its final name.
pub(super) fn keep(
    temporary: Temporary,
    blobs: &DiskBlobs,
    digest: Digest,
    durability: Durability,
) -> Result<(), BlobError> {
    let path = blobs.path(Shelf::Kept, digest);
    let failed = |error| BlobError::io(WRITING, &path, error);
    let folder = path.parent().unwrap_or(&blobs.root);
    if durability == Durability::Synced {
        temporary.file.sync_data().map_err(failed)?;
    }
    place(temporary, &path, folder).map_err(failed)?;
    match durability {
        Durability::Lazy => Ok(()),
        // The folder itself may be new, whoever made it.
        Durability::Synced => sync_folder(folder).and_then(|()| sync_folder(&blobs.root)).map_err(failed),
    }
}

fn place(mut temporary: Temporary, path: &Path, folder: &Path) -> io::Result<()> {
    match temporary.keep(path) {
        // Only the first blob of a folder finds it missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            temporary.keep(path)
        }
        kept => kept,
    }
}

/// A new name in a folder outlives a crash only once the folder is synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
