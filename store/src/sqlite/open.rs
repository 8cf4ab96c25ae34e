//! Opening: creation, migrations, and what is refused.

use super::place::Place;
use crate::StoreError;
use crate::bounds::{LOCK_WAIT, LOG_FILE_BYTES, READ_CONNECTIONS, ROWS_AHEAD};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard};

const OPENING: &str = "open the store";

/// Marks a SQLite file as ours: "Part".
const APPLICATION: i64 = 0x5061_7274;

/// The steps from an empty file to today's tables. Each is one transaction and ends by setting `user_version` to
/// its number, counted from 1. Steps that were released are never changed, only followed by others.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/sqlite/0001_ledger.sql"),
    include_str!("../../migrations/sqlite/0002_mesh.sql"),
    include_str!("../../migrations/sqlite/0003_balance.sql"),
];

/// A store in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) place: Place,
    options: SqliteConnectOptions,
    writer: Mutex<Writer>,
    pub(super) readers: SqlitePool,
}

#[derive(Debug)]
struct Writer {
    idle: Option<SqliteConnection>,
    closed: bool,
}

/// The one connection that writes, for as long as it is borrowed.
///
/// It goes back only by [`Lease::give_back`], after its transaction ended well. On an error, or when the caller's
/// future is dropped, it is closed instead, which undoes what it had begun: SQLite may have rolled back by itself
/// (full disk, I/O error), and a connection whose state is in doubt is not used again.
pub(super) struct Lease<'a> {
    writer: MutexGuard<'a, Writer>,
    pub(super) connection: SqliteConnection,
}

impl Lease<'_> {
    pub(super) fn give_back(mut self) {
        self.writer.idle = Some(self.connection);
    }
}

impl SqliteStore {
    /// Opens the database at `path`, creating it and its folder where they are missing, and brings its tables up
    /// to date. Refuses files that are not ours, damaged ones, and those of a newer version, without changing them.
    pub async fn open(path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        // Absolute, so that errors name it in full and no name is taken for a `file:` address.
        let path = std::path::absolute(path.as_ref())
            .map_err(|error| Place::new(path.as_ref().to_owned()).io("find the store", error))?;
        if let Some(folder) = path.parent() {
            let made = tokio::fs::create_dir_all(folder).await;
            made.map_err(|error| Place::new(path.clone()).io("create the folder of the store", error))?;
        }
        let place = Place::new(path);
        let options = SqliteConnectOptions::new()
            .filename(place.path())
            .create_if_missing(true)
            .busy_timeout(LOCK_WAIT)
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_FILE_BYTES)
            .pragma("temp_store", "MEMORY")
            .row_buffer_size(ROWS_AHEAD)
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(|error| place.error(OPENING, error))?;
        prepare(&mut connection, &place).await?;

        let readers = SqlitePoolOptions::new()
            .max_connections(READ_CONNECTIONS)
            .acquire_timeout(LOCK_WAIT)
            .connect_lazy_with(options.clone().create_if_missing(false).pragma("query_only", "ON"));
        let writer = Mutex::new(Writer { idle: Some(connection), closed: false });
        Ok(SqliteStore { place, options, writer, readers })
    }

    /// Borrows the connection that writes, opening a new one when the last was given up.
    pub(super) async fn writer(&self, doing: &'static str) -> Result<Lease<'_>, StoreError> {
        let mut writer = self.writer.lock().await;
        if writer.closed {
            return Err(self.place.error(doing, sqlx::Error::PoolClosed));
        }
        let connection = match writer.idle.take() {
            Some(connection) => connection,
            None => {
                let options = self.options.clone().create_if_missing(false);
                options.connect().await.map_err(|error| self.place.error(doing, error))?
            }
        };
        Ok(Lease { writer, connection })
    }

    pub(super) async fn shut(&self) {
        self.readers.close().await;
        let mut writer = self.writer.lock().await;
        writer.closed = true;
        // The last connection empties the log into the database and removes it. If that fails the log stays, and
        // whoever opens the database next reads it.
        if let Some(connection) = writer.idle.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(database = %self.place.path().display(), %error, "the store did not close in good order");
        }
    }
}

/// What a file says about itself.
enum Found {
    Empty,
    Ours { version: i64 },
}

/// Checks the file and brings its tables up to date. Safe when several processes do so at once.
async fn prepare(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    if let Found::Ours { version } = look(connection, place).await?
        && version == known
    {
        return use_log(connection, place).await;
    }
    use_log(connection, place).await?;

    let error = |error| place.error("update the tables of the store", error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
    // Looked at again: another process may have been first.
    let version = match look(&mut transaction, place).await? {
        Found::Empty => 0,
        Found::Ours { version } => version,
    };
    for step in MIGRATIONS.into_iter().skip(usize::try_from(version).unwrap_or_default()) {
        sqlx::raw_sql(step).execute(&mut *transaction).await.map_err(error)?;
    }
    transaction.commit().await.map_err(error)
}

async fn look(connection: &mut SqliteConnection, place: &Place) -> Result<Found, StoreError> {
    let (application, version, tables): (i64, i64, i64) = sqlx::query_as(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) \
         FROM pragma_application_id, pragma_user_version",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| place.error(OPENING, error))?;
    let known = MIGRATIONS.len() as i64;
    match (application, version, tables) {
        (0, 0, 0) => Ok(Found::Empty),
        (APPLICATION, version, _) if version > known => Err(place.newer("schema version", version, known)),
        (APPLICATION, version, _) if version > 0 => Ok(Found::Ours { version }),
        (APPLICATION, _, _) => Err(place.damaged(OPENING, "it has no schema version")),
        (_, _, _) => Err(place.not_ours("it is a SQLite database of another program")),
    }
}

/// Switches the file to a write-ahead log, for good.
async fn use_log(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let started = Instant::now();
    loop {
        let answer: Result<String, sqlx::Error> =
            sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        match answer.map_err(|error| place.error("switch on the write-ahead log", error)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                let why = "its file system has no shared memory for a write-ahead log (a network folder?)";
                return Err(place.inaccessible("switch on the write-ahead log", why));
            }
            // SQLite waits for other processes by itself, except here.
            Err(StoreError::Unavailable { .. }) if started.elapsed() < LOCK_WAIT => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
