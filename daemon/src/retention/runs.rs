//! Which runs are forgotten.

use super::report::RetentionSummary;
use super::task::{PassError, Retention, before};
use crate::bounds;
use part_core::{RunId, Timestamp};

impl Retention {
    /// Forgets runs that are too old, then the oldest while all together are too large.
    pub(super) async fn forget_runs(
        &self,
        now: Timestamp,
        summary: &mut RetentionSummary,
    ) -> Result<(), PassError> {
        let mut left = bounds::FORGOTTEN_PER_PASS;
        if let Some(age) = self.limits.runs {
            let oldest = before(now, age);
            while left > 0 {
                let expired = self.store.expired(oldest, left.min(bounds::RUNS_PER_LOOK)).await?;
                if self.forget(&expired, &mut left, summary).await? == 0 {
                    break;
                }
            }
        }
        if let Some(limit) = self.limits.blobs {
            self.shrink(now, limit, left, summary).await?;
        }
        Ok(())
    }

    async fn shrink(
        &self,
        now: Timestamp,
        limit: u64,
        mut left: usize,
        summary: &mut RetentionSummary,
    ) -> Result<(), PassError> {
        let fresh = before(now, bounds::RUN_FRESH);
        while left > 0 && self.store.blob_usage().await? > limit {
            // One by one: what a run alone refers to is known only once it is gone.
            let oldest = self.store.oldest_finished(1).await?;
            let finished = match oldest.first() {
                Some(run) => self.store.run_row(*run).await?.and_then(|row| row.progress.finished),
                None => None,
            };
            let goes = finished.is_some_and(|finished| finished.at < fresh);
            if !goes || self.forget(&oldest, &mut left, summary).await? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// How many were there to forget.
    async fn forget(
        &self,
        runs: &[RunId],
        left: &mut usize,
        summary: &mut RetentionSummary,
    ) -> Result<usize, PassError> {
        let mut forgotten = 0;
        for run in runs {
            if self.store.forget_run(*run).await? {
                tracing::debug!(%run, "forgotten");
                forgotten += 1;
            }
        }
        *left = left.saturating_sub(runs.len());
        summary.runs_forgotten += forgotten as u64;
        Ok(forgotten)
    }
}
