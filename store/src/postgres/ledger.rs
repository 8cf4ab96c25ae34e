//! Reading a run's entries and the history of specs.

use super::commit::FORMAT_JSON;
use super::open::PostgresStore;
use super::row::{Columns, limited, storable};
use super::rows::series_key;
use crate::bounds::{ENTRIES_PER_PAGE, HISTORY_PER_SPEC, PAGE_BYTES, ROWS_PER_LIST, SERIES_PER_QUERY};
use crate::{HistoryQuery, HistoryRow, StoreError, text};
use part_core::{AttemptId, Entry, HistoryKey, Millis, RunId, Sample, SpecIndex, Timestamp};
use sqlx::postgres::PgRow;

const READING: &str = "read entries";
const FORECASTING: &str = "read the history for forecasts";
const LISTING: &str = "list the history";

/// The page is cut at the server: what has left it has to be read. `bytes` counts the entries before this one.
const PAGE: &str = "SELECT number, at, format, body FROM ( \
                        SELECT *, coalesce(sum(octet_length(body)) OVER (ORDER BY number \
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes \
                        FROM (SELECT number, at, format, body FROM entries \
                              WHERE run = (SELECT key FROM runs WHERE id = $1) AND number > $2 \
                              ORDER BY number LIMIT $3) AS newer \
                    ) AS page WHERE bytes < $4 ORDER BY number";

/// Two arrays for each series: a row for each sample would cost several times as much to hand over.
const SAMPLES: &str = "SELECT n.place, h.ats, h.durations \
                       FROM unnest($1::BYTEA[]) WITH ORDINALITY AS n (key, place) CROSS JOIN LATERAL ( \
                           SELECT array_agg(at) AS ats, array_agg(duration_ms) AS durations \
                           FROM (SELECT at, duration_ms FROM history WHERE series = n.key AND counts \
                                 ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT $2) AS newest \
                       ) AS h WHERE h.ats IS NOT NULL";

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

    pub(super) async fn samples(
        &self,
        keys: &[HistoryKey],
        per_spec: usize,
    ) -> Result<Vec<Vec<Sample>>, StoreError> {
        let mut found = vec![Vec::new(); keys.len()];
        for (chunk, places) in keys.chunks(SERIES_PER_QUERY).zip(found.chunks_mut(SERIES_PER_QUERY)) {
            let query = sqlx::query(SAMPLES)
                .bind(chunk.iter().map(series_key).collect::<Vec<_>>())
                .bind(limited(per_spec, HISTORY_PER_SPEC));
            for row in self.requests.rows(FORECASTING, query).await? {
                let columns = Columns { row: &row, server: &self.server, doing: FORECASTING };
                let place: usize = columns.number("place")?;
                if let Some(samples) = place.checked_sub(1).and_then(|place| places.get_mut(place)) {
                    *samples = read_samples(&columns)?;
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn ended_attempts(&self, query: &HistoryQuery) -> Result<Vec<HistoryRow>, StoreError> {
        let statement = sqlx::query(
            "SELECT s.project, s.suite, s.class, s.spec AS name, h.at, h.run, h.spec, h.attempt, h.duration_ms, \
                    h.verdict, h.counts \
             FROM series AS s JOIN history AS h ON h.series = s.key \
             WHERE ($1::TEXT IS NULL OR s.project = $1) AND s.spec LIKE $2 \
             ORDER BY h.at DESC, h.run DESC, h.spec DESC, h.attempt DESC LIMIT $3",
        )
        .bind(query.project.as_deref().map(storable))
        .bind(storable(&text::postgres_like(&query.spec)))
        .bind(limited(query.limit, ROWS_PER_LIST));
        let ended = |row| {
            let columns = Columns { row, server: &self.server, doing: LISTING };
            Ok(HistoryRow {
                key: HistoryKey {
                    project: columns.text("project")?,
                    suite: columns.text("suite")?,
                    class: columns.text("class")?,
                    spec: columns.text("name")?,
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
        self.requests.rows(LISTING, statement).await?.iter().map(ended).collect()
    }
}

fn read_samples(columns: &Columns<'_>) -> Result<Vec<Sample>, StoreError> {
    let (ats, durations): (Vec<i64>, Vec<i64>) = (columns.get("ats")?, columns.get("durations")?);
    let number = |value: i64| u64::try_from(value).map_err(|_| columns.odd("history", value));
    let sample = |(at, duration)| {
        Ok(Sample { at: Timestamp(number(at)?), duration: Millis(number(duration)?), tests: None })
    };
    let mut samples =
        ats.into_iter().zip(durations).rev().map(sample).collect::<Result<Vec<_>, StoreError>>()?;
    // They are in order already, but an aggregate over a sorted table only happens to keep its order.
    samples.sort_by_key(|sample| sample.at);
    Ok(samples)
}
