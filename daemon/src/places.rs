//! The stores that a configuration names, opened.

use crate::DaemonError;
use crate::config::{BlobPlace, DaemonConfig, DatabasePlace};
use part_store::{BlobStore, DiskBlobs, PostgresStore, S3Blobs, S3Options, SqliteStore, Store};
use std::path::Path;
use std::sync::Arc;

/// Opened stores, and what tells them from those of another mesh.
pub(crate) struct Places {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    /// The ledger's place as all daemons that share it name it, without secrets.
    pub(crate) store_place: String,
    /// The blob place as all daemons that share it name it; none for a private one.
    pub(crate) blob_place: Option<String>,
}

/// Opens (and makes) the stores of a home folder.
pub(crate) async fn open_home(home: &Path) -> Result<(Arc<dyn Store>, Arc<dyn BlobStore>), DaemonError> {
    let store = SqliteStore::open(&home.join("part.db")).await.map_err(DaemonError::Store)?;
    let blobs = DiskBlobs::open(&home.join("blobs")).await.map_err(DaemonError::Blobs)?;
    Ok((Arc::new(store), Arc::new(blobs)))
}

/// Opens the ledger alone.
pub(crate) async fn open_store(config: &DaemonConfig) -> Result<Arc<dyn Store>, DaemonError> {
    Ok(match &config.database {
        DatabasePlace::Home => {
            Arc::new(SqliteStore::open(&config.home.join("part.db")).await.map_err(DaemonError::Store)?)
        }
        DatabasePlace::Postgres(url) => {
            Arc::new(PostgresStore::connect(url).await.map_err(DaemonError::Store)?)
        }
    })
}

/// Opens everything that the configuration names.
pub(crate) async fn open_all(config: &DaemonConfig) -> Result<Places, DaemonError> {
    let store = open_store(config).await?;
    let (blobs, blob_place): (Arc<dyn BlobStore>, Option<String>) = match &config.blobs {
        BlobPlace::Home => {
            let blobs = DiskBlobs::open(&config.home.join("blobs")).await.map_err(DaemonError::Blobs)?;
            (Arc::new(blobs), None)
        }
        BlobPlace::Folder(folder) => {
            let (blobs, id) = DiskBlobs::open_shared(folder).await.map_err(DaemonError::Blobs)?;
            (Arc::new(blobs), Some(format!("the folder with the mark {id}")))
        }
        BlobPlace::S3 { bucket, prefix } => {
            let options = S3Options {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
                spool: config.home.join("spool"),
                settings: Vec::new(),
            };
            let blobs = S3Blobs::open(options).await.map_err(DaemonError::Blobs)?;
            (Arc::new(blobs), Some(format!("s3://{bucket}/{prefix}")))
        }
    };
    let store_place = store_place(&config.database);
    Ok(Places { store, blobs, store_place, blob_place })
}

/// A database's name without who uses it: hosts may have users of their own.
fn store_place(database: &DatabasePlace) -> String {
    match database {
        DatabasePlace::Home => "SQLite".to_owned(),
        DatabasePlace::Postgres(url) => {
            let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
            let place = place.split_once('?').map_or(place, |(place, _)| place);
            format!("PostgreSQL {place}")
        }
    }
}
