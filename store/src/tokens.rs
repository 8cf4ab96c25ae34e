//! Tokens of clients and of workers that join, and what using one comes to.

use part_core::Timestamp;
use std::fmt;

/// A token. Its secret is known to its holder only; the store keeps the secret's hash.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The part of the token that is no secret; names it in lists and when it is revoked. At most 200 bytes.
    pub id: String,
    /// BLAKE3 of the secret.
    pub hash: [u8; 32],
    /// What its holder may do.
    pub role: TokenRole,
    /// What it is for, in words of whoever made it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is refused; none means never.
    pub expires_at: Option<Timestamp>,
    /// How often it may still be used; none means without limit.
    pub uses_left: Option<u32>,
    /// True once it was taken back.
    pub revoked: bool,
}

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenRole {
    /// Join as a worker.
    Worker,
    /// Look at runs, workers and results.
    View,
    /// Also submit and cancel runs.
    Submit,
    /// Also drain hosts and cancel what others submitted.
    Operate,
    /// Also make and revoke tokens.
    Admin,
}

/// What came of using a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// It is good. The row is as it is after this use.
    Used(TokenRow),
    /// There is no such token, or it expired so long ago that it was forgotten.
    Unknown,
    /// Its time is over.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// It was taken back.
    Revoked,
    /// It was used as often as it may be.
    UsedUp,
}

impl TokenRow {
    /// Uses the token once: the same rule for every store.
    pub(crate) fn used(mut self, now: Timestamp) -> TokenUse {
        if self.revoked {
            return TokenUse::Revoked;
        }
        if let Some(at) = self.expires_at
            && at <= now
        {
            return TokenUse::Expired { at };
        }
        match &mut self.uses_left {
            Some(0) => return TokenUse::UsedUp,
            Some(left) => *left -= 1,
            None => {}
        }
        TokenUse::Used(self)
    }
}

impl fmt::Debug for TokenRow {
    /// Without the hash, which is of no use to whoever reads a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TokenRow { id, hash: _, role, label, created_at, expires_at, uses_left, revoked } = self;
        f.debug_struct("TokenRow")
            .field("id", id)
            .field("role", role)
            .field("label", label)
            .field("created_at", created_at)
            .field("expires_at", expires_at)
            .field("uses_left", uses_left)
            .field("revoked", revoked)
            .finish_non_exhaustive()
    }
}
