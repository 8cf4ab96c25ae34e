//! Columns to values and back.

use super::server::Server;
use crate::{Digest, StoreError, TokenRow, text};
use part_core::{AttemptVerdict, RunId, RunVerdict, SubmissionId, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};
use std::fmt::Display;
use std::str::FromStr;

/// Stands for U+0000 in texts, which PostgreSQL cannot hold: a code point that is no character and never will be.
const NUL: char = '\u{10FFFF}';

/// A text as a column holds it. Names come from clients and tests, and none of them may stop a commit.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', NUL.encode_utf8(&mut [0; 4]))
}

/// A row being read: whatever does not decode is damage, and named.
pub(super) struct Columns<'a> {
    pub(super) row: &'a PgRow,
    pub(super) server: &'a Server,
    pub(super) doing: &'static str,
}

impl<'a> Columns<'a> {
    pub(super) fn get<T: Decode<'a, Postgres> + Type<Postgres>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.server.error(self.doing, error))
    }

    /// A text that came from outside.
    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        let text: String = self.get(column)?;
        Ok(if text.contains(NUL) { text.replace(NUL, "\0") } else { text })
    }

    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let value: i64 = self.get(column)?;
        T::try_from(value).map_err(|_| self.odd(column, value))
    }

    pub(super) fn optional_number<T: TryFrom<i64>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let value: Option<i64> = self.get(column)?;
        value.map(|value| T::try_from(value).map_err(|_| self.odd(column, value))).transpose()
    }

    pub(super) fn run(&self, column: &'static str) -> Result<RunId, StoreError> {
        self.parsed(column, self.get(column)?)
    }

    pub(super) fn optional_run(&self, column: &'static str) -> Result<Option<RunId>, StoreError> {
        self.get::<Option<&str>>(column)?.map(|text| self.parsed(column, text)).transpose()
    }

    pub(super) fn submission(&self, column: &'static str) -> Result<SubmissionId, StoreError> {
        let text: &str = self.get(column)?;
        u128::from_str_radix(text, 16).map(SubmissionId).map_err(|_| self.odd(column, text))
    }

    pub(super) fn run_verdict(&self, column: &'static str) -> Result<RunVerdict, StoreError> {
        let word: &str = self.get(column)?;
        text::run_verdict(word).ok_or_else(|| self.odd(column, word))
    }

    pub(super) fn attempt_verdict(&self, column: &'static str) -> Result<AttemptVerdict, StoreError> {
        let word: &str = self.get(column)?;
        text::attempt_verdict(word).ok_or_else(|| self.odd(column, word))
    }

    pub(super) fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        let bytes: &[u8] = self.get(column)?;
        bytes
            .try_into()
            .map(Digest::from_bytes)
            .map_err(|_| self.odd(column, format!("{} bytes", bytes.len())))
    }

    pub(super) fn token(&self) -> Result<TokenRow, StoreError> {
        let role: &str = self.get("role")?;
        Ok(TokenRow {
            id: self.text("id")?,
            hash: *self.digest("hash")?.as_bytes(),
            role: text::role(role).ok_or_else(|| self.odd("role", role))?,
            label: self.text("label")?,
            created_at: Timestamp(self.number("created_at")?),
            expires_at: self.optional_number("expires_at")?.map(Timestamp),
            uses_left: self.optional_number("uses_left")?,
            revoked: self.get("revoked")?,
        })
    }

    pub(super) fn odd(&self, column: &'static str, value: impl Display) -> StoreError {
        self.server.damaged(self.doing, format!("column {column} holds {value}, which has no meaning"))
    }

    fn parsed<T: FromStr>(&self, column: &'static str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.odd(column, text))
    }
}

/// A submission's id as its column holds it.
pub(super) fn submission_text(submission: SubmissionId) -> String {
    format!("{:032x}", submission.0)
}

/// A number of rows asked for, as a statement takes it.
pub(super) fn limited(asked: usize, bound: usize) -> i64 {
    asked.min(bound) as i64
}
