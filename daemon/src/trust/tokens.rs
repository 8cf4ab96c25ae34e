//! Bearer tokens: from the text in a request to what its holder may do.

use crate::bounds;
use crate::clock::Clock;
use crate::error::chain;
use part_core::Timestamp;
use part_store::{Store, StoreError, TokenRole, TokenRow, TokenUse};
use part_trust::{Token, TokenHash};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Checks tokens against the store, and remembers good ones for a while.
pub(crate) struct TokenBook {
    store: Arc<dyn Store>,
    good: Mutex<HashMap<String, Good>>,
    /// Looks into the store at a time: those who guess must not keep it from its work.
    looks: Semaphore,
}

struct Good {
    row: TokenRow,
    until: Instant,
}

/// Why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum TokenRefusal {
    /// It was never made here, or is long forgotten.
    #[error("the token is not one of this mesh")]
    Unknown,
    /// Its time is over.
    #[error("token {id} expired {ago} ago: ask for a new one (`partd token create`)")]
    Expired {
        /// Its public name.
        id: String,
        /// How long ago.
        ago: String,
    },
    /// It was taken back.
    #[error("token {id} was revoked: ask for a new one (`partd token create`)")]
    Revoked {
        /// Its public name.
        id: String,
    },
    /// It was used as often as it may be.
    #[error("token {id} is used up: ask for a new one (`partd token create --role worker`)")]
    UsedUp {
        /// Its public name.
        id: String,
    },
    /// It is for something else.
    #[error("token {id} is for {is}, not for {wanted}")]
    WrongRole {
        /// Its public name.
        id: String,
        /// What it is for.
        is: &'static str,
        /// What it was used for.
        wanted: &'static str,
    },
    /// The store cannot be asked now.
    #[error("the token cannot be checked now: {0}")]
    StoreAway(String),
}

impl TokenBook {
    pub(crate) fn new(store: Arc<dyn Store>) -> TokenBook {
        TokenBook { store, good: Mutex::default(), looks: Semaphore::new(bounds::TOKEN_LOOKS) }
    }

    /// What a client's token is, if it is good now.
    pub(crate) async fn client(&self, token: &Token) -> Result<TokenRow, TokenRefusal> {
        if let Some(row) = self.remembered(token) {
            return Ok(row);
        }
        let row = self.look(token).await?;
        if row.role == TokenRole::Worker {
            let id = row.id;
            return Err(TokenRefusal::WrongRole { id, is: "workers that join", wanted: "clients" });
        }
        self.remember(row.clone());
        Ok(row)
    }

    /// Checks a join token without using it.
    pub(crate) async fn joining(&self, token: &Token) -> Result<(), TokenRefusal> {
        let row = self.look(token).await?;
        match row.role {
            TokenRole::Worker => Ok(()),
            TokenRole::View | TokenRole::Submit | TokenRole::Operate | TokenRole::Admin => {
                Err(TokenRefusal::WrongRole { id: row.id, is: "clients", wanted: "workers that join" })
            }
        }
    }

    /// Uses a token that was checked before.
    pub(crate) async fn use_up(&self, token: &Token) -> Result<(), TokenRefusal> {
        let (id, now) = (token.id(), Clock::start().now());
        match self.store.use_token(&id, now).await.map_err(away)? {
            TokenUse::Used(_) => Ok(()),
            TokenUse::Unknown => Err(TokenRefusal::Unknown),
            TokenUse::Expired { at } => Err(expired(id, at, now)),
            TokenUse::Revoked => Err(TokenRefusal::Revoked { id }),
            TokenUse::UsedUp => Err(TokenRefusal::UsedUp { id }),
        }
    }

    fn remembered(&self, token: &Token) -> Option<TokenRow> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let found = good.get(&token.id()).filter(|found| found.until > Instant::now())?;
        let row = (TokenHash::from_bytes(found.row.hash) == token.hash()).then(|| found.row.clone())?;
        // It may end while it is remembered.
        row.expires_at.is_none_or(|at| at > Clock::start().now()).then_some(row)
    }

    fn remember(&self, row: TokenRow) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if good.len() >= bounds::TOKENS_REMEMBERED {
            good.retain(|_, one| one.until > now);
        }
        if good.len() < bounds::TOKENS_REMEMBERED {
            good.insert(row.id.clone(), Good { row, until: now + bounds::TOKEN_TRUSTED });
        }
    }

    async fn look(&self, token: &Token) -> Result<TokenRow, TokenRefusal> {
        let (id, now) = (token.id(), Clock::start().now());
        let found = {
            // Only closed when it is dropped.
            let _turn = self.looks.acquire().await.map_err(|_| TokenRefusal::Unknown)?;
            self.store.token(&id).await.map_err(away)?
        };
        let row = found.filter(|row| TokenHash::from_bytes(row.hash) == token.hash());
        let row = row.ok_or(TokenRefusal::Unknown)?;
        if row.revoked {
            return Err(TokenRefusal::Revoked { id });
        }
        if let Some(at) = row.expires_at.filter(|at| *at <= now) {
            return Err(expired(id, at, now));
        }
        match row.uses_left {
            Some(0) => Err(TokenRefusal::UsedUp { id }),
            Some(_) | None => Ok(row),
        }
    }
}

