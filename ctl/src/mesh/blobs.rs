//! Reading blobs: output and artifacts.

use super::Clients;
use crate::render::human::Tail;
use part_core::Output;
use part_proto::v1::GetBlobRequest;
use std::time::Duration;
use thiserror::Error;
use tonic::Status;

/// Bytes from the end of an output that are fetched for a failure.
const TAIL_BYTES: u64 = 64 * 1024;
/// A blob store that takes longer for a tail is not waited for: the failure is told without it.
pub(crate) const TAIL_PATIENCE: Duration = Duration::from_secs(5);

/// Why a blob could not be read.
#[derive(Debug, Error)]
pub(crate) enum BlobError {
    /// The call was refused or broke.
    #[error("{}", .status.message())]
    Call {
        /// What the daemon said.
        status: Box<Status>,
    },
    /// What came is not what was asked for.
    #[error("its content does not match its digest {digest}")]
    Content {
        /// The digest asked for.
        digest: String,
    },
    /// What came could not be written.
    #[error("it could not be written")]
    Write {
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

fn call(status: Status) -> BlobError {
    BlobError::Call { status: Box::new(status) }
}

/// Reads a whole blob, piece by piece, and checks it against its digest at the end. `take` may stop the transfer by
/// returning false, which ends it without a check.
pub(crate) async fn fetch(
    mesh: &Clients,
    digest: &str,
    mut take: impl FnMut(&[u8]) -> std::io::Result<bool>,
) -> Result<u64, BlobError> {
    let request = GetBlobRequest { digest: digest.to_owned(), offset: 0 };
    let mut chunks = mesh.blobs().get(request).await.map_err(call)?.into_inner();
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    while let Some(chunk) = chunks.message().await.map_err(call)? {
        hasher.update(&chunk.data);
        bytes += chunk.data.len() as u64;
        if !take(&chunk.data).map_err(|source| BlobError::Write { source })? {
            return Ok(bytes);
        }
    }
    if hasher.finalize().to_hex().as_str() != digest {
        return Err(BlobError::Content { digest: digest.to_owned() });
    }
    Ok(bytes)
}

/// Reads a blob from a byte on, piece by piece. Only a whole blob can be checked against its digest.
pub(crate) async fn fetch_from(
    mesh: &Clients,
    digest: &str,
    offset: u64,
    mut take: impl FnMut(&[u8]) -> std::io::Result<bool>,
) -> Result<(), BlobError> {
    let request = GetBlobRequest { digest: digest.to_owned(), offset };
    let mut chunks = mesh.blobs().get(request).await.map_err(call)?.into_inner();
    while let Some(chunk) = chunks.message().await.map_err(call)? {
        if !take(&chunk.data).map_err(|source| BlobError::Write { source })? {
            return Ok(());
        }
    }
    Ok(())
}

/// The end of an attempt's output where no daemon need be asked for it.
pub(crate) fn tail_at_hand(output: &Output) -> Option<Tail> {
    match (&output.inline, &output.blob) {
        (Some(text), _) if text.trim().is_empty() => Some(Tail::Empty),
        (Some(text), _) => Some(Tail::Text { text: text.clone(), whole: output.dropped_bytes == 0 }),
        (None, Some(_)) => None,
        (None, None) => Some(Tail::Empty),
    }
}

/// The end of an attempt's output.
pub(crate) async fn read_tail(mesh: &Clients, output: Output, patience: Duration) -> Tail {
    if let Some(tail) = tail_at_hand(&output) {
        return tail;
    }
    let Some(digest) = output.blob else { return Tail::Empty };
    // What is kept is at least this long: the mark of the cut comes on top.
    let offset = (output.total_bytes.saturating_sub(output.dropped_bytes)).saturating_sub(TAIL_BYTES);
    let whole = offset == 0 && output.dropped_bytes == 0;
    match tokio::time::timeout(patience, from(mesh, digest, offset)).await {
        Ok(Ok(bytes)) => {
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            if offset > 0 {
                // The first line is cut off somewhere; it is left out.
                text = text.split_once('\n').map_or(text.clone(), |(_, rest)| rest.to_owned());
            }
            Tail::Text { text, whole }
        }
        Ok(Err(error)) => Tail::Unread { why: error.to_string() },
        Err(_) => Tail::Unread { why: format!("no answer within {patience:?}") },
    }
}

async fn from(mesh: &Clients, digest: String, offset: u64) -> Result<Vec<u8>, BlobError> {
    let mut chunks = mesh.blobs().get(GetBlobRequest { digest, offset }).await.map_err(call)?.into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.message().await.map_err(call)? {
        bytes.extend_from_slice(&chunk.data);
        // A longer blob than its figures say: only its end is wanted.
        let surplus = bytes.len().saturating_sub(2 * TAIL_BYTES as usize);
        bytes.drain(..surplus);
    }
    Ok(bytes)
}
