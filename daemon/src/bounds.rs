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
pub(crate) const FIRST_HEAD: Duration = Duration::from_secs(5);
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
/// How long a starting process waits for its own worker: that takes milliseconds, but a crowded machine has none to spare.
pub(crate) const OWN_WORKER: Duration = Duration::from_secs(60);
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
/// Earlier attempts of a build that are looked up: their numbers decide which attempt comes next.
pub(crate) const PAST_ATTEMPTS: usize = 100;
/// Of those, how many are read for what passed in them: each is a whole ledger. What passed earlier only runs again.
pub(crate) const CARRIED_FROM: usize = 5;
/// Durations that are so much older than the newest of their suite say nothing any more: the product has changed.
pub(crate) const HISTORY_AGE: part_core::Millis = part_core::Millis::seconds(180 * 86_400);
/// Specs of one submission whose tests' own durations are looked up, so that they can be split well.
pub(crate) const TIMED_SPECS: usize = 20;
/// Runs whose ledgers are read for that.
pub(crate) const TIMED_RUNS: usize = 3;
/// Specs of one plan: it plays the whole run once for each number of slots.
pub(crate) const PLANNED_SPECS: usize = 50_000;
/// Most slots that a plan is made for.
pub(crate) const PLANNED_SLOTS: u32 = 4096;
/// Plans at a time: each keeps a CPU busy.
pub(crate) const PLANS: usize = 2;
/// Bytes of a plan or a report, which go in one message; of a larger one only that is sent which decides how long it
/// takes.
pub(crate) const ANSWER_BYTES: usize = part_proto::MESSAGE_LIMIT / 4 * 3;
/// Shortest lease: etcd raises shorter ones.
pub(crate) const ETCD_SHORTEST: Duration = Duration::from_secs(2);
/// A call of etcd must be answered this soon; where the lease is short, within a third of it.
pub(crate) const ETCD_CALL: Duration = Duration::from_secs(1);
/// Connecting to etcd may take this long: it hashes passwords slowly on purpose.
pub(crate) const ETCD_CONNECT: Duration = Duration::from_secs(3);
/// HTTP/2 pings to etcd go out this often, and must be answered as soon: without them a frozen etcd never fails.
pub(crate) const ETCD_PING: Duration = Duration::from_secs(1);
/// Longest time between two keep-alives of a lease. Their answers are what makes etcd put up with [`ETCD_PING`]: it
/// hangs up on a client that pings it three times with nothing in between.
pub(crate) const ETCD_BEAT: Duration = Duration::from_secs(2);
/// The deadline of a lease is so much earlier than etcd's, or a quarter of a short lease.
pub(crate) const ETCD_MARGIN: Duration = Duration::from_secs(1);
/// News from etcd that wait for the coordinator; more wait in the streams.
pub(crate) const ETCD_NEWS: usize = 64;
/// First wait before etcd is asked again after a failure; doubled up to [`ETCD_RETRY_SLOWEST`].
pub(crate) const ETCD_RETRY_FIRST: Duration = Duration::from_millis(100);
/// Longest wait before etcd is asked again.
pub(crate) const ETCD_RETRY_SLOWEST: Duration = Duration::from_secs(2);
/// Those who want to lead wait up to so long once the leader has gone, so that they do not all ask at once.
pub(crate) const ETCD_JITTER: Duration = Duration::from_millis(300);
/// How often everything is read from etcd although the watch is well: old versions can lose events.
pub(crate) const ETCD_AUDIT: Duration = Duration::from_secs(30);
/// A picture that was not kept up for so long is called old.
pub(crate) const ETCD_BLIND: Duration = Duration::from_secs(2);
/// A watch that lived for so long is tried again at once when it ends.
pub(crate) const ETCD_WATCH_STEADY: Duration = Duration::from_secs(5);
/// Between two looks at the lease of somebody who has our name.
pub(crate) const ETCD_LOOK: Duration = Duration::from_millis(250);
/// A dead lease is gone at the latest this long after its time: etcd looks twice a second, and may be busy.
pub(crate) const ETCD_EXPIRY: Duration = Duration::from_secs(2);
/// How often our own entry is written again after somebody wrote over it, before we give up.
pub(crate) const ETCD_REASSERTS: u32 = 3;
/// Failures in a row after which etcd is called unusable although the lease still lives.
pub(crate) const ETCD_FAILURES: u32 = 3;
/// How long it may take to give everything back to etcd.
pub(crate) const ETCD_LEAVE: Duration = Duration::from_secs(3);
/// Bytes of a daemon's entry in etcd, which is small on purpose.
pub(crate) const MEMBER_BYTES: usize = 4096;
/// Stand-alone workers that one daemon registers in etcd.
pub(crate) const MEMBER_WORKERS: usize = 1024;
/// How long a call waits for a leader when there is none just now: longer than an election.
pub(crate) const LEADERLESS: Duration = Duration::from_secs(20);
/// How often a leader of several daemons looks around: which workers are linked, whether its term still stands.
pub(crate) const LOOK_AROUND: Duration = Duration::from_secs(2);
/// How long a leader may hear of no other host's worker before it leaves the office to another daemon.
pub(crate) const BLIND: Duration = Duration::from_secs(20);
/// How long to wait for an office to be given back.
pub(crate) const RESIGN: Duration = Duration::from_secs(5);
/// A leader of several daemons that recorded nothing for so long asks the store whether its term still stands.
pub(crate) const TERM_LOOK: Duration = Duration::from_secs(2);
/// How long a leader of several daemons waits for its store before it leaves the office to one that may reach it.
pub(crate) const STORE_AWAY: Duration = Duration::from_secs(10);
/// How far a worker's clock may be off before the worker gets no work: certificates and file times go wrong then.
pub(crate) const CLOCK_OFF: Duration = Duration::from_secs(300);
/// Looks at the live output of attempts at a time.
pub(crate) const OUTPUT_WATCHES: usize = 256;
/// Chunks of live output on their way to one client.
pub(crate) const OUTPUT_QUEUE: usize = 4;
/// How long a worker may take to begin sending what a client wants to see.
pub(crate) const OUTPUT_BEGINS: Duration = Duration::from_secs(10);
/// A connection to another daemon on which nothing was heard for so long is asked whether it lives, and given up after
/// as long again.
pub(crate) const PEER_ALIVE: Duration = Duration::from_secs(3);
/// How long a connection to another daemon may take.
pub(crate) const PEER_CONNECT: Duration = Duration::from_secs(3);
/// How long a leaving daemon tries to tell the mesh.
pub(crate) const LEAVE_MESH: Duration = Duration::from_secs(3);
/// Bytes of a host's or a person's name.
pub(crate) const NAME_BYTES: usize = 255;
/// A TLS handshake may take this long, from the moment the connection was accepted.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);
/// Connections of one address that have shown neither a certificate nor a token. Those who have are not counted.
pub(crate) const UNPROVEN: usize = 64;
/// Without TLS: connections of one address that have not said anything yet.
pub(crate) const UNGREETED: usize = 1024;
/// How long such a connection is left in peace when another wants its place: many times what a handshake takes.
pub(crate) const UNPROVEN_REST: Duration = Duration::from_millis(500);
/// How long a connection may stay that shows neither certificate nor token: joining and health checks take no longer.
pub(crate) const UNPROVEN_AGE: Duration = Duration::from_secs(60);
/// A connection is asked to make place for a new one at this age: what was true of its other end may no longer be, and a
/// connection that is used for weeks is one whose renewal was never tried.
pub(crate) const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// What is still open on it then has this long to end. Links open again by themselves and watches go on from their cursor;
/// the time is for transfers.
pub(crate) const CONNECTION_GRACE: Duration = Duration::from_secs(600);
/// Bytes of the headers of one request.
pub(crate) const HEADER_BYTES: u32 = 16 * 1024;
/// How often the files of certificates are looked at.
pub(crate) const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);
/// Life of the authority that `partd certs` makes.
pub(crate) const AUTHORITY_LIFE: Duration = Duration::from_secs(5 * 365 * 86_400);
/// Life of a daemon's certificate that `partd certs` makes.
pub(crate) const DAEMON_LIFE: Duration = Duration::from_secs(365 * 86_400);
/// Life of a worker's certificate, which renews it at half of that: a stolen one is worth little.
pub(crate) const WORKER_LIFE: Duration = Duration::from_secs(86_400);
/// Certificates hold from so long ago: clocks differ.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(600);
/// How long a token that was good counts as good without another look: a revoked one works no longer than that.
pub(crate) const TOKEN_TRUSTED: Duration = Duration::from_secs(30);
/// Tokens that are remembered so.
pub(crate) const TOKENS_REMEMBERED: usize = 1024;
/// Looks at tokens in the store at a time: those who guess must not keep it from its work.
pub(crate) const TOKEN_LOOKS: usize = 4;
/// Refused calls that are written into the log in one window.
pub(crate) const DENIALS_WRITTEN: u32 = 10;
/// The window.
pub(crate) const DENIALS_WINDOW: Duration = Duration::from_secs(10);
/// How long a worker whose answer got lost may ask for it again with the same token and key.
pub(crate) const JOIN_REPEATED: Duration = Duration::from_secs(600);
/// Workers that are remembered so.
pub(crate) const JOINS_REMEMBERED: usize = 1024;
/// Life of a join token unless told otherwise: enough to carry it to a machine.
pub(crate) const JOIN_TOKEN_LIFE: Duration = Duration::from_secs(15 * 60);
/// Life of a client's token unless told otherwise.
pub(crate) const CLIENT_TOKEN_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// Largest blob that shares a batch; larger ones are read and written by themselves, in chunks.
pub(crate) const BATCHED_BLOB_BYTES: usize = 64 << 10;
/// Blobs written in one go: enough to make the hop to another thread cheap, few enough to spread over threads.
pub(crate) const BATCH_BLOBS: usize = 64;
/// Bytes of such a batch.
pub(crate) const BATCH_BYTES: usize = 1 << 20;
/// Batches that one client has written at a time: folders' locks and round trips leave nothing for more.
pub(crate) const BATCHES_PER_CALL: usize = 4;
/// Batches that all clients have written at a time. Each holds the message that it came in: a few MiB.
pub(crate) const BATCHES: usize = 16;
/// Blobs read in one go for a client that wants many: 2 MiB at most.
pub(crate) const READ_BLOBS: usize = 32;
/// Such reads ahead of the client.
pub(crate) const READS_AHEAD: usize = 4;
/// Messages of blobs, of 1 MiB each, ahead of the client.
pub(crate) const MESSAGES_AHEAD: usize = 2;
/// Largest manifest: hundreds of thousands of files.
pub(crate) const MANIFEST_BYTES: usize = 64 << 20;
/// Manifests in memory at a time; each takes a few times its size while it is read.
pub(crate) const MANIFESTS_AT_ONCE: usize = 4;
/// How long a blob or manifest that was there counts as there without another look. Far below [`RETIRED_FOR`].
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(600);
/// Blobs remembered so: the files of a few large workspaces, at some 50 bytes each.
pub(crate) const KNOWN_BLOBS: usize = 400_000;
/// Manifests remembered so.
pub(crate) const KNOWN_MANIFESTS: usize = 1000;
/// How long a manifest may take to come: the largest one at 5 Mbit/s.
pub(crate) const MANIFEST_ARRIVES: Duration = Duration::from_secs(120);
/// A new leader looks for what can go this soon, when its workers are back.
pub(crate) const RETENTION_FIRST: Duration = Duration::from_secs(60);
/// And then this often.
pub(crate) const RETENTION: Duration = Duration::from_secs(600);
/// All blobs are looked at this often, and whenever runs were forgotten. Listing takes a request per thousand of them.
pub(crate) const RETENTION_SWEEP: Duration = Duration::from_secs(3600);
/// Runs forgotten in one pass; the rest waits for the next.
pub(crate) const FORGOTTEN_PER_PASS: usize = 1000;
/// Runs asked for at a time.
pub(crate) const RUNS_PER_LOOK: usize = 100;
/// A run that finished so lately is kept whatever its size: somebody is just reading it.
pub(crate) const RUN_FRESH: Duration = Duration::from_secs(3600);
/// A blob that was put so lately is kept: the run or the report that needs it may still be on its way.
pub(crate) const BLOB_FRESH: Duration = Duration::from_secs(24 * 3600);
/// How long a retired blob can be brought back. This is the promise behind a manifest that was found complete: a run
/// opened within that time finds all of its files, however the finding and the retiring overlapped.
pub(crate) const RETIRED_FOR: Duration = Duration::from_secs(24 * 3600);
/// Blobs retired, brought back or deleted in one go.
pub(crate) const BLOBS_PER_STEP: usize = 1000;
/// Files that manifests keep alive: 32 bytes each, twice that in the set that holds them.
pub(crate) const LIVE_FILES: usize = 8_000_000;
/// Forgotten manifests keep their files alive until that set is made anew, which reads every manifest.
pub(crate) const LIVE_REBUILD: Duration = Duration::from_secs(6 * 3600);
/// How long a starting daemon waits for stores that do not answer yet: after a power cut everything starts at once.
pub(crate) const STORE_STARTS: Duration = Duration::from_secs(120);
