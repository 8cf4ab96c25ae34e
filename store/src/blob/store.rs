//! The contract of every store of blobs.

use super::{BlobError, Digest};
use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::ops::Range;

/// Keeps blobs. Bytes go in and out in chunks, so memory stays bounded whatever a blob's size.
///
/// Adding a method: every store of blobs here, and the contract suite in `tests/contract/blobs.rs`.
pub trait BlobStore: Send + Sync + 'static {
    /// Begins a new blob. It exists once [`BlobWriter::finish`] returned.
    fn put(&self, options: PutOptions) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, BlobError>>;

    /// Opens a blob, or the part of it that lies in `range` (bytes; what lies beyond its end is left out).
    ///
    /// The bytes of a whole blob are checked against the digest while they are read; a mismatch is the stream's
    /// last item.
    fn get(&self, digest: Digest, range: Option<Range<u64>>)
    -> BoxFuture<'_, Result<BlobContent, BlobError>>;

    /// The size of a blob in bytes; none when there is no such blob.
    fn size(&self, digest: Digest) -> BoxFuture<'_, Result<Option<u64>, BlobError>>;

    /// Those of `digests` that are not there, in the order given.
    fn missing<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<Digest>, BlobError>>;
}

/// Takes the bytes of a new blob. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
pub trait BlobWriter: Send {
    /// Appends bytes. After an error the writer is of no more use.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Ends the blob, checks its digest and keeps it. Doing so for a blob that is there already is harmless, and
    /// mends it where it was damaged.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<BlobRef, BlobError>>;
}

/// How a blob is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutOptions {
    /// The digest that it must have, where that is known beforehand.
    pub expected: Option<Digest>,
    /// The largest size allowed, in bytes.
    pub limit: u64,
    /// What must hold when it is put.
    pub durability: Durability,
}

/// What must hold of a blob once it is put. Either way it outlives its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It outlives a crash of the machine: synced before `finish` returns.
    Synced,
    /// A crash of the machine within seconds may lose or damage it; reading it whole then says so.
    Lazy,
}

/// A blob that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
}

/// The bytes of a blob, in chunks.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// A blob that is open for reading.
pub struct BlobContent {
    /// Size of the whole blob in bytes.
    pub size: u64,
    /// The bytes asked for.
    pub stream: BlobStream,
}

impl std::fmt::Debug for BlobContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobContent").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Puts bytes that are in memory.
pub async fn put_bytes(
    store: &dyn BlobStore,
    bytes: Bytes,
    options: PutOptions,
) -> Result<BlobRef, BlobError> {
    let mut writer = store.put(options).await?;
    writer.write(bytes).await?;
    writer.finish().await
}

/// Reads a stream to its end into memory. Bound what you ask for: the range, or the blob's size.
pub async fn read_to_end(mut stream: BlobStream) -> Result<Vec<u8>, BlobError> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}
