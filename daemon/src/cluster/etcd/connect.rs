//! Connections to etcd: one endpoint at a time, the next one after a failure.
//!
//! A list of endpoints could also be given to one client that spreads its calls over them; but then a member that is
//! frozen or cut off spoils every n-th call, and nobody can say which one it was.

use super::link::Link;
use super::trouble::{Kind, Trouble};
use super::version::concern;
use crate::bounds;
use crate::cluster::etcd::keys::Keys;
use crate::config::EtcdConfig;
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Makes connections.
#[derive(Debug)]
pub(super) struct Connector {
    config: EtcdConfig,
    endpoints: Vec<Arc<str>>,
    keys: Arc<Keys>,
    /// How soon etcd must answer.
    patience: Duration,
    made: u64,
}

/// What one attempt to connect needs.
pub(super) struct Attempt {
    config: EtcdConfig,
    endpoint: Arc<str>,
    keys: Arc<Keys>,
    patience: Duration,
    number: u64,
}

impl Connector {
    pub(super) fn new(config: EtcdConfig, keys: Keys, patience: Duration) -> Connector {
        let endpoints = config.endpoints.iter().map(|endpoint| Arc::from(endpoint.as_str())).collect();
        Connector { config, endpoints, keys: Arc::new(keys), patience, made: 0 }
    }

    /// An attempt at the next endpoint; none where there is no endpoint.
    pub(super) fn next(&mut self) -> Option<Attempt> {
        let turn = usize::try_from(self.made).unwrap_or_default() % self.endpoints.len().max(1);
        let endpoint = Arc::clone(self.endpoints.get(turn)?);
        self.made += 1;
        Some(Attempt {
            config: self.config.clone(),
            endpoint,
            keys: Arc::clone(&self.keys),
            patience: self.patience,
            number: self.made,
        })
    }
}

impl Attempt {
    /// Connects, authenticates, and asks for the version, so that the connection is known to be of use. Files are read
    /// each time: whoever renews a certificate or a password need not restart anything.
    pub(super) async fn connect(self) -> Result<Link, Trouble> {
        let options = self.options().await?;
        let client = Client::connect([&*self.endpoint], Some(options));
        let client = match tokio::time::timeout(bounds::ETCD_CONNECT, client).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(self.explain(Trouble::of(&error, &self.endpoint))),
            Err(_) => return Err(Trouble::slow(&self.endpoint, bounds::ETCD_CONNECT)),
        };
        let link =
            Link::new(client, Arc::clone(&self.endpoint), self.number, self.keys.clone(), self.patience);
        match link.version().await {
            Ok(version) => warn_once(&version),
            Err(trouble) if matches!(trouble.kind, Kind::Connection | Kind::Endpoint) => {
                return Err(self.explain(trouble));
            }
            // Some versions tell only their administrators.
            Err(trouble) => tracing::debug!(%trouble, "etcd does not tell its version"),
        }
        Ok(link)
    }

    async fn options(&self) -> Result<ConnectOptions, Trouble> {
        let mut options = ConnectOptions::new()
            .with_keep_alive(bounds::ETCD_PING, bounds::ETCD_PING)
            .with_keep_alive_while_idle(true)
            .with_connect_timeout(self.patience)
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some(user) = &self.config.user {
            let password = match &self.config.password_file {
                Some(path) => self.read("cluster.password-file", path).await?,
                None => Vec::new(),
            };
            let password = String::from_utf8_lossy(&password);
            options = options.with_user(user, password.trim_end_matches(['\r', '\n']));
        }
        match self.tls().await? {
            Some(tls) => Ok(options.with_tls(tls)),
            None => Ok(options),
        }
    }

    async fn tls(&self) -> Result<Option<TlsOptions>, Trouble> {
        let EtcdConfig { ca, cert, key, .. } = &self.config;
        if !self.endpoint.starts_with("https://") {
            let given = [("ca", ca), ("cert", cert), ("key", key)];
            let Some((name, _)) = given.iter().find(|(_, file)| file.is_some()) else { return Ok(None) };
            let what = format!("is named without TLS, but cluster.{name} is set");
            let remedy = "write https:// in cluster.etcd, or remove the files of TLS";
            return Err(Trouble::new(Kind::Endpoint, &self.endpoint, what).with_remedy(remedy));
        }
        let tls = match ca {
            Some(ca) => {
                TlsOptions::new().ca_certificate(Certificate::from_pem(self.read("cluster.ca", ca).await?))
            }
            None => TlsOptions::new().with_native_roots(),
        };
        let (Some(cert), Some(key)) = (cert, key) else { return Ok(Some(tls)) };
        let (cert, key) = (self.read("cluster.cert", cert).await?, self.read("cluster.key", key).await?);
        Ok(Some(tls.identity(Identity::from_pem(cert, key))))
    }

    async fn read(&self, key: &'static str, path: &PathBuf) -> Result<Vec<u8>, Trouble> {
        tokio::fs::read(path).await.map_err(|error| {
            let path = Path::new(path).display();
            let what = format!("cannot be used without the file {path} ({key}): {error}");
            Trouble::new(Kind::Final, &self.endpoint, what)
        })
    }

    /// Says what may be behind a failure that the protocol itself has no words for.
    fn explain(&self, trouble: Trouble) -> Trouble {
        if trouble.remedy.is_some() || trouble.what.contains("slower") {
            return trouble;
        }
        trouble.with_remedy(match self.endpoint.starts_with("https://") {
            true => {
                "if it does not speak TLS, write http:// in cluster.etcd; if it asks for a certificate, set \
                 cluster.cert and cluster.key"
            }
            false => "if it speaks TLS, write https:// in cluster.etcd",
        })
    }
}

/// Warns of a version that should not be trusted, once for each.
fn warn_once(version: &str) {
    static WARNED: std::sync::Mutex<BTreeSet<String>> = std::sync::Mutex::new(BTreeSet::new());
    let Some(concern) = concern(version) else { return };
    let mut warned = WARNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if warned.insert(version.to_owned()) {
        tracing::warn!("{concern}");
    }
}
