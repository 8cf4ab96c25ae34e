//! Blobs that are being written: gathered, checked, and only then uploaded.

use super::error;
use super::store::{S3Blobs, WRITING};
use crate::blob::sweep::{Sharing, Temporary};
use crate::blob::{BlobError, BlobRef, BlobWriter, Digest, PutOptions, Shelf};
use crate::bounds::{S3_PART_BYTES, S3_PARTS_AT_ONCE, S3_WHOLE_BYTES};
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, TryStreamExt};
use object_store::{MultipartUpload, ObjectStoreExt};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

const GATHERING: &str = "gather a large blob";

pub(super) struct S3Writer {
    blobs: S3Blobs,
    options: PutOptions,
    hasher: Box<blake3::Hasher>,
    bytes: u64,
    gathered: BytesMut,
    file: Spool,
}

/// Where the bytes that are no longer in memory are.
enum Spool {
    /// All are still in memory.
    Unused,
    Open(Temporary),
    /// An earlier write failed or was given up.
    Broken,
}

impl BlobWriter for S3Writer {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>> {
        async move {
            self.bytes = self.bytes.saturating_add(bytes.len() as u64);
            if self.bytes > self.options.limit {
                self.gathered.clear();
                self.file = Spool::Broken;
                return Err(BlobError::TooLarge { limit: self.options.limit });
            }
            self.hasher.update(&bytes);
            self.gathered.extend_from_slice(&bytes);
            if self.gathered.len() > S3_WHOLE_BYTES { self.spool().await } else { Ok(()) }
        }
        .boxed()
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<BlobRef, BlobError>> {
        async move {
            let digest = Digest::from_bytes(*self.hasher.finalize().as_bytes());
            self.options.check(digest)?;
            if let Spool::Unused = self.file {
                self.blobs.put_whole(digest, self.gathered.split().freeze()).await?;
            } else {
                self.spool().await?;
                if let Spool::Open(temporary) = std::mem::replace(&mut self.file, Spool::Broken) {
                    upload(&self.blobs, digest, temporary).await?;
                }
            }
            Ok(BlobRef { digest, bytes: self.bytes })
        }
        .boxed()
    }
}

impl S3Writer {
    pub(super) fn new(blobs: S3Blobs, options: PutOptions) -> S3Writer {
        let hasher = Box::new(blake3::Hasher::new());
        S3Writer { blobs, options, hasher, bytes: 0, gathered: BytesMut::new(), file: Spool::Unused }
    }

    /// Moves what is gathered into the file.
    async fn spool(&mut self) -> Result<(), BlobError> {
        let folder = self.blobs.spool.clone();
        let file = match std::mem::replace(&mut self.file, Spool::Broken) {
            Spool::Unused => None,
            Spool::Open(temporary) => Some(temporary),
            Spool::Broken => {
                let gone = io::Error::other("an earlier write of this blob failed or was given up");
                return Err(BlobError::io(GATHERING, &folder, gone));
            }
        };
        let chunk = self.gathered.split();
        let append = move || {
            let mut temporary = match file {
                Some(temporary) => temporary,
                None => Temporary::create(&folder, Sharing::Processes)?,
            };
            temporary.file.write_all(&chunk)?;
            Ok(temporary)
        };
        self.file = Spool::Open(blocking(&self.blobs.spool, append).await?);
        Ok(())
    }
}

/// Uploads a file in parts, a few at a time.
async fn upload(blobs: &S3Blobs, digest: Digest, temporary: Temporary) -> Result<(), BlobError> {
    let failed = |error| error::of(WRITING, &blobs.place, error);
    let key = blobs.keys.key(Shelf::Kept, digest);
    let mut upload = blobs.client.put_multipart(&key).await.map_err(failed)?;
    let uploaded = match upload_parts(blobs, &mut *upload, temporary).await {
        Ok(()) => upload.complete().await.map(drop).map_err(failed),
        Err(error) => Err(error),
    };
    if uploaded.is_err()
        && let Err(error) = upload.abort().await
    {
        // It costs space until the bucket's own rules end it.
        tracing::warn!(%key, %error, "the parts of an upload that failed were not removed");
    }
    uploaded
}

async fn upload_parts(
    blobs: &S3Blobs,
    upload: &mut dyn MultipartUpload,
    temporary: Temporary,
) -> Result<(), BlobError> {
    let failed = |error| error::of(WRITING, &blobs.place, error);
    let rewind = move || {
        let mut temporary = temporary;
        temporary.file.rewind().map(|()| temporary)
    };
    let mut temporary = blocking(&blobs.spool, rewind).await?;
    let mut sent = FuturesUnordered::new();
    loop {
        let read = move || {
            let part = read_part(&mut temporary.file)?;
            Ok((part, temporary))
        };
        let (part, back) = blocking(&blobs.spool, read).await?;
        temporary = back;
        if part.is_empty() {
            break;
        }
        let part = upload.put_part(part.into());
        sent.push(async move {
            let _turn = blobs.turn().await;
            part.await
        });
        if sent.len() >= S3_PARTS_AT_ONCE {
            sent.try_next().await.map_err(failed)?;
        }
    }
    while sent.try_next().await.map_err(failed)?.is_some() {}
    Ok(())
}

/// As many bytes as a part has, fewer only at the end.
fn read_part(file: &mut File) -> io::Result<Bytes> {
    let mut part = Vec::with_capacity(S3_PART_BYTES);
    file.take(S3_PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part.into())
}

async fn blocking<T: Send + 'static>(
    spool: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()));
    done.map_err(|error| BlobError::io(GATHERING, spool, error))
}
