//! Looking through a workspace: what of it travels, and whether it may.

mod globs;
mod problems;
mod shares;
mod walk;

pub use globs::check_glob;
pub use problems::{Named, ScanError};
pub use shares::Share;
pub use walk::{Found, FoundKind, Limits, Options, Scan, scan};
