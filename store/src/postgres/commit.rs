//! Recording entries, and in the same transaction what is derived from them.

use super::lane::{Lane, Lease};
use super::open::PostgresStore;
use super::row::{Columns, storable, submission_text};
use super::rows::Rows;
use super::server::Server;
use crate::projection::{self, RunBatch, TAKEN};
use crate::{CommitError, Progress, Realm, RunCounts, RunRow, StoreError, text};
use part_core::{Entry, RunId, Term};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use std::collections::{HashMap, HashSet};
use std::panic;
use std::sync::Arc;
use tokio::time::Instant;

pub(super) const COMMITTING: &str = "record entries";

/// How `entries.body` is encoded: a record as JSON. The statement in `commit.sql` says so too.
pub(super) const FORMAT_JSON: i16 = 1;

/// The lock that makes a leader's time end in good order. A new term waits for it, and once a new term is there it is
/// not to be had any more: what is read is then the new term. Without `FOR SHARE` the old term would be read, and the
/// rows written, while the new term was already being begun.
const CHECK: &str = "SELECT t.term, r.key, r.id, r.realm, r.submission, r.last_number, r.specs, r.passed, r.flaky, \
                            r.carried, r.failed, r.cancelled, r.cancelling, \
                            (SELECT array_agg(submission) FROM joined WHERE submission = ANY($3)) AS joined \
                     FROM realms AS t LEFT JOIN runs AS r ON r.id = ANY($2) OR r.submission = ANY($3) \
                     WHERE t.name = $1 FOR SHARE OF t";

const WRITE: &str = include_str!("commit.sql");

/// A run as `commit.sql` reads it.
#[derive(Serialize)]
struct GivenRun {
    place: usize,
    /// None for a run that is opened.
    key: Option<i64>,
    before: i64,
    #[serde(flatten)]
    opened: Option<OpenedRun>,
    last_number: i64,
    specs: u32,
    passed: u32,
    flaky: u32,
    carried: u32,
    failed: u32,
    cancelled: u32,
    cancelling: bool,
    finished_at: Option<i64>,
    verdict: Option<&'static str>,
    summary: Option<String>,
}

#[derive(Serialize)]
struct OpenedRun {
    id: String,
    realm: String,
    submission: String,
    project: String,
    build: String,
    attempt: u32,
    user_name: String,
    host: String,
    revision: String,
    branch: String,
    rerun_of: Option<String>,
    url: String,
    ci: String,
    opened_at: i64,
}

/// What is known about a run of the batch.
struct Known {
    key: i64,
    realm: String,
    progress: Progress,
}

/// The runs of a batch: by place, how an error names them, and what becomes of them.
struct Runs {
    names: Vec<(RunId, u64)>,
    /// Place of the first that is opened or joined.
    opened: Option<usize>,
    json: String,
}

impl PostgresStore {
    /// Up to the statement that writes, a dropped future leaves nothing. From there on the commit goes to its end
    /// whoever waits for it, and holds its lane until then: what was begun is over before the next commit begins.
    pub(super) async fn record(
        &self,
        realm: &Realm,
        term: Term,
        entries: &[Entry],
    ) -> Result<(), CommitError> {
        // Encoded before the lock is taken, so that a successor waits for the server only.
        let batches = projection::by_run(entries);
        let rows = Rows::of(&self.server, &batches)?;
        let deadline = self.commits.deadline();
        let begun = self.commits.by(deadline, COMMITTING, self.begin(realm, term, &batches)).await?;
        let Some((lease, runs)) = begun else { return Ok(()) };
        let lane = self.commits.clone();
        let server = self.server.clone();
        match tokio::spawn(write(lane, server, deadline, lease, runs, rows)).await {
            Ok(written) => written,
            Err(failed) if failed.is_panic() => panic::resume_unwind(failed.into_panic()),
            // The runtime is being shut down.
            Err(failed) => Err(self.server.unavailable(COMMITTING, failed).into()),
        }
    }

