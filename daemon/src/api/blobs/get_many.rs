//! Many blobs out of the store, in the order asked for.

use super::service::{Bulk, failed};
use crate::bounds;
use futures::{StreamExt, TryStreamExt, stream};
use part_proto::pieces::Packer;
use part_proto::v1;
use part_store::{BatchRead, BlobError, BlobStore, Digest};
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::Status;

type Message = Result<v1::GetManyResponse, Status>;

/// Sends blobs until all are sent, one is missing, or nobody listens any more.
pub(super) async fn get_many(bulk: Arc<Bulk>, digests: Vec<Digest>, to: mpsc::Sender<Message>) {
    let sent = tokio::select! {
        // Also in the middle of a long read.
        () = to.closed() => return,
        sent = send(&bulk.store, &digests, &to) => sent,
    };
    if let Err(Stopped::Failed(error)) = sent {
        if let BlobError::NotFound { .. } = error {
            bulk.doubt();
        }
        // Whoever asked may be gone.
        drop(to.send(Err(failed(&error))).await);
    }
}

enum Stopped {
    Failed(BlobError),
    /// Nobody listens.
    Gone,
}

async fn send(
    store: &Arc<dyn BlobStore>,
    digests: &[Digest],
    to: &mpsc::Sender<Message>,
) -> Result<(), Stopped> {
    let mut packer = Packer::new();
    let read = |batch: &[Digest]| {
        let (store, batch) = (Arc::clone(store), batch.to_vec());
        async move {
            let read = store.read_batch(&batch, bounds::BATCHED_BLOB_BYTES as u64).await?;
            Ok::<_, BlobError>(batch.into_iter().zip(read).collect::<Vec<_>>())
        }
    };
    let batches: Vec<_> = digests.chunks(bounds::READ_BLOBS).map(read).collect();
    let mut batches = stream::iter(batches).buffered(bounds::READS_AHEAD);
    while let Some(batch) = batches.try_next().await.map_err(Stopped::Failed)? {
        for (digest, blob) in batch {
            match blob {
                BatchRead::Whole(bytes) => packer.blob(*digest.as_bytes(), bytes),
                BatchRead::Larger(_) => send_large(store, digest, &mut packer, to).await?,
            }
            send_full(&mut packer, to).await?;
        }
    }
    match packer.take_rest() {
        Some(pieces) => to.send(Ok(v1::GetManyResponse { pieces })).await.map_err(|_| Stopped::Gone),
        None => Ok(()),
    }
}

async fn send_large(
    store: &Arc<dyn BlobStore>,
    digest: Digest,
    packer: &mut Packer,
    to: &mpsc::Sender<Message>,
) -> Result<(), Stopped> {
    let mut content = store.get(digest, None).await.map_err(Stopped::Failed)?;
    packer.begin(*digest.as_bytes());
    while let Some(bytes) = content.stream.try_next().await.map_err(Stopped::Failed)? {
        packer.data(bytes);
        send_full(packer, to).await?;
    }
    packer.end();
    Ok(())
}

async fn send_full(packer: &mut Packer, to: &mpsc::Sender<Message>) -> Result<(), Stopped> {
    while let Some(pieces) = packer.take_full() {
        to.send(Ok(v1::GetManyResponse { pieces })).await.map_err(|_| Stopped::Gone)?;
    }
    Ok(())
}
