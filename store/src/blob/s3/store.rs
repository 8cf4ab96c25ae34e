//! The store itself.

use super::error::{self, Place};
use super::keys::Keys;
use super::write::S3Writer;
use crate::blob::{
    BlobContent, BlobEntry, BlobError, BlobList, BlobStore, BlobStream, BlobWriter, Digest, PutOptions, Shelf,
};
use crate::bounds::S3_REQUESTS;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use part_core::Timestamp;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

pub(super) const WRITING: &str = "write a blob";
const READING: &str = "read a blob";
const LOOKING: &str = "look for a blob";
const LISTING: &str = "list the blobs";
const RETIRING: &str = "retire a blob";
const REVIVING: &str = "bring a retired blob back";
const DELETING: &str = "delete a blob";

/// Blobs in a bucket. Any number of processes and hosts may use one bucket at once.
///
/// What is put is durable when the server says so; there is nothing lazy about it.
#[derive(Clone, Debug)]
pub struct S3Blobs {
    pub(super) client: Arc<AmazonS3>,
    pub(super) keys: Keys,
    pub(super) place: Arc<Place>,
    pub(super) spool: Arc<FilePath>,
    /// For requests that end by themselves; a download lasts as long as its reader likes.
    pub(super) permits: Arc<Semaphore>,
}

impl S3Blobs {
    /// Waits for a turn to send a request.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.permits.acquire().await.ok()
    }

    async fn size_of(&self, digest: Digest) -> Result<Option<u64>, BlobError> {
        let _turn = self.turn().await;
        match self.client.head(&self.keys.key(Shelf::Kept, digest)).await {
            Ok(about) => Ok(Some(about.size)),
            Err(error) if error::is_missing(&error) => Ok(None),
            Err(error) => Err(error::of(LOOKING, &self.place, error)),
        }
    }

    async fn open_blob(&self, digest: Digest, range: Option<Range<u64>>) -> Result<BlobContent, BlobError> {
        let mut result = self.open_on(Shelf::Kept, digest, range.clone()).await;
        // It may go from one shelf to the other between two looks, and back again.
        for shelf in [Shelf::Retired, Shelf::Kept] {
            if !matches!(result, Err(BlobError::NotFound { .. })) {
                break;
            }
            result = self.open_on(shelf, digest, range.clone()).await;
        }
        result
    }

    async fn open_on(
        &self,
        shelf: Shelf,
        digest: Digest,
        range: Option<Range<u64>>,
    ) -> Result<BlobContent, BlobError> {
        let key = self.keys.key(shelf, digest);
        let failed = |error| error::of_blob(READING, &self.place, digest, error);
        let mut options = GetOptions::default();
        if let Some(range) = range {
            // The server refuses ranges that begin beyond the end, so the size comes first.
            let size = self.client.head(&key).await.map_err(failed)?.size;
            let range = range.start.min(size)..range.end.min(size);
            if range.is_empty() {
                return Ok(BlobContent { size, stream: stream::empty().boxed() });
            }
            if range != (0..size) {
                options.range = Some(GetRange::Bounded(range));
            }
        }
        let whole = options.range.is_none();
        let found = self.client.get_opts(&key, options).await.map_err(failed)?;
        let size = found.meta.size;
        let place = Arc::clone(&self.place);
        let bytes = found.into_stream().map_err(move |error| error::of_blob(READING, &place, digest, error));
        let stream = match whole {
            true => checked(bytes.boxed(), digest, format!("{key} in {}", self.place.0)),
            false => bytes.boxed(),
        };
        Ok(BlobContent { size, stream })
    }

    /// Copies blobs from one shelf to the other, and removes those copied from the first.
    async fn carry(
        &self,
        doing: &'static str,
        digests: &[Digest],
        from: Shelf,
        to: Shelf,
    ) -> Result<(), BlobError> {
        let copy = |digest: Digest| async move {
            let _turn = self.turn().await;
            let (source, target) = (self.keys.key(from, digest), self.keys.key(to, digest));
            match self.client.copy(&source, &target).await {
                Ok(()) => Ok(Some(digest)),
                Err(error) if error::is_missing(&error) => Ok(None),
                Err(error) => Err(error::of(doing, &self.place, error)),
            }
        };
        let copies: Vec<_> = digests.iter().copied().map(copy).collect();
        let copied = stream::iter(copies).buffer_unordered(S3_REQUESTS);
        let copied: Vec<Digest> =
            copied.try_filter_map(|copied| async move { Ok(copied) }).try_collect().await?;
        self.remove(doing, from, &copied).await
    }

    async fn remove(&self, doing: &'static str, shelf: Shelf, digests: &[Digest]) -> Result<(), BlobError> {
        if digests.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = digests.iter().map(|digest| Ok(self.keys.key(shelf, *digest))).collect();
        let _turn = self.turn().await;
        let mut removed = self.client.delete_stream(stream::iter(keys).boxed());
        while let Some(result) = removed.next().await {
            match result {
                Ok(_) => {}
                Err(error) if error::is_missing(&error) => {}
                Err(error) => return Err(error::of(doing, &self.place, error)),
            }
        }
        Ok(())
    }
}

