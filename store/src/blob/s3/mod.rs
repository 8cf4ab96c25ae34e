//! Blobs in an S3-compatible store, by key: `PREFIX/ab/abcdef…`, and `PREFIX/retired/ab/abcdef…` for those that wait
//! to be deleted.
//!
//! A blob's key is known only once all of its bytes are: small blobs are gathered in memory, larger ones in a file of
//! this host, and only what is whole and checked is uploaded, under its final key. So the bucket never holds anything
//! that is not a blob, except parts of uploads that were cut off; a lifecycle rule of the bucket that aborts incomplete
//! multipart uploads after a day removes those.

mod error;
mod keys;
mod open;
mod store;
mod write;

pub use open::S3Options;
pub use store::S3Blobs;
