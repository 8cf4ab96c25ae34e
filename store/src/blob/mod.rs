//! Bytes kept under their BLAKE3 digest: logs, artifacts, files of workspaces.

mod digest;
mod disk;
mod error;
mod memory;
mod store;
mod sweep;

pub use digest::{Digest, DigestParseError};
pub use disk::DiskBlobs;
pub use error::BlobError;
pub use memory::MemoryBlobs;
pub use store::{
    BlobContent, BlobRef, BlobStore, BlobStream, BlobWriter, Durability, PutOptions, put_bytes, read_to_end,
};