/// Checks the bytes of a whole blob while they pass.
fn checked(bytes: BlobStream, digest: Digest, place: String) -> BlobStream {
    let state = Some((bytes, Box::new(blake3::Hasher::new()), place));
    let next = move |state: Option<(BlobStream, Box<blake3::Hasher>, String)>| async move {
        let (mut bytes, mut check, place) = state?;
        match bytes.next().await {
            Some(Ok(chunk)) => {
                check.update(&chunk);
                Some((Ok(chunk), Some((bytes, check, place))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                let found = Digest::from_bytes(*check.finalize().as_bytes());
                (found != digest).then_some((Err(BlobError::Damaged { place, found }), None))
            }
        }
    };
    stream::unfold(state, next).boxed()
}

impl BlobStore for S3Blobs {
    fn put(&self, options: PutOptions) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, BlobError>> {
        let writer: Box<dyn BlobWriter> = Box::new(S3Writer::new(self.clone(), options));
        async move { Ok(writer) }.boxed()
    }

    fn get(
        &self,
        digest: Digest,
        range: Option<Range<u64>>,
    ) -> BoxFuture<'_, Result<BlobContent, BlobError>> {
        self.open_blob(digest, range).boxed()
    }

    fn size(&self, digest: Digest) -> BoxFuture<'_, Result<Option<u64>, BlobError>> {
        self.size_of(digest).boxed()
    }

    fn missing<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<Vec<Digest>, BlobError>> {
        let look =
            move |digest: Digest| async move { Ok(self.size_of(digest).await?.is_none().then_some(digest)) };
        let looks = stream::iter(digests.iter().copied()).map(look).buffered(S3_REQUESTS);
        looks.try_filter_map(|missing| async move { Ok(missing) }).try_collect().boxed()
    }

    fn list(&self, shelf: Shelf) -> BlobList {
        let (keys, place) = (self.keys.clone(), Arc::clone(&self.place));
        let objects: BoxStream<'static, _> = self.client.list(Some(&self.keys.shelf(shelf)));
        let entries = objects.map_err(move |error| error::of(LISTING, &place, error));
        let entry = move |object: object_store::ObjectMeta| {
            let since = u64::try_from(object.last_modified.timestamp_millis()).unwrap_or_default();
            let digest = keys.digest(shelf, &object.location);
            let entry =
                digest.map(|digest| BlobEntry { digest, bytes: object.size, since: Timestamp(since) });
            async move { Ok(entry) }
        };
        entries.try_filter_map(entry).boxed()
    }

    fn retire<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        self.carry(RETIRING, digests, Shelf::Kept, Shelf::Retired).boxed()
    }

    fn revive<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        self.carry(REVIVING, digests, Shelf::Retired, Shelf::Kept).boxed()
    }

    fn delete<'a>(&'a self, digests: &'a [Digest]) -> BoxFuture<'a, Result<(), BlobError>> {
        self.remove(DELETING, Shelf::Retired, digests).boxed()
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), BlobError>> {
        async { Ok(()) }.boxed()
    }
}

impl S3Blobs {
    /// Puts bytes of known digest with one request.
    pub(super) async fn put_whole(&self, digest: Digest, bytes: Bytes) -> Result<(), BlobError> {
        let _turn = self.turn().await;
        let put = self.client.put(&self.keys.key(Shelf::Kept, digest), bytes.into()).await;
        put.map(drop).map_err(|error| error::of(WRITING, &self.place, error))
    }
}
