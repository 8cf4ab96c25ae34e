//! Opening a bucket: who we are, where it is, how patient we are.

use super::error::{self, Place};
use super::keys::Keys;
use super::store::S3Blobs;
use crate::blob::sweep::{Sharing, sweep};
use crate::blob::{BlobError, Shelf};
use crate::bounds::{
    S3_CONNECT, S3_FIRST_WAIT, S3_LONGEST_WAIT, S3_REQUEST, S3_REQUESTS, S3_RETRIES, S3_RETRY_FOR, S3_SILENCE,
};
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use rustls::crypto::{CryptoProvider, ring};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

const OPENING: &str = "open the blob store";

/// Which bucket, and where.
#[derive(Clone)]
pub struct S3Options {
    /// The bucket. It must exist.
    pub bucket: String,
    /// What the keys begin with, without a slash at either end; may be empty. Several meshes in one bucket each have
    /// their own.
    pub prefix: String,
    /// A folder of this process's own, on this host: blobs of more than 5 MiB are gathered in it before they are
    /// uploaded.
    pub spool: PathBuf,
    /// What the usual environment variables would say (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, …), by their names;
    /// these come before the environment.
    pub settings: Vec<(String, String)>,
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be secrets.
        let settings: Vec<_> = self.settings.iter().map(|(name, _)| name).collect();
        f.debug_struct("S3Options")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("spool", &self.spool)
            .field("settings", &settings)
            .finish()
    }
}

impl S3Blobs {
    /// Opens a bucket and looks into it once, so that what is wrong with the configuration is said at the start.
    ///
    /// Credentials, region and endpoint come from the usual `AWS_*` variables of the environment. An endpoint that
    /// begins with `http://` is spoken to without encryption.
    pub async fn open(options: S3Options) -> Result<S3Blobs, BlobError> {
        // The HTTP client panics where no provider is installed; one that is there stays.
        if CryptoProvider::get_default().is_none() {
            drop(ring::default_provider().install_default());
        }
        let (client, place) = connect(&options)?;
        prepare_spool(&options.spool).await?;
        let blobs = S3Blobs {
            client: Arc::new(client),
            keys: Keys::new(&options.prefix),
            place: Arc::new(place),
            spool: Arc::from(options.spool.as_path()),
            permits: Arc::new(Semaphore::new(S3_REQUESTS)),
        };
        let mut listing = blobs.client.list(Some(&blobs.keys.shelf(Shelf::Retired)));
        listing.try_next().await.map_err(|error| error::of(OPENING, &blobs.place, error))?;
        Ok(blobs)
    }
}

/// A client for the bucket, and its name for people.
fn connect(options: &S3Options) -> Result<(AmazonS3, Place), BlobError> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&options.bucket);
    let unnamed = Place(format!("bucket {}", options.bucket));
    for (name, value) in &options.settings {
        let key: AmazonS3ConfigKey =
            name.to_ascii_lowercase().parse().map_err(|error| error::of(OPENING, &unnamed, error))?;
        builder = builder.with_config(key, value);
    }
    let set = |key| builder.get_config_value(&key).filter(|value: &String| !value.is_empty());
    let endpoint = set(AmazonS3ConfigKey::S3Endpoint).or_else(|| set(AmazonS3ConfigKey::Endpoint));
    let place = match &endpoint {
        Some(endpoint) => Place(format!("bucket {} at {endpoint}", options.bucket)),
        None => {
            let region = set(AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
            Place(format!("bucket {} at AWS in {region}", options.bucket))
        }
    };
    let known = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ];
    let anonymous = set(AmazonS3ConfigKey::SkipSignature).is_some_and(|value| value == "true");
    if endpoint.is_some() && !anonymous && !known.into_iter().any(|key| set(key).is_some()) {
        // Without this, a metadata service would be asked that exists at Amazon only.
        let source = "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
        return Err(BlobError::Inaccessible { doing: OPENING, place: place.0, source: source.into() });
    }
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    // One by one: what the environment says about proxies must stay.
    for (key, patience) in [
        (ClientConfigKey::ConnectTimeout, S3_CONNECT),
        (ClientConfigKey::ReadTimeout, S3_SILENCE),
        (ClientConfigKey::Timeout, S3_REQUEST),
    ] {
        builder = builder.with_config(AmazonS3ConfigKey::Client(key), format!("{}s", patience.as_secs()));
    }
    let backoff = BackoffConfig { init_backoff: S3_FIRST_WAIT, max_backoff: S3_LONGEST_WAIT, base: 2.0 };
    let retry = RetryConfig { backoff, max_retries: S3_RETRIES, retry_timeout: S3_RETRY_FOR };
    let client = builder.with_retry(retry).build();
    client.map(|client| (client, place.clone())).map_err(|error| error::of(OPENING, &place, error))
}

async fn prepare_spool(spool: &Path) -> Result<(), BlobError> {
    let folder = spool.to_owned();
    let prepare = move || {
        std::fs::create_dir_all(&folder)?;
        sweep(&folder, Sharing::Processes).map(drop)
    };
    let done = tokio::task::spawn_blocking(prepare).await.unwrap_or_else(|error| Err(error.into()));
    done.map_err(|error| BlobError::io("open the folder for large blobs", spool, error))
}
