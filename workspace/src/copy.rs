//! One file: blocks shared where the file system can, copied where it cannot. Never a hard link.

use crate::bounds;
use crate::digest::Digest;
use crate::hash::open;
use crate::stamps::Stamp;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Makes files from others. Remembers when the file system cannot share blocks.
pub(crate) struct Copier {
    may_share: AtomicBool,
}

/// What went wrong with one file.
#[derive(Debug)]
pub(crate) enum CopyError {
    /// The source is not there, or cannot be read.
    Source(io::Error),
    /// The source does not hold what it should.
    Content,
    /// The target cannot be made.
    Target(io::Error),
}

impl Copier {
    pub(crate) fn new() -> Copier {
        Copier { may_share: AtomicBool::new(true) }
    }

    /// Makes the file `to`, which must not be there, with the content of `from` and permissions of `mode` as far as
    /// the process's mask allows. Where a digest is given, what is read must have it.
    pub(crate) fn copy(
        &self,
        from: &Path,
        to: &Path,
        mode: u32,
        digest: Option<Digest>,
        buffer: &mut Vec<u8>,
    ) -> Result<Stamp, CopyError> {
        buffer.resize(bounds::READ_BYTES, 0);
        let mut source = open(from).map_err(CopyError::Source)?;
        let (target, shared) = match self.clone_of(from, to, mode) {
            Some(target) => (target, true),
            None => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(mode);
                let target = options.open(to).map_err(CopyError::Target)?;
                let shared = self.share(&source, &target);
                (target, shared)
            }
        };
        let copied = pump(&mut source, (!shared).then_some(&target), digest, buffer);
        let stamp = copied.and_then(|()| target.metadata().map_err(CopyError::Target));
        if stamp.is_err() {
            // Half a file is worse than none; what is reported is the first error.
            drop(std::fs::remove_file(to));
        }
        stamp.map(|about| Stamp::of(&about))
    }

    /// The new file, where the system shares blocks only while it makes one.
    #[cfg(target_os = "macos")]
    fn clone_of(&self, from: &Path, to: &Path, mode: u32) -> Option<File> {
        use std::os::unix::fs::PermissionsExt;
        /// There is no asking for the process's mask without changing it.
        const USUAL_MASK: u32 = 0o022;
        if !self.may_share.load(Ordering::Relaxed) || reflink_copy::reflink(from, to).is_err() {
            return None;
        }
        let permissions = std::fs::Permissions::from_mode(mode & !USUAL_MASK);
        let target = std::fs::set_permissions(to, permissions).and_then(|()| File::open(to));
        if target.is_err() {
            // It is made in the other way then.
            drop(std::fs::remove_file(to));
        }
        target.ok()
    }

    /// Elsewhere the file is made first.
    #[cfg(not(target_os = "macos"))]
    #[expect(clippy::unused_self, reason = "as where it does something")]
    fn clone_of(&self, _: &Path, _: &Path, _: u32) -> Option<File> {
        None
    }

    /// True when the target now has the source's blocks.
    fn share(&self, source: &File, target: &File) -> bool {
        if !self.may_share.load(Ordering::Relaxed) {
            return false;
        }
        let shared = reflink_copy::reflink_file(source, target).is_ok();
        if !shared {
            // Mostly: this file system cannot. In any case a copy is as good.
            self.may_share.store(false, Ordering::Relaxed);
        }
        shared
    }
}

/// Reads the source to its end, into the target where there is one, and checks what it read. Where neither is
/// wanted, nothing is read.
fn pump(
    source: &mut File,
    mut target: Option<&File>,
    digest: Option<Digest>,
    buffer: &mut [u8],
) -> Result<(), CopyError> {
    if target.is_none() && digest.is_none() {
        return Ok(());
    }
    let mut hasher = blake3::Hasher::new();
    loop {
        let count = match source.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Source(error)),
        };
        if digest.is_some() {
            hasher.update(&buffer[..count]);
        }
        if let Some(target) = &mut target {
            target.write_all(&buffer[..count]).map_err(CopyError::Target)?;
        }
    }
    match digest {
        Some(digest) if digest.0 != *hasher.finalize().as_bytes() => Err(CopyError::Content),
        Some(_) | None => Ok(()),
    }
}
