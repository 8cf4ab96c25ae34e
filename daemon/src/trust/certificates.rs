//! The daemon's own certificate, as TLS needs it: read at the start, and again when a file changes.

use crate::bounds;
use crate::config::TlsFiles;
use crate::error::chain;
use crate::trust::TrustFailure;
use crate::trust::authority::{Authority, signer};
use part_trust::{Credentials, Dialer, Fingerprint, Identity, Trust, certificates, certified, private_key};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, version};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// The certificates of a daemon. New connections use what was read last.
pub(crate) struct Certificates {
    files: TlsFiles,
    /// This host's name in the mesh.
    name: String,
    current: RwLock<Arc<Loaded>>,
    dialer: Dialer,
}

/// What was read at one time.
struct Loaded {
    server: Arc<ServerConfig>,
    signer: Option<Authority>,
    stamps: Stamps,
}

/// When each file was changed, and its size.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl Certificates {
    /// Reads and checks them.
    pub(crate) fn load(files: TlsFiles, name: &str) -> Result<Arc<Certificates>, TrustFailure> {
        let dialer = Dialer::plain().patient(bounds::PEER_CONNECT, bounds::PEER_ALIVE);
        let current = RwLock::new(Arc::new(read(&files, name, &dialer)?));
        Ok(Arc::new(Certificates { files, name: name.to_owned(), current, dialer }))
    }

    /// For a connection that is just beginning.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current().server))
    }

    /// The way to other daemons of the mesh, and to itself. Always shows the newest certificate.
    pub(crate) fn dialer(&self) -> Dialer {
        self.dialer.clone()
    }

    /// The mesh's authorities in PEM.
    pub(crate) fn authorities_pem(&self) -> Result<String, TrustFailure> {
        std::fs::read_to_string(&self.files.ca).map_err(|source| {
            part_trust::FileError::Io { doing: "read", path: self.files.ca.clone(), source }.into()
        })
    }

    /// Signs with the mesh's authority; none where this daemon does not have its key.
    pub(crate) fn sign<T>(&self, with: impl FnOnce(&Authority) -> T) -> Option<T> {
        self.current().signer.as_ref().map(with)
    }

    /// Reads the files again whenever one has changed, until `stop`. What cannot be used is told, and what was read
    /// before goes on being used.
    pub(crate) async fn keep_fresh(self: Arc<Certificates>, stop: CancellationToken) {
        let mut look = tokio::time::interval(bounds::CERTIFICATE_LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {}
            }
            let me = Arc::clone(&self);
            // Files may be on a slow disk.
            if let Err(error) = tokio::task::spawn_blocking(move || me.refresh()).await {
                tracing::error!(%error, "the certificates could not be looked at");
            }
        }
    }

    /// True when something new was read.
    fn refresh(&self) -> bool {
        let now = stamps(&self.files);
        if now == self.current().stamps {
            return false;
        }
        match read(&self.files, &self.name, &self.dialer) {
            Ok(loaded) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
                tracing::info!(certificate = %self.files.cert.display(), "new certificates are in use");
                true
            }
            Err(error) => {
                // A file that is just being written: the next look finds it whole.
                tracing::error!(error = chain(&error), "the changed certificates are not used");
                false
            }
        }
    }

    fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The fingerprint of the authority that signed a daemon's certificate, as it is put into tokens.
pub(crate) fn fingerprint(files: &TlsFiles) -> Result<Fingerprint, TrustFailure> {
    let (authorities, own) = (certificates(&files.ca)?, certificates(&files.cert)?);
    let signer = own.first().and_then(|own| signer(own, &authorities));
    let signer = signer.ok_or_else(|| TrustFailure::Make(format!("{} is empty", files.ca.display())))?;
    Ok(Fingerprint::of(signer))
}

fn read(files: &TlsFiles, name: &str, dialer: &Dialer) -> Result<Loaded, TrustFailure> {
    // Before the files: one that changes meanwhile is read again.
    let stamps = stamps(files);
    let authorities = certificates(&files.ca)?;
    let mut chain = certificates(&files.cert)?;
    let key = private_key(&files.key)?;
    check(files, name, &authorities, &chain)?;
    let signed_by = chain.first().and_then(|own| signer(own, &authorities)).cloned();
    // Sent along for those who know only its fingerprint.
    chain.extend(signed_by.filter(|authority| !chain.contains(authority)));
    let mismatch =
        |why: String| TrustFailure::Mismatch { path: files.cert.clone(), authority: files.key.clone(), why };
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots(files, &authorities)?, Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| mismatch(error.to_string()))?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| mismatch(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.clone(), key.clone_key())
        .map_err(|error| mismatch(error.to_string()))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let signer = files.ca_key.as_ref().map(|key| Authority::load(&files.ca, key)).transpose()?;
    dialer.renew(&Trust::Authorities(authorities), Some(Credentials { chain, key }))?;
    Ok(Loaded { server: Arc::new(server), signer, stamps })
}

