//! What can go wrong with a store of blobs.

use super::Digest;
use crate::Cause;
use crate::error::{Trouble, trouble};
use std::io;
use std::path::Path;
use thiserror::Error;

/// A blob that could not be put or read. `place` names the file or object.
#[derive(Debug, Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no blob {digest} in {place}")]
    NotFound {
        /// The digest asked for.
        digest: Digest,
        /// Where it was looked for.
        place: String,
    },
    /// More bytes came than are allowed.
    #[error("the blob is larger than the {limit} bytes allowed")]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// The bytes that came are not those announced.
    #[error("the blob was announced as {expected}, but its bytes have the digest {found}")]
    WrongDigest {
        /// What was announced.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The bytes kept are not those that were put.
    #[error("the blob {place} is damaged: its bytes have the digest {found}; putting it again mends it")]
    Damaged {
        /// The file or object.
        place: String,
        /// The digest of what is there.
        found: Digest,
    },
    /// No room is left; what is there can still be read.
    #[error("cannot {doing}: no room is left for {place}")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// The file or object.
        place: String,
        /// Why.
        source: Cause,
    },
    /// It cannot be opened, read or written with the rights of this process.
    #[error("cannot {doing}: {place} cannot be opened, read or written")]
    Inaccessible {
        /// What was being done.
        doing: &'static str,
        /// The file or object.
        place: String,
        /// Why.
        source: Cause,
    },
    /// The store does not answer.
    #[error("cannot {doing}: {place} does not answer")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The file or object.
        place: String,
        /// Why.
        source: Cause,
    },
}

impl BlobError {
    /// True when the same call may succeed later without anybody changing the program or its configuration.
    pub fn is_temporary(&self) -> bool {
        match self {
            BlobError::Full { .. } | BlobError::Unavailable { .. } => true,
            BlobError::NotFound { .. }
            | BlobError::TooLarge { .. }
            | BlobError::WrongDigest { .. }
            | BlobError::Damaged { .. }
            | BlobError::Inaccessible { .. } => false,
        }
    }

    /// What an error of the file system means.
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> BlobError {
        let (place, trouble) = (path.display().to_string(), trouble(&error));
        let source = error.into();
        match trouble {
            Trouble::Full => BlobError::Full { doing, place, source },
            Trouble::Temporary => BlobError::Unavailable { doing, place, source },
            Trouble::Lasting => BlobError::Inaccessible { doing, place, source },
        }
    }
}
