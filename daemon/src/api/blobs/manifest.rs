//! Manifests: blobs that name all files of a workspace.

use super::service::{Bulk, failed};
use crate::bounds;
use crate::error::chain;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use part_proto::{status, v1};
use part_store::{BlobError, BlobStore, Digest, Durability, PutOptions, put_bytes};
use part_workspace::Manifest;
use thiserror::Error;
use tonic::Status;

/// A manifest that cannot be read.
#[derive(Debug, Error)]
pub(crate) enum ManifestTrouble {
    /// The blob cannot be read.
    #[error("the manifest {digest} cannot be read")]
    Blob {
        digest: Digest,
        #[source]
        source: BlobError,
    },
    /// The blob is none, whatever the client said.
    #[error("the blob {digest} is no manifest: {what}")]
    Malformed { digest: Digest, what: String },
}

impl ManifestTrouble {
    /// True when it is as if there were no such manifest: putting it again mends that.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            ManifestTrouble::Blob { source, .. } => {
                matches!(source, BlobError::NotFound { .. } | BlobError::Damaged { .. })
            }
            ManifestTrouble::Malformed { .. } => true,
        }
    }
}

/// The digests of all files that a manifest names.
pub(crate) async fn read_manifest(
    store: &dyn BlobStore,
    digest: Digest,
) -> Result<Vec<Digest>, ManifestTrouble> {
    let failed = |source| ManifestTrouble::Blob { digest, source };
    let mut content = store.get(digest, None).await.map_err(failed)?;
    if content.size > bounds::MANIFEST_BYTES as u64 {
        let what = format!("it has {} bytes, a manifest at most {}", content.size, bounds::MANIFEST_BYTES);
        return Err(ManifestTrouble::Malformed { digest, what });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = content.stream.try_next().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
    }
    parse(bytes.into()).await.map_err(|what| ManifestTrouble::Malformed { digest, what })
}

/// The digests that a manifest names; or why it is none.
async fn parse(bytes: Bytes) -> Result<Vec<Digest>, String> {
    // Large ones take a while.
    let parsing = tokio::task::spawn_blocking(move || {
        let manifest = Manifest::from_bytes(&bytes).map_err(|error| chain(&error))?;
        Ok(manifest.digests().map(|digest| Digest::from_bytes(digest.0)).collect())
    });
    parsing.await.unwrap_or_else(|error| Err(error.to_string()))
}

impl Bulk {
    /// Whether a manifest and everything that it names is there.
    pub(super) async fn find_manifest(&self, digest: Digest) -> Result<bool, Status> {
        if self.manifests.unknown([digest]).is_empty() {
            return Ok(true);
        }
        // Of what is retired, nothing is promised.
        if self.store.size(digest).await.map_err(|error| failed(&error))?.is_none() {
            return Ok(false);
        }
        // It is never closed.
        let _turn = self.parsing.acquire().await.ok();
        let named = match read_manifest(&*self.store, digest).await {
            Ok(named) => named,
            Err(error) if error.is_lasting() => {
                tracing::warn!(error = chain(&error), "a manifest has to be sent again");
                return Ok(false);
            }
            Err(error) => return Err(status::unavailable(chain(&error))),
        };
        if !self.missing(&named).await?.is_empty() {
            return Ok(false);
        }
        self.manifests.note([digest]);
        Ok(true)
    }

    /// Keeps a manifest of which everything that it names is there.
    pub(super) async fn put_manifest(
        &self,
        chunks: impl Stream<Item = Result<v1::PutBlobRequest, Status>> + Unpin,
    ) -> Result<v1::PutBlobResponse, Status> {
        let _turn = self.parsing.acquire().await.ok();
        // Who stalls must not keep others out.
        let gathered = tokio::time::timeout(bounds::MANIFEST_ARRIVES, gather(chunks)).await;
        let bytes = gathered.map_err(|_| status::unavailable("the manifest did not come in time"))??;
        let named = parse(bytes.clone()).await;
        let named = named.map_err(|what| status::invalid(format!("this is no manifest: {what}")))?;
        let all = named.len();
        let missing = self.missing(&named).await?;
        if let Some(first) = missing.first() {
            let what = format!(
                "{} of the {all} blobs that the manifest names are not there, the first is {first}; \
                 ask which are missing and send them first",
                missing.len()
            );
            return Err(status::wrong_state(what));
        }
        self.store.settle().await.map_err(|error| failed(&error))?;
        let limit = bounds::MANIFEST_BYTES as u64;
        let options = PutOptions { expected: None, limit, durability: Durability::Synced };
        let stored = put_bytes(&*self.store, bytes, options).await.map_err(|error| failed(&error))?;
        self.manifests.note([stored.digest]);
        Ok(v1::PutBlobResponse { digest: stored.digest.to_string(), bytes: stored.bytes })
    }
}

async fn gather(
    mut chunks: impl Stream<Item = Result<v1::PutBlobRequest, Status>> + Unpin,
) -> Result<Bytes, Status> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let data = chunk?.data;
        if bytes.len() + data.len() > bounds::MANIFEST_BYTES {
            let what = format!("a manifest has at most {} bytes: ship fewer files", bounds::MANIFEST_BYTES);
            return Err(status::exhausted(what));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}
