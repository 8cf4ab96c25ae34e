//! Reading a run's entries and the history of specs.

use super::commit::FORMAT_JSON;
use super::open::SqliteStore;
use super::row::{Columns, limited, stored};
use crate::bounds::{ENTRIES_PER_PAGE, HISTORY_PER_SPEC, PAGE_BYTES, ROWS_PER_LIST, SERIES_PER_QUERY};
use crate::{HistoryQuery, HistoryRow, StoreError, text};
use futures::TryStreamExt;
use part_core::{AttemptId, Entry, HistoryKey, Millis, RunId, Sample, SpecIndex, Timestamp};

const READING: &str = "read entries";
const FORECASTING: &str = "read the history for forecasts";
const LISTING: &str = "list the history";

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

    pub(super) async fn samples(
        &self,
        keys: &[HistoryKey],
        per_spec: usize,
    ) -> Result<Vec<Vec<Sample>>, StoreError> {
        let error = |error| self.place.error(FORECASTING, error);
        let mut found = vec![Vec::new(); keys.len()];
        for (chunk, places) in keys.chunks(SERIES_PER_QUERY).zip(found.chunks_mut(SERIES_PER_QUERY)) {
            let names: Vec<[&str; 4]> =
                chunk.iter().map(|key| [&*key.project, &*key.suite, &*key.class, &*key.spec]).collect();
            let names =
                serde_json::to_string(&names).map_err(|cause| error(sqlx::Error::Encode(cause.into())))?;
            // One text for each series: a row for each sample would cost ten times as much to hand over.
            let mut rows = sqlx::query_as::<_, (i64, Option<String>)>(
                "SELECT n.key, (SELECT group_concat(at || ' ' || duration_ms, ',') \
                                FROM (SELECT at, duration_ms FROM history AS h \
                                      WHERE h.series = s.key AND h.counts = 1 \
                                      ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT ?2)) \
                 FROM json_each(?1) AS n CROSS JOIN series AS s \
                   ON s.project = n.value ->> 0 AND s.suite = n.value ->> 1 \
                  AND s.class = n.value ->> 2 AND s.spec = n.value ->> 3",
            )
            .bind(names)
            .bind(limited(per_spec, HISTORY_PER_SPEC))
            .fetch(&self.readers);
            while let Some((place, samples)) = rows.try_next().await.map_err(error)? {
                let place = usize::try_from(place).ok().and_then(|place| places.get_mut(place));
                if let (Some(place), Some(samples)) = (place, samples) {
                    *place = parse_samples(&samples).ok_or_else(|| {
                        self.place.damaged(FORECASTING, format!("a history reads {samples:?}"))
                    })?;
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn ended_attempts(&self, query: &HistoryQuery) -> Result<Vec<HistoryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.project, s.suite, s.class, s.spec AS name, h.at, h.run, h.spec, h.attempt, h.duration_ms, \
                    h.verdict, h.counts \
             FROM series AS s JOIN history AS h ON h.series = s.key \
             WHERE (?1 IS NULL OR s.project = ?1) AND s.spec GLOB ?2 \
             ORDER BY h.at DESC, h.run DESC, h.spec DESC, h.attempt DESC LIMIT ?3",
        )
        .bind(&query.project)
        .bind(text::sqlite_glob(&query.spec))
        .bind(limited(query.limit, ROWS_PER_LIST))
        .fetch_all(&self.readers)
        .await
        .map_err(|error| self.place.error(LISTING, error))?;
        let ended = |row| {
            let columns = Columns { row, place: &self.place, doing: LISTING };
            Ok(HistoryRow {
                key: HistoryKey {
                    project: columns.get("project")?,
                    suite: columns.get("suite")?,
                    class: columns.get("class")?,
                    spec: columns.get("name")?,
                },
                attempt: AttemptId {
                    run: columns.run("run")?,
                    spec: SpecIndex(columns.number("spec")?),
                    number: columns.number("attempt")?,
                },
                at: Timestamp(columns.number("at")?),
                duration: Millis(columns.number("duration_ms")?),
                verdict: columns.attempt_verdict("verdict")?,
                counts: columns.get("counts")?,
            })
        };
        rows.iter().map(ended).collect()
    }
}

/// Reads `at duration,at duration,…`, which comes newest first.
fn parse_samples(text: &str) -> Option<Vec<Sample>> {
    let sample = |pair: &str| {
        let (at, duration) = pair.split_once(' ')?;
        Some(Sample {
            at: Timestamp(at.parse().ok()?),
            duration: Millis(duration.parse().ok()?),
            tests: None,
        })
    };
    let mut samples: Vec<Sample> = text.rsplit(',').map(sample).collect::<Option<_>>()?;
    // They are in order already, but an aggregate does not promise it, and ordering it there costs half as much again.
    samples.sort_by_key(|sample| sample.at);
    Some(samples)
}
