//! Every limit, interval and size of the shim, with the reason for each.

use std::time::Duration;

/// Longest line on the socket, in bytes. Environments and argument lists rarely pass 100 KiB; Linux
/// itself stops at about 2 MiB.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Most output bytes one `Tail` answer carries. Even where each byte needs six characters of JSON
/// the answer stays below [`MAX_LINE_BYTES`].
pub const MAX_TAIL_BYTES: usize = 128 << 10;

/// What the shim will queue for a controller that does not read, in bytes. A controller that is
/// further behind counts as gone: the shim must not wait for it.
pub(crate) const MAX_UNSENT_BYTES: usize = 4 << 20;

/// How many connections may wait for their `hello` at a time. Beyond it the oldest is closed.
pub(crate) const MAX_PENDING: usize = 4;

/// How long a connection may take to say `hello`.
pub(crate) const HELLO_LIMIT: Duration = Duration::from_secs(5);

/// How long the shim does not look at new connections after one could not be accepted.
pub(crate) const DEAF_TIME: Duration = Duration::from_secs(1);

/// Default time between SIGTERM and SIGKILL.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Default time that processes which outlive the main process get to go by themselves.
pub const DEFAULT_LEAK_GRACE: Duration = Duration::from_secs(2);

/// Longest grace when a tied shim lost its owner: nobody is left who waits for a tidy end.
pub(crate) const ORPHANED_GRACE: Duration = Duration::from_secs(2);

/// How long a tied shim waits for its first controller.
pub(crate) const FIRST_CONTROLLER_LIMIT: Duration = Duration::from_secs(10);

/// How long a detached shim without work and without controller stays.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long a detached shim keeps a record that it could not save and nobody fetched.
pub(crate) const UNSAVED_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest wait in one piece; some systems count it in milliseconds in 32 bits.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// How long killing a tree may go on without any effect before what is left counts as unkillable (a
/// process in uninterruptible sleep).
pub(crate) const KILL_LIMIT: Duration = Duration::from_secs(5);

/// How long killing a tree may take in all, for trees that keep changing. Below [`ANSWER_LIMIT`],
/// because the shim is deaf meanwhile.
pub(crate) const KILL_LIMIT_IN_ALL: Duration = Duration::from_secs(20);

/// Passes of "find and freeze what is new" before one round of kills. A tree of ordinary depth needs
/// two or three; the bound is for chains that fork faster than we look.
pub(crate) const FREEZE_PASSES: usize = 32;

/// Wait for the end of killed processes between two rounds.
pub(crate) const KILL_ROUND: Duration = Duration::from_millis(10);

/// First look at the number of processes. Shorter specs pay for one small read, at their start.
pub(crate) const GUARD_FIRST: Duration = Duration::from_millis(50);

/// Interval between cheap looks (one small read of `/proc`).
pub(crate) const GUARD_INTERVAL: Duration = Duration::from_millis(50);

/// At the latest after this the tree itself is counted, whatever the cheap look says.
pub(crate) const GUARD_WALK_INTERVAL: Duration = Duration::from_secs(1);

/// A routine count may cost one part in so many of a core ...
pub(crate) const GUARD_CALM_COST: u32 = 50;

/// ... and a count with cause one part in so many.
pub(crate) const GUARD_ALARM_COST: u32 = 5;

/// How long a count with cause may take before the processes are halted for it. Far above what a count
/// of an ordinary tree takes, because some programs do not like being halted.
pub(crate) const GUARD_PATIENCE: Duration = Duration::from_millis(50);

/// What is read from a pipe at a time. Also the memory that the shim spends on output.
pub(crate) const READ_BYTES: usize = 256 << 10;

/// Most that is read from one pipe before the loop looks at its other duties again.
pub(crate) const READ_TURN_BYTES: usize = 4 << 20;

/// Pipe size asked for once an attempt writes in bulk, to save switches between the two processes.
pub(crate) const PIPE_BYTES: usize = 1 << 20;

/// Processes named in a record; the full count is given beside.
pub(crate) const MAX_NAMED_PROCESSES: usize = 64;

/// Longest command line of a process in a record, in characters.
pub(crate) const MAX_COMMAND_CHARS: usize = 200;

/// How long a client waits for a new shim to be ready.
pub(crate) const LAUNCH_LIMIT: Duration = Duration::from_secs(10);

/// How long a client waits for an answer. The shim is deaf for at most [`KILL_LIMIT_IN_ALL`] and
/// the time to put the output together.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long a client waits for the status of a shim whose connection broke, to name the cause.
pub(crate) const POST_MORTEM_LIMIT: Duration = Duration::from_secs(2);

/// Most of the shim's own log that is quoted in an error, in bytes.
pub(crate) const LOG_QUOTE_BYTES: u64 = 2000;

/// Longest socket path that is passed to the system as it is; a Linux address holds 108 bytes, others
/// 104.
pub(crate) const SOCKET_PATH_BYTES: usize = 100;
