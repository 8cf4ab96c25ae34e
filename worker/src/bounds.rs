//! Every bound of the worker, in one place, with its reason. The shim's own are in `shim/bounds.rs`.

use std::time::Duration;

/// Heartbeats this often when there is nothing else to say: three missed ones make a worker suspect.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);
/// Silence of the leader after which the worker gives the link up and opens another.
pub(crate) const LEADER_SILENCE: Duration = Duration::from_secs(20);
/// First wait before a link is opened again; doubled up to [`RELINK_SLOWEST`].
pub(crate) const RELINK_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before a link is opened again.
pub(crate) const RELINK_SLOWEST: Duration = Duration::from_secs(5);
/// Messages on their way into the link's stream; more wait in the spool.
pub(crate) const LINK_QUEUE: usize = 64;
/// What slots may say before they wait for the agent.
pub(crate) const SLOT_QUEUE: usize = 256;
/// Tests in one report.
pub(crate) const TESTS_PER_REPORT: usize = 500;
/// Bytes of texts in one report of tests: well under a message.
pub(crate) const TEST_BYTES_PER_REPORT: usize = 192 * 1024;
/// Output that travels inside the result instead of as a blob; most trivial specs write less.
pub(crate) const INLINE_OUTPUT: u64 = 8 * 1024;
/// Missing tests that are named one by one.
pub(crate) const MISSING_NAMED: usize = 1000;
/// Files kept of one attempt.
pub(crate) const ARTIFACT_FILES: usize = 1000;
/// Bytes kept of one attempt.
pub(crate) const ARTIFACT_BYTES: u64 = 2 << 30;
/// Bytes of one report file that is read.
pub(crate) const REPORT_BYTES: u64 = 64 << 20;
/// Processes of one attempt at a time: far above any browser, far below what stalls a machine.
pub(crate) const PROCESSES: u32 = 2000;
/// Tries to store a blob before the attempt's result goes without it.
pub(crate) const BLOB_TRIES: u32 = 5;
/// Wait between those tries.
pub(crate) const BLOB_RETRY: Duration = Duration::from_millis(300);
/// Longest that one probe of the machine may take.
pub(crate) const PROBE: Duration = Duration::from_secs(5);
/// Bytes of one line of a probe's output that are looked at.
pub(crate) const PROBE_OUTPUT: usize = 64 * 1024;
