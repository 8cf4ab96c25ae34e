//! A workspace as data: what is in it ([`Manifest`]), what it may hold ([`check_path`]), how it is looked through
//! and hashed ([`scan()`], [`Snapshot`]), and how it is laid out on a host ([`lay_out`], [`renew`], [`copy_tree`]).
//!
//! Everything is synchronous and knows nobody of ours: the client and the worker call it from threads that may
//! block, and move the bytes themselves. Deliberately not here: the network, and what a run is.
//!
//! # No hard links
//!
//! A file of a workspace is a copy of a cached blob, or shares its blocks where the file system can copy on write.
//! It is never a hard link: whoever writes to such a file in place writes to the cache, permissions stop nobody who
//! is root, and no check afterwards helps another run that reads the same file meanwhile. `docs/workspace.md` has
//! the measured price, and what makes up for it ([`renew`]).
//!
//! Start reading at `manifest.rs`, then `scan/walk.rs`, `snapshot.rs` and `lay.rs`.

mod bounds;
mod copy;
mod digest;
mod hash;
mod lay;
mod manifest;
mod names;
mod plan;
mod relocate;
mod renew;
mod scan;
mod snapshot;
mod stamps;
mod threads;
mod tree;

pub use bounds::{
    COMPONENT_BYTES, MANIFEST_BYTES, MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, MOST_FILES, PATH_BYTES,
};
pub use digest::{Digest, DigestError};
pub use hash::{Hashed, hash_file};
pub use lay::{LayError, lay_out};
pub use manifest::{Counts, Entry, Kind, Manifest, ManifestError};
pub use names::{Rule, check_link, check_path, folded};
pub use relocate::{relocate, texts_with};
pub use renew::{Renewed, renew, renew_tree};
pub use scan::{Found, FoundKind, Limits, Named, Options, Scan, ScanError, Share, check_glob, scan};
pub use snapshot::{Snapshot, SnapshotError};
pub use stamps::{Stamp, Stamps};
pub use tree::{TreeSize, copy_tree, tree_size};
