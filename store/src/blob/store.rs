//! The contract of every store of blobs.

use super::{BlobError, Digest};
use crate::bounds::BLOBS_AT_ONCE;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use part_core::Timestamp;
use std::ops::Range;

/// Keeps blobs. Bytes go in and out in chunks, so memory stays bounded whatever a blob's size.
///
/// Deleting takes two steps. A *retired* blob counts as missing, but can still be read and brought back; only retired
/// blobs are deleted. So whoever found a blob here can rely on it for as long as retired blobs are left alone, however
/// the finding and the retiring overlapped.
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

    /// Puts small blobs that are in memory, each under the digest announced for it; larger ones have
    /// [`BlobStore::put`]. After an error some of them may be there.
    fn put_batch(
        &self,
        blobs: Vec<(Digest, Bytes)>,
        durability: Durability,
    ) -> BoxFuture<'_, Result<(), BlobError>> {
        let put = move |(digest, bytes): (Digest, Bytes)| {
            let options = PutOptions { expected: Some(digest), limit: u64::MAX, durability };
            async move { self.put(options).await?.finish_with(bytes).await }
        };
        let puts = stream::iter(blobs).map(put).buffer_unordered(BLOBS_AT_ONCE);
        puts.try_for_each(|_| async { Ok(()) }).boxed()
    }

    /// Reads blobs of at most `limit` bytes each, checked, in the order given; of larger ones it tells the size.
    fn read_batch<'a>(
        &'a self,
        digests: &'a [Digest],
        limit: u64,
    ) -> BoxFuture<'a, Result<Vec<BatchRead>, BlobError>> {
        let read = move |digest: Digest| async move {
            let content = self.get(digest, None).await?;
            match content.size > limit {
                true => Ok(BatchRead::Larger(content.size)),
                false => Ok(BatchRead::Whole(read_to_end(content.stream).await?.into())),
            }
        };
        let reads: Vec<_> = digests.iter().copied().map(read).collect();
        stream::iter(reads).buffered(BLOBS_AT_ONCE).try_collect().boxed()
    }

    /// What is on a shelf, in no particular order. Blobs that come or go meanwhile may be in it or not.
    fn list(&self, shelf: Shelf) -> BlobList;

    /// Retires blobs. Those that are not kept are passed over.
    fn retire<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Brings retired blobs back. Those that are not retired are passed over.
    fn revive<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Deletes retired blobs for good; what is kept under the same digest stays. Those that are not retired are
    /// passed over.
    fn delete<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Makes everything that was put with [`Durability::Lazy`] so far outlive a crash of the machine.
    fn settle(&self) -> BoxFuture<'_, Result<(), BlobError>>;
}

/// Where a store has a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// Where it was put.
    Kept,
    /// Where it waits to be deleted.
    Retired,
}

/// A blob in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobEntry {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// When it was last put; of a retired one, when it was retired. By the clock of the store.
    pub since: Timestamp,
}

/// The blobs of a shelf.
pub type BlobList = BoxStream<'static, Result<BlobEntry, BlobError>>;

/// What [`BlobStore::read_batch`] found under one digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchRead {
    /// All of its bytes.
    Whole(Bytes),
    /// It is larger than was asked for: its size in bytes.
    Larger(u64),
}

/// Takes the bytes of a new blob. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
pub trait BlobWriter: Send {
    /// Appends bytes. After an error the writer is of no more use.
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Ends the blob, checks its digest and keeps it. Doing so for a blob that is there already is harmless, and
    /// mends it where it was damaged.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<BlobRef, BlobError>>;
}

impl dyn BlobWriter {
    /// Appends the last bytes and ends the blob.
    async fn finish_with(mut self: Box<Self>, bytes: Bytes) -> Result<BlobRef, BlobError> {
        self.write(bytes).await?;
        self.finish().await
    }
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

impl PutOptions {
    /// Refuses a digest other than the one announced.
    pub(super) fn check(&self, found: Digest) -> Result<(), BlobError> {
        match self.expected {
            Some(expected) if expected != found => Err(BlobError::WrongDigest { expected, found }),
            Some(_) | None => Ok(()),
        }
    }
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
    store.put(options).await?.finish_with(bytes).await
}

/// Reads a stream to its end into memory. Bound what you ask for: the range, or the blob's size.
pub async fn read_to_end(mut stream: BlobStream) -> Result<Vec<u8>, BlobError> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}
