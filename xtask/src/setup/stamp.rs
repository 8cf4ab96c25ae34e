//! Remembers what was installed from: a copy of the lock file beside what came out of it.
//!
//! The copy is compared as a whole, so there is nothing to collide, and it goes away with the folder that it is about.

use std::path::PathBuf;

use xshell::Shell;

use crate::failure::Failure;

/// The lock text that an installation came from, or is to come from.
pub(crate) struct Stamp {
    file: PathBuf,
    wanted: String,
}

impl Stamp {
    /// `file` is inside the folder that gets installed; `wanted` is all that the installation depends on.
    pub(crate) fn new(file: PathBuf, wanted: String) -> Self {
        Self { file, wanted }
    }

    /// Whether the installation came from just this text.
    pub(crate) fn matches(&self, sh: &Shell) -> bool {
        self.file.is_file() && sh.read_file(&self.file).is_ok_and(|found| found == self.wanted)
    }

    /// Says that the installation is complete. To be called last.
    pub(crate) fn write(&self, sh: &Shell) -> Result<(), Failure> {
        Ok(sh.write_file(&self.file, &self.wanted)?)
    }
}
