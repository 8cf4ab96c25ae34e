//! Many blobs into the store.
//!
//! What costs is making files, or the round trips to a server. So small blobs are gathered into batches, and several
//! batches are written at the same time; large blobs pass through in pieces. What is in memory is bounded by the batches
//! under way, of one call and of all calls together.

use super::known::Known;
use super::service::failed;
use crate::bounds;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use part_proto::pieces::{Unpacked, Unpacker};
use part_proto::{status, v1};
use part_store::{BlobError, BlobStore, BlobWriter, Digest, Durability, PutOptions};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::Status;

/// The state of one call.
struct Intake<'a> {
    store: &'a Arc<dyn BlobStore>,
    known: &'a Known,
    /// For batches of all calls.
    turns: &'a Arc<Semaphore>,
    batch: Vec<(Digest, Bytes)>,
    batch_bytes: usize,
    writing: JoinSet<Result<Vec<Digest>, BlobError>>,
    /// The blob that comes in pieces.
    large: Option<Box<dyn BlobWriter>>,
    stored: v1::PutManyResponse,
}

/// Stores what comes; the first blob that cannot be stored ends it.
pub(super) async fn put_many(
    store: &Arc<dyn BlobStore>,
    known: &Known,
    turns: &Arc<Semaphore>,
    mut messages: impl Stream<Item = Result<v1::PutManyRequest, Status>> + Unpin,
) -> Result<v1::PutManyResponse, Status> {
    let mut intake = Intake {
        store,
        known,
        turns,
        batch: Vec::new(),
        batch_bytes: 0,
        writing: JoinSet::new(),
        large: None,
        stored: v1::PutManyResponse::default(),
    };
    let mut unpacker = Unpacker::new();
    while let Some(message) = messages.next().await {
        for piece in message?.pieces {
            let piece = unpacker.take(piece).map_err(|error| status::invalid(error.to_string()))?;
            intake.take(piece).await?;
        }
    }
    unpacker.finish().map_err(|error| status::invalid(error.to_string()))?;
    intake.finish().await
}

impl Intake<'_> {
    async fn take(&mut self, piece: Unpacked) -> Result<(), Status> {
        match piece {
            Unpacked::Whole { digest, data } if data.len() <= bounds::BATCHED_BLOB_BYTES => {
                self.batch_bytes += data.len();
                self.batch.push((Digest::from_bytes(digest), data));
                let full = self.batch.len() >= bounds::BATCH_BLOBS || self.batch_bytes >= bounds::BATCH_BYTES;
                if full { self.dispatch().await } else { Ok(()) }
            }
            Unpacked::Whole { digest, data } => {
                self.begin(digest).await?;
                self.append(data).await?;
                self.end().await
            }
            Unpacked::First { digest, data } => {
                self.begin(digest).await?;
                self.append(data).await
            }
            Unpacked::Middle { data } => self.append(data).await,
            Unpacked::Last { data } => {
                self.append(data).await?;
                self.end().await
            }
        }
    }

    /// Has the batch written, once it is its turn.
    async fn dispatch(&mut self) -> Result<(), Status> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        while self.writing.len() >= bounds::BATCHES_PER_CALL {
            self.written().await?;
        }
        self.stored.blobs += batch.len() as u64;
        self.stored.bytes += batch.iter().map(|(_, data)| data.len() as u64).sum::<u64>();
        let (store, turns) = (Arc::clone(self.store), Arc::clone(self.turns));
        // It is never closed.
        let turn = turns.acquire_owned().await.ok();
        self.writing.spawn(async move {
            let _turn = turn;
            let digests = batch.iter().map(|(digest, _)| *digest).collect();
            store.put_batch(batch, Durability::Lazy).await.map(|()| digests)
        });
        Ok(())
    }

    /// Waits for a batch that is being written; false when there is none.
    async fn written(&mut self) -> Result<bool, Status> {
        let Some(written) = self.writing.join_next().await else { return Ok(false) };
        let written = written.map_err(|error| status::broken(format!("storing blobs failed: {error}")))?;
        self.known.note(written.map_err(|error| failed(&error))?);
        Ok(true)
    }

    async fn begin(&mut self, digest: [u8; 32]) -> Result<(), Status> {
        let expected = Some(Digest::from_bytes(digest));
        let options = PutOptions { expected, limit: bounds::BLOB_BYTES, durability: Durability::Lazy };
        self.large = Some(self.store.put(options).await.map_err(|error| failed(&error))?);
        Ok(())
    }

    async fn append(&mut self, data: Bytes) -> Result<(), Status> {
        // The unpacker sees to it that there is one.
        let Some(writer) = &mut self.large else { return Ok(()) };
        writer.write(data).await.map_err(|error| failed(&error))
    }

    async fn end(&mut self) -> Result<(), Status> {
        let Some(writer) = self.large.take() else { return Ok(()) };
        let stored = writer.finish().await.map_err(|error| failed(&error))?;
        self.known.note([stored.digest]);
        self.stored.blobs += 1;
        self.stored.bytes += stored.bytes;
        Ok(())
    }

    async fn finish(mut self) -> Result<v1::PutManyResponse, Status> {
        self.dispatch().await?;
        while self.written().await? {}
        Ok(self.stored)
    }
}
