//! Blobs in memory, for tests. Handles made by cloning share what they hold.

use super::{BlobContent, BlobError, BlobRef, BlobStore, BlobWriter, Digest, PutOptions};
use crate::bounds::BLOB_CHUNK_BYTES;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps blobs in memory and nothing beyond the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs {
    blobs: Blobs,
}

#[derive(Clone, Debug, Default)]
struct Blobs(Arc<Mutex<HashMap<Digest, Bytes>>>);

impl Blobs {
    fn all(&self) -> MutexGuard<'_, HashMap<Digest, Bytes>> {
        // What a panicking test left behind is no worse than what it saw.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct MemoryWriter {
    blobs: Blobs,
    options: PutOptions,
    bytes: Vec<u8>,
}

impl MemoryBlobs {
    /// An empty store.
    pub fn new() -> MemoryBlobs {
        MemoryBlobs::default()
    }

    fn open(&self, digest: Digest, range: Option<Range<u64>>) -> Result<BlobContent, BlobError> {
        let blob = self.blobs.all().get(&digest).cloned();
        let blob = blob.ok_or_else(|| BlobError::NotFound { digest, place: "memory".to_owned() })?;
        let size = blob.len();
        let within = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(size);
        let (start, end) = range.map_or((0, size), |range| (within(range.start), within(range.end)));
        let mut rest = if start < end { blob.slice(start..end) } else { Bytes::new() };
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            chunks.push(Ok(rest.split_to(rest.len().min(BLOB_CHUNK_BYTES))));
        }
        Ok(BlobContent { size: size as u64, stream: stream::iter(chunks).boxed() })
    }
}

impl BlobStore for MemoryBlobs {
    fn put(&self, options: PutOptions) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, BlobError>> {
        async move {
            let writer: Box<dyn BlobWriter> =
                Box::new(MemoryWriter { blobs: self.blobs.clone(), options, bytes: Vec::new() });
            Ok(writer)
        }
        .boxed()
    }

    fn get(
        &self,
        digest: Digest,
        range: Option<Range<u64>>,
    ) -> BoxFuture<'_, Result<BlobContent, BlobError>> {
        async move { self.open(digest, range) }.boxed()
    }

    fn size(&self, digest: Digest) -> BoxFuture<'_, Result<Option<u64>, BlobError>> {
        async move { Ok(self.blobs.all().get(&digest).map(|blob| blob.len() as u64)) }.boxed()
    }

    fn missing<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<Digest>, BlobError>> {
        async move {
            let blobs = self.blobs.all();
            Ok(digests.iter().filter(|digest| !blobs.contains_key(digest)).copied().collect())
        }
        .boxed()
    }
}

impl BlobWriter for MemoryWriter {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), BlobError>> {
        async move {
            if (self.bytes.len() + bytes.len()) as u64 > self.options.limit {
                return Err(BlobError::TooLarge { limit: self.options.limit });
            }
            self.bytes.extend_from_slice(&bytes);
            Ok(())
        }
        .boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<BlobRef, BlobError>> {
        async move {
            let digest = Digest::of(&self.bytes);
            self.options.check(digest)?;
            let bytes = self.bytes.len() as u64;
            self.blobs.all().insert(digest, self.bytes.into());
            Ok(BlobRef { digest, bytes })
        }
        .boxed()
    }
}
