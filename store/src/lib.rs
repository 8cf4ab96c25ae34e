//! What survives: the ledger of every run, what is derived from it, and the blobs.
//!
//! [`Store`] keeps entries. Each commit is one transaction that checks the term of its realm, so nothing is
//! recorded by a leader whose time is over; runs, submissions and history are derived from the entries in that
//! same transaction. [`SqliteStore`] is the default, [`MemoryStore`] is for tests; both pass one contract suite
//! (`tests/contract`). [`BlobStore`] keeps bytes under their BLAKE3 digest: [`DiskBlobs`] and [`MemoryBlobs`].
//!
//! Deliberately not here: decisions (they are in `part-core`), who leads, and any knowledge of the wire.
//!
//! Start reading at [`Store`], then `projection.rs` (what is derived from an entry) and `sqlite/commit.rs`.

mod blob;
mod bounds;
mod error;
mod memory;
mod projection;
mod rows;
mod sqlite;
mod store;
mod text;

pub use blob::{
    BlobContent, BlobError, BlobRef, BlobStore, BlobStream, BlobWriter, Digest, DigestParseError, DiskBlobs,
    Durability, MemoryBlobs, PutOptions, put_bytes, read_to_end,
};
pub use bounds::{ENTRIES_PER_PAGE, HISTORY_PER_SPEC, ROWS_PER_LIST};
pub use error::{Cause, CommitError, StoreError};
pub use memory::MemoryStore;
pub use rows::{
    Finished, HistoryQuery, HistoryRow, Holder, Progress, Realm, RealmRow, RunCounts, RunFilter, RunPhase,
    RunRow,
};
pub use sqlite::SqliteStore;
pub use store::Store;
