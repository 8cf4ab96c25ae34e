//! Bytes kept under their BLAKE3 digest: logs, artifacts, files of workspaces.

mod digest;
mod disk;
mod error;
mod memory;
mod s3;
mod store;
mod sweep;

pub use digest::{Digest, DigestParseError};
pub use disk::DiskBlobs;
pub use error::BlobError;
pub use memory::MemoryBlobs;
pub use s3::{S3Blobs, S3Options};
pub use store::{
    BatchRead, BlobContent, BlobEntry, BlobList, BlobRef, BlobStore, BlobStream, BlobWriter, Durability,
    PutOptions, Shelf, put_bytes, read_to_end,
};
