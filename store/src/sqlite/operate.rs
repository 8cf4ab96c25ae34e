//! What operators and tokens need.

use super::open::SqliteStore;
use super::row::{Columns, limited, stored};
use crate::bounds::{EXPIRED_TOKENS_KEPT, ROWS_PER_LIST};
use crate::{StoreError, TokenRow, TokenUse, text};
use part_core::Timestamp;
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeMap;

const DRAINING: &str = "note which hosts are drained";
const LISTING_DRAINS: &str = "list the drained hosts";
const KEEPING: &str = "keep a token";
const LOOKING_UP: &str = "look a token up";
const REVOKING: &str = "revoke a token";
const USING: &str = "use a token";

impl SqliteStore {
    pub(super) async fn flag_host(&self, host: &str, drained: bool, by: &str) -> Result<(), StoreError> {
        let query = if drained {
            sqlx::query("INSERT OR REPLACE INTO drains (host, drained_by) VALUES (?1, ?2)")
                .bind(host)
                .bind(by)
        } else {
            sqlx::query("DELETE FROM drains WHERE host = ?1").bind(host)
        };
        let mut lease = self.writer(DRAINING).await?;
        let done = query.execute(&mut lease.connection).await;
        done.map_err(|error| self.place.error(DRAINING, error))?;
        lease.give_back();
        Ok(())
    }

    pub(super) async fn flagged_hosts(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT host, drained_by FROM drains")
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.place.error(LISTING_DRAINS, error))?;
        Ok(rows.into_iter().collect())
    }

    pub(super) async fn keep_token(&self, token: &TokenRow) -> Result<bool, StoreError> {
        let error = |error| self.place.error(KEEPING, error);
        let expires_at = token.expires_at.map(|at| stored(&self.place, KEEPING, at.0)).transpose()?;
        let created_at = stored(&self.place, KEEPING, token.created_at.0)?;
        let mut lease = self.writer(KEEPING).await?;
        let mut transaction = lease.connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        sqlx::query("DELETE FROM tokens WHERE expires_at < ?1")
            .bind(created_at.saturating_sub(EXPIRED_TOKENS_KEPT.as_millis() as i64))
            .execute(&mut *transaction)
            .await
            .map_err(error)?;
        let done = sqlx::query(
            "INSERT INTO tokens (id, hash, role, label, created_at, expires_at, uses_left, revoked) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&token.id)
        .bind(&token.hash[..])
        .bind(text::role_word(token.role))
        .bind(&token.label)
        .bind(created_at)
        .bind(expires_at)
        .bind(token.uses_left)
        .bind(token.revoked)
        .execute(&mut *transaction)
        .await
        .map_err(error)?;
        transaction.commit().await.map_err(error)?;
        lease.give_back();
        Ok(done.rows_affected() > 0)
    }

    pub(super) async fn one_token(&self, id: &str) -> Result<Option<TokenRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM tokens WHERE id = ?1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| self.place.error(LOOKING_UP, error))?;
        row.map(|row| Columns { row: &row, place: &self.place, doing: LOOKING_UP }.token()).transpose()
    }

    pub(super) async fn newest_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM tokens ORDER BY created_at DESC, id DESC LIMIT ?1")
            .bind(limited(ROWS_PER_LIST, ROWS_PER_LIST))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.place.error(LOOKING_UP, error))?;
        rows.iter().map(|row| Columns { row, place: &self.place, doing: LOOKING_UP }.token()).collect()
    }

    pub(super) async fn take_token_back(&self, id: &str) -> Result<bool, StoreError> {
        let mut lease = self.writer(REVOKING).await?;
        let done = sqlx::query("UPDATE tokens SET revoked = 1 WHERE id = ?1")
            .bind(id)
            .execute(&mut lease.connection)
            .await
            .map_err(|error| self.place.error(REVOKING, error))?;
        lease.give_back();
        Ok(done.rows_affected() > 0)
    }

    pub(super) async fn spend_token(&self, id: &str, now: Timestamp) -> Result<TokenUse, StoreError> {
        let Some(token) = self.one_token(id).await? else { return Ok(TokenUse::Unknown) };
        if token.uses_left.is_none() {
            // Nothing to count down, nothing to write.
            return Ok(token.used(now));
        }
        let error = |error| self.place.error(USING, error);
        let mut lease = self.writer(USING).await?;
        let mut transaction = lease.connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        let spent = self.count_down(&mut transaction, id, now).await?;
        transaction.commit().await.map_err(error)?;
        lease.give_back();
        Ok(spent)
    }

    async fn count_down(
        &self,
        connection: &mut SqliteConnection,
        id: &str,
        now: Timestamp,
    ) -> Result<TokenUse, StoreError> {
        let error = |error| self.place.error(USING, error);
        let row = sqlx::query("SELECT * FROM tokens WHERE id = ?1")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await
            .map_err(error)?;
        let Some(row) = row else { return Ok(TokenUse::Unknown) };
        let used = Columns { row: &row, place: &self.place, doing: USING }.token()?.used(now);
        if let TokenUse::Used(after) = &used {
            sqlx::query("UPDATE tokens SET uses_left = ?2 WHERE id = ?1")
                .bind(id)
                .bind(after.uses_left)
                .execute(connection)
                .await
                .map_err(error)?;
        }
        Ok(used)
    }
}
