//! Which server, and what its errors mean.

use crate::error::{Trouble, trouble};
use crate::{Cause, StoreError};
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnectOptions;
use std::fmt;

const CHECK_ACCESS: &str = "check the user, the password, the database and the rights in it \
                            (Part makes its tables by itself, in the first schema of the search path)";
const OWN_SCHEMA: &str =
    "give Part a database of its own, or a schema: add ?options=-csearch_path%3DNAME to the URL";

/// The database, as every error names it. Never holds a password.
#[derive(Clone, Debug)]
pub(super) struct Server {
    name: String,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Server {
    pub(super) fn of(options: &PgConnectOptions) -> Server {
        let user = options.get_username();
        let database = options.get_database().unwrap_or(user);
        let port = options.get_port();
        let at = match options.get_socket() {
            Some(folder) => format!("{}, port {port}", folder.display()),
            None => format!("{}:{port}", options.get_host()),
        };
        Server { name: format!("the PostgreSQL database {database} at {at} (user {user})") }
    }

    /// A URL that cannot be read. It is not shown: it may hold a password.
    pub(super) fn unreadable(doing: &'static str, source: impl Into<Cause>) -> StoreError {
        StoreError::Inaccessible {
            doing,
            place: "the database that the URL names".to_owned(),
            remedy: "write it like postgres://USER:PASSWORD@HOST:5432/DATABASE",
            source: source.into(),
        }
    }

    /// What an error of the driver means.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the driver's list of errors is open")]
    pub(super) fn error(&self, doing: &'static str, error: sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::Database(cause) => self.of_code(doing, cause),
            sqlx::Error::Io(cause) => match trouble(&cause) {
                // The only one that waiting does not help with: a socket that is not ours to use.
                Trouble::Lasting if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                    self.inaccessible(doing, cause)
                }
                // The disk of this host has no part in it, whatever the words of the operating system.
                Trouble::Full | Trouble::Temporary | Trouble::Lasting => self.unavailable(doing, cause),
            },
            tls @ (sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)) => self.inaccessible(doing, tls),
            gone @ (sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed) => self.unavailable(doing, gone),
            decode @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                self.damaged(doing, decode)
            }
            other => StoreError::Unexpected { doing, place: self.to_string(), source: other.into() },
        }
    }

    /// By the codes of PostgreSQL's documentation, appendix A: two characters of class, three of detail.
    fn of_code(&self, doing: &'static str, cause: Box<dyn DatabaseError>) -> StoreError {
        let code = cause.code().unwrap_or_default().into_owned();
        let source = cause.into_error();
        let class = code.get(..2).unwrap_or_default();
        match (class, code.as_str()) {
            // No room for the rows, or for a temporary file.
            (_, "53100") => StoreError::Full { doing, place: self.to_string(), source },
            // What the server was asked for in the first message: a pooler in between refuses our settings.
            (_, "08P01") => self.inaccessible(doing, source),
            // The database was dropped under us.
            (_, "57P04") => self.inaccessible(doing, source),
            // Connection lost; deadlock or conflict; out of connections or memory; locked for too long; cancelled,
            // shutting down or starting up; trouble with the server's disk.
            ("08" | "40" | "53" | "55" | "57" | "58", _) => self.unavailable(doing, source),
            // A standby, or a server told to take no writes, perhaps while another takes over; a transaction that
            // the server ended because we fell silent.
            (_, "25006" | "25P02" | "25P03" | "25P04") => self.unavailable(doing, source),
            // Wrong user or password; no such database; no such schema; a right that is missing.
            ("28" | "3D" | "3F", _) | (_, "42501") => self.inaccessible(doing, source),
            // Tables or columns that are gone, rows or indexes that cannot be read.
            (_, "42P01" | "42703" | "XX001" | "XX002") => self.damaged(doing, source),
            (_, _) => StoreError::Unexpected { doing, place: self.to_string(), source },
        }
    }

    pub(super) fn unavailable(&self, doing: &'static str, source: impl Into<Cause>) -> StoreError {
        StoreError::Unavailable { doing, place: self.to_string(), source: source.into() }
    }

    pub(super) fn inaccessible(&self, doing: &'static str, source: impl Into<Cause>) -> StoreError {
        StoreError::Inaccessible {
            doing,
            place: self.to_string(),
            remedy: CHECK_ACCESS,
            source: source.into(),
        }
    }

    pub(super) fn damaged(&self, doing: &'static str, source: impl Into<Cause>) -> StoreError {
        StoreError::Damaged { doing, place: self.to_string(), source: source.into() }
    }

    pub(super) fn not_ours(&self, what: &'static str) -> StoreError {
        StoreError::NotOurs { place: self.to_string(), what, remedy: OWN_SCHEMA }
    }

    pub(super) fn unsuitable(&self, what: String) -> StoreError {
        StoreError::Unsuitable { place: self.to_string(), what }
    }

    pub(super) fn newer(&self, what: &'static str, found: i64, known: i64) -> StoreError {
        StoreError::Newer { place: self.to_string(), what, found, known }
    }

    /// A number as a column holds it; none that we ever make is larger.
    pub(super) fn stored(&self, doing: &'static str, number: u64) -> Result<i64, StoreError> {
        let source = format!("the number {number} is larger than a column holds");
        i64::try_from(number).map_err(|_| StoreError::Unexpected {
            doing,
            place: self.to_string(),
            source: source.into(),
        })
    }
}
