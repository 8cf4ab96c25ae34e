//! Tokens: what a person hands to a machine so that the mesh knows it.
//!
//! `part_ID.SECRET` or `part_ID.SECRET.FINGERPRINT`: the id is public and names the token in lists, the secret has 256
//! random bits, and the fingerprint of the mesh's authority tells the holder which daemon it may show the secret to.

use crate::Fingerprint;
use crate::fingerprint::bytes_of_hex;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

const PREFIX: &str = "part_";

/// A token with its secret. `Debug` hides the secret; only [`Token::text`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    id: [u8; 6],
    secret: [u8; 32],
    authority: Option<Fingerprint>,
}

/// What is stored of a token's secret. Comparing two takes the same time whatever they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(blake3::Hash);

/// Text that is no token. Says nothing of what the text was: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is no token: one looks like part_…….…… and is printed by `partd token create`")]
pub struct TokenError;

/// The system gives no random numbers.
#[derive(Debug, Error)]
#[error("the system gives no random numbers for a new token: {0}")]
pub struct NoRandomness(String);

impl Token {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub fn new(authority: Option<Fingerprint>) -> Result<Token, NoRandomness> {
        let (mut id, mut secret) = ([0; 6], [0; 32]);
        getrandom::fill(&mut id)
            .and_then(|()| getrandom::fill(&mut secret))
            .map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Token { id, secret, authority })
    }

    /// Its public name: 12 hexadecimal digits.
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// What is stored of its secret.
    pub fn hash(&self) -> TokenHash {
        TokenHash(blake3::hash(&self.secret))
    }

    /// The authority of the mesh that it was made for; none when it was made without TLS.
    pub fn authority(&self) -> Option<Fingerprint> {
        self.authority
    }

    /// The whole token, with its secret.
    pub fn text(&self) -> String {
        let mut text = format!("{PREFIX}{}.{}", hex(&self.id), hex(&self.secret));
        if let Some(fingerprint) = self.authority {
            text.push_str(&format!(".{fingerprint}"));
        }
        text
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Token, TokenError> {
        let mut parts = text.trim().strip_prefix(PREFIX).ok_or(TokenError)?.split('.');
        let id = parts.next().and_then(bytes_of_hex).ok_or(TokenError)?;
        let secret = parts.next().and_then(bytes_of_hex).ok_or(TokenError)?;
        let authority = parts.next().map(str::parse).transpose().map_err(|()| TokenError)?;
        match parts.next() {
            None => Ok(Token { id, secret, authority }),
            Some(_) => Err(TokenError),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl TokenHash {
    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// From what was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> TokenHash {
        TokenHash(blake3::Hash::from_bytes(bytes))
    }

    /// As it is stored where text is wanted: 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.0.to_hex().to_string()
    }

    /// From text that was stored; none when it is none.
    pub fn from_hex(text: &str) -> Option<TokenHash> {
        bytes_of_hex(text).map(TokenHash::from_bytes)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written_and_hides_its_secret() {
        for authority in [None, Some(Fingerprint::of(b"ca"))] {
            let token = Token::new(authority).expect("random");
            let read: Token = format!(" {}\n", token.text()).parse().expect("a token");
            assert_eq!((&read, read.hash(), read.id()), (&token, token.hash(), token.id()));
            assert_eq!(read.authority(), authority);
            let secret = token.text().split('.').nth(1).expect("a secret").to_owned();
            assert!(!format!("{token:?}").contains(&secret));
            assert!(!token.hash().to_hex().contains(&secret));
            assert_eq!(TokenHash::from_hex(&token.hash().to_hex()), Some(token.hash()));
        }
        let (one, other) = (Token::new(None).expect("random"), Token::new(None).expect("random"));
        assert!(one.id() != other.id() && one.hash() != other.hash());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = Token::new(None).expect("random").text();
        let cut = &good[..good.len() - 1];
        let two = format!("{good}.{}.{}", "a".repeat(32), "b".repeat(32));
        for text in
            ["", "part_", "part_1.2", cut, &good.to_uppercase(), &good[5..], &format!("{good}."), &two]
        {
            assert_eq!(text.parse::<Token>(), Err(TokenError), "{text:?}");
        }
    }
}
