//! Storing bytes in the blob store, over their own streams.

use crate::bounds;
use crate::directory::Directory;
use part_proto::CHUNK_BYTES;
use part_proto::v1::{self, blob_service_client::BlobServiceClient};
use std::path::Path;
use tokio::io::AsyncReadExt;

/// Stores a file; gives its digest (BLAKE3, hex) and size, or says why not after some tries.
pub(super) async fn store_file(directory: &Directory, file: &Path) -> Result<(String, u64), String> {
    let mut tries = 0;
    loop {
        tries += 1;
        match store_once(directory, file).await {
            Ok(stored) => return Ok(stored),
            Err(error) if tries >= bounds::BLOB_TRIES => return Err(format!("{}: {error}", file.display())),
            Err(error) => {
                tracing::warn!(file = %file.display(), error, "not stored yet; trying again");
                tokio::time::sleep(bounds::BLOB_RETRY * tries).await;
            }
        }
    }
}

async fn store_once(directory: &Directory, file: &Path) -> Result<(String, u64), String> {
    let mut reader = tokio::fs::File::open(file).await.map_err(|error| error.to_string())?;
    let (chunks, stream) = tokio::sync::mpsc::channel(4);
    let read = async move {
        loop {
            let mut data = Vec::with_capacity(CHUNK_BYTES);
            let count = (&mut reader)
                .take(CHUNK_BYTES as u64)
                .read_to_end(&mut data)
                .await
                .map_err(|error| error.to_string())?;
            if count == 0 || chunks.send(v1::PutBlobRequest { data }).await.is_err() {
                return Ok::<(), String>(());
            }
        }
    };
    let mut client = BlobServiceClient::new(directory.bytes()?);
    let put = client.put(tokio_stream::wrappers::ReceiverStream::new(stream));
    let (read, put) = tokio::join!(read, put);
    read?;
    let stored = put.map_err(|status| status.message().to_owned())?.into_inner();
    Ok((stored.digest, stored.bytes))
}
