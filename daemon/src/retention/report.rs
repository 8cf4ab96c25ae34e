//! What the last pass did, for whoever asks.

use part_core::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetentionSummary {
    /// When it ended.
    pub(crate) at: Timestamp,
    /// Runs forgotten.
    pub(crate) runs_forgotten: u64,
    /// Blobs retired.
    pub(crate) blobs_retired: u64,
    /// Retired blobs that were needed again.
    pub(crate) blobs_revived: u64,
    /// Blobs deleted.
    pub(crate) blobs_deleted: u64,
    /// Bytes of those.
    pub(crate) bytes_freed: u64,
    /// Bytes of all blobs when they were last looked at, retired ones aside; none before that.
    pub(crate) bytes_kept: Option<u64>,
    /// Why it did not get to its end.
    pub(crate) error: Option<String>,
}

/// Where the last summary is found; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetentionReport(Arc<Mutex<Option<RetentionSummary>>>);

impl RetentionReport {
    /// What the last pass of this process did; none when it did none.
    pub(crate) fn last(&self) -> Option<RetentionSummary> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, summary: RetentionSummary) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(summary);
    }
}
