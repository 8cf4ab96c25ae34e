//! Columns to values and back.

use super::place::Place;
use crate::{Digest, StoreError, TokenRow, text};
use part_core::{AttemptVerdict, RunId, RunVerdict, SubmissionId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use std::fmt::Display;
use std::str::FromStr;

/// A row being read: whatever does not decode is damage, and named.
pub(super) struct Columns<'a> {
    pub(super) row: &'a SqliteRow,
    pub(super) place: &'a Place,
    pub(super) doing: &'static str,
}

impl<'a> Columns<'a> {
    pub(super) fn get<T: Decode<'a, Sqlite> + Type<Sqlite>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.place.error(self.doing, error))
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
        let time =
            |number: i64| u64::try_from(number).map(Timestamp).map_err(|_| self.odd("expires_at", number));
        let uses = |number: i64| u32::try_from(number).map_err(|_| self.odd("uses_left", number));
        Ok(TokenRow {
            id: self.get("id")?,
            hash: *self.digest("hash")?.as_bytes(),
            role: text::role(role).ok_or_else(|| self.odd("role", role))?,
            label: self.get("label")?,
            created_at: Timestamp(self.number("created_at")?),
            expires_at: self.get::<Option<i64>>("expires_at")?.map(time).transpose()?,
            uses_left: self.get::<Option<i64>>("uses_left")?.map(uses).transpose()?,
            revoked: self.get("revoked")?,
        })
    }

    pub(super) fn odd(&self, column: &'static str, value: impl Display) -> StoreError {
        self.place.damaged(self.doing, format!("column {column} holds {value}, which has no meaning"))
    }

    fn parsed<T: FromStr>(&self, column: &'static str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.odd(column, text))
    }
}

/// A submission's id as its column holds it.
pub(super) fn submission_text(submission: SubmissionId) -> String {
    format!("{:032x}", submission.0)
}

/// A number as a column holds it.
pub(super) fn stored(place: &Place, doing: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| place.too_large(doing, number))
}

/// A number of rows asked for, as a statement takes it.
pub(super) fn limited(asked: usize, bound: usize) -> i64 {
    asked.min(bound) as i64
}
