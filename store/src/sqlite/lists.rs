//! Reading the rows of runs.

use super::open::SqliteStore;
use super::row::{Columns, limited, submission_text};
use crate::bounds::ROWS_PER_LIST;
use crate::{Finished, Progress, Realm, RunCounts, RunFilter, RunPhase, RunRow, StoreError, Submitted};
use part_core::{RunId, Source, SubmissionId, Timestamp};
use sqlx::sqlite::SqliteRow;

const LISTING: &str = "list runs";
const FINDING: &str = "find a run";

impl SqliteStore {
    pub(super) async fn one_run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM runs WHERE id = ?1")
            .bind(run.to_string())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| self.place.error(FINDING, error))?;
        row.map(|row| self.run_of(&row)).transpose()
    }

    pub(super) async fn runs_by_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<RunId>, StoreError> {
        // `~` comes after every character of an id.
        let rows = sqlx::query("SELECT id FROM runs WHERE id >= ?1 AND id < ?1 || '~' ORDER BY id LIMIT ?2")
            .bind(prefix)
            .bind(limited(limit, ROWS_PER_LIST))
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.place.error(FINDING, error))?;
        self.ids(&rows, FINDING)
    }

    pub(super) async fn list_runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        let unfinished = filter.phase.map(|phase| match phase {
            RunPhase::Unfinished => true,
            RunPhase::Finished => false,
        });
        // A text of its own for each index.
        let statement = match (&filter.build, &filter.project) {
            (Some(_), _) => {
                "SELECT * FROM runs WHERE build = ?5 AND (?1 IS NULL OR project = ?1) \
                 AND (?2 IS NULL OR ?2 = (finished_at IS NULL)) \
                 AND (?3 IS NULL OR key < (SELECT key FROM runs WHERE id = ?3)) ORDER BY key DESC LIMIT ?4"
            }
            (None, Some(_)) => {
                "SELECT * FROM runs WHERE ?5 IS NULL AND project = ?1 \
                 AND (?2 IS NULL OR ?2 = (finished_at IS NULL)) \
                 AND (?3 IS NULL OR key < (SELECT key FROM runs WHERE id = ?3)) ORDER BY key DESC LIMIT ?4"
            }
            (None, None) => {
                "SELECT * FROM runs WHERE ?5 IS NULL AND ?1 IS NULL \
                 AND (?2 IS NULL OR ?2 = (finished_at IS NULL)) \
                 AND (?3 IS NULL OR key < (SELECT key FROM runs WHERE id = ?3)) ORDER BY key DESC LIMIT ?4"
            }
        };
        let rows = sqlx::query(statement)
            .bind(filter.project.as_deref())
            .bind(unfinished)
            .bind(filter.before.map(|run| run.to_string()))
            .bind(limited(filter.limit, ROWS_PER_LIST))
            .bind(filter.build.as_deref())
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.place.error(LISTING, error))?;
        rows.iter().map(|row| self.run_of(row)).collect()
    }

    pub(super) async fn unfinished_runs(&self, realm: &Realm) -> Result<Vec<RunId>, StoreError> {
        let rows = sqlx::query("SELECT id FROM runs WHERE realm = ?1 AND finished_at IS NULL ORDER BY key")
            .bind(realm.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.place.error(LISTING, error))?;
        self.ids(&rows, LISTING)
    }

    pub(super) async fn run_of_submission(
        &self,
        submission: SubmissionId,
    ) -> Result<Option<Submitted>, StoreError> {
        let row = sqlx::query(
            "SELECT id, 1 AS number FROM runs WHERE submission = ?1 UNION ALL \
             SELECT runs.id, joined.number FROM joined JOIN runs ON runs.key = joined.run \
             WHERE joined.submission = ?1",
        )
        .bind(submission_text(submission))
        .fetch_optional(&self.readers)
        .await
        .map_err(|error| self.place.error(FINDING, error))?;
        let Some(row) = row else { return Ok(None) };
        let columns = Columns { row: &row, place: &self.place, doing: FINDING };
        Ok(Some(Submitted { run: columns.run("id")?, number: columns.number("number")? }))
    }

    fn ids(&self, rows: &[SqliteRow], doing: &'static str) -> Result<Vec<RunId>, StoreError> {
        rows.iter().map(|row| Columns { row, place: &self.place, doing }.run("id")).collect()
    }

    fn run_of(&self, row: &SqliteRow) -> Result<RunRow, StoreError> {
        let columns = Columns { row, place: &self.place, doing: LISTING };
        Ok(RunRow {
            id: columns.run("id")?,
            realm: Realm::named(columns.get("realm")?),
            submission: columns.submission("submission")?,
            project: columns.get("project")?,
            build: columns.get("build")?,
            attempt: columns.number("attempt")?,
            source: Source {
                user: columns.get("user")?,
                host: columns.get("host")?,
                commit: columns.get("revision")?,
                branch: columns.get("branch")?,
                rerun_of: columns.optional_run("rerun_of")?,
                url: columns.get("url")?,
                ci: columns.get("ci")?,
            },
            opened_at: Timestamp(columns.number("opened_at")?),
            progress: Progress {
                last_number: columns.number("last_number")?,
                counts: RunCounts::read(&columns)?,
                cancelling: columns.get("cancelling")?,
                finished: finished(&columns)?,
            },
        })
    }
}

impl RunCounts {
    pub(super) fn read(columns: &Columns<'_>) -> Result<RunCounts, StoreError> {
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
    if columns.get::<Option<i64>>("finished_at")?.is_none() {
        return Ok(None);
    }
    let summary = serde_json::from_str(columns.get("summary")?)
        .map_err(|error| columns.odd("summary", format!("text that is no summary: {error}")))?;
    let at = Timestamp(columns.number("finished_at")?);
    Ok(Some(Finished { at, verdict: columns.run_verdict("verdict")?, summary }))
}
