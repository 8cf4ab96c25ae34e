//! Every bound of this crate, in one place, with its reason.

use std::time::Duration;

/// Entries in one page of a ledger, whatever is asked for. A page also ends early by size.
pub const ENTRIES_PER_PAGE: usize = 10_000;

/// Rows of one list for people, whatever is asked for; longer lists are paged.
pub const ROWS_PER_LIST: usize = 1000;

/// Samples that a forecast looks at: older ones weigh less than one part in ten thousand in it.
pub const HISTORY_PER_SPEC: usize = 20;

/// Browser or device classes of one suite that forecasts are borrowed from: more are not told apart by people either.
pub const CLASSES_PER_SUITE: usize = 16;

/// Bytes of encoded entries after which a page ends. An entry may be larger; then it is a page of its own.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// Series looked up by one statement: their names are handed over as one text.
pub(crate) const SERIES_PER_QUERY: usize = 2000;

/// How long a token is remembered after it expired, so that its holder is told that it did.
pub(crate) const EXPIRED_TOKENS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Digests looked up by one statement.
pub(crate) const DIGESTS_PER_QUERY: usize = 2000;

/// How long to wait for another process that writes the same file. Commits take milliseconds.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Connections that read. Reads are short, and each connection is a thread.
pub(crate) const READ_CONNECTIONS: u32 = 4;

/// Rows that a connection may run ahead of their reader.
pub(crate) const ROWS_AHEAD: usize = 256;

/// What is left of the write-ahead log's file after it was emptied; it would keep its largest size otherwise.
pub(crate) const LOG_FILE_BYTES: &str = "67108864";

/// How long a PostgreSQL server may take to answer before it counts as away, all together: for a free connection,
/// for making one, and for the operation itself.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The same for work that nobody waits for, such as forgetting a run of a million specs.
pub(crate) const UPKEEP_WAIT: Duration = Duration::from_secs(120);

/// How long the server may work on one statement. Below [`ANSWER_WAIT`], so that the server's own answer, which says
/// why, comes first, and nothing goes on at the server that nobody waits for.
pub(crate) const STATEMENT_WAIT: Duration = Duration::from_secs(8);

/// How long a statement may wait for a lock. Above [`SILENCE_WAIT`], so that a successor outwaits a predecessor that
/// fell silent within a commit, and below [`STATEMENT_WAIT`], so that the error tells what it waited for.
pub(crate) const SERVER_LOCK_WAIT: Duration = Duration::from_secs(7);

/// After so much silence within a transaction the server ends it: its leader is frozen or cut off, and its lock on
/// the term must not keep a successor out. Between two statements of a commit there is no pause of that length.
pub(crate) const SILENCE_WAIT: Duration = Duration::from_secs(5);

/// How long tables may take to be made or changed, others that do the same included.
pub(crate) const MIGRATION_WAIT: Duration = Duration::from_secs(60);

/// How long a connection may take to be made.
pub(crate) const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// A connection that was used so recently is taken to be alive; an older one is asked first.
pub(crate) const FRESH: Duration = Duration::from_secs(2);

/// How long an idle connection may take to prove that it is alive.
pub(crate) const PING_WAIT: Duration = Duration::from_secs(2);

/// Connections to a PostgreSQL server for commits and terms. One: a realm's commits come one after the other anyway,
/// and what was begun is over before the next begins.
pub(crate) const COMMIT_CONNECTIONS: usize = 1;

/// Connections for what clients and watchers ask. With the others six for each daemon, of the hundred that a server
/// takes unless told otherwise.
pub(crate) const REQUEST_CONNECTIONS: usize = 4;

/// Connections for retention.
pub(crate) const UPKEEP_CONNECTIONS: usize = 1;

/// Bytes that a blob writer gathers before it hashes and writes them, and that a reader reads at once.
pub(crate) const BLOB_CHUNK_BYTES: usize = 256 << 10;

/// Blobs of a batch that are put or read at the same time, where each of them is a request of its own.
pub(crate) const BLOBS_AT_ONCE: usize = 16;

/// Entries that a listing of blobs looks at before it lets others have the thread.
pub(crate) const BLOBS_PER_LISTING: usize = 1000;

/// Where several hosts write into a folder, an unfinished blob of this age has no writer any more: no upload takes
/// a day, and no clocks are a day apart.
pub(crate) const SHARED_LEFTOVER_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Largest blob that goes to an S3 store in one request; larger ones go in parts. No part but the last may be smaller.
pub(crate) const S3_WHOLE_BYTES: usize = 5 << 20;

/// Bytes of one part: 10,000 of them, which is the most there may be, hold the largest blob many times over.
pub(crate) const S3_PART_BYTES: usize = 8 << 20;

/// Parts of one upload on their way at a time. With [`S3_PART_BYTES`], the memory that an upload takes.
pub(crate) const S3_PARTS_AT_ONCE: usize = 4;

/// Requests to an S3 store on their way at a time, downloads aside: enough to hide the round trip, few enough for
/// servers that count connections.
pub(crate) const S3_REQUESTS: usize = 64;

/// How long a connection to an S3 store may take.
pub(crate) const S3_CONNECT: Duration = Duration::from_secs(5);

/// How long an S3 store may say nothing in the middle of a request.
pub(crate) const S3_SILENCE: Duration = Duration::from_secs(30);

/// How long a request may take as a whole; 4 GiB at 10 Mbit/s.
pub(crate) const S3_REQUEST: Duration = Duration::from_secs(60 * 60);

/// Times that a request is sent again, within [`S3_RETRY_FOR`].
pub(crate) const S3_RETRIES: usize = 5;

/// After so long no further attempt is made: whoever waits for a blob should hear of the trouble.
pub(crate) const S3_RETRY_FOR: Duration = Duration::from_secs(30);

/// Wait before a request is sent again for the first time; doubled up to [`S3_LONGEST_WAIT`].
pub(crate) const S3_FIRST_WAIT: Duration = Duration::from_millis(100);

/// Longest wait before a request is sent again.
pub(crate) const S3_LONGEST_WAIT: Duration = Duration::from_secs(5);
