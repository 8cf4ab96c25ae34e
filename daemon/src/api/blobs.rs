//! Blobs in and out, in chunks.

use super::services::Shared;
use crate::bounds;
use crate::error::chain;
use futures::StreamExt;
use part_proto::v1::blob_service_server::BlobService;
use part_proto::{CHUNK_BYTES, status, v1};
use part_store::{BlobError, Digest, PutOptions};
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

/// The blob service.
pub(crate) struct Blobs {
    shared: Arc<Shared>,
}

impl Blobs {
    pub(crate) fn new(shared: Arc<Shared>) -> Blobs {
        Blobs { shared }
    }
}

#[tonic::async_trait]
impl BlobService for Blobs {
    type GetStream = Pin<Box<dyn Stream<Item = Result<v1::BlobChunk, Status>> + Send>>;

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
        let content = self.shared.blobs.get(digest, range).await.map_err(|error| failed(&error))?;
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
}

fn failed(error: &BlobError) -> Status {
    let text = chain(error);
    match error {
        BlobError::NotFound { .. } => status::not_found(text),
        BlobError::TooLarge { .. } | BlobError::Full { .. } => status::exhausted(text),
        BlobError::WrongDigest { .. } | BlobError::Damaged { .. } => status::data_loss(text),
        BlobError::Unavailable { .. } => status::unavailable(text),
        BlobError::Inaccessible { .. } => status::broken(text),
    }
}
