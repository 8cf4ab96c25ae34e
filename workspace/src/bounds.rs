//! Every bound of a workspace, in one place, with its reason.

use std::time::Duration;

/// Files, links and folders of a workspace, unless part.toml says otherwise: far above a repository, far below a
/// `node_modules` that was not meant to travel.
pub const MAX_FILES: u32 = 200_000;
/// The most that part.toml can ask for: a manifest of so many stays below [`MANIFEST_BYTES`].
pub const MOST_FILES: u32 = 400_000;
/// Bytes of all files of a workspace, unless part.toml says otherwise.
pub const MAX_BYTES: u64 = 4 << 30;
/// Bytes of one file: what a worker has to hold on disk twice, and a client has to read twice.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// Bytes of a manifest: what a daemon takes.
pub const MANIFEST_BYTES: u64 = 64 << 20;
/// Bytes of one name: what every file system in use takes.
pub const COMPONENT_BYTES: usize = 255;
/// Bytes of a path relative to the workspace's root: room is left for the folder that it is laid out in.
pub const PATH_BYTES: usize = 1024;
/// Bytes of what a link leads to.
pub(crate) const LINK_BYTES: usize = 1024;
/// Files that are looked at beyond the allowed number, so that the largest contributors can be named.
pub(crate) const LOOKED_AT: usize = 4;
/// Names that are refused one by one; of more, only the number is said.
pub(crate) const REFUSED_NAMED: usize = 20;
/// Folders that are named where a workspace is too large.
pub(crate) const SHARES_NAMED: usize = 5;
/// How deep folders are told apart for that.
pub(crate) const SHARE_DEPTH: usize = 3;
/// A file that changed so shortly before it was looked at may change again without a trace in its times.
pub(crate) const RACY: Duration = Duration::from_secs(2);
/// Bytes that are read at once for hashing and copying.
pub(crate) const READ_BYTES: usize = 256 * 1024;
/// Times that a file which changes while it is hashed is hashed again.
pub(crate) const HASH_TRIES: u32 = 3;
/// Bytes of a stat cache that are read: a million short paths.
pub(crate) const STAT_CACHE_BYTES: u64 = 256 << 20;
/// Threads for looking through folders and hashing: beyond that the disk is the limit.
pub(crate) const READERS: usize = 8;
/// Threads that create files: the folder locks of file systems leave nothing for more.
pub(crate) const WRITERS: usize = 4;
/// Bytes of a text file in which a path is replaced.
pub(crate) const RELOCATE_BYTES: u64 = 4 << 20;
