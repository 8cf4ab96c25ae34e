//! Reading the rows of runs.

use super::open::PostgresStore;
use super::row::{Columns, limited, storable, submission_text};
use crate::bounds::ROWS_PER_LIST;
use crate::{Finished, Progress, Realm, RunCounts, RunFilter, RunPhase, RunRow, StoreError, Submitted};
use part_core::{RunId, Source, SubmissionId, Timestamp};
use sqlx::postgres::PgRow;

const LISTING: &str = "list runs";
const FINDING: &str = "find a run";

impl PostgresStore {
    pub(super) async fn one_run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM runs WHERE id = $1").bind(run.to_string());
        self.requests.rows(FINDING, query).await?.first().map(|row| self.run_of(row)).transpose()
    }

    pub(super) async fn runs_by_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        // `~` comes after every character of an id.
        let query = sqlx::query("SELECT id FROM runs WHERE id >= $1 AND id < $1 || '~' ORDER BY id LIMIT $2")
            .bind(storable(prefix))
            .bind(limited(limit, ROWS_PER_LIST));
        self.ids(&self.requests.rows(FINDING, query).await?, FINDING)
    }

    pub(super) async fn list_runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let unfinished = filter.phase.map(|phase| match phase {
            RunPhase::Unfinished => true,
            RunPhase::Finished => false,
        });
        // A text of its own for each index. The beginning of a name is what the index has of it.
        let statement = match (&filter.build, &filter.project) {
            (Some(_), _) => {
                "SELECT * FROM runs WHERE left(build, 100) = left($5, 100) AND build = $5 \
                 AND ($1::TEXT IS NULL OR left(project, 100) = left($1, 100) AND project = $1) \
                 AND ($2 IS NULL OR $2 = (finished_at IS NULL)) \
                 AND ($3 IS NULL OR key < (SELECT key FROM runs WHERE id = $3)) ORDER BY key DESC LIMIT $4"
            }
            (None, Some(_)) => {
                "SELECT * FROM runs WHERE $5::TEXT IS NULL AND left(project, 100) = left($1, 100) AND project = $1 \
                 AND ($2 IS NULL OR $2 = (finished_at IS NULL)) \
                 AND ($3 IS NULL OR key < (SELECT key FROM runs WHERE id = $3)) ORDER BY key DESC LIMIT $4"
            }
            (None, None) => {
                "SELECT * FROM runs WHERE $5::TEXT IS NULL AND $1::TEXT IS NULL \
                 AND ($2 IS NULL OR $2 = (finished_at IS NULL)) \
                 AND ($3 IS NULL OR key < (SELECT key FROM runs WHERE id = $3)) ORDER BY key DESC LIMIT $4"
            }
        };
        let query = sqlx::query(statement)
            .bind(filter.project.as_deref().map(storable))
            .bind(unfinished)
            .bind(filter.before.map(|run| run.to_string()))
            .bind(limited(filter.limit, ROWS_PER_LIST))
            .bind(filter.build.as_deref().map(storable));
        self.requests.rows(LISTING, query).await?.iter().map(|row| self.run_of(row)).collect()
    }

    pub(super) async fn unfinished_runs(&self, realm: &Realm) -> Result<Vec<RunId>, StoreError> {
        let query = sqlx::query("SELECT id FROM runs WHERE realm = $1 AND finished_at IS NULL ORDER BY key")
            .bind(realm.as_str());
        self.ids(&self.requests.rows(LISTING, query).await?, LISTING)
    }

    pub(super) async fn run_of_submission(
        &self,
        submission: SubmissionId,
    ) -> Result<Option<Submitted>, StoreError> {
        let query = sqlx::query(
            "SELECT id, 1::BIGINT AS number FROM runs WHERE submission = $1 UNION ALL \
             SELECT r.id, j.number FROM joined AS j JOIN runs AS r ON r.key = j.run WHERE j.submission = $1",
        )
        .bind(submission_text(submission));
        let rows = self.requests.rows(FINDING, query).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let columns = Columns { row, server: &self.server, doing: FINDING };
        Ok(Some(Submitted { run: columns.run("id")?, number: columns.number("number")? }))
    }

    pub(super) fn ids(&self, rows: &[PgRow], doing: &'static str) -> Result<Vec<RunId>, StoreError> {
        rows.iter().map(|row| Columns { row, server: &self.server, doing }.run("id")).collect()
    }

    fn run_of(&self, row: &PgRow) -> Result<RunRow, StoreError> {
        let columns = Columns { row, server: &self.server, doing: LISTING };
        Ok(RunRow {
            id: columns.run("id")?,
            realm: Realm::named(columns.get("realm")?),
            submission: columns.submission("submission")?,
            project: columns.text("project")?,
            build: columns.text("build")?,
            attempt: columns.number("attempt")?,
            source: Source {
                user: columns.text("user_name")?,
                host: columns.text("host")?,
                commit: columns.text("revision")?,
                branch: columns.text("branch")?,
                rerun_of: columns.optional_run("rerun_of")?,
                url: columns.text("url")?,
                ci: columns.text("ci")?,
            },
            opened_at: Timestamp(columns.number("opened_at")?),
            progress: Progress {
                last_number: columns.number("last_number")?,
                counts: RunCounts::from_columns(&columns)?,
                cancelling: columns.get("cancelling")?,
                finished: finished(&columns)?,
            },
        })
    }
}

impl RunCounts {
    pub(super) fn from_columns(columns: &Columns<'_>) -> Result<RunCounts, StoreError> {
        Ok(RunCounts {
            specs: columns.number("specs")?,
            passed: columns.number("passed")?,
            flaky: columns.number("flaky")?,
            carried: columns.number("carried")?,
            failed: columns.number("failed")?,
            cancelled: columns.number("cancelled")?,
        })
    }
}

fn finished(columns: &Columns<'_>) -> Result<Option<Finished>, StoreError> {
    let Some(at) = columns.optional_number("finished_at")?.map(Timestamp) else { return Ok(None) };
    let summary = serde_json::from_str(columns.get("summary")?)
        .map_err(|error| columns.odd("summary", format!("text that is no summary: {error}")))?;
    Ok(Some(Finished { at, verdict: columns.run_verdict("verdict")?, summary }))
}
