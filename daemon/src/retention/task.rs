//! The task: when a pass is made, and what it consists of.

use super::live::Live;
use super::report::{RetentionReport, RetentionSummary};
use crate::api::ManifestTrouble;
use crate::bounds;
use crate::clock::Clock;
use crate::config::Retention as Limits;
use crate::error::chain;
use part_core::{Millis, Timestamp};
use part_store::{BlobError, BlobStore, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Forgets runs and deletes blobs. Made anew for each leadership period.
pub(crate) struct Retention {
    pub(super) store: Arc<dyn Store>,
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) limits: Limits,
    pub(super) live: Live,
    /// When all blobs were last looked at, and how many bytes they had.
    pub(super) swept: Option<(Timestamp, u64)>,
    report: RetentionReport,
}

/// Why a pass ended early. The next one goes on.
#[derive(Debug, Error)]
pub(super) enum PassError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the blob store failed")]
    Blobs(#[from] BlobError),
    #[error("which files are needed is not known")]
    Manifest(#[from] ManifestTrouble),
    #[error(
        "workspaces name more than {} different files; nothing is deleted: let runs be forgotten sooner",
        bounds::LIVE_FILES
    )]
    TooManyFiles,
}

impl Retention {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        blobs: Arc<dyn BlobStore>,
        limits: Limits,
        report: RetentionReport,
    ) -> Retention {
        Retention { store, blobs, limits, live: Live::default(), swept: None, report }
    }

    /// Makes a pass now and then until `stop`, which may come in the middle of one.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let clock = Clock::start();
        let mut wait = bounds::RETENTION_FIRST;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = bounds::RETENTION;
            let summary = tokio::select! {
                () = stop.cancelled() => return,
                summary = self.pass(clock.now()) => summary,
            };
            tell(&summary);
        }
    }

    /// Does what can be done now; what it did is in the report, too.
    pub(super) async fn pass(&mut self, now: Timestamp) -> RetentionSummary {
        let mut summary = RetentionSummary::default();
        let done = self.steps(now, &mut summary).await;
        summary.at = now;
        summary.bytes_kept = self.swept.map(|(_, bytes)| bytes);
        summary.error = done.err().map(|error| chain(&error));
        self.report.set(summary.clone());
        summary
    }

    async fn steps(&mut self, now: Timestamp, summary: &mut RetentionSummary) -> Result<(), PassError> {
        self.forget_runs(now, summary).await?;
        self.live.outdated = true;
        self.go_through_retired(now, summary).await?;
        let due = self.swept.is_none_or(|(at, _)| now.since(at) >= millis(bounds::RETENTION_SWEEP));
        if due || summary.runs_forgotten > 0 {
            self.go_through_kept(now, summary).await?;
        }
        Ok(())
    }
}

fn tell(summary: &RetentionSummary) {
    let RetentionSummary { runs_forgotten, blobs_retired, blobs_deleted, bytes_freed, .. } = *summary;
    if let Some(error) = &summary.error {
        tracing::warn!(error, "retention did not get to its end; it goes on later");
    }
    if runs_forgotten + blobs_retired + blobs_deleted > 0 {
        tracing::info!(runs_forgotten, blobs_retired, blobs_deleted, bytes_freed, "forgot what is old");
    }
}

pub(super) fn millis(duration: Duration) -> Millis {
    Millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// The moment so long before `now`.
pub(super) fn before(now: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(millis(duration).0))
}
