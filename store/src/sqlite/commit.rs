//! Recording entries, and in the same transaction what is derived from them.

use super::open::SqliteStore;
use super::row::{Columns, stored, submission_text};
use crate::projection::{self, RunBatch};
use crate::{CommitError, Progress, Realm, RunCounts, RunRow, StoreError, text};
use part_core::{Entry, Record, SubmissionId, Term};
use serde::Serialize;
use sqlx::{Connection, SqliteConnection};

const COMMITTING: &str = "record entries";

/// How `entries.body` is encoded: a record as JSON.
pub(super) const FORMAT_JSON: i64 = 1;

macro_rules! row {
    () => {
        "(?, ?, ?, ?, ?)"
    };
}
macro_rules! eight_rows {
    () => {
        concat!(
            row!(),
            ",",
            row!(),
            ",",
            row!(),
            ",",
            row!(),
            ",",
            row!(),
            ",",
            row!(),
            ",",
            row!(),
            ",",
            row!()
        )
    };
}
macro_rules! insert {
    ($($rows:expr),+) => {
        concat!("INSERT INTO entries (run, number, at, format, body) VALUES ", $($rows),+)
    };
}

/// Statements that insert many rows at once, the largest first. A statement costs a turn to the connection's
/// thread and back, so a batch takes few of them; a fixed set of texts keeps them prepared.
const INSERTS: [(usize, &str); 3] = [
    (
        64,
        insert!(
            eight_rows!(),
            ",",
            eight_rows!(),
            ",",
            eight_rows!(),
            ",",
            eight_rows!(),
            ",",
            eight_rows!(),
            ",",
            eight_rows!(),
            ",",
            eight_rows!(),
            ",",
            eight_rows!()
        ),
    ),
    (8, insert!(eight_rows!())),
    (1, insert!(row!())),
];

/// An entry, ready for its row.
struct Encoded {
    /// Place of its run among the runs of the batch.
    run: usize,
    number: i64,
    at: i64,
    body: String,
}

/// A blob that a run refers to, as the statement that inserts it reads it.
#[derive(Serialize)]
struct Referred(i64, String, u64, bool);

/// A row of the history, as the statements that insert it read it.
#[derive(Serialize)]
struct Ended<'a>(
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    i64,
    String,
    u32,
    u32,
    i64,
    &'static str,
    bool,
    Option<i64>,
);

/// An attempt that shares a process, as the statement that inserts it reads it.
#[derive(Serialize)]
struct Batched(String, u32, u32);

impl SqliteStore {
    pub(super) async fn record(
        &self,
        realm: &Realm,
        term: Term,
        entries: &[Entry],
    ) -> Result<(), CommitError> {
        let error = |error| self.place.error(COMMITTING, error);
        // Encoded before the lock is taken, so that other processes wait for the disk only.
        let batches = projection::by_run(entries);
        let rows = self.encode(&batches)?;
        let ended = self.encode_history(entries)?;

        let mut lease = self.writer(COMMITTING).await?;
        let mut transaction = lease.connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        let keys = match self.advance_runs(&mut transaction, realm, term, &batches).await {
            Ok(keys) => keys,
            Err(refused @ (CommitError::Superseded { .. } | CommitError::Misfit { .. })) => {
                transaction.rollback().await.map_err(error)?;
                lease.give_back();
                return Err(refused);
            }
            Err(failed @ CommitError::Store(_)) => return Err(failed),
        };
        self.insert_entries(&mut transaction, &keys, rows).await?;
        self.insert_batched(&mut transaction, entries).await?;
        if let Some(ended) = ended {
            self.insert_history(&mut transaction, &ended).await?;
        }
        self.insert_references(&mut transaction, &keys, &batches).await?;
        transaction.commit().await.map_err(error)?;
        lease.give_back();
        Ok(())
    }

