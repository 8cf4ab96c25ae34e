//! Tables: made and brought up to date, and what is refused instead.

use super::row::Columns;
use super::server::Server;
use crate::StoreError;
use crate::bounds::{CONNECT_WAIT, MIGRATION_WAIT};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

const OPENING: &str = "open the store";
const UPDATING: &str = "update the tables of the store";

/// The steps from an empty schema to today's tables, counted from 1. Steps that were released are never changed,
/// only followed by others.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../migrations/postgres/0001_ledger.sql"),
    include_str!("../../migrations/postgres/0002_balance.sql"),
];

/// The oldest server with everything that is asked of one, as the server counts its versions.
const OLDEST: u32 = 120_000;

/// Held while tables are changed; any number does that nobody else uses: "Part" and the year.
const MIGRATION_LOCK: i64 = 0x5061_7274_2025;

/// What is known about a database that may be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// True when the server is set to acknowledge commits that a crash can undo.
    pub(super) loses_commits: bool,
}

/// Checks the database and brings its tables up to date. Safe when several daemons do so at once.
pub(super) async fn prepare(options: &PgConnectOptions, server: &Server) -> Result<Found, StoreError> {
    // Without our settings: an old server would refuse those it does not know, and hide that it is old.
    let connected = tokio::time::timeout(CONNECT_WAIT, options.connect()).await;
    let mut connection = match connected {
        Ok(connected) => connected.map_err(|error| server.error(OPENING, error))?,
        Err(elapsed) => return Err(server.unavailable(OPENING, elapsed)),
    };
    check_version(connection.server_version_num(), server)?;
    match tokio::time::timeout(MIGRATION_WAIT, update(&mut connection, server)).await {
        Ok(found) => {
            let found = found?;
            if let Err(error) = connection.close().await {
                tracing::debug!(%server, %error, "a connection did not close in good order");
            }
            Ok(found)
        }
        Err(elapsed) => Err(server.unavailable(UPDATING, elapsed)),
    }
}

fn check_version(found: Option<u32>, server: &Server) -> Result<(), StoreError> {
    match found {
        Some(version) if version < OLDEST => Err(server.unsuitable(format!(
            "its server is PostgreSQL {}.{}, and Part needs 12 or newer; upgrade the server or name another one",
            version / 10_000,
            version % 10_000
        ))),
        // A server that does not say so speaks the protocol all the same; what it lacks shows in its answers.
        Some(_) | None => Ok(()),
    }
}

async fn update(connection: &mut PgConnection, server: &Server) -> Result<Found, StoreError> {
    let known = MIGRATIONS.len() as i64;
    let look = look(connection, server).await?;
    if look.version == Some(known) {
        return Ok(look.found);
    }
    let error = |error| server.error(UPDATING, error);
    let mut transaction =
        connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(error)?;
    sqlx::raw_sql(
        "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s'; \
         SET LOCAL idle_in_transaction_session_timeout = '10s'; SET LOCAL client_min_messages = warning",
    )
    .execute(&mut *transaction)
    .await
    .map_err(error)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(error)?;
    // Looked at again: another daemon may have been first.
    let look = self::look(&mut transaction, server).await?;
    let version = look.version.unwrap_or_default();
    for step in MIGRATIONS.into_iter().skip(usize::try_from(version).unwrap_or_default()) {
        sqlx::raw_sql(step).execute(&mut *transaction).await.map_err(error)?;
    }
    if version < known {
        let note = match look.version {
            Some(_) => "UPDATE part_schema SET version = $1",
            None => "INSERT INTO part_schema (version) VALUES ($1)",
        };
        sqlx::query(note).bind(known as i32).execute(&mut *transaction).await.map_err(error)?;
    }
    transaction.commit().await.map_err(error)?;
    Ok(look.found)
}

struct Look {
    /// The version of our tables; none when the schema is empty.
    version: Option<i64>,
    found: Found,
}

async fn look(connection: &mut PgConnection, server: &Server) -> Result<Look, StoreError> {
    let row = sqlx::query(
        "SELECT current_schema() AS schema, getdatabaseencoding() AS encoding, \
                current_setting('synchronous_commit') = 'off' AS loses_commits, \
                count(c.oid) AS relations, \
                coalesce(bool_or(c.relname = 'part_schema'), false) AS ours, \
                coalesce(bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') \
                    AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) \
                    FILTER (WHERE c.relkind = 'r'), true) AS writable \
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = current_schema() \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
           AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                           AND d.deptype = 'e')",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(|error| server.error(OPENING, error))?;
    let columns = Columns { row: &row, server, doing: OPENING };
    if columns.get::<Option<&str>>("schema")?.is_none() {
        let why = "no schema of the search path exists; create it, or correct the search path";
        return Err(server.inaccessible(OPENING, why));
    }
    let encoding: &str = columns.get("encoding")?;
    if encoding != "UTF8" {
        return Err(server.unsuitable(format!(
            "its encoding is {encoding}; make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )));
    }
    let found = Found { loses_commits: columns.get("loses_commits")? };
    let ours: bool = columns.get("ours")?;
    match (ours, columns.get::<i64>("relations")?) {
        (false, 0) => return Ok(Look { version: None, found }),
        (false, _) => return Err(server.not_ours("its schema holds the tables of another program")),
        (true, _) => {}
    }
    let version = version(connection, server).await?;
    if !columns.get::<bool>("writable")? {
        return Err(
            server.inaccessible(OPENING, "its tables are there, but this user may not write all of them")
        );
    }
    Ok(Look { version: Some(version), found })
}

async fn version(connection: &mut PgConnection, server: &Server) -> Result<i64, StoreError> {
    let version: Option<i32> = sqlx::query_scalar("SELECT max(version) FROM part_schema")
        .fetch_one(connection)
        .await
        .map_err(|error| server.error(OPENING, error))?;
    let known = MIGRATIONS.len() as i64;
    match version.map(i64::from) {
        Some(version) if version > known => Err(server.newer("schema version", version, known)),
        Some(version) if version > 0 => Ok(version),
        Some(_) | None => Err(server.damaged(OPENING, "it has no schema version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_is_refused_by_name() {
        let options =
            PgConnectOptions::new_without_pgpass().host("db").port(5432).username("ci").database("part");
        let server = Server::of(&options);
        let error = check_version(Some(110_022), &server).expect_err("too old").to_string();
        for part in ["part at db:5432", "PostgreSQL 11.22", "12 or newer"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(check_version(Some(120_000), &server).is_ok());
        assert!(check_version(Some(170_002), &server).is_ok());
        assert!(check_version(None, &server).is_ok());
    }
}
