//! Every bound of the worker, in one place, with its reason. The shim's own are in `shim/bounds.rs`.

use std::time::Duration;

/// Heartbeats this often when there is nothing else to say: three missed ones make a worker suspect.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);
/// Silence of the leader after which the worker gives the link up and looks for the leader anew: three missed heartbeats.
pub(crate) const LEADER_SILENCE: Duration = Duration::from_secs(7);
/// First wait before a link is opened again; doubled up to [`RELINK_SLOWEST`].
pub(crate) const RELINK_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before a link is opened again: it is part of what a change of leaders costs.
pub(crate) const RELINK_SLOWEST: Duration = Duration::from_millis(400);
/// Messages on their way into the link's stream; more wait in the spool.
pub(crate) const LINK_QUEUE: usize = 64;
/// How long a leaving worker waits for tied attempts to end politely; longer than any sensible grace period.
pub(crate) const LEAVE: Duration = Duration::from_secs(30);
/// How long it waits for one that it killed: the shim needs that long for a tree that keeps changing.
pub(crate) const LEAVE_KILLED: Duration = Duration::from_secs(25);
/// What slots may say before they wait for the agent.
pub(crate) const SLOT_QUEUE: usize = 256;
/// Tests in one report.
pub(crate) const TESTS_PER_REPORT: usize = 500;
/// Bytes of texts in one report of tests: well under a message.
pub(crate) const TEST_BYTES_PER_REPORT: usize = 192 * 1024;
/// Output that travels inside the result instead of as a blob; most trivial specs write less.
pub(crate) const INLINE_OUTPUT: u64 = 8 * 1024;
/// Missing tests that are named one by one, and the bytes of their names: well under a message.
pub(crate) const MISSING_NAMED: usize = 1000;
/// See [`MISSING_NAMED`].
pub(crate) const MISSING_BYTES: usize = 256 * 1024;
/// Bytes of the sentence that says what an attempt came to.
pub(crate) const FINISH_MESSAGE_BYTES: usize = 16 * 1024;
/// Files kept of one attempt.
pub(crate) const ARTIFACT_FILES: usize = 1000;
/// Bytes of the name of a kept file: what other systems take for a path. A thousand stay under a message.
pub(crate) const ARTIFACT_NAME_BYTES: usize = 1024;
/// Bytes kept of one attempt.
pub(crate) const ARTIFACT_BYTES: u64 = 2 << 30;
/// Bytes of the report files of one attempt that are read.
pub(crate) const REPORT_BYTES: u64 = 64 << 20;
/// Processes of one attempt at a time: far above any browser, far below what stalls a machine.
pub(crate) const PROCESSES: u32 = 1000;
/// Tries to store a blob before the attempt's result goes without it.
pub(crate) const BLOB_TRIES: u32 = 5;
/// Wait between those tries.
pub(crate) const BLOB_RETRY: Duration = Duration::from_millis(300);
/// Longest that one probe of the machine may take.
pub(crate) const PROBE: Duration = Duration::from_secs(5);
/// Bytes of one line of a probe's output that are looked at.
pub(crate) const PROBE_OUTPUT: usize = 64 * 1024;
/// How long a leaving worker waits for the shim of a slot on which nothing runs.
pub(crate) const LEAVE_IDLE: Duration = Duration::from_secs(5);
/// How long a daemon may take to say who leads.
pub(crate) const FIND_LEADER: Duration = Duration::from_secs(3);
/// Addresses of daemons that are remembered.
pub(crate) const DAEMONS: usize = 64;
/// How often the worker looks at its disk.
pub(crate) const HEALTH_LOOK: Duration = Duration::from_secs(10);
/// Free bytes below which no new work is taken: few attempts write that much.
pub(crate) const DISK_LOW: u64 = 512 << 20;
/// On a small disk a fiftieth is enough.
pub(crate) const DISK_LOW_PART: u64 = 50;
/// How often the worker looks at its memory: a browser takes some hundred MiB in seconds.
pub(crate) const MEMORY_LOOK: Duration = Duration::from_secs(1);
/// Available bytes below which extra slots take nothing new: what one browser needs.
pub(crate) const MEMORY_LOW: u64 = 256 << 20;
/// On a large machine a twentieth: it fills up as many times faster as it has slots.
pub(crate) const MEMORY_LOW_PART: u64 = 20;
/// Percent of ten seconds in which something waited for memory, above which it is scarce whatever is available.
pub(crate) const MEMORY_STALL: f64 = 20.0;
/// It is no longer, once that went down to this.
pub(crate) const MEMORY_STALL_OVER: f64 = 10.0;
/// Control groups above this process that are looked at; real ones are a handful deep.
pub(crate) const CONTROL_GROUPS: usize = 32;
/// How long a slot without work keeps its shim: starting one takes some milliseconds.
pub(crate) const SHIM_IDLE: Duration = Duration::from_secs(300);
/// Bytes of the path of the folder with the slots' temporary files: with a slot's number and what browsers and runtimes
/// call their sockets, it stays below the hundred that the kernel allows.
pub(crate) const TEMP_PATH: usize = 44;
/// Extra slots for each slot, where nobody says: with three more, specs that wait three quarters of their time keep every
/// CPU busy.
pub(crate) const EXTRA_PER_SLOT: u32 = 3;
/// Extra slots of a worker, where nobody says: each may hold a browser.
pub(crate) const EXTRA_SLOTS: u32 = 64;
/// How often a listener is given what a running attempt wrote: no person sees the difference.
pub(crate) const LIVE_LOOK: Duration = Duration::from_millis(200);
/// How often the journal of specs that share a process is looked at for one that takes too long.
pub(crate) const JOURNAL_LOOK: Duration = Duration::from_secs(1);
/// Bytes of it that are looked at each time: many reports of small specs.
pub(crate) const JOURNAL_LOOK_BYTES: u64 = 4 << 20;
/// Listeners of one attempt that wait to be served; more are sent away.
pub(crate) const LIVE_LISTENERS: usize = 8;
/// Chunks of live output on their way to one listener.
pub(crate) const LIVE_QUEUE: usize = 4;
/// Tries to fetch a workspace, as many as a change of leaders may cost; what came before is not fetched again.
pub(crate) const FETCH_TRIES: u32 = 8;
/// Those of them after which a file is believed to be lost that the mesh says it does not have.
pub(crate) const FETCH_ABSENT_TRIES: u32 = 3;
/// Wait before the second of them; as much longer for each further one.
pub(crate) const FETCH_RETRY: Duration = Duration::from_millis(500);
/// Silence of whoever sends a workspace after which somebody else is asked.
pub(crate) const FETCH_SILENCE: Duration = Duration::from_secs(30);
/// Messages of a workspace, of at most 1 MiB, that wait to be written.
pub(crate) const FETCH_QUEUE: usize = 4;
/// Bytes of cached workspaces and setups, where nobody says: some dozens of large projects.
pub(crate) const CACHE_BYTES: u64 = 20 << 30;
/// On a small disk this part of it.
pub(crate) const CACHE_PART: u64 = 10;
/// Workspaces without a run that are kept for the next one, beside the one that it takes.
pub(crate) const IDLE_WORKSPACES: usize = 2;
/// How long such a workspace is kept: a working day's pause and a night.
pub(crate) const IDLE_WORKSPACE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long nobody must have used a workspace before another run takes it: between two specs of a run it is less.
pub(crate) const WORKSPACE_REST: Duration = Duration::from_secs(2);
/// Times that an attempt waits for its run's workspace: between ready and entered somebody may take it away.
pub(crate) const WORKSPACE_TRIES: u32 = 5;
/// Times that a run's workspace is tried to be made ready before its failure is final on this host.
pub(crate) const RUN_TRIES: u32 = 2;
/// Runs whose workspaces are remembered as ready or failed.
pub(crate) const RUNS_REMEMBERED: usize = 64;
/// Setup steps of a run; part.toml allows fewer.
pub(crate) const SETUP_STEPS: usize = 64;
/// How long a stand-alone worker tries to be admitted: daemons restart, and a dead worker of its name is forgotten.
pub(crate) const JOIN_PATIENCE: Duration = Duration::from_secs(120);
/// First wait before it asks again; doubled up to [`JOIN_RETRY_SLOWEST`].
pub(crate) const JOIN_RETRY_FIRST: Duration = Duration::from_millis(500);
/// Longest wait before it asks again.
pub(crate) const JOIN_RETRY_SLOWEST: Duration = Duration::from_secs(10);
/// How long a daemon may take to answer: it waits for an election meanwhile.
pub(crate) const JOIN_ANSWER: Duration = Duration::from_secs(40);
/// A certificate with less time left is not worth starting with.
pub(crate) const CERTIFICATE_WORTH: Duration = Duration::from_secs(60);
/// How long one try to renew a certificate lasts.
pub(crate) const RENEW_PATIENCE: Duration = Duration::from_secs(60);
/// Wait between such tries; half of a certificate's life is there for them.
pub(crate) const RENEW_RETRY: Duration = Duration::from_secs(300);
