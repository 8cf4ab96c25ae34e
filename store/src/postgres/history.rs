//! Reading the history of specs.

use super::open::PostgresStore;
use super::row::{Columns, limited, storable};
use super::rows::series_key;
use crate::bounds::{CLASSES_PER_SUITE, HISTORY_PER_SPEC, ROWS_PER_LIST, SERIES_PER_QUERY};
use crate::{HistoryQuery, HistoryRow, Measured, SpecHistory, StoreError, text};
use part_core::{AttemptId, HistoryKey, Millis, Sample, SpecIndex, Timestamp};

const FORECASTING: &str = "read the history for forecasts";
const PASSES: &str = "look for attempts that passed";
const CLASSES: &str = "list the classes of a suite";
const LISTING: &str = "list the history";

/// Arrays for each series: a row for each sample would cost several times as much to hand over.
const SAMPLES: &str = concat!(
    "SELECT n.place, h.ats, h.durations, h.tests, h.batched, l.verdict \
     FROM unnest($1::BYTEA[]) WITH ORDINALITY AS n (key, place) CROSS JOIN LATERAL ( \
         SELECT array_agg(at) AS ats, array_agg(duration_ms) AS durations, \
                array_agg(coalesce(tests_ms, -1)) AS tests, array_agg(batched) AS batched \
         FROM (SELECT at, duration_ms, tests_ms, batched FROM history WHERE series = n.key AND counts \
               ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT $2) AS newest \
     ) AS h LEFT JOIN LATERAL ( \
         SELECT verdict FROM history WHERE series = n.key AND verdict NOT IN (",
    text::says_nothing!(),
    ")    ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT 1 \
     ) AS l ON true WHERE h.ats IS NOT NULL OR l.verdict IS NOT NULL"
);

const NEWEST_PASSES: &str = "SELECT n.place, p.run, p.spec, p.attempt \
     FROM unnest($1::BYTEA[]) WITH ORDINALITY AS n (key, place) CROSS JOIN LATERAL ( \
         SELECT run, spec, attempt FROM history WHERE series = n.key AND verdict = 'passed' \
         ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT 1 \
     ) AS p";

/// The beginnings of the names are what the index has of them.
const CLASSES_OF_SUITE: &str = "SELECT DISTINCT class FROM series \
     WHERE left(project, 100) = left($1, 100) AND left(suite, 100) = left($2, 100) \
       AND project = $1 AND suite = $2 ORDER BY class LIMIT $3";

impl PostgresStore {
    pub(super) async fn spec_histories(
        &self,
        keys: &[HistoryKey],
        per_spec: usize,
    ) -> Result<Vec<SpecHistory>, StoreError> {
        let mut found = vec![SpecHistory::default(); keys.len()];
        for (chunk, places) in keys.chunks(SERIES_PER_QUERY).zip(found.chunks_mut(SERIES_PER_QUERY)) {
            let query = sqlx::query(SAMPLES)
                .bind(chunk.iter().map(series_key).collect::<Vec<_>>())
                .bind(limited(per_spec, HISTORY_PER_SPEC));
            for row in self.requests.rows(FORECASTING, query).await? {
                let columns = Columns { row: &row, server: &self.server, doing: FORECASTING };
                let place: usize = columns.number("place")?;
                let Some(place) = place.checked_sub(1).and_then(|place| places.get_mut(place)) else {
                    continue;
                };
                place.samples = read_samples(&columns)?;
                if columns.get::<Option<&str>>("verdict")?.is_some() {
                    place.last = Some(columns.attempt_verdict("verdict")?);
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn passes(&self, keys: &[HistoryKey]) -> Result<Vec<Option<AttemptId>>, StoreError> {
        let mut found = vec![None; keys.len()];
        for (chunk, places) in keys.chunks(SERIES_PER_QUERY).zip(found.chunks_mut(SERIES_PER_QUERY)) {
            let query = sqlx::query(NEWEST_PASSES).bind(chunk.iter().map(series_key).collect::<Vec<_>>());
            for row in self.requests.rows(PASSES, query).await? {
                let columns = Columns { row: &row, server: &self.server, doing: PASSES };
                let place: usize = columns.number("place")?;
                if let Some(place) = place.checked_sub(1).and_then(|place| places.get_mut(place)) {
                    *place = Some(attempt(&columns)?);
                }
            }
        }
        Ok(found)
    }

    pub(super) async fn classes_of_suite(
        &self,
        project: &str,
        suite: &str,
    ) -> Result<Vec<String>, StoreError> {
        let query = sqlx::query(CLASSES_OF_SUITE)
            .bind(storable(project))
            .bind(storable(suite))
            .bind(CLASSES_PER_SUITE as i64);
        let rows = self.requests.rows(CLASSES, query).await?;
        rows.iter().map(|row| Columns { row, server: &self.server, doing: CLASSES }.text("class")).collect()
    }

    pub(super) async fn ended_attempts(&self, query: &HistoryQuery) -> Result<Vec<HistoryRow>, StoreError> {
        let statement = sqlx::query(
            "SELECT s.project, s.suite, s.class, s.spec AS name, h.at, h.run, h.spec, h.attempt, h.duration_ms, \
                    h.tests_ms, h.batched, h.verdict, h.counts \
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
                attempt: attempt(&columns)?,
                at: Timestamp(columns.number("at")?),
                duration: Millis(columns.number("duration_ms")?),
                tests: columns.optional_number("tests_ms")?.map(Millis),
                batched: columns.get("batched")?,
                verdict: columns.attempt_verdict("verdict")?,
                counts: columns.get("counts")?,
            })
        };
        self.requests.rows(LISTING, statement).await?.iter().map(ended).collect()
    }
}

fn attempt(columns: &Columns<'_>) -> Result<AttemptId, StoreError> {
    Ok(AttemptId {
        run: columns.run("run")?,
        spec: SpecIndex(columns.number("spec")?),
        number: columns.number("attempt")?,
    })
}

fn read_samples(columns: &Columns<'_>) -> Result<Vec<Measured>, StoreError> {
    let numbers = |column| Ok(columns.get::<Option<Vec<i64>>>(column)?.unwrap_or_default());
    let (ats, durations, tests) = (numbers("ats")?, numbers("durations")?, numbers("tests")?);
    let batched: Vec<bool> = columns.get::<Option<Vec<bool>>>("batched")?.unwrap_or_default();
    let number = |value: i64| u64::try_from(value).map_err(|_| columns.odd("history", value));
    let sample = |(((at, duration), tests), batched): (((i64, i64), i64), bool)| {
        // -1 stands for none: an array of what may be missing would cost as much again.
        let tests = u64::try_from(tests).ok().map(Millis);
        let sample = Sample { at: Timestamp(number(at)?), duration: Millis(number(duration)?), tests };
        Ok(Measured { sample, batched })
    };
    let rows = ats.into_iter().zip(durations).zip(tests).zip(batched);
    let mut samples = rows.rev().map(sample).collect::<Result<Vec<_>, StoreError>>()?;
    // They are in order already, but an aggregate over a sorted table only happens to keep its order.
    samples.sort_by_key(|measured| measured.sample.at);
    Ok(samples)
}
