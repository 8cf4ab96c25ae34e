//! The service itself.

use super::get_many::get_many;
use super::known::Known;
use super::put_many::put_many;
use crate::api::services::Shared;
use crate::bounds;
use crate::error::chain;
use futures::StreamExt;
use part_proto::pieces::{DIGESTS_PER_QUESTION, raw_digest};
use part_proto::v1::blob_service_server::BlobService;
use part_proto::{CHUNK_BYTES, status, v1};
use part_store::{BlobError, BlobStore, Digest, PutOptions};
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// The blob service.
pub(crate) struct Blobs {
    shared: Arc<Shared>,
    bulk: Arc<Bulk>,
}

/// The files of workspaces.
pub(super) struct Bulk {
    pub(super) store: Arc<dyn BlobStore>,
    /// Blobs that were seen or put lately.
    pub(super) known: Known,
    /// Manifests that were complete lately.
    pub(super) manifests: Known,
    /// For batches of blobs that are being written.
    pub(super) writing: Arc<Semaphore>,
    /// For manifests in memory.
    pub(super) parsing: Semaphore,
}

impl Blobs {
    pub(crate) fn new(shared: Arc<Shared>) -> Blobs {
        let bulk = Arc::new(Bulk::new(Arc::clone(&shared.blobs)));
        Blobs { shared, bulk }
    }
}

impl Bulk {
    pub(super) fn new(store: Arc<dyn BlobStore>) -> Bulk {
        Bulk {
            store,
            known: Known::new(bounds::KNOWN_FOR, bounds::KNOWN_BLOBS),
            manifests: Known::new(bounds::KNOWN_FOR, bounds::KNOWN_MANIFESTS),
            writing: Arc::new(Semaphore::new(bounds::BATCHES)),
            parsing: Semaphore::new(bounds::MANIFESTS_AT_ONCE),
        }
    }

    /// Those of the digests that neither were seen lately nor are there, each once, in the order given.
    pub(super) async fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, Status> {
        let mut missing = Vec::new();
        for asked in self.known.unknown(digests.iter().copied()).chunks(DIGESTS_PER_QUESTION) {
            let absent = self.store.missing(asked).await.map_err(|error| failed(&error))?;
            let gone: HashSet<&Digest> = absent.iter().collect();
            self.known.note(asked.iter().filter(|digest| !gone.contains(digest)).copied());
            missing.extend(absent);
        }
        Ok(missing)
    }

    /// A blob that was looked for is not there: what is remembered may be wrong, too. Somebody cleared the store by
    /// hand, or restored an older one.
    pub(super) fn doubt(&self) {
        self.known.forget();
        self.manifests.forget();
    }
}

type Answer<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BlobService for Blobs {
    type GetStream = Answer<v1::BlobChunk>;
    type GetManyStream = Answer<v1::GetManyResponse>;

    async fn put(
        &self,
        request: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<v1::PutBlobResponse>, Status> {
        let mut chunks = request.into_inner();
        let options =
            PutOptions { expected: None, limit: bounds::BLOB_BYTES, durability: self.shared.durability };
        let mut writer = self.shared.blobs.put(options).await.map_err(|error| failed(&error))?;
        while let Some(chunk) = chunks.message().await? {
            writer.write(chunk.data.into()).await.map_err(|error| failed(&error))?;
        }
        let stored = writer.finish().await.map_err(|error| failed(&error))?;
        Ok(Response::new(v1::PutBlobResponse { digest: stored.digest.to_string(), bytes: stored.bytes }))
    }

    async fn get(&self, request: Request<v1::GetBlobRequest>) -> Result<Response<Self::GetStream>, Status> {
        let v1::GetBlobRequest { digest, offset } = request.into_inner();
        let digest: Digest = digest.parse().map_err(|error| {
            status::of_wire_error(&part_proto::WireError::Wrong { field: "digest", what: chain(&error) })
        })?;
        let range = (offset > 0).then_some(offset..u64::MAX);
        let content = self.shared.blobs.get(digest, range).await.map_err(|error| {
            if let BlobError::NotFound { .. } = error {
                self.bulk.doubt();
            }
            failed(&error)
        })?;
        let chunks = content.stream.flat_map(|chunk| {
            let pieces: Vec<_> = match chunk {
                Ok(bytes) => bytes
                    .chunks(CHUNK_BYTES)
                    .map(|piece| Ok(v1::BlobChunk { data: piece.to_vec() }))
                    .collect(),
                Err(error) => vec![Err(failed(&error))],
            };
            futures::stream::iter(pieces)
        });
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn missing(
        &self,
        request: Request<v1::MissingRequest>,
    ) -> Result<Response<v1::MissingResponse>, Status> {
        let digests = digests(&request.into_inner().digests)?;
        let missing = self.bulk.missing(&digests).await?;
        let missing = missing.iter().map(|digest| digest.as_bytes().to_vec()).collect();
        Ok(Response::new(v1::MissingResponse { digests: missing }))
    }

    async fn put_many(
        &self,
        request: Request<Streaming<v1::PutManyRequest>>,
    ) -> Result<Response<v1::PutManyResponse>, Status> {
        let Bulk { store, known, writing, .. } = &*self.bulk;
        put_many(store, known, writing, request.into_inner()).await.map(Response::new)
    }

    async fn get_many(
        &self,
        request: Request<v1::GetManyRequest>,
    ) -> Result<Response<Self::GetManyStream>, Status> {
        let digests = digests(&request.into_inner().digests)?;
        let (sender, messages) = mpsc::channel(bounds::MESSAGES_AHEAD);
        tokio::spawn(get_many(Arc::clone(&self.bulk), digests, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(messages))))
    }

    async fn find_manifest(
        &self,
        request: Request<v1::FindManifestRequest>,
    ) -> Result<Response<v1::FindManifestResponse>, Status> {
        let digest = digest(&request.into_inner().digest)?;
        let complete = self.bulk.find_manifest(digest).await?;
        Ok(Response::new(v1::FindManifestResponse { complete }))
    }

    async fn put_manifest(
        &self,
        request: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<v1::PutBlobResponse>, Status> {
        self.bulk.put_manifest(request.into_inner()).await.map(Response::new)
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, Status> {
    let raw = raw_digest(bytes).map_err(|error| status::invalid(error.to_string()))?;
    Ok(Digest::from_bytes(raw))
}

fn digests(all: &[Vec<u8>]) -> Result<Vec<Digest>, Status> {
    if all.len() > DIGESTS_PER_QUESTION {
        let what = format!("{} digests were sent, {DIGESTS_PER_QUESTION} are allowed at a time", all.len());
        return Err(status::invalid(what));
    }
    all.iter().map(|bytes| digest(bytes)).collect()
}

pub(super) fn failed(error: &BlobError) -> Status {
    let text = chain(error);
    match error {
        BlobError::NotFound { .. } => status::not_found(text),
        BlobError::TooLarge { .. } | BlobError::Full { .. } => status::exhausted(text),
        BlobError::WrongDigest { .. } | BlobError::Damaged { .. } => status::data_loss(text),
        BlobError::Unavailable { .. } => status::unavailable(text),
        BlobError::Inaccessible { .. } => status::broken(text),
    }
}
