//! A configuration that makes sense.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a daemon is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// Address for gRPC and HTTP.
    pub listen: SocketAddr,
    /// `HOST:PORT` under which other hosts reach this daemon; none means the address that it listens on.
    pub advertise: Option<String>,
    /// Folder of the daemon's data.
    pub home: PathBuf,
    /// Name of this host, unique in the mesh.
    pub name: String,
    /// Slots, at least one.
    pub slots: u32,
    /// Slots beyond those, for groups that may start more than there are CPUs; none for what suits the slots.
    pub extra_slots: Option<u32>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// How long running specs may go on after SIGTERM.
    pub drain_grace: Duration,
    /// Where the ledger is.
    pub database: DatabasePlace,
    /// Where blobs are.
    pub blobs: BlobPlace,
    /// Several daemons in one mesh; none for a host of its own.
    pub cluster: Option<ClusterConfig>,
    /// TLS on the listener and towards other daemons; none means plain text.
    pub tls: Option<TlsFiles>,
    /// What is kept for how long.
    pub retention: Retention,
    /// True when listening beyond loopback without protection was asked for in so many words.
    pub insecure_listen: bool,
    /// Where each value came from, for `--check-config`. Secrets are not in it.
    pub origins: Vec<(&'static str, String, &'static str)>,
    /// Keys that mean nothing, with their place.
    pub warnings: Vec<String>,
}

/// Where the ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabasePlace {
    /// An SQLite file in the home folder: one daemon.
    Home,
    /// A PostgreSQL server, as a URL: any number of daemons.
    Postgres(String),
}

/// Where blobs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    /// A folder in the home folder: one daemon.
    Home,
    /// A folder that all daemons mount.
    Folder(PathBuf),
    /// An S3-compatible store: `s3://BUCKET/PREFIX`. Credentials, region and endpoint come from the usual `AWS_*` variables.
    S3 {
        /// The bucket.
        bucket: String,
        /// What the keys begin with; without a slash at either end, may be empty.
        prefix: String,
    },
}

/// Several daemons in one mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// How to reach etcd.
    pub etcd: EtcdConfig,
    /// What all keys of this mesh begin with; another mesh in the same etcd has another one.
    pub prefix: String,
    /// How long the lease of a daemon outlives its last sign of life.
    pub lease_ttl: Duration,
}

/// How to reach etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdConfig {
    /// `http://HOST:PORT` or `https://HOST:PORT`, at least one.
    pub endpoints: Vec<String>,
    /// User name, where etcd asks for one.
    pub user: Option<String>,
    /// File with that user's password.
    pub password_file: Option<PathBuf>,
    /// Certificate authorities to trust, PEM; none means those of the platform.
    pub ca: Option<PathBuf>,
    /// Certificate of this client, PEM, with [`EtcdConfig::key`].
    pub cert: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
}

/// The files of TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The mesh's certificate authority.
    pub ca: PathBuf,
    /// The authority's key, on daemons that may admit workers by token.
    pub ca_key: Option<PathBuf>,
    /// This daemon's certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What is kept for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Finished runs are forgotten after so long; none means never.
    pub runs: Option<Duration>,
    /// Blobs of the oldest finished runs go once all together exceed so many bytes; none means never.
    pub blobs: Option<u64>,
}
