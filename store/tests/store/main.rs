//! The tests of the stores: `contract` is what every store must do, `file` what the one in a file must do besides.

#![expect(clippy::expect_used, reason = "in a test, what cannot go on fails")]

mod contract;
mod drive;
mod file;
mod fixture;
