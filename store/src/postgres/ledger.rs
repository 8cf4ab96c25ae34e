//! Reading a run's entries.

use super::commit::FORMAT_JSON;
use super::open::PostgresStore;
use super::row::{Columns, limited};
use crate::StoreError;
use crate::bounds::{ENTRIES_PER_PAGE, PAGE_BYTES};
use part_core::{Entry, RunId, Timestamp};
use sqlx::postgres::PgRow;

const READING: &str = "read entries";

/// The page is cut at the server: what has left it has to be read. `bytes` counts the entries before this one.
const PAGE: &str = "SELECT number, at, format, body FROM ( \
                        SELECT *, coalesce(sum(octet_length(body)) OVER (ORDER BY number \
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes \
                        FROM (SELECT number, at, format, body FROM entries \
                              WHERE run = (SELECT key FROM runs WHERE id = $1) AND number > $2 \
                              ORDER BY number LIMIT $3) AS newer \
                    ) AS page WHERE bytes < $4 ORDER BY number";

impl PostgresStore {
    pub(super) async fn page(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let query = sqlx::query(PAGE)
            .bind(run.to_string())
            .bind(self.server.stored(READING, after)?)
            .bind(limited(limit, ENTRIES_PER_PAGE))
            .bind(PAGE_BYTES as i64);
        let rows = self.requests.rows(READING, query).await?;
        rows.iter().map(|row| self.decode(run, row)).collect()
    }

    fn decode(&self, run: RunId, row: &PgRow) -> Result<Entry, StoreError> {
        let columns = Columns { row, server: &self.server, doing: READING };
        let number = columns.number("number")?;
        let format: i16 = columns.get("format")?;
        if format > FORMAT_JSON {
            return Err(self.server.newer("format of an entry", format.into(), FORMAT_JSON.into()));
        }
        let record = serde_json::from_str(columns.get("body")?).map_err(|error| {
            self.server.damaged(READING, format!("entry {number} of run {run} cannot be read: {error}"))
        })?;
        Ok(Entry { run, number, at: Timestamp(columns.number("at")?), record })
    }
}
