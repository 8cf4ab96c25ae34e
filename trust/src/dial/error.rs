//! Why a daemon could not be reached: one clear sentence each, and whether waiting can help.

use crate::Address;
use rustls::{AlertDescription, CertificateError};
use std::time::Duration;
use thiserror::Error;

/// Why a daemon could not be reached.
#[derive(Clone, Debug, Error)]
pub enum DialError {
    /// Nobody accepts connections there.
    #[error("cannot connect to {address}: {why}")]
    Unreachable {
        /// Where.
        address: Address,
        /// What the system said.
        why: String,
    },
    /// It accepted the connection and then said nothing.
    #[error("{address} accepts connections but did not answer within {waited:?}")]
    Silent {
        /// Where.
        address: Address,
        /// How long was waited.
        waited: Duration,
    },
    /// The other side speaks plain text, or something else.
    #[error(
        "{address} does not speak TLS: leave out --ca and https:// if its partd is meant to speak plain text, \
         or give that partd certificates (`partd certs`)"
    )]
    NotTls {
        /// Where.
        address: Address,
    },
    /// Its certificate was signed by somebody else.
    #[error(
        "the certificate of {address} was not signed by the authority that is trusted here: \
         it belongs to another mesh, or --ca (or the token) is an old one"
    )]
    WrongAuthority {
        /// Where.
        address: Address,
    },
    /// Its certificate is for another name.
    #[error(
        "the certificate of {address} is for {}, not for {}: connect by one of those names, \
         or make it a certificate with `partd certs --host {}`", names.join(", "), address.host(), address.host()
    )]
    WrongName {
        /// Where.
        address: Address,
        /// What it is for.
        names: Vec<String>,
    },
    /// Its certificate does not hold today.
    #[error(
        "the certificate of {address} has expired or does not hold yet: check the clocks of both machines, \
         or make a new one with `partd certs`"
    )]
    OutOfDate {
        /// Where.
        address: Address,
    },
    /// It did not like our certificate.
    #[error("{address} refused the certificate of this side: {why}")]
    Refused {
        /// Where.
        address: Address,
        /// Its reason.
        why: String,
    },
    /// TLS failed otherwise.
    #[error("TLS with {address} failed: {why}")]
    Tls {
        /// Where.
        address: Address,
        /// What went wrong.
        why: String,
    },
    /// The connection was made, but gRPC failed on it.
    #[error("{address} does not speak gRPC: is it a partd that listens there? ({why})")]
    NotGrpc {
        /// Where.
        address: Address,
        /// What went wrong.
        why: String,
    },
}

impl DialError {
    /// True when the same may work a little later without anybody doing anything.
    pub fn may_pass(&self) -> bool {
        match self {
            DialError::Unreachable { .. } | DialError::Silent { .. } | DialError::Tls { .. } => true,
            DialError::NotTls { .. }
            | DialError::WrongAuthority { .. }
            | DialError::WrongName { .. }
            | DialError::OutOfDate { .. }
            | DialError::Refused { .. }
            | DialError::NotGrpc { .. } => false,
        }
    }

    /// The one that is behind an error of the transport, if there is one.
    pub fn behind<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a DialError> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<DialError>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// What an error of a TLS handshake means.
    pub(super) fn of_handshake(address: &Address, error: &std::io::Error) -> DialError {
        let address = address.clone();
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(tls) => DialError::of_tls(address, tls),
            None => DialError::Tls { address, why: error.to_string() },
        }
    }

    fn of_tls(address: Address, error: &rustls::Error) -> DialError {
        if let rustls::Error::InvalidMessage(_) = error {
            return DialError::NotTls { address };
        }
        if let rustls::Error::AlertReceived(alert) = error {
            return DialError::of_alert(address, *alert);
        }
        let rustls::Error::InvalidCertificate(wrong) = error else {
            return DialError::Tls { address, why: error.to_string() };
        };
        if matches!(wrong, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
            return DialError::WrongAuthority { address };
        }
        if let CertificateError::NotValidForNameContext { presented, .. } = wrong {
            return DialError::WrongName {
                address,
                names: presented.iter().map(|name| plain_name(name)).collect(),
            };
        }
        let out_of_date = matches!(
            wrong,
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        );
        match out_of_date {
            true => DialError::OutOfDate { address },
            false => DialError::Tls { address, why: error.to_string() },
        }
    }

    fn of_alert(address: Address, alert: AlertDescription) -> DialError {
        let why = if alert == AlertDescription::UnknownCA || alert == AlertDescription::DecryptError {
            "it was signed by another authority than the daemon's"
        } else if alert == AlertDescription::CertificateExpired {
            "it has expired by the daemon's clock"
        } else if alert == AlertDescription::BadCertificate || alert == AlertDescription::CertificateUnknown {
            "it is not valid"
        } else {
            return DialError::Tls {
                address,
                why: format!("the other side ended the handshake ({alert:?})"),
            };
        };
        DialError::Refused { address, why: why.to_owned() }
    }
}

/// `DnsName("host")` and `IpAddress(10.0.0.1)`, as the library writes them, for people.
fn plain_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}
