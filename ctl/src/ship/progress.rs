//! How far the sending is, for the live area.

use crate::text::{bytes, count};
use std::sync::atomic::{AtomicU64, Ordering};

/// How far the sending is. Written by whoever sends, read by whoever draws.
#[derive(Debug, Default)]
pub(super) struct Progress {
    files: AtomicU64,
    sent_files: AtomicU64,
    bytes: AtomicU64,
    sent_bytes: AtomicU64,
}

impl Progress {
    /// So much is to be sent, from now on.
    pub(super) fn begin(&self, files: u64, bytes: u64) {
        self.sent_files.store(0, Ordering::Relaxed);
        self.sent_bytes.store(0, Ordering::Relaxed);
        self.files.store(files, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn sent_bytes(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sent_file(&self) {
        self.sent_files.fetch_add(1, Ordering::Relaxed);
    }

    /// One line.
    pub(super) fn line(&self) -> String {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        match get(&self.files) {
            0 => "looking through the workspace".to_owned(),
            files => format!(
                "sending the workspace: {} of {}, {} of {}",
                get(&self.sent_files),
                count(files, "file"),
                bytes(get(&self.sent_bytes)),
                bytes(get(&self.bytes)),
            ),
        }
    }
}
