//! Putting the layers of the configuration together.

use super::model::{BlobPlace, ClusterConfig, DaemonConfig, DatabasePlace, EtcdConfig, Retention, TlsFiles};
use super::place::{cpus, default_home, host_name};
use crate::DaemonError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The commented default file, which is also the reference.
pub const DEFAULT: &str = include_str!("../../partd.toml");

/// What was given on the command line and in the environment; a flag wins over the environment before it gets here.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// By key of the file, such as `cluster.prefix`; lists are separated by commas.
    pub values: BTreeMap<&'static str, String>,
    /// `--insecure-listen`.
    pub insecure_listen: bool,
}

impl Given {
    /// With one more value, if there is one.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Option<impl ToString>) -> Given {
        if let Some(value) = value {
            self.values.insert(key, value.to_string());
        }
        self
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    listen: Option<String>,
    advertise: Option<String>,
    home: Option<String>,
    name: Option<String>,
    slots: Option<u32>,
    extra_slots: Option<String>,
    labels: BTreeMap<String, String>,
    drain: Drain,
    store: Store,
    cluster: Cluster,
    tls: Tls,
    retention: Keep,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Drain {
    grace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Store {
    database: Option<String>,
    blobs: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Cluster {
    etcd: Vec<String>,
    prefix: Option<String>,
    lease_ttl: Option<String>,
    user: Option<String>,
    password_file: Option<String>,
    ca: Option<String>,
    cert: Option<String>,
    key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Tls {
    ca: Option<String>,
    ca_key: Option<String>,
    cert: Option<String>,
    key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Keep {
    runs: Option<String>,
    blobs: Option<String>,
}

/// The layers, and what was found wrong with them so far.
struct Layers {
    given: Given,
    origins: Vec<(&'static str, String, &'static str)>,
    problems: Vec<String>,
}

impl Layers {
    /// The value of a key; empty text counts as absent.
    fn optional(&mut self, key: &'static str, file: Option<String>) -> Option<String> {
        let chosen = match (self.given.values.remove(key), file) {
            (Some(value), _) => Some((value, "flag or environment")),
            (None, Some(value)) => Some((value, "file")),
            (None, None) => None,
        };
        let (value, layer) = chosen.filter(|(value, _)| !value.is_empty())?;
        self.origins.push((key, shown(key, &value), layer));
        Some(value)
    }

    fn required(&mut self, key: &'static str, file: Option<String>, default: &str) -> String {
        self.optional(key, file).unwrap_or_else(|| {
            self.origins.push((key, default.to_owned(), "default"));
            default.to_owned()
        })
    }

    fn path(&mut self, key: &'static str, file: Option<String>) -> Option<PathBuf> {
        self.optional(key, file).map(PathBuf::from)
    }

    fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    fn duration(&mut self, key: &'static str, text: &str) -> Duration {
        duration(text).unwrap_or_else(|| {
            self.problem(format!("{key}: {text:?} is not a duration, such as 90s, 10m or 30d"));
            Duration::ZERO
        })
    }
}

/// What may be shown of a value: never the password of a URL.
fn shown(key: &str, value: &str) -> String {
    let hidden = (key == "store.database").then(|| {
        let (scheme, rest) = value.split_once("://")?;
        let (user, host) = rest.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:…@{host}"))
    });
    hidden.flatten().unwrap_or_else(|| value.to_owned())
}

/// Puts the layers together. All problems are reported at once, each with its key.
pub fn load(file: Option<&Path>, given: Given) -> Result<DaemonConfig, DaemonError> {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let read = match file {
        Some(path) => read(path, &mut problems, &mut warnings),
        None => File::default(),
    };
    let insecure_listen = given.insecure_listen;
    let mut layers = Layers { given, origins: Vec::new(), problems };
    let listen = layers.required("listen", read.listen, "127.0.0.1:7433");
    let listen = listen.parse::<SocketAddr>().unwrap_or_else(|_| {
        layers.problem(format!("listen: {listen:?} is not an address and port, such as 127.0.0.1:7433"));
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    let advertise = layers.optional("advertise", read.advertise);
    if let Some(address) = &advertise
        && !is_address(address)
    {
        layers.problem(format!("advertise: {address:?} is not HOST:PORT"));
    }
    let home = layers.required("home", read.home, &default_home().display().to_string());
    let name = layers.required("name", read.name, &host_name());
    if name.len() > 255 || name.chars().any(|c| c.is_control() || c == '/') {
        layers.problem("name: must have 1 to 255 bytes, no slash and no control characters".to_owned());
    }
    let slots = slots(&mut layers, read.slots);
    let extra_slots = extra_slots(&mut layers, read.extra_slots);
    let grace = layers.required("drain.grace", read.drain.grace, "10m");
    let drain_grace = layers.duration("drain.grace", &grace);
    let database = database(&mut layers, read.store.database);
    let blobs = blobs(&mut layers, read.store.blobs);
    let cluster = cluster(&mut layers, read.cluster);
    let tls = tls(&mut layers, read.tls);
    let retention = retention(&mut layers, read.retention);
    if cluster.is_some() {
        several_daemons(&mut layers, &database, &blobs, &advertise, listen);
    }
    let Layers { origins, problems, .. } = layers;
    if !problems.is_empty() {
        return Err(DaemonError::Config { problems });
    }
    if !listen.ip().is_loopback() && !insecure_listen && tls.is_none() {
        return Err(DaemonError::Exposed { address: listen });
    }
    Ok(DaemonConfig {
        listen,
        advertise,
        home: home.into(),
        name,
        slots,
        extra_slots,
        labels: read.labels,
        drain_grace,
        database,
        blobs,
        cluster,
        tls,
        retention,
        insecure_listen,
        origins,
        warnings,
    })
}

fn slots(layers: &mut Layers, file: Option<u32>) -> u32 {
    let text = layers.required("slots", file.map(|n| n.to_string()), "0");
    let most = part_core::Bounds::DEFAULT.slots_per_worker as u32;
    match text.parse::<u32>() {
        Ok(0) => cpus(),
        Ok(slots) if slots <= most => slots,
        Ok(slots) => {
            layers.problem(format!("slots: {slots} is more than {most}"));
            1
        }
        Err(_) => {
            layers.problem(format!("slots: {text:?} is not a number"));
            1
        }
    }
}

fn extra_slots(layers: &mut Layers, file: Option<String>) -> Option<u32> {
    let text = layers.required("extra-slots", file, "auto");
    let most = part_core::Bounds::DEFAULT.slots_per_worker as u32;
    match text.parse::<u32>() {
        Err(_) if text == "auto" => None,
        Ok(extra) if extra <= most => Some(extra),
        Ok(_) | Err(_) => {
            layers.problem(format!("extra-slots: {text:?} is neither \"auto\" nor a number up to {most}"));
            None
        }
    }
}

fn database(layers: &mut Layers, file: Option<String>) -> DatabasePlace {
    match layers.optional("store.database", file) {
        None => DatabasePlace::Home,
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            DatabasePlace::Postgres(url)
        }
        Some(other) => {
            let other = shown("store.database", &other);
            layers.problem(format!(
                "store.database: {other:?} is not the URL of a PostgreSQL database, such as postgres://user@host/part; \
                 leave it out to use SQLite in the home folder"
            ));
            DatabasePlace::Home
        }
    }
}

fn blobs(layers: &mut Layers, file: Option<String>) -> BlobPlace {
    match layers.optional("store.blobs", file) {
        None => BlobPlace::Home,
        Some(place) => match place.strip_prefix("s3://") {
            Some(rest) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    layers
                        .problem(format!("store.blobs: {place:?} names no bucket; write s3://BUCKET/PREFIX"));
                }
                BlobPlace::S3 { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() }
            }
            None if place.contains("://") => {
                layers.problem(format!("store.blobs: {place:?} is neither a folder nor s3://BUCKET/PREFIX"));
                BlobPlace::Home
            }
            None => BlobPlace::Folder(place.into()),
        },
    }
}

fn cluster(layers: &mut Layers, file: Cluster) -> Option<ClusterConfig> {
    let endpoints = layers.optional("cluster.etcd", (!file.etcd.is_empty()).then(|| file.etcd.join(",")))?;
    let mut checked = Vec::new();
    for endpoint in endpoints.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let full = if endpoint.contains("://") { endpoint.to_owned() } else { format!("http://{endpoint}") };
        match full.parse::<http::Uri>() {
            Ok(uri)
                if uri.port().is_some() && ["http", "https"].contains(&uri.scheme_str().unwrap_or("")) =>
            {
                checked.push(full);
            }
            Ok(_) | Err(_) => layers.problem(format!(
                "cluster.etcd: {endpoint:?} is not an endpoint, such as http://10.0.0.1:2379"
            )),
        }
    }
    let prefix = layers.required("cluster.prefix", file.prefix, "part");
    let prefix = prefix.trim_matches('/').to_owned();
    if prefix.is_empty() {
        layers.problem("cluster.prefix: must not be empty".to_owned());
    }
    let ttl = layers.required("cluster.lease-ttl", file.lease_ttl, "10s");
    let lease_ttl = layers.duration("cluster.lease-ttl", &ttl);
    if !(2..=300).contains(&lease_ttl.as_secs()) {
        layers.problem(format!("cluster.lease-ttl: {ttl:?} is not between 2s and 5m"));
    }
    let etcd = EtcdConfig {
        endpoints: checked,
        user: layers.optional("cluster.user", file.user),
        password_file: layers.path("cluster.password-file", file.password_file),
        ca: layers.path("cluster.ca", file.ca),
        cert: layers.path("cluster.cert", file.cert),
        key: layers.path("cluster.key", file.key),
    };
    if etcd.user.is_some() != etcd.password_file.is_some() {
        layers.problem("cluster.user and cluster.password-file: give both or neither".to_owned());
    }
    if etcd.cert.is_some() != etcd.key.is_some() {
        layers.problem("cluster.cert and cluster.key: give both or neither".to_owned());
    }
    Some(ClusterConfig { etcd, prefix, lease_ttl })
}

fn tls(layers: &mut Layers, file: Tls) -> Option<TlsFiles> {
    let ca = layers.path("tls.ca", file.ca);
    let ca_key = layers.path("tls.ca-key", file.ca_key);
    let (cert, key) = (layers.path("tls.cert", file.cert), layers.path("tls.key", file.key));
    match (ca, cert, key) {
        (None, None, None) if ca_key.is_none() => None,
        (Some(ca), Some(cert), Some(key)) => Some(TlsFiles { ca, ca_key, cert, key }),
        (_, _, _) => {
            layers
                .problem("tls.ca, tls.cert and tls.key: give all three; `partd certs` makes them".to_owned());
            None
        }
    }
}

fn retention(layers: &mut Layers, file: Keep) -> Retention {
    let runs = layers.required("retention.runs", file.runs, "30d");
    let blobs = layers.required("retention.blobs", file.blobs, "50GiB");
    let runs = match runs.as_str() {
        "never" => None,
        text => Some(layers.duration("retention.runs", text)),
    };
    let blobs = match blobs.as_str() {
        "unlimited" => None,
        text => Some(bytes(text).unwrap_or_else(|| {
            layers.problem(format!("retention.blobs: {text:?} is not a size, such as 500MiB or 50GiB"));
            0
        })),
    };
    Retention { runs, blobs }
}

/// What several daemons in one mesh need.
fn several_daemons(
    layers: &mut Layers,
    database: &DatabasePlace,
    blobs: &BlobPlace,
    advertise: &Option<String>,
    listen: SocketAddr,
) {
    if *database == DatabasePlace::Home {
        layers.problem(
            "store.database: several daemons cannot share SQLite; name a PostgreSQL database \
             (store.database = \"postgres://user@host/part\"), or leave cluster.etcd out for a host of its own"
                .to_owned(),
        );
    }
    if *blobs == BlobPlace::Home {
        layers.problem(
            "store.blobs: several daemons cannot use a private folder; name an S3 bucket (s3://BUCKET/PREFIX) \
             or a folder that all of them mount"
                .to_owned(),
        );
    }
    if advertise.is_none() && listen.ip().is_unspecified() {
        layers.problem(format!(
            "advertise: other hosts cannot connect to {listen}; say how they reach this one, such as \
             advertise = \"{}:{}\"",
            host_name(),
            listen.port()
        ));
    }
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn read(path: &Path, problems: &mut Vec<String>, warnings: &mut Vec<String>) -> File {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("{}: {error}", path.display()));
            return File::default();
        }
    };
    let parsed = toml::Deserializer::parse(&text).and_then(|deserializer| {
        serde_ignored::deserialize(deserializer, |key| {
            warnings.push(format!("{}: unknown key `{key}` is ignored", path.display()));
        })
    });
    // In the order of the file or of the alphabet, as the parser likes; so always in the latter.
    warnings.sort();
    parsed.unwrap_or_else(|error| {
        problems.push(format!("{}: {}", path.display(), error.to_string().trim_end()));
        File::default()
    })
}

/// `500ms`, `90s`, `10m`, `2h`, `30d`, or plain seconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.parse::<u64>().ok().map(Duration::from_millis);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// `500MiB`, `50GiB`, `2TiB`, or plain bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}
