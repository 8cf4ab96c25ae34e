//! Every bound on what is read from a user's workspace, with its reason. Those of the report readers are in
//! [`crate::report::bounds`].

/// Files and folders that one walk looks at. A monorepo with its build output ignored stays far below; a walk that
/// started in `/` by mistake ends in seconds.
pub const WALK_ENTRIES: usize = 2_000_000;

/// Levels of folders that `detect` goes down: packages live near the top.
pub const DETECT_DEPTH: usize = 8;

/// Files and folders that `detect` looks at before it settles for what it has.
pub const DETECT_ENTRIES: usize = 200_000;

/// Bytes of a configuration file that `detect` and a variant's condition read: `package.json` and its like are
/// small, and what proves a framework stands near the top.
pub const CONFIG_BYTES: u64 = 1024 * 1024;

/// Spec files whose first bytes `detect` reads where two frameworks claim the same files.
pub const SNIFFED_FILES: usize = 500;

/// Bytes of a spec file that are read to see which framework it imports.
pub const SNIFFED_BYTES: u64 = 4 * 1024;

/// Specs of one group.
pub const SPECS: usize = 500_000;

/// Bytes of arguments in one call that lists tests; with more specs there are several calls. Linux takes 2 MiB with
/// the environment, macOS 1 MiB.
pub const LIST_ARGUMENT_BYTES: usize = 256 * 1024;

/// Bytes of a listing: a million tests at the size of a usual entry.
pub const LISTING_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of a .NET assembly that is read for its collections: those of tests have a few megabytes.
pub const ASSEMBLY_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of a failed listing's output that are kept for its error.
pub const LISTING_TAIL_BYTES: usize = 4 * 1024;

/// Files that one pattern of a report or of artifacts finds.
pub const FOUND_FILES: usize = 10_000;

/// Missing tests that a verdict names; there may be more.
pub const MISSING_TESTS: usize = 1_000;

/// Bytes of one argument of a process: Linux takes 128 KiB with the closing zero.
pub const ARGUMENT_BYTES: usize = 128 * 1024 - 1;

/// Bytes of all arguments of a process. Linux takes 2 MiB with the environment, macOS 1 MiB.
pub const ARGUMENTS_BYTES: usize = 768 * 1024;