/// The certificate is this daemon's, holds now, and was signed by the authority.
fn check(
    files: &TlsFiles,
    name: &str,
    authorities: &[CertificateDer<'static>],
    chain: &[CertificateDer<'static>],
) -> Result<(), TrustFailure> {
    let own = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let certified =
        certified(own).map_err(|source| TrustFailure::Identity { path: files.cert.clone(), source })?;
    let wrong =
        |is: String| TrustFailure::WrongIdentity { path: files.cert.clone(), is, name: name.to_owned() };
    match &certified.identity {
        Some(Identity::Daemon(is)) if is == name => {}
        Some(identity) => return Err(wrong(format!("the certificate of {identity}"))),
        None => return Err(wrong("no certificate of a mesh".to_owned())),
    }
    let mismatch =
        |why: String| TrustFailure::Mismatch { path: files.cert.clone(), authority: files.ca.clone(), why };
    let host = certified.hosts.first().ok_or_else(|| mismatch("it is for no host".to_owned()))?;
    let host = ServerName::try_from(host.as_str()).map_err(|error| mismatch(error.to_string()))?;
    let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(files, authorities)?, provider)
        .build()
        .map_err(|error| mismatch(error.to_string()))?;
    let (own, rest) = chain.split_first().ok_or_else(|| mismatch("it is empty".to_owned()))?;
    let verified = verifier.verify_server_cert(own, rest, &host, &[], UnixTime::now());
    verified.map(drop).map_err(|error| mismatch(error.to_string()))
}

fn roots(files: &TlsFiles, all: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, TrustFailure> {
    let mut roots = RootCertStore::empty();
    for one in all {
        roots.add(one.clone()).map_err(|error| TrustFailure::Mismatch {
            path: files.cert.clone(),
            authority: files.ca.clone(),
            why: error.to_string(),
        })?;
    }
    Ok(Arc::new(roots))
}

fn stamps(files: &TlsFiles) -> Stamps {
    let stamp = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    let all = [Some(&files.ca), files.ca_key.as_ref(), Some(&files.cert), Some(&files.key)];
    all.into_iter().flatten().map(|path| stamp(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{CertsArgs, make_certificates};
    use part_trust::{Address, DialError};
    use tokio::net::TcpListener;

    fn make(dir: &Path, from: &Path) {
        let hosts = vec!["127.0.0.1".to_owned()];
        make_certificates(&CertsArgs { dir: from.to_owned(), name: "h".to_owned(), hosts, force: true })
            .map(drop)
            .expect("made");
        for name in ["ca.pem", "ca.key", "h.pem", "h.key"] {
            std::fs::copy(from.join(name), dir.join(name)).expect("copied");
        }
    }

    async fn dial(certificates: &Certificates, trust: &Path) -> Result<(), DialError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: Address = listener.local_addr().expect("bound").to_string().parse().expect("an address");
        let acceptor = certificates.acceptor();
        let served = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("somebody");
            acceptor.accept(stream).await
        });
        let dialer = Dialer::new(&Trust::file(trust).expect("an authority"), None).expect("a dialer");
        let dialed = dialer.connect(&address).await.map(drop);
        drop(served.await.expect("no panic"));
        dialed
    }

    #[tokio::test]
    async fn changed_files_are_used_and_broken_ones_are_not() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = |name: &str| {
            let folder = place.path().join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            folder
        };
        let (live, old, new) = (folder("live"), folder("old"), folder("new"));
        make(&live, &old);
        let file = |name: &str| live.join(name);
        let files = TlsFiles {
            ca: file("ca.pem"),
            ca_key: Some(file("ca.key")),
            cert: file("h.pem"),
            key: file("h.key"),
        };
        let before = fingerprint(&files).expect("a fingerprint");
        let certificates = Certificates::load(files.clone(), "h").expect("usable");
        dial(&certificates, &old.join("ca.pem")).await.expect("trusted");
        assert!(!certificates.refresh(), "nothing changed");
        std::fs::write(file("h.pem"), "half a file").expect("written");
        assert!(!certificates.refresh());
        dial(&certificates, &old.join("ca.pem")).await.expect("what was read before is still used");
        make(&live, &new);
        assert!(certificates.refresh());
        dial(&certificates, &new.join("ca.pem")).await.expect("trusted");
        let error = dial(&certificates, &old.join("ca.pem")).await.expect_err("no longer");
        assert!(matches!(error, DialError::WrongAuthority { .. }), "{error}");
        assert_ne!(fingerprint(&files).expect("a fingerprint"), before);
    }
}
