//! Which blobs go, and which come back.

use super::report::RetentionSummary;
use super::task::{PassError, Retention, before};
use crate::bounds;
use futures::{StreamExt, TryStreamExt};
use part_core::Timestamp;
use part_store::{BlobEntry, Digest, Shelf};

impl Retention {
    /// Brings retired blobs back that are needed, and deletes those that were not for long enough.
    pub(super) async fn go_through_retired(
        &mut self,
        now: Timestamp,
        summary: &mut RetentionSummary,
    ) -> Result<(), PassError> {
        let deadline = before(now, bounds::RETIRED_FOR);
        let mut listing = self.blobs.list(Shelf::Retired).try_chunks(bounds::BLOBS_PER_STEP);
        while let Some(entries) = listing.next().await {
            let entries = entries.map_err(|error| error.1)?;
            let (needed, rest) = self.sort(now, entries).await?;
            self.blobs.revive(&digests(&needed)).await?;
            summary.blobs_revived += needed.len() as u64;
            let gone: Vec<_> = rest.into_iter().filter(|entry| entry.since < deadline).collect();
            self.blobs.delete(&digests(&gone)).await?;
            summary.blobs_deleted += gone.len() as u64;
            summary.bytes_freed += gone.iter().map(|entry| entry.bytes).sum::<u64>();
        }
        Ok(())
    }

    /// Retires blobs that nothing needs, and counts the others.
    pub(super) async fn go_through_kept(
        &mut self,
        now: Timestamp,
        summary: &mut RetentionSummary,
    ) -> Result<(), PassError> {
        let deadline = before(now, bounds::BLOB_FRESH);
        let mut kept = 0;
        let mut listing = self.blobs.list(Shelf::Kept).try_chunks(bounds::BLOBS_PER_STEP);
        while let Some(entries) = listing.next().await {
            let entries = entries.map_err(|error| error.1)?;
            kept += entries.iter().map(|entry| entry.bytes).sum::<u64>();
            let old = entries.into_iter().filter(|entry| entry.since < deadline).collect();
            let (_, unneeded) = self.sort(now, old).await?;
            self.blobs.retire(&digests(&unneeded)).await?;
            summary.blobs_retired += unneeded.len() as u64;
            kept -= unneeded.iter().map(|entry| entry.bytes).sum::<u64>();
        }
        self.swept = Some((now, kept));
        Ok(())
    }

    /// Tells the blobs that something refers to from the others.
    async fn sort(
        &mut self,
        now: Timestamp,
        entries: Vec<BlobEntry>,
    ) -> Result<(Vec<BlobEntry>, Vec<BlobEntry>), PassError> {
        if entries.is_empty() {
            return Ok(Default::default());
        }
        self.live.refresh(&*self.store, &*self.blobs, now).await?;
        let (mut needed, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| self.live.has(entry.digest));
        let referenced = self.store.referenced(&digests(&others)).await?;
        let mut unneeded = Vec::new();
        for (entry, referenced) in others.into_iter().zip(referenced) {
            if referenced { needed.push(entry) } else { unneeded.push(entry) }
        }
        Ok((needed, unneeded))
    }
}

fn digests(entries: &[BlobEntry]) -> Vec<Digest> {
    entries.iter().map(|entry| entry.digest).collect()
}
