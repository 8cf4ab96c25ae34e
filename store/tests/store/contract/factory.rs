//! Where the stores under test come from.

use part_store::{BlobStore, Store};
use std::sync::Arc;
use tempfile::TempDir;

/// Makes handles on one store: what one handle writes, the others read.
pub(crate) trait Factory {
    async fn store(&self) -> Arc<dyn Store>;
}

pub(crate) trait BlobFactory {
    async fn blobs(&self) -> Arc<dyn BlobStore>;
}

pub(crate) struct Memory(part_store::MemoryStore);

impl Memory {
    pub(crate) fn new() -> Memory {
        Memory(part_store::MemoryStore::new())
    }
}

impl Factory for Memory {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

pub(crate) struct Sqlite(TempDir);

impl Sqlite {
    pub(crate) fn new() -> Sqlite {
        Sqlite(tempfile::tempdir().expect("a temporary folder"))
    }
}

impl Factory for Sqlite {
    async fn store(&self) -> Arc<dyn Store> {
        let path = self.0.path().join("data/part.db");
        Arc::new(part_store::SqliteStore::open(path).await.expect("a store"))
    }
}

pub(crate) struct MemoryBlobs(part_store::MemoryBlobs);

impl MemoryBlobs {
    pub(crate) fn new() -> MemoryBlobs {
        MemoryBlobs(part_store::MemoryBlobs::new())
    }
}

impl BlobFactory for MemoryBlobs {
    async fn blobs(&self) -> Arc<dyn BlobStore> {
        Arc::new(self.0.clone())
    }
}

pub(crate) struct DiskBlobs(TempDir);

impl DiskBlobs {
    pub(crate) fn new() -> DiskBlobs {
        DiskBlobs(tempfile::tempdir().expect("a temporary folder"))
    }
}

impl BlobFactory for DiskBlobs {
    async fn blobs(&self) -> Arc<dyn BlobStore> {
        Arc::new(part_store::DiskBlobs::open(self.0.path().join("blobs")).await.expect("a folder of blobs"))
    }
}
