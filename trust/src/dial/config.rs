//! Whom to trust, and what to show: the client's side of TLS.

use super::pinned::Pinned;
use crate::{FileError, Fingerprint, certificates, private_key};
use rustls::client::{ClientConfig, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConfigBuilder, RootCertStore, WantsVerifier, version};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// Which daemon may be talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Any, in plain text.
    Plain,
    /// One whose certificate these authorities signed.
    Authorities(Vec<CertificateDer<'static>>),
    /// One whose certificate was signed by the authority with this fingerprint, which it sends along.
    Fingerprint(Fingerprint),
    /// One whose certificate an authority of this machine signed.
    System,
}

/// What this side shows of itself.
#[derive(Debug)]
pub struct Credentials {
    /// Its certificate, and perhaps those that lead to its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// The certificate's key.
    pub key: PrivateKeyDer<'static>,
}

/// What was given for TLS makes no sense.
#[derive(Debug, Error)]
pub enum TrustError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The authorities cannot be used.
    #[error("the certificate authority cannot be used: {0}")]
    Authority(String),
    /// This machine has no authorities.
    #[error("this machine trusts no certificate authority: name the one of the mesh with --ca FILE")]
    NoSystem,
    /// The certificate and the key cannot be used.
    #[error("the certificate and its key cannot be used: {0}")]
    Credentials(rustls::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

impl Trust {
    /// The authorities of a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds no certificate.
    pub fn file(path: &Path) -> Result<Trust, FileError> {
        certificates(path).map(Trust::Authorities)
    }
}

impl Credentials {
    /// From a file with the certificate and one with its key.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or does not hold what it should.
    pub fn files(certificate: &Path, key: &Path) -> Result<Credentials, FileError> {
        Ok(Credentials { chain: certificates(certificate)?, key: private_key(key)? })
    }
}

/// None for plain text.
pub(super) fn client_config(
    trust: &Trust,
    credentials: Option<Credentials>,
) -> Result<Option<Arc<ClientConfig>>, TrustError> {
    let provider = Arc::new(ring::default_provider());
    let builder = |provider: &Arc<CryptoProvider>| {
        ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(TrustError::Setup)
    };
    let verified = match trust {
        Trust::Plain => return Ok(None),
        Trust::Authorities(certificates) => trusting(builder(&provider)?, &provider, roots(certificates)?)?,
        Trust::System => trusting(builder(&provider)?, &provider, system_roots()?)?,
        Trust::Fingerprint(fingerprint) => {
            let verifier = Arc::new(Pinned::new(*fingerprint, Arc::clone(&provider)));
            builder(&provider)?.dangerous().with_custom_certificate_verifier(verifier)
        }
    };
    let mut config = match credentials {
        None => verified.with_no_client_auth(),
        Some(Credentials { chain, key }) => {
            verified.with_client_auth_cert(chain, key).map_err(TrustError::Credentials)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Some(Arc::new(config)))
}

type Verified = ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn trusting(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    provider: &Arc<CryptoProvider>,
    roots: RootCertStore,
) -> Result<Verified, TrustError> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let verifier = verifier.map_err(|error| TrustError::Authority(error.to_string()))?;
    Ok(builder.with_webpki_verifier(verifier))
}

fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(|error| TrustError::Authority(error.to_string()))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    // Some of a system's authorities may be too old or odd to be understood; the others do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(TrustError::NoSystem),
        false => Ok(roots),
    }
}