    fn encode(&self, batches: &[RunBatch<'_>]) -> Result<Vec<Encoded>, StoreError> {
        let mut rows = Vec::with_capacity(batches.iter().map(|batch| batch.entries.len()).sum());
        for (run, batch) in batches.iter().enumerate() {
            for entry in &batch.entries {
                rows.push(Encoded {
                    run,
                    number: stored(&self.place, COMMITTING, entry.number)?,
                    at: stored(&self.place, COMMITTING, entry.at.0)?,
                    body: self.json(&entry.record)?,
                });
            }
        }
        Ok(rows)
    }

    fn encode_history(&self, entries: &[Entry]) -> Result<Option<String>, StoreError> {
        let mut ended = Vec::new();
        for entry in entries {
            let Record::AttemptFinished { key, .. } = &entry.record else { continue };
            let Some(row) = projection::history_row(entry) else { continue };
            ended.push(Ended(
                &key.project,
                &key.suite,
                &key.class,
                &key.spec,
                stored(&self.place, COMMITTING, row.at.0)?,
                row.attempt.run.to_string(),
                row.attempt.spec.0,
                row.attempt.number,
                stored(&self.place, COMMITTING, row.duration.0)?,
                text::attempt_verdict_word(row.verdict),
                row.counts,
                row.tests.map(|tests| stored(&self.place, COMMITTING, tests.0)).transpose()?,
            ));
        }
        if ended.is_empty() { Ok(None) } else { self.json(&ended).map(Some) }
    }

    fn json(&self, value: &impl Serialize) -> Result<String, StoreError> {
        serde_json::to_string(value)
            .map_err(|error| self.place.error(COMMITTING, sqlx::Error::Encode(error.into())))
    }

    /// Checks the term and every run's numbers, and brings the runs' rows up to date. Returns the runs' keys.
    async fn advance_runs(
        &self,
        connection: &mut SqliteConnection,
        realm: &Realm,
        term: Term,
        batches: &[RunBatch<'_>],
    ) -> Result<Vec<i64>, CommitError> {
        self.check_term(connection, realm, term, COMMITTING).await?;
        let mut keys = Vec::with_capacity(batches.len());
        for batch in batches {
            let (key, before) = match self.stored_progress(connection, realm, batch).await? {
                Some(known) => known,
                None => {
                    let row = batch.opens(realm).ok_or_else(|| batch.misfit("its run was never opened"))?;
                    (self.insert_run(connection, batch, &row).await?, row.progress)
                }
            };
            let after = batch.advance(before)?;
            self.join(connection, key, batch).await?;
            self.update_run(connection, key, &after).await?;
            keys.push(key);
        }
        Ok(keys)
    }

    /// The run's key and progress (without its end), if the run is known.
    async fn stored_progress(
        &self,
        connection: &mut SqliteConnection,
        realm: &Realm,
        batch: &RunBatch<'_>,
    ) -> Result<Option<(i64, Progress)>, CommitError> {
        let row = sqlx::query(
            "SELECT key, realm, last_number, specs, passed, flaky, carried, failed, cancelled, cancelling \
             FROM runs WHERE id = ?1",
        )
        .bind(batch.run.to_string())
        .fetch_optional(connection)
        .await
        .map_err(|error| self.place.error(COMMITTING, error))?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { row: &row, place: &self.place, doing: COMMITTING };
        if columns.get::<&str>("realm")? != realm.as_str() {
            return Err(batch.misfit("its run belongs to another realm"));
        }
        let progress = Progress {
            last_number: columns.number("last_number")?,
            counts: RunCounts::read(&columns)?,
            cancelling: columns.get("cancelling")?,
            finished: None,
        };
        Ok(Some((columns.get("key")?, progress)))
    }

    async fn insert_run(
        &self,
        connection: &mut SqliteConnection,
        batch: &RunBatch<'_>,
        row: &RunRow,
    ) -> Result<i64, CommitError> {
        let error = |error| self.place.error(COMMITTING, error);
        let submission = self.untaken(connection, batch, row.submission).await?;
        let done = sqlx::query(
            "INSERT INTO runs (id, realm, submission, project, build, attempt, user, host, revision, branch, \
                 rerun_of, url, ci, opened_at, last_number, specs, passed, flaky, carried, failed, cancelled, \
                 cancelling) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0)",
        )
        .bind(row.id.to_string())
        .bind(row.realm.as_str())
        .bind(submission)
        .bind(&row.project)
        .bind(&row.build)
        .bind(row.attempt)
        .bind(&row.source.user)
        .bind(&row.source.host)
        .bind(&row.source.commit)
        .bind(&row.source.branch)
        .bind(row.source.rerun_of.map(|run| run.to_string()))
        .bind(&row.source.url)
        .bind(&row.source.ci)
        .bind(stored(&self.place, COMMITTING, row.opened_at.0)?)
        .execute(connection)
        .await
        .map_err(error)?;
        Ok(done.last_insert_rowid())
    }

    /// The text of a submission that no run is made of yet.
    async fn untaken(
        &self,
        connection: &mut SqliteConnection,
        batch: &RunBatch<'_>,
        submission: SubmissionId,
    ) -> Result<String, CommitError> {
        let submission = submission_text(submission);
        let taken: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM runs WHERE submission = ?1) \
                 OR EXISTS (SELECT 1 FROM joined WHERE submission = ?1)",
        )
        .bind(&submission)
        .fetch_one(connection)
        .await
        .map_err(|error| self.place.error(COMMITTING, error))?;
        if taken { Err(batch.misfit(projection::TAKEN)) } else { Ok(submission) }
    }

    /// Notes the submissions that join the run.
    async fn join(
        &self,
        connection: &mut SqliteConnection,
        key: i64,
        batch: &RunBatch<'_>,
    ) -> Result<(), CommitError> {
        let error = |error| self.place.error(COMMITTING, error);
        let joins = batch.joins();
        if joins.drops_newest {
            sqlx::query(
                "DELETE FROM joined WHERE run = ?1 AND number = (SELECT max(number) FROM joined WHERE run = ?1)",
            )
            .bind(key)
            .execute(&mut *connection)
            .await
            .map_err(error)?;
        }
        for (submission, number) in joins.joined {
            let submission = self.untaken(connection, batch, submission).await?;
            sqlx::query("INSERT INTO joined (submission, run, number) VALUES (?, ?, ?)")
                .bind(submission)
                .bind(key)
                .bind(stored(&self.place, COMMITTING, number)?)
                .execute(&mut *connection)
                .await
                .map_err(error)?;
        }
        Ok(())
    }