fn away(error: StoreError) -> TokenRefusal {
    TokenRefusal::StoreAway(chain(&error))
}

fn expired(id: String, at: Timestamp, now: Timestamp) -> TokenRefusal {
    TokenRefusal::Expired { id, ago: span(now.since(at).0) }
}

/// A span of time for people: its largest unit only.
pub(crate) fn span(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "s"));
    format!("{} {name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_store::MemoryStore;

    async fn book(change: impl Fn(&mut TokenRow)) -> (TokenBook, Arc<MemoryStore>, Token) {
        let store = Arc::new(MemoryStore::new());
        let token = Token::new(None).expect("random");
        let mut row = TokenRow {
            id: token.id(),
            hash: *token.hash().as_bytes(),
            role: TokenRole::Submit,
            label: "ci".to_owned(),
            created_at: Timestamp(1),
            expires_at: None,
            uses_left: None,
            revoked: false,
        };
        change(&mut row);
        assert!(store.add_token(&row).await.expect("added"));
        let shared: Arc<dyn Store> = Arc::clone(&store) as _;
        (TokenBook::new(shared), store, token)
    }

    #[tokio::test]
    async fn each_refusal_says_why() {
        let now = Clock::start().now();
        type Change = fn(&mut TokenRow, Timestamp);
        let table: &[(Change, &str)] = &[
            (|row, _| row.revoked = true, "was revoked"),
            (|row, now| row.expires_at = Some(Timestamp(now.0 - 3 * 86_400_000)), "expired 3 d ago"),
            (|row, _| row.role = TokenRole::Worker, "is for workers that join, not for clients"),
            (|row, _| row.hash = [7; 32], "not one of this mesh"),
            (|row, _| row.id = "another".to_owned(), "not one of this mesh"),
        ];
        for (change, wanted) in table {
            let (book, _, token) = book(|row| change(row, now)).await;
            let refusal = book.client(&token).await.expect_err("refused").to_string();
            assert!(refusal.contains(wanted), "{refusal:?} instead of {wanted:?}");
        }
        let (book, _, token) = book(|_| {}).await;
        let refusal = book.joining(&token).await.expect_err("a client's").to_string();
        assert!(refusal.contains("is for clients"), "{refusal}");
    }

    #[tokio::test]
    async fn a_good_token_is_remembered_for_a_while_and_a_wrong_secret_never() {
        let (book, store, token) = book(|_| {}).await;
        assert_eq!(book.client(&token).await.expect("good").label, "ci");
        store.revoke_token(&token.id()).await.expect("revoked");
        assert!(book.client(&token).await.is_ok(), "remembered");
        let guessed: Token = format!("part_{}.{}", token.id(), "0".repeat(64)).parse().expect("a token");
        assert!(book.client(&guessed).await.is_err(), "another secret for the same name");
        book.good.lock().expect("not poisoned").clear();
        assert!(matches!(book.client(&token).await, Err(TokenRefusal::Revoked { .. })));
    }

    #[tokio::test]
    async fn a_join_token_is_used_once() {
        let (book, _, token) = book(|row| {
            row.role = TokenRole::Worker;
            row.uses_left = Some(1);
        })
        .await;
        book.joining(&token).await.expect("good");
        book.joining(&token).await.expect("a look uses nothing up");
        book.use_up(&token).await.expect("used");
        let id = token.id();
        assert_eq!(book.use_up(&token).await, Err(TokenRefusal::UsedUp { id: id.clone() }));
        assert_eq!(book.joining(&token).await, Err(TokenRefusal::UsedUp { id }));
    }

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        let table =
            [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (259_200_000, "3 d")];
        for (milliseconds, text) in table {
            assert_eq!(span(milliseconds), text);
        }
    }
}
