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

/// A database of its own in the server that all tests share.
pub(crate) struct Postgres(tokio::sync::OnceCell<String>);

impl Postgres {
    pub(crate) fn new() -> Postgres {
        Postgres(tokio::sync::OnceCell::new())
    }
}

impl Factory for Postgres {
    async fn store(&self) -> Arc<dyn Store> {
        let server = crate::server::start::shared().expect("a server");
        let url = self.0.get_or_init(|| server.database()).await;
        Arc::new(part_store::PostgresStore::connect(url).await.expect("a store"))
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

pub(crate) struct SharedBlobs(TempDir);

impl SharedBlobs {
    pub(crate) fn new() -> SharedBlobs {
        SharedBlobs(tempfile::tempdir().expect("a temporary folder"))
    }
}

impl BlobFactory for SharedBlobs {
    async fn blobs(&self) -> Arc<dyn BlobStore> {
        Arc::new(part_store::DiskBlobs::open_shared(self.0.path()).await.expect("a folder of blobs").0)
    }
}

pub(crate) struct S3Blobs(crate::s3::S3Server);

impl S3Blobs {
    pub(crate) fn new() -> S3Blobs {
        S3Blobs(crate::s3::S3Server::start())
    }
}

impl BlobFactory for S3Blobs {
    async fn blobs(&self) -> Arc<dyn BlobStore> {
        Arc::new(part_store::S3Blobs::open(self.0.options()).await.expect("a bucket"))
    }
}
