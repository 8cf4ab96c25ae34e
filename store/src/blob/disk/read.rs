//! Blobs that are being read.

use super::store::{DiskBlobs, READING, blocking};
use crate::blob::{BlobError, Digest, Shelf};
use crate::bounds::BLOB_CHUNK_BYTES;
use bytes::Bytes;
use futures::{Stream, stream};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

/// A blob that is being read.
pub(super) struct Reader {
    file: File,
    path: PathBuf,
    digest: Digest,
    /// Bytes still to read.
    left: u64,
    /// Checks a blob that is read whole.
    check: Option<Box<blake3::Hasher>>,
}

impl DiskBlobs {
    /// The open file of a blob, wherever it is.
    fn find(&self, digest: Digest) -> Result<(File, PathBuf), BlobError> {
        // It may go from one shelf to the other between two looks, and back again.
        for shelf in [Shelf::Kept, Shelf::Retired, Shelf::Kept] {
            let path = self.path(shelf, digest);
            match File::open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(BlobError::io(READING, &path, error)),
            }
        }
        Err(BlobError::NotFound { digest, place: self.root.display().to_string() })
    }

    pub(super) fn open_blob(
        &self,
        digest: Digest,
        range: Option<Range<u64>>,
    ) -> Result<(u64, Reader), BlobError> {
        let (mut file, path) = self.find(digest)?;
        let failed = |error: io::Error| BlobError::io(READING, &path, error);
        let size = file.metadata().map_err(failed)?.len();
        let range = range.map_or(0..size, |range| range.start.min(size)..range.end.min(size));
        let check = (range == (0..size)).then(|| Box::new(blake3::Hasher::new()));
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        }
        Ok((size, Reader { file, path, digest, left: range.end.saturating_sub(range.start), check }))
    }
}

impl Reader {
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, BlobError>> {
        stream::unfold(Some(self), |reader| async move {
            let mut reader = reader?;
            let path = reader.path.clone();
            let read = move || reader.next().map(|chunk| (chunk, reader));
            match blocking(READING, &path, read).await {
                Ok((Some(chunk), reader)) => Some((Ok(chunk), Some(reader))),
                Ok((None, _)) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    /// The next bytes; none at the end, when all is well.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        let size = usize::try_from(self.left).unwrap_or(BLOB_CHUNK_BYTES).min(BLOB_CHUNK_BYTES);
        if size == 0 {
            return self.at_end();
        }
        let mut chunk = vec![0; size];
        self.file.read_exact(&mut chunk).map_err(|error| BlobError::io(READING, &self.path, error))?;
        self.left -= size as u64;
        if let Some(check) = &mut self.check {
            check.update(&chunk);
        }
        Ok(Some(chunk.into()))
    }

    fn at_end(&self) -> Result<Option<Bytes>, BlobError> {
        let found = self.check.as_ref().map(|check| Digest::from_bytes(*check.finalize().as_bytes()));
        match found {
            Some(found) if found != self.digest => {
                Err(BlobError::Damaged { place: self.path.display().to_string(), found })
            }
            Some(_) | None => Ok(None),
        }
    }
}
