//! Many small blobs in one go: what costs is making files, so the hops between threads must not add to it.

use super::store::{DiskBlobs, WRITING};
use super::write::keep;
use crate::blob::{BatchRead, BlobError, Digest, Durability, PutOptions};
use bytes::{Bytes, BytesMut};
use std::io::Write;

/// Checks and keeps blobs, one after the other.
pub(super) fn put(
    blobs: &DiskBlobs,
    all: &[(Digest, Bytes)],
    durability: Durability,
) -> Result<(), BlobError> {
    for (digest, bytes) in all {
        let options = PutOptions { expected: Some(*digest), limit: u64::MAX, durability };
        options.check(Digest::of(bytes))?;
        let mut temporary = blobs.temporary()?;
        let written = temporary.file.write_all(bytes);
        written.map_err(|error| BlobError::io(WRITING, temporary.path(), error))?;
        keep(temporary, blobs, *digest, durability)?;
    }
    Ok(())
}

/// Reads blobs, one after the other.
pub(super) fn read(blobs: &DiskBlobs, digests: &[Digest], limit: u64) -> Result<Vec<BatchRead>, BlobError> {
    let read = |digest: &Digest| {
        let (size, mut reader) = blobs.open_blob(*digest, None)?;
        if size > limit {
            return Ok(BatchRead::Larger(size));
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = reader.next()? {
            all.extend_from_slice(&chunk);
        }
        Ok(BatchRead::Whole(all.freeze()))
    };
    digests.iter().map(read).collect()
}
