//! The tests of the stores: `contract` is what every store must do, `file` and `server`
//! what those in a file and in a server must do besides.

#![expect(clippy::expect_used, reason = "in a test, what cannot go on fails")]

mod blobs_s3;
mod contract;
mod drive;
mod file;
mod fixture;
mod s3;
mod server;
