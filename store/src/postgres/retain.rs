//! What is kept for how long: forgetting runs, and which blobs are still needed.

use super::open::PostgresStore;
use super::row::{Columns, limited};
use crate::bounds::{DIGESTS_PER_QUERY, ROWS_PER_LIST};
use crate::{Digest, StoreError};
use part_core::{RunId, Timestamp};
use sqlx::Connection;

const FORGETTING: &str = "forget a run";
const LISTING: &str = "list the oldest runs";
const COUNTING: &str = "count the bytes of blobs";
const LOOKING_UP: &str = "look for references to blobs";

impl PostgresStore {
    pub(super) async fn forget(&self, run: RunId) -> Result<bool, StoreError> {
        let lane = &self.upkeep;
        lane.by(lane.deadline(), FORGETTING, async {
            let error = |error| lane.failed(FORGETTING, error);
            let mut lease = lane.lease(FORGETTING).await?;
            let mut transaction = lease.connection.begin().await.map_err(error)?;
            // Locked before its entries are looked for: a late entry that is just being recorded goes with the run.
            let locked = "SELECT key FROM runs WHERE id = $1 AND finished_at IS NOT NULL FOR UPDATE";
            let key: Option<i64> = sqlx::query_scalar(locked)
                .bind(run.to_string())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(error)?;
            for statement in [
                "DELETE FROM entries WHERE run = $1",
                "DELETE FROM blob_refs WHERE run = $1",
                "DELETE FROM joined WHERE run = $1",
                "DELETE FROM runs WHERE key = $1",
            ] {
                if key.is_some() {
                    sqlx::query(statement).bind(key).execute(&mut *transaction).await.map_err(error)?;
                }
            }
            transaction.commit().await.map_err(error)?;
            lease.give_back();
            Ok(key.is_some())
        })
        .await
    }

    pub(super) async fn finished_runs(
        &self,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RunId>, StoreError> {
        let before = before.map_or(Ok(i64::MAX), |before| self.server.stored(LISTING, before.0))?;
        let query = sqlx::query(
            "SELECT id FROM runs WHERE finished_at IS NOT NULL AND finished_at < $1 \
             ORDER BY finished_at, key LIMIT $2",
        )
        .bind(before)
        .bind(limited(limit, ROWS_PER_LIST));
        self.ids(&self.upkeep.rows(LISTING, query).await?, LISTING)
    }

    pub(super) async fn bytes_of_blobs(&self) -> Result<u64, StoreError> {
        // As a float, which never overflows: a sum of what workers claim could.
        let query = sqlx::query(
            "SELECT coalesce(sum(bytes)::DOUBLE PRECISION, 0) AS bytes \
             FROM (SELECT max(bytes) AS bytes FROM blob_refs GROUP BY digest) AS b",
        );
        let rows = self.upkeep.rows(COUNTING, query).await?;
        let bytes = |row| Columns { row, server: &self.server, doing: COUNTING }.get::<f64>("bytes");
        Ok(rows.first().map(bytes).transpose()?.unwrap_or_default() as u64)
    }

    pub(super) async fn are_referenced(&self, digests: &[Digest]) -> Result<Vec<bool>, StoreError> {
        let mut answers = Vec::with_capacity(digests.len());
        for chunk in digests.chunks(DIGESTS_PER_QUERY) {
            let query = sqlx::query(
                "SELECT EXISTS (SELECT FROM blob_refs WHERE digest = n.digest) AS referenced \
                 FROM unnest($1::BYTEA[]) WITH ORDINALITY AS n (digest, place) ORDER BY n.place",
            )
            .bind(chunk.iter().map(|digest| digest.as_bytes().to_vec()).collect::<Vec<_>>());
            for row in self.upkeep.rows(LOOKING_UP, query).await? {
                let columns = Columns { row: &row, server: &self.server, doing: LOOKING_UP };
                answers.push(columns.get("referenced")?);
            }
        }
        Ok(answers)
    }

    pub(super) async fn page_of_manifests(
        &self,
        after: Option<Digest>,
        limit: usize,
    ) -> Result<Vec<Digest>, StoreError> {
        let query = sqlx::query(
            "SELECT DISTINCT digest FROM blob_refs WHERE manifest AND digest > $1 ORDER BY digest LIMIT $2",
        )
        .bind(after.map_or(Vec::new(), |after| after.as_bytes().to_vec()))
        .bind(limited(limit, ROWS_PER_LIST));
        let digest = |row| Columns { row, server: &self.server, doing: LOOKING_UP }.digest("digest");
        self.upkeep.rows(LOOKING_UP, query).await?.iter().map(digest).collect()
    }
}
