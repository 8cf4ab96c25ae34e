//! What this client trusts and shows: an authority, a token.

use crate::error::{CliError, Kind};
use part_trust::{Address, Dialer, Token, Trust};
use std::fmt;
use std::path::PathBuf;

/// What this client trusts and shows, as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// File with the mesh's authority.
    pub(crate) ca: Option<PathBuf>,
    /// The token.
    pub(crate) token: Option<TokenSource>,
}

/// Where the token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// In a file.
    File(PathBuf),
    /// At hand.
    Text(Secret),
}

/// Text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Access {
    /// The way to these daemons, and the token to show them.
    pub(super) fn dialer(&self, addresses: &[Address]) -> Result<(Dialer, Option<Token>), CliError> {
        let token = self.token.as_ref().map(TokenSource::read).transpose()?;
        let trust = self.trust(addresses, token.as_ref())?;
        if trust == Trust::Plain
            && token.is_some()
            && let Some(address) = addresses.iter().find(|address| !address.is_loopback())
        {
            return Err(CliError::usage(format!("the token is not sent to {address} in plain text"))
                .hint("name the authority of the mesh with --ca FILE, or use a token that carries its fingerprint")
                .hint("a daemon without TLS asks for no token: leave it out"));
        }
        let dialer = Dialer::new(&trust, None).map_err(|error| CliError::of(Kind::Usage, error))?;
        Ok((dialer, token))
    }

    fn trust(&self, addresses: &[Address], token: Option<&Token>) -> Result<Trust, CliError> {
        let plain = addresses.iter().find(|address| address.tls() == Some(false));
        let secure = addresses.iter().any(|address| address.tls() == Some(true));
        let trust = match (&self.ca, token.and_then(Token::authority)) {
            (Some(ca), _) => Trust::file(ca).map_err(|error| CliError::of(Kind::Usage, error))?,
            // Who says http:// knows better than the token.
            (None, Some(_)) if plain.is_some() => Trust::Plain,
            (None, Some(fingerprint)) => Trust::Fingerprint(fingerprint),
            (None, None) if secure => Trust::System,
            (None, None) => Trust::Plain,
        };
        match plain {
            Some(address) if trust != Trust::Plain || secure => {
                let how = if self.ca.is_some() { "--ca asks" } else { "https:// asks" };
                Err(CliError::usage(format!("http:// asks for plain text with {address}, {how} for TLS"))
                    .hint("use one or the other for all addresses"))
            }
            Some(_) | None => Ok(trust),
        }
    }
}

impl TokenSource {
    fn read(&self) -> Result<Token, CliError> {
        let (text, place) = match self {
            TokenSource::Text(Secret(text)) => (text.clone(), crate::env::PART_TOKEN.to_owned()),
            TokenSource::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| CliError::file("read the token from", path, error))?;
                (text, path.display().to_string())
            }
        };
        text.parse().map_err(|error| CliError::usage(format!("{place}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_trust::Fingerprint;

    #[test]
    fn what_is_given_decides_what_is_trusted() {
        let fingerprint = Fingerprint::of(b"an authority");
        let (bare, pinned) =
            (Token::new(None).expect("random"), Token::new(Some(fingerprint)).expect("random"));
        let table = [
            ("ci:1", None, Ok(Trust::Plain)),
            ("https://ci:1", None, Ok(Trust::System)),
            ("ci:1", Some(&bare), Ok(Trust::Plain)),
            ("ci:1", Some(&pinned), Ok(Trust::Fingerprint(fingerprint))),
            ("https://ci:1,b:2", Some(&pinned), Ok(Trust::Fingerprint(fingerprint))),
            ("http://ci:1", Some(&pinned), Ok(Trust::Plain)),
            ("http://ci:1,https://b:2", None, Err(())),
        ];
        for (addresses, token, wanted) in table {
            let addresses = Address::list(addresses).expect("addresses");
            let trust = Access::default().trust(&addresses, token).map_err(drop);
            assert_eq!(trust, wanted, "{addresses:?}");
        }
    }

    #[test]
    fn a_token_is_not_sent_over_the_network_in_plain_text() {
        let text = Token::new(None).expect("random").text();
        let access = Access { ca: None, token: Some(TokenSource::Text(Secret(text.clone()))) };
        let dialer = |address: &str| access.dialer(&[address.parse().expect("an address")]).map(drop);
        assert!(dialer("127.0.0.1:1").is_ok());
        let error = dialer("ci.example:1").expect_err("refused");
        assert!(error.to_string().contains("plain text"), "{error}");
        assert!(!format!("{access:?}").contains(&text));
        let access = Access { ca: None, token: Some(TokenSource::Text(Secret("nonsense".to_owned()))) };
        let error = access.dialer(&[]).map(drop).expect_err("no token");
        assert!(
            error.to_string().contains("PART_TOKEN") && !error.to_string().contains("nonsense"),
            "{error}"
        );
    }
}
