//! What operators and tokens need.

use super::open::PostgresStore;
use super::row::{Columns, limited, storable};
use crate::bounds::{EXPIRED_TOKENS_KEPT, ROWS_PER_LIST};
use crate::{StoreError, TokenRow, TokenUse, text};
use part_core::Timestamp;
use std::collections::BTreeMap;

const DRAINING: &str = "note which hosts are drained";
const LISTING_DRAINS: &str = "list the drained hosts";
const KEEPING: &str = "keep a token";
const LOOKING_UP: &str = "look a token up";
const REVOKING: &str = "revoke a token";
const USING: &str = "use a token";

impl PostgresStore {
    pub(super) async fn flag_host(&self, host: &str, drained: bool, by: &str) -> Result<(), StoreError> {
        let query = if drained {
            sqlx::query(
                "INSERT INTO drains (host, drained_by) VALUES ($1, $2) \
                 ON CONFLICT (host) DO UPDATE SET drained_by = excluded.drained_by",
            )
            .bind(storable(host))
            .bind(storable(by))
        } else {
            sqlx::query("DELETE FROM drains WHERE host = $1").bind(storable(host))
        };
        self.requests.execute(DRAINING, query).await.map(drop)
    }

    pub(super) async fn flagged_hosts(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let query = sqlx::query("SELECT host, drained_by FROM drains");
        let flag = |row| {
            let columns = Columns { row, server: &self.server, doing: LISTING_DRAINS };
            Ok((columns.text("host")?, columns.text("drained_by")?))
        };
        self.requests.rows(LISTING_DRAINS, query).await?.iter().map(flag).collect()
    }

    pub(super) async fn keep_token(&self, token: &TokenRow) -> Result<bool, StoreError> {
        let stored = |time: Timestamp| self.server.stored(KEEPING, time.0);
        let created_at = stored(token.created_at)?;
        let old = sqlx::query("DELETE FROM tokens WHERE expires_at < $1")
            .bind(created_at.saturating_sub(EXPIRED_TOKENS_KEPT.as_millis() as i64));
        self.requests.execute(KEEPING, old).await?;
        let query = sqlx::query(
            "INSERT INTO tokens (id, hash, role, label, created_at, expires_at, uses_left, revoked) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(storable(&token.id))
        .bind(&token.hash[..])
        .bind(text::role_word(token.role))
        .bind(storable(&token.label))
        .bind(created_at)
        .bind(token.expires_at.map(stored).transpose()?)
        .bind(token.uses_left.map(i64::from))
        .bind(token.revoked);
        Ok(self.requests.execute(KEEPING, query).await? > 0)
    }

    pub(super) async fn one_token(&self, id: &str) -> Result<Option<TokenRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM tokens WHERE id = $1").bind(storable(id));
        let rows = self.requests.rows(LOOKING_UP, query).await?;
        let token = |row| Columns { row, server: &self.server, doing: LOOKING_UP }.token();
        rows.first().map(token).transpose()
    }

    pub(super) async fn newest_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM tokens ORDER BY created_at DESC, id DESC LIMIT $1")
            .bind(limited(ROWS_PER_LIST, ROWS_PER_LIST));
        let token = |row| Columns { row, server: &self.server, doing: LOOKING_UP }.token();
        self.requests.rows(LOOKING_UP, query).await?.iter().map(token).collect()
    }

    pub(super) async fn take_token_back(&self, id: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE tokens SET revoked = true WHERE id = $1").bind(storable(id));
        Ok(self.requests.execute(REVOKING, query).await? > 0)
    }

    /// Nothing is written for a token without a limit. With one, the use is written only if the token is still as it
    /// was read; otherwise somebody else used or revoked it in between, and it is looked at again.
    pub(super) async fn spend_token(&self, id: &str, now: Timestamp) -> Result<TokenUse, StoreError> {
        loop {
            let Some(token) = self.one_token(id).await? else { return Ok(TokenUse::Unknown) };
            let before = token.uses_left;
            let used = token.used(now);
            let TokenUse::Used(after) = &used else { return Ok(used) };
            let (Some(before), Some(left)) = (before, after.uses_left) else { return Ok(used) };
            let query = sqlx::query(
                "UPDATE tokens SET uses_left = $3 WHERE id = $1 AND uses_left = $2 AND NOT revoked",
            )
            .bind(storable(id))
            .bind(i64::from(before))
            .bind(i64::from(left));
            if self.requests.execute(USING, query).await? > 0 {
                return Ok(used);
            }
        }
    }
}
