//! What survives: the ledger of every run, what is derived from it, and the blobs.
//!
//! [`Store`] keeps entries. Each commit is one transaction that checks the term of its realm, so nothing is
//! recorded by a leader whose time is over; runs, submissions, history and the hold on blobs are derived from the
//! entries in that same transaction. [`SqliteStore`] is the default, [`PostgresStore`] is shared by the daemons of a
//! mesh, [`MemoryStore`] is for tests; all pass one contract suite (`tests/store/contract`).
//!
//! [`BlobStore`] keeps bytes under their BLAKE3 digest: [`DiskBlobs`] (a folder of one host, or one that several
//! mount), [`S3Blobs`] and [`MemoryBlobs`].
//!
//! Deliberately not here: decisions (they are in `part-core`), who leads, and any knowledge of the wire.
//!
//! Start reading at [`Store`], then `projection.rs` (what is derived from an entry), `sqlite/commit.rs` and
//! `postgres/mod.rs`.

mod blob;
mod bounds;
mod error;
mod memory;
mod postgres;
mod projection;
mod rows;
mod sqlite;
mod store;
mod text;
mod tokens;

pub use blob::{
    BatchRead, BlobContent, BlobEntry, BlobError, BlobList, BlobRef, BlobStore, BlobStream, BlobWriter,
    Digest, DigestParseError, DiskBlobs, Durability, MemoryBlobs, PutOptions, S3Blobs, S3Options, Shelf,
    put_bytes, read_to_end,
};
pub use bounds::{CLASSES_PER_SUITE, ENTRIES_PER_PAGE, HISTORY_PER_SPEC, ROWS_PER_LIST};
pub use error::{Cause, CommitError, StoreError};
pub use memory::MemoryStore;
pub use postgres::PostgresStore;
pub use rows::{
    Finished, HistoryQuery, HistoryRow, Holder, Measured, Progress, Realm, RealmRow, RunCounts, RunFilter,
    RunPhase, RunRow, SpecHistory, Submitted,
};
pub use sqlite::SqliteStore;
pub use store::Store;
pub use tokens::{TokenRole, TokenRow, TokenUse};