    /// Begins a transaction that holds the term, and works out what becomes of the batch's runs. None when there is
    /// nothing to write.
    async fn begin(
        &self,
        realm: &Realm,
        term: Term,
        batches: &[RunBatch<'_>],
    ) -> Result<Option<(Lease, Runs)>, CommitError> {
        let error = |error| self.commits.failed(COMMITTING, error);
        let mut lease = self.commits.lease(COMMITTING).await?;
        if !batches.is_empty() {
            turn(&mut lease.connection, "BEGIN").await.map_err(error)?;
        }
        let submissions = batches.iter().flat_map(|batch| {
            let opened = batch.opens(realm).map(|row| row.submission);
            opened.into_iter().chain(batch.joins().joined.into_iter().map(|(submission, _)| submission))
        });
        let rows = sqlx::query(CHECK)
            .bind(realm.as_str())
            .bind(batches.iter().map(|batch| batch.run.to_string()).collect::<Vec<_>>())
            .bind(submissions.map(submission_text).collect::<Vec<_>>())
            .fetch_all(&mut lease.connection)
            .await
            .map_err(error)?;
        let checked =
            self.check_term(&rows, realm, term).and_then(|()| self.advance_runs(&rows, realm, batches));
        match checked {
            Ok(_) if batches.is_empty() => {
                lease.give_back();
                Ok(None)
            }
            Ok(runs) => Ok(Some((lease, runs))),
            Err(refused @ (CommitError::Superseded { .. } | CommitError::Misfit { .. })) => {
                if !batches.is_empty() {
                    turn(&mut lease.connection, "ROLLBACK").await.map_err(error)?;
                }
                lease.give_back();
                Err(refused)
            }
            Err(failed @ CommitError::Store(_)) => Err(failed),
        }
    }

    fn check_term(&self, rows: &[PgRow], realm: &Realm, held: Term) -> Result<(), CommitError> {
        let term = |row| Columns { row, server: &self.server, doing: COMMITTING }.number("term");
        let current = Term(rows.first().map(term).transpose()?.unwrap_or_default());
        if current == held && current != Term(0) {
            return Ok(());
        }
        Err(CommitError::Superseded { realm: realm.clone(), held, current })
    }

    /// Checks the numbers of every run and works out its row.
    fn advance_runs(
        &self,
        rows: &[PgRow],
        realm: &Realm,
        batches: &[RunBatch<'_>],
    ) -> Result<Runs, CommitError> {
        let (mut known, mut submissions) = (HashMap::new(), HashSet::new());
        if let Some(row) = rows.first() {
            let columns = Columns { row, server: &self.server, doing: COMMITTING };
            submissions.extend(columns.get::<Option<Vec<String>>>("joined")?.unwrap_or_default());
        }
        for row in rows {
            let columns = Columns { row, server: &self.server, doing: COMMITTING };
            if columns.get::<Option<i64>>("key")?.is_none() {
                continue;
            }
            let run = columns.run("id")?;
            submissions.insert(columns.get::<String>("submission")?);
            known.insert(run, Known::read(&columns)?);
        }
        let mut runs = Runs { names: Vec::new(), opened: None, json: String::new() };
        let mut given = Vec::with_capacity(batches.len());
        for (place, batch) in batches.iter().enumerate() {
            runs.names.push((batch.run, batch.first.number));
            let (before, opened) = match known.remove(&batch.run) {
                Some(run) if run.realm != realm.as_str() => {
                    return Err(batch.misfit("its run belongs to another realm"));
                }
                Some(run) => (Some((run.key, run.progress)), None),
                None => {
                    let row = batch.opens(realm).ok_or_else(|| batch.misfit("its run was never opened"))?;
                    if !submissions.insert(submission_text(row.submission)) {
                        return Err(batch.misfit(TAKEN));
                    }
                    runs.opened = runs.opened.or(Some(place));
                    (None, Some(row))
                }
            };
            for (submission, _) in batch.joins().joined {
                if !submissions.insert(submission_text(submission)) {
                    return Err(batch.misfit(TAKEN));
                }
                runs.opened = runs.opened.or(Some(place));
            }
            let (key, before) = before.unzip();
            let before = before.unwrap_or_default();
            let number = before.last_number;
            let after = batch.advance(before)?;
            given.push(self.given(place, key, number, opened.as_ref(), &after)?);
        }
        runs.json = json(&self.server, &given)?;
        Ok(runs)
    }

    fn given(
        &self,
        place: usize,
        key: Option<i64>,
        before: u64,
        opened: Option<&RunRow>,
        after: &Progress,
    ) -> Result<GivenRun, StoreError> {
        let stored = |number| self.server.stored(COMMITTING, number);
        let RunCounts { specs, passed, flaky, carried, failed, cancelled } = after.counts;
        let finished = after.finished.as_ref();
        Ok(GivenRun {
            place,
            key,
            before: stored(before)?,
            opened: opened.map(|row| self.opened(row)).transpose()?,
            last_number: stored(after.last_number)?,
            specs,
            passed,
            flaky,
            carried,
            failed,
            cancelled,
            cancelling: after.cancelling,
            finished_at: finished.map(|finished| stored(finished.at.0)).transpose()?,
            verdict: finished.map(|finished| text::run_verdict_word(finished.verdict)),
            summary: finished.map(|finished| json(&self.server, &finished.summary)).transpose()?,
        })
    }

    fn opened(&self, row: &RunRow) -> Result<OpenedRun, StoreError> {
        Ok(OpenedRun {
            id: row.id.to_string(),
            realm: row.realm.as_str().to_owned(),
            submission: submission_text(row.submission),
            project: storable(&row.project),
            build: storable(&row.build),
            attempt: row.attempt,
            user_name: storable(&row.source.user),
            host: storable(&row.source.host),
            revision: storable(&row.source.commit),
            branch: storable(&row.source.branch),
            rerun_of: row.source.rerun_of.map(|run| run.to_string()),
            url: storable(&row.source.url),
            ci: storable(&row.source.ci),
            opened_at: self.server.stored(COMMITTING, row.opened_at.0)?,
        })
    }
}

impl Known {
    fn read(columns: &Columns<'_>) -> Result<Known, StoreError> {
        let progress = Progress {
            last_number: columns.number("last_number")?,
            counts: RunCounts::from_columns(columns)?,
            cancelling: columns.get("cancelling")?,
            finished: None,
        };
        Ok(Known { key: columns.get("key")?, realm: columns.get("realm")?, progress })
    }
}

/// Writes the batch in the transaction that the lease holds open, and ends it.
async fn write(
    lane: Arc<Lane>,
    server: Server,
    deadline: Instant,
    mut lease: Lease,
    runs: Runs,
    rows: Rows,
) -> Result<(), CommitError> {
    let work = async {
        let expected = runs.names.len();
        let written =
            rows.bind_to(sqlx::query(WRITE).bind(&runs.json)).fetch_all(&mut lease.connection).await;
        let written = written.map_err(|error| runs.refused(error, |error| lane.failed(COMMITTING, error)))?;
        if written.len() < expected {
            turn(&mut lease.connection, "ROLLBACK").await.map_err(|error| lane.failed(COMMITTING, error))?;
            lease.give_back();
            return Err(runs.overtaken(&written, &server)?);
        }
        turn(&mut lease.connection, "COMMIT").await.map_err(|error| lane.failed(COMMITTING, error))?;
        lease.give_back();
        Ok(())
    };
    lane.by(deadline, COMMITTING, work).await
}

impl Runs {
    /// An error of the writing statement. A run or submission that was not there when it was looked for, and is now,
    /// came from the same submission sent twice at once, or from a commit whose answer was lost.
    fn refused(&self, error: sqlx::Error, other: impl FnOnce(sqlx::Error) -> StoreError) -> CommitError {
        let constraint = error.as_database_error().and_then(|error| error.constraint().map(str::to_owned));
        let what = match constraint.as_deref() {
            Some("runs_submission_key" | "joined_pkey") => TAKEN,
            Some("runs_id_key") => "its run was opened meanwhile",
            Some(_) | None => return other(error).into(),
        };
        match self.opened.and_then(|place| self.names.get(place)) {
            Some((run, number)) => CommitError::Misfit { run: *run, number: *number, what },
            None => other(error).into(),
        }
    }

    /// The misfit of the first run that is not among those written.
    fn overtaken(&self, written: &[PgRow], server: &Server) -> Result<CommitError, StoreError> {
        let mut places = Vec::with_capacity(written.len());
        for row in written {
            let place: i32 = Columns { row, server, doing: COMMITTING }.get("place")?;
            places.push(place as usize);
        }
        let missing = self.names.iter().enumerate().find(|(place, _)| !places.contains(place));
        let what = "something else was recorded for its run, or the run was forgotten, at the same time";
        match missing {
            Some((_, (run, number))) => Ok(CommitError::Misfit { run: *run, number: *number, what }),
            None => Err(server.damaged(COMMITTING, "a run came back twice")),
        }
    }
}

/// One of the fixed statements that take a turn and give no rows.
async fn turn(connection: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await.map(drop)
}

pub(super) fn json(server: &Server, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| server.error(COMMITTING, sqlx::Error::Encode(error.into())))
}
