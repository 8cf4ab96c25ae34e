//! Blobs in a folder: `ab/cdef…` by the digits of the digest, and `tmp` for those being written.

use super::sweep::{Temporary, sweep};
use super::{BlobContent, BlobError, BlobRef, BlobStore, BlobWriter, Digest, Durability, PutOptions};
use crate::bounds::BLOB_CHUNK_BYTES;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const OPENING: &str = "open the folder of blobs";
const WRITING: &str = "write a blob";
const READING: &str = "read a blob";
const LOOKING: &str = "look for a blob";

/// Blobs in a folder of this host. Several processes may use one folder at once.
#[derive(Clone, Debug)]
pub struct DiskBlobs {
    root: Arc<Path>,
}

impl DiskBlobs {
    /// Opens the folder, making it where it is missing, and removes what interrupted writers left in it.
    pub async fn open(root: impl AsRef<Path>) -> Result<DiskBlobs, BlobError> {
        let root = std::path::absolute(root.as_ref())
            .map_err(|error| BlobError::io(OPENING, root.as_ref(), error))?;
        let blobs = DiskBlobs { root: Arc::from(root) };
        let opened = blobs.clone();
        let opening = move || {
            let folder = opened.temporary_folder();
            fs::create_dir_all(&folder).map_err(|error| BlobError::io(OPENING, &folder, error))?;
            let removed = sweep(&folder).map_err(|error| BlobError::io(OPENING, &folder, error))?;
            if removed > 0 {
                tracing::info!(folder = %folder.display(), removed, "removed blobs that were never finished");
            }
            Ok(())
        };
        blocking(OPENING, &blobs.root, opening).await?;
        Ok(blobs)
    }

    fn temporary_folder(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let text = digest.to_string();
        let (folder, name) = text.split_at(2);
        self.root.join(folder).join(name)
    }

    fn size_of(&self, digest: Digest) -> Result<Option<u64>, BlobError> {
        let path = self.path(digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BlobError::io(LOOKING, &path, error)),
        }
    }

    fn open_blob(&self, digest: Digest, range: Option<Range<u64>>) -> Result<(u64, Reader), BlobError> {
        let path = self.path(digest);
        let failed = |error: io::Error| {
            if error.kind() == io::ErrorKind::NotFound {
                return BlobError::NotFound { digest, place: self.root.display().to_string() };
            }
            BlobError::io(READING, &path, error)
        };
        let mut file = File::open(&path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let range = range.map_or(0..size, |range| range.start.min(size)..range.end.min(size));
        let check = (range == (0..size)).then(|| Box::new(blake3::Hasher::new()));
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        }
        Ok((size, Reader { file, path, digest, left: range.end.saturating_sub(range.start), check }))
    }
}

impl BlobStore for DiskBlobs {
    fn put(&self, options: PutOptions) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, BlobError>> {
        async move {
            let folder = self.temporary_folder();
            let create =
                move || Temporary::create(&folder).map_err(|error| BlobError::io(WRITING, &folder, error));
            let temporary = blocking(WRITING, &self.root, create).await?;
            let part = Part { temporary, hasher: blake3::Hasher::new() };
            let writer: Box<dyn BlobWriter> = Box::new(DiskWriter {
                blobs: self.clone(),
                options,
                part: Some(Box::new(part)),
                gathered: BytesMut::new(),
                bytes: 0,
            });
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
            let chunks = stream::unfold(Some(reader), |reader| async move {
                let mut reader = reader?;
                let path = reader.path.clone();
                let read = move || reader.next().map(|chunk| (chunk, reader));
                match blocking(READING, &path, read).await {
                    Ok((Some(chunk), reader)) => Some((Ok(chunk), Some(reader))),
                    Ok((None, _)) => None,
                    Err(error) => Some((Err(error), None)),
                }
            });
            Ok(BlobContent { size, stream: chunks.boxed() })
        }
        .boxed()
    }

    fn size(&self, digest: Digest) -> BoxFuture<'_, Result<Option<u64>, BlobError>> {
        let blobs = self.clone();
        async move { blocking(LOOKING, &self.root, move || blobs.size_of(digest)).await }.boxed()
    }

    fn missing<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<Digest>, BlobError>> {
        let (blobs, digests) = (self.clone(), digests.to_vec());
        let look = move || {
            let mut missing = Vec::new();
            for digest in digests {
                if blobs.size_of(digest)?.is_none() {
                    missing.push(digest);
                }
            }
            Ok(missing)
        };
        async move { blocking(LOOKING, &self.root, look).await }.boxed()
    }
}

/// A blob that is being written.
struct DiskWriter {
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
        let path = blobs.path(digest);
        let failed = |error| BlobError::io(WRITING, &path, error);
        let folder = path.parent().unwrap_or(&blobs.root);
        let new_folder = match fs::create_dir(folder) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(failed(error)),
        };
        match options.durability {
            Durability::Lazy => self.temporary.keep(&path).map_err(failed)?,
            Durability::Synced => {
                self.temporary.file.sync_data().map_err(failed)?;
                self.temporary.keep(&path).map_err(failed)?;
                sync_folder(folder).map_err(failed)?;
                if new_folder {
                    sync_folder(&blobs.root).map_err(failed)?;
                }
            }
        }
        Ok(digest)
    }
}

impl PutOptions {
    /// Refuses a digest other than the one announced.
    pub(super) fn check(&self, found: Digest) -> Result<(), BlobError> {
        match self.expected {
            Some(expected) if expected != found => Err(BlobError::WrongDigest { expected, found }),
            Some(_) | None => Ok(()),
        }
    }
}

/// A new name in a folder outlives a crash only once the folder is synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A blob that is being read.
struct Reader {
    file: File,
    path: PathBuf,
    digest: Digest,
    /// Bytes still to read.
    left: u64,
    /// Checks a blob that is read whole.
    check: Option<Box<blake3::Hasher>>,
}

impl Reader {
    fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        let size = usize::try_from(self.left).unwrap_or(BLOB_CHUNK_BYTES).min(BLOB_CHUNK_BYTES);
        if size == 0 {
            return self.at_end();
        }
        let mut chunk = vec![0; size];
        self.file.read_exact(&mut chunk).map_err(|error| BlobError::io(READING, &self.path, error))?;
        self.left -= size as u64;
        if let Some(check) = &mut self.check {
            check.update(&chunk);
        }
        Ok(Some(chunk.into()))
    }

    fn at_end(&self) -> Result<Option<Bytes>, BlobError> {
        let found = self.check.as_ref().map(|check| Digest::from_bytes(*check.finalize().as_bytes()));
        match found {
            Some(found) if found != self.digest => {
                Err(BlobError::Damaged { place: self.path.display().to_string(), found })
            }
            Some(_) | None => Ok(None),
        }
    }
}

/// Runs what waits for the disk where waiting is allowed.
async fn blocking<T: Send + 'static>(
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
