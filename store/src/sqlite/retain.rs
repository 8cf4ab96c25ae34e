//! What is kept for how long: forgetting runs, and which blobs are still needed.

use super::open::SqliteStore;
use super::row::{Columns, limited, stored};
use crate::bounds::{DIGESTS_PER_QUERY, ROWS_PER_LIST};
use crate::{Digest, StoreError};
use part_core::{RunId, Timestamp};
use sqlx::Connection;

const FORGETTING: &str = "forget a run";
const LISTING: &str = "list the oldest runs";
const COUNTING: &str = "count the bytes of blobs";
const LOOKING_UP: &str = "look for references to blobs";

impl SqliteStore {
    pub(super) async fn forget(&self, run: RunId) -> Result<bool, StoreError> {
        let error = |error| self.place.error(FORGETTING, error);
        let mut lease = self.writer(FORGETTING).await?;
        let mut transaction = lease.connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        let key: Option<i64> =
            sqlx::query_scalar("SELECT key FROM runs WHERE id = ?1 AND finished_at IS NOT NULL")
                .bind(run.to_string())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(error)?;
        for statement in [
            "DELETE FROM entries WHERE run = ?1",
            "DELETE FROM blob_refs WHERE run = ?1",
            "DELETE FROM joined WHERE run = ?1",
            "DELETE FROM runs WHERE key = ?1",
        ] {
            sqlx::query(statement).bind(key).execute(&mut *transaction).await.map_err(error)?;
        }
        transaction.commit().await.map_err(error)?;
        lease.give_back();
        Ok(key.is_some())
    }

    pub(super) async fn finished_runs(
        &self,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RunId>, StoreError> {
        let before = before.map_or(Ok(i64::MAX), |before| stored(&self.place, LISTING, before.0))?;
        let rows = sqlx::query(
            "SELECT id FROM runs WHERE finished_at IS NOT NULL AND finished_at < ?1 \
             ORDER BY finished_at, key LIMIT ?2",
        )
        .bind(before)
        .bind(limited(limit, ROWS_PER_LIST))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.place.error(LISTING, error))?;
        rows.iter().map(|row| Columns { row, place: &self.place, doing: LISTING }.run("id")).collect()
    }

    pub(super) async fn bytes_of_blobs(&self) -> Result<u64, StoreError> {
        // `total` never overflows, which a sum of what workers claim could.
        let bytes: f64 = sqlx::query_scalar(
            "SELECT total(bytes) FROM (SELECT max(bytes) AS bytes FROM blob_refs GROUP BY digest)",
        )
        .fetch_one(&self.readers)
        .await
        .map_err(|error| self.place.error(COUNTING, error))?;
        Ok(bytes as u64)
    }

    pub(super) async fn are_referenced(&self, digests: &[Digest]) -> Result<Vec<bool>, StoreError> {
        let error = |error| self.place.error(LOOKING_UP, error);
        let mut answers = Vec::with_capacity(digests.len());
        for chunk in digests.chunks(DIGESTS_PER_QUERY) {
            let names =
                serde_json::to_string(chunk).map_err(|cause| error(sqlx::Error::Encode(cause.into())))?;
            let found: Vec<bool> = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM blob_refs WHERE digest = unhex(n.value)) \
                 FROM json_each(?1) AS n ORDER BY n.key",
            )
            .bind(names)
            .fetch_all(&self.readers)
            .await
            .map_err(error)?;
            answers.extend(found);
        }
        Ok(answers)
    }

    pub(super) async fn page_of_manifests(
        &self,
        after: Option<Digest>,
        limit: usize,
    ) -> Result<Vec<Digest>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT digest FROM blob_refs WHERE manifest = 1 AND digest > ?1 ORDER BY digest LIMIT ?2",
        )
        .bind(after.as_ref().map_or(&[][..], |after| &after.as_bytes()[..]))
        .bind(limited(limit, ROWS_PER_LIST))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.place.error(LOOKING_UP, error))?;
        rows.iter()
            .map(|row| Columns { row, place: &self.place, doing: LOOKING_UP }.digest("digest"))
            .collect()
    }
}
