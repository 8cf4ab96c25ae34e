//! The files that manifests of known runs name.

use super::task::{PassError, millis};
use crate::api::read_manifest;
use crate::bounds;
use crate::error::chain;
use part_core::Timestamp;
use part_store::{BlobStore, Digest, Store};
use std::collections::HashSet;

/// Digests that must not be deleted because a manifest names them, or because they are one.
///
/// Reading manifests is what costs, so each is read once; those that are no longer needed are told apart only when
/// everything is read anew. Until then too much is kept, never too little.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Those that were read.
    manifests: HashSet<Digest>,
    /// Those that could not be read when they were last tried.
    unread: HashSet<Digest>,
    files: HashSet<Digest>,
    built: Option<Timestamp>,
    /// True when runs may have been opened since.
    pub(super) outdated: bool,
}

impl Live {
    pub(super) fn has(&self, digest: Digest) -> bool {
        [&self.files, &self.manifests, &self.unread].iter().any(|digests| digests.contains(&digest))
    }

    /// Reads the manifests that are new.
    pub(super) async fn refresh(
        &mut self,
        store: &dyn Store,
        blobs: &dyn BlobStore,
        now: Timestamp,
    ) -> Result<(), PassError> {
        if !self.outdated {
            return Ok(());
        }
        let needed = needed(store).await?;
        let old = self.built.is_none_or(|built| now.since(built) >= millis(bounds::LIVE_REBUILD));
        if old && !self.manifests.is_subset(&needed) {
            (self.manifests, self.files) = Default::default();
        }
        if old {
            self.built = Some(now);
        }
        self.unread.clear();
        for manifest in needed {
            if !self.manifests.contains(&manifest) {
                self.add(blobs, manifest).await?;
            }
        }
        self.outdated = false;
        Ok(())
    }

    async fn add(&mut self, blobs: &dyn BlobStore, manifest: Digest) -> Result<(), PassError> {
        match read_manifest(blobs, manifest).await {
            Ok(files) => {
                self.files.extend(files);
                self.manifests.insert(manifest);
            }
            // Nothing can be laid out with it any more, so nothing is lost with its files; it may be put again.
            Err(error) if error.is_lasting() => {
                tracing::warn!(error = chain(&error), "the files of a workspace are not known");
                self.unread.insert(manifest);
            }
            Err(error) => return Err(error.into()),
        }
        if self.files.len() > bounds::LIVE_FILES { Err(PassError::TooManyFiles) } else { Ok(()) }
    }
}

async fn needed(store: &dyn Store) -> Result<HashSet<Digest>, PassError> {
    let mut needed = HashSet::new();
    let mut after = None;
    loop {
        let page = store.manifests(after, part_store::ROWS_PER_LIST).await?;
        after = page.last().copied();
        if after.is_none() {
            return Ok(needed);
        }
        needed.extend(page);
    }
}
