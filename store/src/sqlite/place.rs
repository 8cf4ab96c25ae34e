//! Where the database is, and what its errors mean.

use crate::error::{Trouble, trouble};
use crate::{Cause, StoreError};
use sqlx::error::DatabaseError;
use std::io;
use std::path::{Path, PathBuf};

const NOT_WRITABLE: &str = "check that its folder exists and is yours to write";

/// The database's file: names it in every error.
#[derive(Clone, Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(path: PathBuf) -> Place {
        Place(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn name(&self) -> String {
        format!("the database {}", self.0.display())
    }

    /// What an error of SQLite means.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the driver's list of errors is open")]
    pub(crate) fn error(&self, doing: &'static str, error: sqlx::Error) -> StoreError {
        let place = self.name();
        match error {
            sqlx::Error::Database(cause) => self.of_code(doing, cause),
            sqlx::Error::Io(cause) => self.io(doing, cause),
            temporary
            @ (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed) => {
                StoreError::Unavailable { doing, place, source: temporary.into() }
            }
            decode @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                self.damaged(doing, decode)
            }
            other => StoreError::Unexpected { doing, place, source: other.into() },
        }
    }

    fn of_code(&self, doing: &'static str, cause: Box<dyn DatabaseError>) -> StoreError {
        const BUSY: i32 = 5;
        const LOCKED: i32 = 6;
        const NO_MEMORY: i32 = 7;
        const READ_ONLY: i32 = 8;
        const INTERRUPTED: i32 = 9;
        const IO: i32 = 10;
        const CORRUPT: i32 = 11;
        const FULL: i32 = 13;
        const CANNOT_OPEN: i32 = 14;
        const PROTOCOL: i32 = 15;
        const NO_DATABASE: i32 = 26;
        /// Growing the index of the write-ahead log found the disk full.
        const IO_NO_ROOM_FOR_INDEX: i32 = IO | 19 << 8;

        let place = self.name();
        let code = cause.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or_default();
        let source = cause.into_error();
        match (code & 0xff, code) {
            (FULL, _) | (_, IO_NO_ROOM_FOR_INDEX) => StoreError::Full { doing, place, source },
            (BUSY | LOCKED | NO_MEMORY | INTERRUPTED | IO | PROTOCOL, _) => {
                StoreError::Unavailable { doing, place, source }
            }
            (READ_ONLY | CANNOT_OPEN, _) => {
                StoreError::Inaccessible { doing, place, remedy: NOT_WRITABLE, source }
            }
            (CORRUPT, _) => StoreError::Damaged { doing, place, source },
            (NO_DATABASE, _) => self.not_ours("it is no SQLite file, or its beginning is damaged"),
            (_, _) => StoreError::Unexpected { doing, place, source },
        }
    }

    /// What an error of the file system means.
    pub(crate) fn io(&self, doing: &'static str, error: io::Error) -> StoreError {
        let (place, trouble) = (self.name(), trouble(&error));
        let source = error.into();
        match trouble {
            Trouble::Full => StoreError::Full { doing, place, source },
            Trouble::Temporary => StoreError::Unavailable { doing, place, source },
            Trouble::Lasting => StoreError::Inaccessible { doing, place, remedy: NOT_WRITABLE, source },
        }
    }

    pub(crate) fn damaged(&self, doing: &'static str, source: impl Into<Cause>) -> StoreError {
        StoreError::Damaged { doing, place: self.name(), source: source.into() }
    }

    pub(crate) fn inaccessible(&self, doing: &'static str, source: impl Into<Cause>) -> StoreError {
        StoreError::Inaccessible { doing, place: self.name(), remedy: NOT_WRITABLE, source: source.into() }
    }

    pub(crate) fn not_ours(&self, what: &'static str) -> StoreError {
        StoreError::NotOurs { place: self.0.display().to_string(), what, remedy: "name another file" }
    }

    pub(crate) fn newer(&self, what: &'static str, found: i64, known: i64) -> StoreError {
        StoreError::Newer { place: self.name(), what, found, known }
    }

    /// A number that the database cannot hold: larger than any that we ever make.
    pub(crate) fn too_large(&self, doing: &'static str, number: u64) -> StoreError {
        let source = format!("the number {number} is larger than a column holds");
        StoreError::Unexpected { doing, place: self.name(), source: source.into() }
    }
}
