//! Hashing one file.

use crate::bounds;
use crate::digest::Digest;
use crate::stamps::Stamp;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file's content, as it was between two equal looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Its digest.
    pub digest: Digest,
    /// What the file looked like.
    pub stamp: Stamp,
}

thread_local! {
    /// What a thread reads into: most files are small, and a new buffer for each would cost more than they do.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Hashes a regular file; a link is not followed. None when it changes again and again meanwhile.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub fn hash_file(path: &Path) -> io::Result<Option<Hashed>> {
    BUFFER.with_borrow_mut(|buffer| hash_with(path, buffer))
}

fn hash_with(path: &Path, buffer: &mut Vec<u8>) -> io::Result<Option<Hashed>> {
    buffer.resize(bounds::READ_BYTES, 0);
    for _ in 0..bounds::HASH_TRIES {
        let mut file = open(path)?;
        let before = Stamp::of(&file.metadata()?);
        let (digest, bytes) = digest_of(&mut file, buffer)?;
        let stamp = Stamp::of(&file.metadata()?);
        if before == stamp && stamp.bytes == bytes {
            return Ok(Some(Hashed { digest, stamp }));
        }
    }
    Ok(None)
}

/// Opens a regular file for reading. What became a link or a FIFO meanwhile is an error, not a trap.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file any more"))
}

fn digest_of(file: &mut File, buffer: &mut [u8]) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    loop {
        let count = match file.read(buffer) {
            Ok(0) => return Ok((Digest(*hasher.finalize().as_bytes()), bytes)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        bytes += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_hashed() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("file");
        std::fs::write(&file, b"content").expect("a file");
        std::os::unix::fs::symlink("file", place.path().join("link")).expect("a link");
        let hashed = hash_file(&file).expect("readable").expect("unchanged");
        assert_eq!((hashed.digest, hashed.stamp.bytes), (Digest::of(b"content"), 7));
        assert!(hash_file(&place.path().join("link")).is_err());
        assert!(hash_file(place.path()).is_err());
    }
}
