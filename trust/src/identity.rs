//! Who a certificate says its holder is: a URI among its names, `part://mesh/daemon/NAME` or `part://mesh/worker/NAME`.

use std::fmt;
use thiserror::Error;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const DAEMON: &str = "part://mesh/daemon/";
const WORKER: &str = "part://mesh/worker/";

/// The holder of a certificate of the mesh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A daemon, by its host's name in the mesh.
    Daemon(String),
    /// A stand-alone worker, by its name in the mesh.
    Worker(String),
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Whose it is; none for one that is not of a mesh, such as an authority.
    pub identity: Option<Identity>,
    /// When it begins to hold, in Unix seconds.
    pub not_before: i64,
    /// When it ends, in Unix seconds.
    pub not_after: i64,
    /// Host names and IP addresses that it is for.
    pub hosts: Vec<String>,
    /// True for an authority.
    pub is_authority: bool,
}

/// A certificate that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// It is no certificate.
    #[error("it is no certificate: {0}")]
    Malformed(String),
    /// It names several holders.
    #[error("it names more than one daemon or worker")]
    Several,
}

impl Identity {
    /// The URI that stands for it in a certificate.
    pub fn uri(&self) -> String {
        match self {
            Identity::Daemon(name) => format!("{DAEMON}{}", encoded(name)),
            Identity::Worker(name) => format!("{WORKER}{}", encoded(name)),
        }
    }

    /// Its name in the mesh.
    pub fn name(&self) -> &str {
        match self {
            Identity::Daemon(name) | Identity::Worker(name) => name,
        }
    }

    /// The holder that a URI stands for; none for any other URI.
    pub fn of_uri(uri: &str) -> Option<Identity> {
        let daemon = uri.strip_prefix(DAEMON).and_then(decoded).map(Identity::Daemon);
        daemon.or_else(|| uri.strip_prefix(WORKER).and_then(decoded).map(Identity::Worker))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Daemon(name) => write!(f, "daemon {name}"),
            Identity::Worker(name) => write!(f, "worker {name}"),
        }
    }
}

/// What a certificate says. That it is genuine was checked by whoever accepted it.
///
/// # Errors
///
/// When it is no certificate, or names more than one holder.
pub fn certified(der: &[u8]) -> Result<Certified, IdentityError> {
    let malformed = |error: &dyn fmt::Display| IdentityError::Malformed(error.to_string());
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| malformed(&error))?;
    let names = certificate.subject_alternative_name().map_err(|error| malformed(&error))?;
    let (mut identities, mut hosts) = (Vec::new(), Vec::new());
    for name in names.iter().flat_map(|names| &names.value.general_names) {
        if let GeneralName::URI(uri) = name {
            identities.extend(Identity::of_uri(uri));
        } else if let GeneralName::DNSName(host) = name {
            hosts.push((*host).to_owned());
        } else if let GeneralName::IPAddress(bytes) = name {
            hosts.extend(ip(bytes));
        }
    }
    if identities.len() > 1 {
        return Err(IdentityError::Several);
    }
    Ok(Certified {
        identity: identities.pop(),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        hosts,
        is_authority: certificate.is_ca(),
    })
}

fn ip(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| std::net::Ipv6Addr::from(sixteen).to_string())
}

/// A name as part of a URI: certificates take ASCII only.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte as char),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The only way of writing a name; none for any other text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    let name = String::from_utf8(bytes).ok().filter(|name| !name.is_empty())?;
    (encoded(&name) == text).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(uris: &[String], hosts: &[&str]) -> Vec<u8> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).expect("hosts");
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().expect("ascii")));
        }
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("signed").der().to_vec()
    }

    #[test]
    fn identities_survive_a_certificate() {
        for name in ["build-1", "mac mini 3", "größe/..", "100%", "a@b?c#d"] {
            for identity in [Identity::Daemon(name.to_owned()), Identity::Worker(name.to_owned())] {
                let der = certificate(&[identity.uri()], &["host.example", "10.0.0.1", "::1"]);
                let certified = certified(&der).expect("a certificate");
                assert_eq!(certified.identity, Some(identity));
                assert_eq!(certified.hosts, ["host.example", "10.0.0.1", "::1"]);
            }
        }
    }

    #[test]
    fn what_is_no_identity_gives_none() {
        for uri in
            ["part://mesh/daemon/", "part://mesh/boss/a", "part://mesh/worker/a/b", "part://mesh/worker/%61"]
        {
            assert_eq!(Identity::of_uri(uri), None, "{uri}");
            let der = certificate(&[uri.to_owned()], &[]);
            assert_eq!(certified(&der).expect("a certificate").identity, None, "{uri}");
        }
        let both = [Identity::Daemon("a".into()).uri(), Identity::Worker("a".into()).uri()];
        assert_eq!(certified(&certificate(&both, &[])), Err(IdentityError::Several));
        assert!(matches!(certified(b"nonsense"), Err(IdentityError::Malformed(_))));
    }
}
