//! Reading a run's entries.

use super::commit::FORMAT_JSON;
use super::open::SqliteStore;
use super::row::{Columns, limited, stored};
use crate::StoreError;
use crate::bounds::{ENTRIES_PER_PAGE, PAGE_BYTES};
use futures::TryStreamExt;
use part_core::{Entry, RunId, Timestamp};

const READING: &str = "read entries";

impl SqliteStore {
    pub(super) async fn page(&self, run: RunId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let error = |error| self.place.error(READING, error);
        let mut rows = sqlx::query(
            "SELECT number, at, format, body FROM entries \
             WHERE run = (SELECT key FROM runs WHERE id = ?1) AND number > ?2 ORDER BY number LIMIT ?3",
        )
        .bind(run.to_string())
        .bind(stored(&self.place, READING, after)?)
        .bind(limited(limit, ENTRIES_PER_PAGE))
        .fetch(&self.readers);
        let (mut page, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE_BYTES
            && let Some(row) = rows.try_next().await.map_err(error)?
        {
            let columns = Columns { row: &row, place: &self.place, doing: READING };
            bytes += columns.get::<&str>("body")?.len();
            page.push(self.decode(run, &columns)?);
        }
        Ok(page)
    }

    fn decode(&self, run: RunId, columns: &Columns<'_>) -> Result<Entry, StoreError> {
        let number = columns.number("number")?;
        let format: i64 = columns.get("format")?;
        if format > FORMAT_JSON {
            return Err(self.place.newer("format of an entry", format, FORMAT_JSON));
        }
        let record = serde_json::from_str(columns.get("body")?).map_err(|error| {
            self.place.damaged(READING, format!("entry {number} of run {run} cannot be read: {error}"))
        })?;
        Ok(Entry { run, number, at: Timestamp(columns.number("at")?), record })
    }
}
