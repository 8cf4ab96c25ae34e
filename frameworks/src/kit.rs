//! Part's own helpers for processes that run several specs: reporters that a framework gets beside its user's, and that
//! write the journal ([`crate::report::read_journal`]). A worker writes them into the attempt's folder, where `{kit}`
//! stands for them, and names the journal in [`JOURNAL_VARIABLE`].

use std::fs;
use std::io;
use std::path::Path;

/// The environment variable that names the journal.
pub const JOURNAL_VARIABLE: &str = "PART_JOURNAL";

/// The helpers by their file names.
pub const FILES: [(&str, &str); 3] = [
    ("jest.cjs", include_str!("../kit/jest.cjs")),
    ("part_journal.py", include_str!("../kit/part_journal.py")),
    ("playwright.cjs", include_str!("../kit/playwright.cjs")),
];

/// Writes all of them into `folder`, which is made where it is not there.
///
/// # Errors
/// When one cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    FILES.iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
}
