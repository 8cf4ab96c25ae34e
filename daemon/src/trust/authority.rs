//! The mesh's certificate authority: makes itself, certificates for daemons, and certificates for workers.

use crate::bounds;
use crate::trust::TrustFailure;
use part_trust::{Identity, certificates, write_private};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An authority with its key.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that was made.
pub(crate) struct Made {
    /// In PEM.
    pub(crate) pem: String,
    /// When it ends.
    pub(crate) not_after: SystemTime,
}

impl Authority {
    /// Makes a new one in two files.
    pub(crate) fn create(certificate: &Path, key: &Path) -> Result<Authority, TrustFailure> {
        let pair = KeyPair::generate().map_err(failed)?;
        let mut params = params(bounds::AUTHORITY_LIFE)?.0;
        // The name differs from mesh to mesh: an old authority is told from a new one by it.
        let unique = uuid::Uuid::new_v4().simple().to_string();
        params.distinguished_name = common_name(&format!("Part mesh authority {}", &unique[..8]));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let made = params.self_signed(&pair).map_err(failed)?;
        // The key first: a certificate without it is of no use, and the next call would think all was there.
        write_private(key, pair.serialize_pem().as_bytes())?;
        write_private(certificate, made.pem().as_bytes())?;
        Ok(Authority { issuer: Issuer::new(params, pair) })
    }

    /// Reads one from its files. Of several certificates in the file, the key belongs to the first.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Authority, TrustFailure> {
        let der = certificates(certificate)?.swap_remove(0);
        // Checked as a key in PEM, with the file's name in the error.
        part_trust::private_key(key)?;
        let pem = std::fs::read_to_string(key).map_err(|source| part_trust::FileError::Io {
            doing: "read",
            path: key.to_owned(),
            source,
        })?;
        let pair = KeyPair::from_pem(&pem).map_err(failed)?;
        let wrong = || TrustFailure::WrongKey { key: key.to_owned(), authority: certificate.to_owned() };
        let (_, parsed) = x509_parser::parse_x509_certificate(&der)
            .map_err(|error| TrustFailure::Make(format!("{}: {error}", certificate.display())))?;
        if *parsed.public_key().subject_public_key.data != *pair.der_bytes() {
            return Err(wrong());
        }
        Ok(Authority { issuer: Issuer::from_ca_cert_der(&der, pair).map_err(failed)? })
    }

    /// A certificate and key for a daemon that is reached under these names and addresses.
    pub(crate) fn daemon(&self, name: &str, hosts: &[String]) -> Result<(Made, String), TrustFailure> {
        let pair = KeyPair::generate().map_err(failed)?;
        let (mut params, not_after) = params(bounds::DAEMON_LIFE)?;
        params.distinguished_name = common_name("Part daemon");
        for host in hosts {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(host.as_str().try_into().map_err(failed)?),
            });
        }
        params.subject_alt_names.push(uri(&Identity::Daemon(name.to_owned()))?);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let made = params.signed_by(&pair, &self.issuer).map_err(failed)?;
        Ok((Made { pem: made.pem(), not_after }, pair.serialize_pem()))
    }

    /// A certificate for a worker. Of what it asks for only the key counts.
    pub(crate) fn worker(&self, name: &str, request: &str) -> Result<Made, TrustFailure> {
        let request = CertificateSigningRequestParams::from_pem(request).map_err(failed)?;
        let (mut params, not_after) = params(bounds::WORKER_LIFE)?;
        params.distinguished_name = common_name("Part worker");
        params.subject_alt_names.push(uri(&Identity::Worker(name.to_owned()))?);
        // Not for servers: a worker cannot pass for a daemon.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let made = params.signed_by(&request.public_key, &self.issuer).map_err(failed)?;
        Ok(Made { pem: made.pem(), not_after })
    }
}

/// The key of a signing request, to tell requests apart; an error when the request makes no sense.
pub(crate) fn requested_key(request: &str) -> Result<Vec<u8>, TrustFailure> {
    let request = CertificateSigningRequestParams::from_pem(request).map_err(failed)?;
    Ok(request.public_key.der_bytes().to_vec())
}

/// The authority among `all` that signed a certificate: the one of its issuer's name, else the first.
pub(crate) fn signer<'a>(
    certificate: &CertificateDer<'_>,
    all: &'a [CertificateDer<'static>],
) -> Option<&'a CertificateDer<'static>> {
    let issuer =
        x509_parser::parse_x509_certificate(certificate).ok()?.1.tbs_certificate.issuer.as_raw().to_vec();
    let named = all.iter().find(|one| {
        x509_parser::parse_x509_certificate(one)
            .is_ok_and(|(_, parsed)| parsed.tbs_certificate.subject.as_raw() == issuer)
    });
    named.or(all.first())
}

/// What all certificates have in common; valid from a little ago, because clocks differ.
fn params(life: Duration) -> Result<(CertificateParams, SystemTime), TrustFailure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(bounds::CLOCK_SKEW);
    params.not_after = epoch + (now + life);
    params.serial_number = Some(SerialNumber::from_slice(&uuid::Uuid::new_v4().into_bytes()));
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok((params, UNIX_EPOCH + now + life))
}

fn uri(identity: &Identity) -> Result<SanType, TrustFailure> {
    Ok(SanType::URI(identity.uri().as_str().try_into().map_err(failed)?))
}

fn common_name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn failed(error: rcgen::Error) -> TrustFailure {
    TrustFailure::Make(error.to_string())
}
