//! Reading the history of specs.

use super::open::SqliteStore;
use super::row::{Columns, limited};
use crate::bounds::{CLASSES_PER_SUITE, HISTORY_PER_SPEC, ROWS_PER_LIST, SERIES_PER_QUERY};
use crate::{HistoryQuery, HistoryRow, Measured, SpecHistory, StoreError, text};
use futures::TryStreamExt;
use part_core::{AttemptId, HistoryKey, Millis, Sample, SpecIndex, Timestamp};

const FORECASTING: &str = "read the history for forecasts";
const PASSES: &str = "look for attempts that passed";
const CLASSES: &str = "list the classes of a suite";
const LISTING: &str = "list the history";

/// Joins the names handed over as JSON with their series.
macro_rules! series_of_names {
    () => {
        "FROM json_each(?1) AS n CROSS JOIN series AS s \
           ON s.project = n.value ->> 0 AND s.suite = n.value ->> 1 \
          AND s.class = n.value ->> 2 AND s.spec = n.value ->> 3"
    };
}

/// One text for each series: a row for each sample would cost ten times as much to hand over.
const SAMPLES: &str = concat!(
    "SELECT n.key, \
            (SELECT group_concat(at || ' ' || duration_ms || ' ' || batched || ' ' || coalesce(tests_ms, ''), ',') \
             FROM (SELECT at, duration_ms, batched, tests_ms FROM history AS h \
                   WHERE h.series = s.key AND h.counts = 1 \
                   ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT ?2)), \
            (SELECT verdict FROM history AS h WHERE h.series = s.key AND verdict NOT IN (",
    text::says_nothing!(),
    ") ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT 1) ",
    series_of_names!()
);

const NEWEST_PASSES: &str = concat!(
    "SELECT n.key AS place, h.run, h.spec, h.attempt ",
    series_of_names!(),
    " JOIN history AS h ON h.series = s.key AND (h.at, h.run, h.spec, h.attempt) = \
          (SELECT at, run, spec, attempt FROM history WHERE series = s.key AND verdict = 'passed' \
           ORDER BY at DESC, run DESC, spec DESC, attempt DESC LIMIT 1)"
);

/// From one class to the next through the index, however many specs are in between.
const CLASSES_OF_SUITE: &str = "WITH RECURSIVE class (name) AS ( \
         SELECT min(class) FROM series WHERE project = ?1 AND suite = ?2 \
         UNION ALL \
         SELECT (SELECT min(class) FROM series WHERE project = ?1 AND suite = ?2 AND class > name) \
         FROM class WHERE name IS NOT NULL LIMIT ?3 \
     ) SELECT name FROM class WHERE name IS NOT NULL";

impl SqliteStore {
    pub(super) async fn spec_histories(
        &self,
        keys: &[HistoryKey],
        per_spec: usize,
    ) -> Result<Vec<SpecHistory>, StoreError> {
        let error = |error| self.place.error(FORECASTING, error);
        let mut found = vec![SpecHistory::default(); keys.len()];
        for (chunk, places) in keys.chunks(SERIES_PER_QUERY).zip(found.chunks_mut(SERIES_PER_QUERY)) {
            let mut rows = sqlx::query_as::<_, (i64, Option<String>, Option<String>)>(SAMPLES)
                .bind(self.names(chunk, FORECASTING)?)
                .bind(limited(per_spec, HISTORY_PER_SPEC))
                .fetch(&self.readers);
            while let Some((place, samples, last)) = rows.try_next().await.map_err(error)? {
                let odd = |text: &str| self.place.damaged(FORECASTING, format!("a history reads {text:?}"));
                let place = usize::try_from(place).ok().and_then(|place| places.get_mut(place));
                let Some(place) = place else { continue };
                if let Some(samples) = samples {
                    place.samples = parse_samples(&samples).ok_or_else(|| odd(&samples))?;
                }
                let verdict = |word: String| text::attempt_verdict(&word).ok_or_else(|| odd(&word));
                place.last = last.map(verdict).transpose()?;
            }
        }
        Ok(found)
    }

    pub(super) async fn passes(&self, keys: &[HistoryKey]) -> Result<Vec<Option<AttemptId>>, StoreError> {
        let mut found = vec![None; keys.len()];
        for (chunk, places) in keys.chunks(SERIES_PER_QUERY).zip(found.chunks_mut(SERIES_PER_QUERY)) {
            let rows = sqlx::query(NEWEST_PASSES)
                .bind(self.names(chunk, PASSES)?)
                .fetch_all(&self.readers)
                .await
                .map_err(|error| self.place.error(PASSES, error))?;
            for row in &rows {
                let columns = Columns { row, place: &self.place, doing: PASSES };
                let place: usize = columns.number("place")?;
                if let Some(place) = places.get_mut(place) {
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
        sqlx::query_scalar(CLASSES_OF_SUITE)
            .bind(project)
            .bind(suite)
            .bind(CLASSES_PER_SUITE as i64)
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.place.error(CLASSES, error))
    }

    /// The names of series, as the statements take them.
    fn names(&self, keys: &[HistoryKey], doing: &'static str) -> Result<String, StoreError> {
        let names: Vec<[&str; 4]> =
            keys.iter().map(|key| [&*key.project, &*key.suite, &*key.class, &*key.spec]).collect();
        serde_json::to_string(&names)
            .map_err(|cause| self.place.error(doing, sqlx::Error::Encode(cause.into())))
    }

    pub(super) async fn ended_attempts(&self, query: &HistoryQuery) -> Result<Vec<HistoryRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.project, s.suite, s.class, s.spec AS name, h.at, h.run, h.spec, h.attempt, h.duration_ms, \
                    h.tests_ms, h.batched, h.verdict, h.counts \
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
                attempt: attempt(&columns)?,
                at: Timestamp(columns.number("at")?),
                duration: Millis(columns.number("duration_ms")?),
                tests: columns.optional_number("tests_ms")?.map(Millis),
                batched: columns.get("batched")?,
                verdict: columns.attempt_verdict("verdict")?,
                counts: columns.get("counts")?,
            })
        };
        rows.iter().map(ended).collect()
    }
}

fn attempt(columns: &Columns<'_>) -> Result<AttemptId, StoreError> {
    Ok(AttemptId {
        run: columns.run("run")?,
        spec: SpecIndex(columns.number("spec")?),
        number: columns.number("attempt")?,
    })
}

/// Reads `at duration batched tests,…`, which comes newest first; `tests` may be empty.
fn parse_samples(text: &str) -> Option<Vec<Measured>> {
    let sample = |words: &str| {
        let mut words = words.split(' ');
        let at = Timestamp(words.next()?.parse().ok()?);
        let duration = Millis(words.next()?.parse().ok()?);
        let batched = words.next()? == "1";
        let tests = match words.next()? {
            "" => None,
            tests => Some(Millis(tests.parse().ok()?)),
        };
        Some(Measured { sample: Sample { at, duration, tests }, batched })
    };
    let mut samples: Vec<Measured> = text.rsplit(',').map(sample).collect::<Option<_>>()?;
    // They are in order already, but an aggregate does not promise it, and ordering it there costs half as much again.
    samples.sort_by_key(|measured| measured.sample.at);
    Some(samples)
}
