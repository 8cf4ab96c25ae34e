//! Blobs in memory, for tests. Handles made by cloning share what they hold.

use super::{
    BlobContent, BlobEntry, BlobError, BlobList, BlobRef, BlobStore, BlobWriter, Digest, PutOptions, Shelf,
};
use crate::bounds::BLOB_CHUNK_BYTES;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use part_core::Timestamp;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Keeps blobs in memory and nothing beyond the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs {
    blobs: Blobs,
}

#[derive(Clone, Debug, Default)]
struct Blobs(Arc<Mutex<Shelves>>);

#[derive(Debug, Default)]
struct Shelves {
    kept: HashMap<Digest, (Timestamp, Bytes)>,
    retired: HashMap<Digest, (Timestamp, Bytes)>,
}

impl Blobs {
    fn all(&self) -> MutexGuard<'_, Shelves> {
        // What a panicking test left behind is no worse than what it saw.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_millis() as u64)
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
        let shelves = self.blobs.all();
        let blob = shelves.kept.get(&digest).or_else(|| shelves.retired.get(&digest)).cloned();
        drop(shelves);
        let (_, blob) = blob.ok_or_else(|| BlobError::NotFound { digest, place: "memory".to_owned() })?;
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
        async move { Ok(self.blobs.all().kept.get(&digest).map(|(_, blob)| blob.len() as u64)) }.boxed()
    }

    fn missing<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<Digest>, BlobError>> {
        async move {
            let kept = &self.blobs.all().kept;
            Ok(digests.iter().filter(|digest| !kept.contains_key(digest)).copied().collect())
        }
        .boxed()
    }

    fn list(&self, shelf: Shelf) -> BlobList {
        let shelves = self.blobs.all();
        let blobs = match shelf {
            Shelf::Kept => &shelves.kept,
            Shelf::Retired => &shelves.retired,
        };
        let entry = |(digest, (since, blob)): (&Digest, &(Timestamp, Bytes))| {
            Ok(BlobEntry { digest: *digest, bytes: blob.len() as u64, since: *since })
        };
        stream::iter(blobs.iter().map(entry).collect::<Vec<_>>()).boxed()
    }

    fn retire<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        async move {
            let Shelves { kept, retired } = &mut *self.blobs.all();
            for digest in digests {
                if let Some((_, blob)) = kept.remove(digest) {
                    retired.insert(*digest, (now(), blob));
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn revive<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        async move {
            let Shelves { kept, retired } = &mut *self.blobs.all();
            for digest in digests {
                if let Some((_, blob)) = retired.remove(digest) {
                    kept.insert(*digest, (now(), blob));
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        async move {
            let retired = &mut self.blobs.all().retired;
            digests.iter().for_each(|digest| drop(retired.remove(digest)));
            Ok(())
        }
        .boxed()
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), BlobError>> {
        async { Ok(()) }.boxed()
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
            self.blobs.all().kept.insert(digest, (now(), self.bytes.into()));
            Ok(BlobRef { digest, bytes })
        }
        .boxed()
    }
}
