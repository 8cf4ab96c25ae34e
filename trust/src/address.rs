//! Where a daemon is: `HOST:PORT`, perhaps with a scheme.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Where a daemon is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
    /// True when TLS was asked for by `https://`, false by `http://`; none when nothing was said.
    tls: Option<bool>,
}

/// Text that is no address of a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is no address of a daemon: {why}; write it as HOST:PORT, such as localhost:7433")]
pub struct AddressError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Address {
    /// The host: a name or an IP address, without the brackets of IPv6.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// True when `https://` asked for TLS, false when `http://` asked for plain text; none when nothing was said.
    pub fn tls(&self) -> Option<bool> {
        self.tls
    }

    /// True when it is certain that what is sent there stays on this host.
    pub fn is_loopback(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        ip.map_or(self.host.eq_ignore_ascii_case("localhost"), |ip| ip.is_loopback())
    }

    /// A list of addresses, separated by commas; at least one.
    ///
    /// # Errors
    ///
    /// When one of them is malformed, or there is none.
    pub fn list(text: &str) -> Result<Vec<Address>, AddressError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let addresses = parts.map(Address::from_str).collect::<Result<Vec<_>, _>>()?;
        match addresses.is_empty() {
            true => Err(AddressError { text: text.to_owned(), why: "it names no host".to_owned() }),
            false => Ok(addresses),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let wrong = |why: String| AddressError { text: text.to_owned(), why };
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (Some(true), rest),
            (None, Some(rest)) => (Some(false), rest),
            (None, None) => (None, text),
        };
        let authority = rest.trim_end_matches('/');
        let uri: http::Uri =
            format!("http://{authority}").parse().map_err(|error| wrong(format!("{error}")))?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(wrong("there is something after the port".to_owned()));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("there is something before the host".to_owned()));
        }
        let port = uri.port_u16().ok_or_else(|| wrong("the port is missing".to_owned()))?;
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("the host is missing".to_owned()));
        }
        Ok(Address { host: host.to_owned(), port, tls })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        let table = [
            ("localhost:7400", Ok(("localhost:7400", None))),
            ("127.0.0.1:7400", Ok(("127.0.0.1:7400", None))),
            ("[::1]:7400", Ok(("[::1]:7400", None))),
            ("http://ci.example:7400/", Ok(("ci.example:7400", Some(false)))),
            ("https://ci.example:7400", Ok(("ci.example:7400", Some(true)))),
            ("localhost", Err("the port is missing")),
            ("localhost:7400/path", Err("something after the port")),
            ("user@host:1", Err("something before the host")),
            ("local host:1", Err("invalid uri")),
            ("", Err("")),
            (":7400", Err("")),
            ("host:70000", Err("")),
        ];
        for (text, wanted) in table {
            match (text.parse::<Address>(), wanted) {
                (Ok(address), Ok((shown, tls))) => {
                    assert_eq!((address.to_string().as_str(), address.tls()), (shown, tls), "{text:?}");
                }
                (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{text:?}: {error}"),
                (got, wanted) => panic!("{text:?}: {got:?} instead of {wanted:?}"),
            }
        }
        let several = Address::list("a:1, b:2,").expect("two");
        assert_eq!(several.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:1", "b:2"]);
        assert!(Address::list(" , ").is_err());
        for (text, loopback) in
            [("127.9.0.1:1", true), ("[::1]:1", true), ("LOCALHOST:1", true), ("ci:1", false)]
        {
            assert_eq!(text.parse::<Address>().expect("an address").is_loopback(), loopback, "{text}");
        }
    }
}
