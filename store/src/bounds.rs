//! Every bound of this crate, in one place, with its reason.

use std::time::Duration;

/// Entries in one page of a ledger, whatever is asked for. A page also ends early by size.
pub const ENTRIES_PER_PAGE: usize = 10_000;

/// Rows of one list for people, whatever is asked for; longer lists are paged.
pub const ROWS_PER_LIST: usize = 1000;

/// Samples that a forecast looks at: older ones weigh less than one part in ten thousand in it.
pub const HISTORY_PER_SPEC: usize = 20;

/// Bytes of encoded entries after which a page ends. An entry may be larger; then it is a page of its own.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// Series looked up by one statement: their names are handed over as one text.
pub(crate) const SERIES_PER_QUERY: usize = 2000;

/// How long to wait for another process that writes the same file. Commits take milliseconds.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Connections that read. Reads are short, and each connection is a thread.
pub(crate) const READ_CONNECTIONS: u32 = 4;

/// Rows that a connection may run ahead of their reader.
pub(crate) const ROWS_AHEAD: usize = 256;

/// What is left of the write-ahead log's file after it was emptied; it would keep its largest size otherwise.
pub(crate) const LOG_FILE_BYTES: &str = "67108864";

/// Bytes that a blob writer gathers before it hashes and writes them, and that a reader reads at once.
pub(crate) const BLOB_CHUNK_BYTES: usize = 256 << 10;
