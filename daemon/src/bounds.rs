//! Every bound of the daemon, in one place, with its reason.

use std::time::Duration;

/// Inputs that wait for the leader. When it is full, links and clients wait: the bound is their back-pressure.
pub(crate) const MAILBOX: usize = 1024;
/// Inputs taken into one commit: enough to share its cost, few enough to answer soon.
pub(crate) const BATCH: usize = 256;
/// Messages on their way to one worker: an order for each slot that it may have, and as much again of what else there
/// is to say. A worker that lets them pile up loses its link and introduces itself again.
pub(crate) const LINK_QUEUE: usize = 2 * part_core::Bounds::DEFAULT.slots_per_worker;
/// Events on their way to one watcher; more are read from the store once it has taken these.
pub(crate) const WATCH_QUEUE: usize = 16;
/// Entries read from the store at a time for a watcher.
pub(crate) const WATCH_PAGE: usize = 256;
/// Events that come thick and fast are read together, so often at most: no person sees the difference.
pub(crate) const WATCH_GATHER: Duration = Duration::from_millis(20);
/// How often a watcher of a run that is led elsewhere looks into the store.
pub(crate) const WATCH_ELSEWHERE: Duration = Duration::from_millis(250);
/// How often such a watcher also asks whether there is still somebody who leads the run, in those looks.
pub(crate) const WATCH_HOLDER_LOOKS: u32 = 8;
/// How long a stopping daemon waits for a watcher to take its last word.
pub(crate) const WATCH_FAREWELL: Duration = Duration::from_secs(1);
/// The leader says that it is there this often.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);
/// A worker must introduce itself this soon after opening a link.
pub(crate) const INTRODUCTION: Duration = Duration::from_secs(10);
/// The leader wakes up at least this often; a longer gap means that it was stopped or the machine slept.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// A gap from which on the leader does not hold silence against its workers.
pub(crate) const PAUSE: Duration = Duration::from_secs(3);
/// How long a client's request waits for the leader before it is told to try again.
pub(crate) const REQUEST: Duration = Duration::from_secs(30);
/// First wait before a commit is tried again; doubled up to [`COMMIT_SLOWEST`].
pub(crate) const COMMIT_FIRST: Duration = Duration::from_millis(50);
/// Longest wait before a commit is tried again.
pub(crate) const COMMIT_SLOWEST: Duration = Duration::from_secs(5);
/// An embedded mesh gives up a store that stays away for so long: nobody else could bring it back.
pub(crate) const EMBEDDED_GIVES_UP: Duration = Duration::from_secs(30);
/// Times in a row that a leader which lost its footing is rebuilt from the store before the daemon ends.
pub(crate) const REBUILDS: u32 = 5;
/// A leader that stood for so long starts counting anew.
pub(crate) const STEADY: Duration = Duration::from_secs(60);
/// Largest blob.
pub(crate) const BLOB_BYTES: u64 = 4 << 30;
/// Connections at a time; each costs a task and its buffers.
pub(crate) const CONNECTIONS: usize = 4096;
/// Streams of one connection.
pub(crate) const STREAMS: u32 = 256;
/// A connection must have sent the first bytes, and the head of its first request, this soon.
pub(crate) const FIRST_HEAD: Duration = Duration::from_secs(10);
/// HTTP/2 pings go out this often on a quiet connection.
pub(crate) const PING: Duration = Duration::from_secs(10);
/// And must be answered this soon.
pub(crate) const PONG: Duration = Duration::from_secs(10);
/// How long to wait for other processes of this home that come or go; ending what a killed one left takes seconds.
pub(crate) const GATE: Duration = Duration::from_secs(60);
/// Between two looks at a lock that somebody else has.
pub(crate) const LOCK_LOOK: Duration = Duration::from_millis(10);
/// A lock that is only being looked at is free again this soon.
pub(crate) const LOCK_LOOKED_AT: Duration = Duration::from_millis(500);
/// Between two looks whether a starting process's own worker is there.
pub(crate) const WORKER_LOOK: Duration = Duration::from_millis(2);
/// How often a draining daemon looks whether anything still runs.
pub(crate) const IDLE_LOOK: Duration = Duration::from_millis(200);
/// How long a task that was told to end may take. The longest is a worker that stops what runs: politely for half a
/// minute, then by force.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);
/// How long a stopping server waits for its connections.
pub(crate) const FAREWELL: Duration = Duration::from_secs(5);
/// Runs listed when the client does not say how many.
pub(crate) const RUNS_LISTED: usize = 50;
/// Explanations when the client does not say how many.
pub(crate) const EXPLAINED: usize = 20;
/// Most explanations.
pub(crate) const EXPLAINED_MOST: usize = 1000;
/// History rows when the client does not say how many.
pub(crate) const HISTORY_LISTED: usize = 50;
/// Free space below which `doctor` warns.
pub(crate) const DISK_LOW_BYTES: u64 = 2 << 30;