    async fn update_run(
        &self,
        connection: &mut SqliteConnection,
        key: i64,
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let error = |error| self.place.error(COMMITTING, error);
        let counts = progress.counts;
        sqlx::query(
            "UPDATE runs SET last_number = ?, specs = ?, passed = ?, flaky = ?, carried = ?, failed = ?, \
                 cancelled = ?, cancelling = ? WHERE key = ?",
        )
        .bind(stored(&self.place, COMMITTING, progress.last_number)?)
        .bind(counts.specs)
        .bind(counts.passed)
        .bind(counts.flaky)
        .bind(counts.carried)
        .bind(counts.failed)
        .bind(counts.cancelled)
        .bind(progress.cancelling)
        .bind(key)
        .execute(&mut *connection)
        .await
        .map_err(error)?;
        let Some(finished) = &progress.finished else { return Ok(()) };
        sqlx::query("UPDATE runs SET finished_at = ?, verdict = ?, summary = ? WHERE key = ?")
            .bind(stored(&self.place, COMMITTING, finished.at.0)?)
            .bind(text::run_verdict_word(finished.verdict))
            .bind(self.json(&finished.summary)?)
            .bind(key)
            .execute(&mut *connection)
            .await
            .map_err(error)?;
        sqlx::query("DELETE FROM batched WHERE run = (SELECT id FROM runs WHERE key = ?1)")
            .bind(key)
            .execute(connection)
            .await
            .map_err(error)?;
        Ok(())
    }

    async fn insert_entries(
        &self,
        connection: &mut SqliteConnection,
        keys: &[i64],
        rows: Vec<Encoded>,
    ) -> Result<(), StoreError> {
        let mut rows = rows.into_iter();
        for (size, statement) in INSERTS {
            while rows.len() >= size {
                let mut query = sqlx::query(statement);
                for row in rows.by_ref().take(size) {
                    let key = keys.get(row.run).copied();
                    query = query.bind(key).bind(row.number).bind(row.at).bind(FORMAT_JSON).bind(row.body);
                }
                query.execute(&mut *connection).await.map_err(|error| self.place.error(COMMITTING, error))?;
            }
        }
        Ok(())
    }

    /// Remembers the attempts that share a process.
    async fn insert_batched(
        &self,
        connection: &mut SqliteConnection,
        entries: &[Entry],
    ) -> Result<(), StoreError> {
        let shared = entries.iter().filter_map(projection::shares_process);
        let shared: Vec<Batched> =
            shared.map(|id| Batched(id.run.to_string(), id.spec.0, id.number)).collect();
        if shared.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO batched (run, spec, attempt) \
             SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
        )
        .bind(self.json(&shared)?)
        .execute(connection)
        .await
        .map_err(|error| self.place.error(COMMITTING, error))?;
        Ok(())
    }

    async fn insert_history(&self, connection: &mut SqliteConnection, ended: &str) -> Result<(), StoreError> {
        let error = |error| self.place.error(COMMITTING, error);
        sqlx::query(
            "INSERT INTO series (project, suite, class, spec) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true \
             ON CONFLICT DO NOTHING",
        )
        .bind(ended)
        .execute(&mut *connection)
        .await
        .map_err(error)?;
        sqlx::query(
            "INSERT INTO history (series, at, run, spec, attempt, duration_ms, verdict, counts, tests_ms, batched) \
             SELECT s.key, e.value ->> 4, e.value ->> 5, e.value ->> 6, e.value ->> 7, e.value ->> 8, \
                    e.value ->> 9, e.value ->> 10, e.value ->> 11, \
                    EXISTS (SELECT 1 FROM batched AS b WHERE b.run = e.value ->> 5 AND b.spec = e.value ->> 6 \
                            AND b.attempt = e.value ->> 7) \
             FROM json_each(?1) AS e CROSS JOIN series AS s \
               ON s.project = e.value ->> 0 AND s.suite = e.value ->> 1 \
              AND s.class = e.value ->> 2 AND s.spec = e.value ->> 3",
        )
        .bind(ended)
        .execute(connection)
        .await
        .map_err(error)?;
        Ok(())
    }

    async fn insert_references(
        &self,
        connection: &mut SqliteConnection,
        keys: &[i64],
        batches: &[RunBatch<'_>],
    ) -> Result<(), StoreError> {
        let mut referred = Vec::new();
        for (key, batch) in keys.iter().zip(batches) {
            let uses = batch.entries.iter().flat_map(|entry| projection::blobs_of(&entry.record));
            referred
                .extend(uses.map(|used| Referred(*key, used.digest.to_string(), used.bytes, used.manifest)));
        }
        if referred.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT OR IGNORE INTO blob_refs (run, digest, bytes, manifest) \
             SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3 FROM json_each(?1)",
        )
        .bind(self.json(&referred)?)
        .execute(connection)
        .await
        .map_err(|error| self.place.error(COMMITTING, error))?;
        Ok(())
    }
}
