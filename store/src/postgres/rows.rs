//! The rows of a batch, column by column, as `commit.sql` takes them.

use super::commit::{COMMITTING, json};
use super::row::{storable, submission_text};
use super::server::Server;
use crate::projection::{self, RunBatch};
use crate::{HistoryRow, StoreError, text};
use part_core::HistoryKey;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use std::collections::BTreeMap;

/// Bytes of the digest that stands for the four names of a series: enough for no two to share one.
const SERIES_KEY_BYTES: usize = 16;

/// The rows of a batch but for those of its runs.
#[derive(Default)]
pub(super) struct Rows {
    places: Vec<i32>,
    numbers: Vec<i64>,
    ats: Vec<i64>,
    bodies: Vec<String>,
    /// By digest: sorted, so that two realms that write the same series take their locks in one order.
    series: BTreeMap<Vec<u8>, [String; 4]>,
    ended: Ended,
    blobs: Blobs,
    joins: Joins,
    batched: Batched,
}

#[derive(Default)]
struct Ended {
    series: Vec<Vec<u8>>,
    ats: Vec<i64>,
    durations: Vec<i64>,
    specs: Vec<i64>,
    attempts: Vec<i64>,
    counts: Vec<bool>,
    verdicts: Vec<&'static str>,
    runs: Vec<String>,
    tests: Vec<Option<i64>>,
}

/// Submissions that join runs, and places of runs whose newest one is dropped first.
#[derive(Default)]
struct Joins {
    places: Vec<i32>,
    submissions: Vec<String>,
    numbers: Vec<i64>,
    drops: Vec<i32>,
}

/// Attempts that share a process.
#[derive(Default)]
struct Batched {
    runs: Vec<String>,
    specs: Vec<i64>,
    attempts: Vec<i64>,
}

#[derive(Default)]
struct Blobs {
    places: Vec<i32>,
    digests: Vec<Vec<u8>>,
    bytes: Vec<i64>,
    manifests: Vec<bool>,
}

impl Rows {
    pub(super) fn of(server: &Server, batches: &[RunBatch<'_>]) -> Result<Rows, StoreError> {
        let mut rows = Rows::default();
        for (place, batch) in batches.iter().enumerate() {
            rows.join(server, place as i32, batch)?;
            for entry in &batch.entries {
                rows.places.push(place as i32);
                rows.numbers.push(server.stored(COMMITTING, entry.number)?);
                rows.ats.push(server.stored(COMMITTING, entry.at.0)?);
                rows.bodies.push(json(server, &entry.record)?);
                if let Some(shares) = projection::shares_process(entry) {
                    rows.batched.runs.push(shares.run.to_string());
                    rows.batched.specs.push(shares.spec.0.into());
                    rows.batched.attempts.push(shares.number.into());
                }
                if let Some(row) = projection::history_row(entry) {
                    rows.end(server, &row)?;
                }
                for used in projection::blobs_of(&entry.record) {
                    rows.blobs.places.push(place as i32);
                    rows.blobs.digests.push(used.digest.as_bytes().to_vec());
                    rows.blobs.bytes.push(server.stored(COMMITTING, used.bytes)?);
                    rows.blobs.manifests.push(used.manifest);
                }
            }
        }
        Ok(rows)
    }

    fn join(&mut self, server: &Server, place: i32, batch: &RunBatch<'_>) -> Result<(), StoreError> {
        let joins = batch.joins();
        self.joins.drops.extend(joins.drops_newest.then_some(place));
        for (submission, number) in joins.joined {
            self.joins.places.push(place);
            self.joins.submissions.push(submission_text(submission));
            self.joins.numbers.push(server.stored(COMMITTING, number)?);
        }
        Ok(())
    }

    fn end(&mut self, server: &Server, row: &HistoryRow) -> Result<(), StoreError> {
        let key = series_key(&row.key);
        let HistoryKey { project, suite, class, spec } = &row.key;
        let names = || [project, suite, class, spec].map(|name| storable(name));
        self.series.entry(key.clone()).or_insert_with(names);
        self.ended.series.push(key);
        self.ended.ats.push(server.stored(COMMITTING, row.at.0)?);
        self.ended.durations.push(server.stored(COMMITTING, row.duration.0)?);
        self.ended.specs.push(row.attempt.spec.0.into());
        self.ended.attempts.push(row.attempt.number.into());
        self.ended.counts.push(row.counts);
        self.ended.verdicts.push(text::attempt_verdict_word(row.verdict));
        self.ended.runs.push(row.attempt.run.to_string());
        let tests = row.tests.map(|tests| server.stored(COMMITTING, tests.0)).transpose()?;
        self.ended.tests.push(tests);
        Ok(())
    }

    /// Adds the columns to the statement in `commit.sql`, after its runs.
    pub(super) fn bind_to<'q>(
        self,
        query: Query<'q, Postgres, PgArguments>,
    ) -> Query<'q, Postgres, PgArguments> {
        let (mut keys, mut names) = (Vec::with_capacity(self.series.len()), [const { Vec::new() }; 4]);
        for (key, of_key) in self.series {
            keys.push(key);
            for (column, name) in names.iter_mut().zip(of_key) {
                column.push(name);
            }
        }
        let query = query.bind(self.places).bind(self.numbers).bind(self.ats).bind(self.bodies).bind(keys);
        let query = names.into_iter().fold(query, Query::bind);
        let Ended { series, ats, durations, specs, attempts, counts, verdicts, runs, tests } = self.ended;
        let query = query.bind(series).bind(ats).bind(durations).bind(specs).bind(attempts);
        let query = query.bind(counts).bind(verdicts).bind(runs).bind(tests);
        let Blobs { places, digests, bytes, manifests } = self.blobs;
        let query = query.bind(places).bind(digests).bind(bytes).bind(manifests);
        let Joins { places, submissions, numbers, drops } = self.joins;
        let query = query.bind(places).bind(submissions).bind(numbers).bind(drops);
        let Batched { runs, specs, attempts } = self.batched;
        query.bind(runs).bind(specs).bind(attempts)
    }
}

/// What stands for the four names of a series. Their lengths are part of it, so that no two sets of names give the
/// same bytes.
pub(super) fn series_key(key: &HistoryKey) -> Vec<u8> {
    let HistoryKey { project, suite, class, spec } = key;
    let mut hasher = blake3::Hasher::new();
    for name in [project, suite, class, spec] {
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
    }
    hasher.finalize().as_bytes()[..SERIES_KEY_BYTES].to_vec()
}
