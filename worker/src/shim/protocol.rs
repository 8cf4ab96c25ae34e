//! What controller and shim say to each other: one JSON object a line, on a unix socket.
//!
//! The controller opens with [`Request::Hello`] and the range of protocol numbers it speaks; the shim
//! picks one. Each further request carries a number, and its answer repeats it. [`Response::Finished`]
//! also comes unasked, when an attempt ends. Unknown fields are ignored, so that fields can be added
//! without a new protocol number.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{bounds, rawtext};

/// The protocol number spoken by this build.
pub const PROTOCOL: u32 = 1;

/// Whether a shim may outlive its controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It may not: when the controller goes, the shim stops its tree and ends.
    Tied,
    /// It goes on, keeps all limits, and waits for the next controller.
    Detached,
}

/// One attempt to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOrder {
    /// Name of the attempt, not empty; repeated in everything said about it.
    pub attempt: String,
    /// Program and arguments. A program without a slash is looked for in the `PATH` of `env`.
    #[serde(with = "rawtext::list")]
    pub argv: Vec<OsString>,
    /// The whole environment; nothing is inherited. The shim adds its own tag.
    #[serde(with = "rawtext::environment")]
    pub env: BTreeMap<OsString, OsString>,
    /// Working folder, absolute.
    #[serde(with = "rawtext::path")]
    pub cwd: PathBuf,
    /// Folder for output and exit record, absolute; created where absent. A folder that already holds
    /// an attempt is refused.
    #[serde(with = "rawtext::path")]
    pub attempt_dir: PathBuf,
    /// Where standard output goes in addition to the common output, whole up to its own bound; for
    /// frameworks that report there. Relative to `attempt_dir`, or absolute. With it, the order between
    /// standard output and standard error in the common output is approximate.
    #[serde(with = "rawtext::optional_path", default)]
    pub stdout_file: Option<PathBuf>,
    /// What the attempt may use.
    pub limits: Limits,
    /// Numbers of the CPUs that its processes may use; none for all that the shim may use. Linux only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Vec<u32>>,
}

/// What an attempt may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Longest life of the main process, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Longest silence on standard output and standard error, in milliseconds.
    pub idle_timeout_ms: Option<u64>,
    /// From SIGTERM to SIGKILL, in milliseconds.
    pub grace_ms: u64,
    /// Bytes of output kept from the start.
    pub output_head_bytes: u64,
    /// Bytes of output kept from the end, in addition.
    pub output_tail_bytes: u64,
    /// Bytes kept in `stdout_file`.
    pub stdout_file_bytes: u64,
    /// Most processes of the attempt at a time; more end it.
    pub max_processes: Option<u32>,
    /// Time that processes which outlive the main process get to go by themselves, in milliseconds.
    pub leak_grace_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            timeout_ms: None,
            idle_timeout_ms: None,
            grace_ms: bounds::DEFAULT_GRACE.as_millis() as u64,
            output_head_bytes: 32 << 20,
            output_tail_bytes: 32 << 20,
            stdout_file_bytes: 256 << 20,
            max_processes: None,
            leak_grace_ms: bounds::DEFAULT_LEAK_GRACE.as_millis() as u64,
        }
    }
}

/// How a tree is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// SIGTERM to every process, SIGKILL after the grace.
    Graceful,
    /// SIGKILL at once.
    Kill,
}

/// Who wanted an attempt stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// A controller, by request.
    Asked,
    /// The controller of a tied shim is gone.
    OwnerGone,
    /// The shim got SIGTERM.
    ShimTerminated,
}

/// What an attempt came to, as the shim sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The main process ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The main process died of a signal that the shim did not send.
    Signaled {
        /// Number of the signal.
        signal: i32,
    },
    /// It ran into its time limit and was stopped.
    TimedOut {
        /// The limit.
        after_ms: u64,
    },
    /// It was silent for too long and was stopped.
    Idle {
        /// The limit.
        after_ms: u64,
    },
    /// It was stopped from outside.
    Stopped {
        /// The strongest way that was asked for.
        mode: StopMode,
        /// Who wanted it.
        cause: StopCause,
    },
    /// It had more processes than allowed and was killed.
    TooManyProcesses {
        /// How many were seen. Counting ends soon after the limit.
        count: u32,
    },
    /// The program could not be started.
    SpawnFailed {
        /// Why, for the user.
        message: String,
    },
    /// The shim or the host could not do its part (a full disk, no room for another process); what had
    /// started was killed.
    ShimError {
        /// Why, for the operator.
        message: String,
    },
}

/// How the main process ended, whatever the reason for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MainEnd {
    /// With an exit code.
    Exited {
        /// The code.
        code: i32,
    },
    /// By a signal.
    Signaled {
        /// Number of the signal.
        signal: i32,
    },
}

/// All there is to know about an attempt that ended. Also the content of `exit.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// Name of the attempt.
    pub attempt: String,
    /// What it came to.
    pub outcome: Outcome,
    /// How the main process ended; absent when it never started or could not be killed.
    pub main_end: Option<MainEnd>,
    /// Start, in milliseconds since 1970 by this host's clock. For display.
    pub started_at_ms: u64,
    /// End of the main process, by the same clock. For display.
    pub ended_at_ms: u64,
    /// From start to end of the main process, by the monotonic clock, in milliseconds.
    pub wall_ms: u64,
    /// What it used.
    pub usage: Usage,
    /// The common output.
    pub output: OutputRecord,
    /// The separate standard output, where it was asked for.
    pub stdout: Option<StdoutRecord>,
    /// Processes that outlived the main process and had to be killed; the first of them.
    pub leaked: Vec<LeftOver>,
    /// How many there were.
    pub leaked_count: u32,
    /// Processes that could not be killed.
    pub survivors: Vec<LeftOver>,
    /// Why `exit.json` could not be written, where it could not. Never set in the file itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsaved: Option<String>,
}

/// Resources used by all processes of an attempt that were collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time in user mode, in milliseconds.
    pub user_ms: u64,
    /// Processor time in the kernel, in milliseconds.
    pub system_ms: u64,
    /// Largest resident memory of any one process, in bytes. Never below the shim's own few MiB, because
    /// a new process starts as a copy of the shim.
    pub max_rss_bytes: u64,
}

/// The common output of an attempt on disk: the kept head, then, when something was dropped, a line
/// that says how many bytes, then the kept tail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// The file.
    #[serde(with = "rawtext::path")]
    pub file: PathBuf,
    /// Bytes written by the attempt.
    pub total_bytes: u64,
    /// Bytes kept from the start.
    pub kept_head: u64,
    /// Bytes kept from the end; they are the last bytes of the file.
    pub kept_tail: u64,
    /// Bytes lost between the two.
    pub dropped_bytes: u64,
    /// What kept the output from being stored, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The separate standard output of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StdoutRecord {
    /// The file.
    #[serde(with = "rawtext::path")]
    pub file: PathBuf,
    /// Bytes written by the attempt.
    pub total_bytes: u64,
    /// Bytes in the file.
    pub kept_bytes: u64,
    /// Whether bytes are missing at the end.
    pub truncated: bool,
}

/// A process that should have been gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOver {
    /// Its number.
    pub pid: u32,
    /// Its command line, shortened.
    pub command: String,
}

/// An attempt has started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Name of the attempt.
    pub attempt: String,
    /// Its main process, which is also its process group. Absent when the program could not be started;
    /// the record is then there already.
    pub pid: Option<u32>,
    /// Start, in milliseconds since 1970.
    pub at_ms: u64,
}

/// The attempt that runs at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Name of the attempt.
    pub attempt: String,
    /// Its main process.
    pub pid: u32,
    /// Start, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// Where its output goes.
    #[serde(with = "rawtext::path")]
    pub attempt_dir: PathBuf,
    /// Bytes of output so far.
    pub output_bytes: u64,
    /// Whether it is being stopped, or waits for processes that outlived the main one.
    pub ending: bool,
}

/// What a shim is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// The attempt that runs.
    pub running: Option<Running>,
    /// The record of the last attempt that ended, until the next one starts.
    pub last: Option<ExitRecord>,
}

/// Who a shim is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimInfo {
    /// The protocol number to speak from now on.
    pub protocol: u32,
    /// Version of the shim's binary; for display.
    pub version: String,
    /// The shim's process.
    pub pid: u32,
    /// The tag that its processes carry.
    pub tag: String,
    /// Whether it may outlive its controller.
    pub mode: Mode,
}

/// A piece of the output of a running attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailChunk {
    /// Where `data` starts in the stream of bytes that the attempt wrote. More than was asked for when
    /// the bytes between have been dropped.
    pub offset: u64,
    /// The bytes; empty when there are none yet.
    #[serde(with = "rawtext::bytes")]
    pub data: Vec<u8>,
    /// Bytes written so far.
    pub total_bytes: u64,
}

/// What a controller asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Must come first.
    Hello { oldest: u32, newest: u32 },
    /// Start an attempt; answered by `Started`.
    Run(Box<RunOrder>),
    /// End an attempt; answered by `Stopping`.
    Stop { attempt: String, mode: StopMode },
    /// Answered by `Status`.
    Status,
    /// Output of the running attempt from an offset; answered by `Tail`.
    Tail { attempt: String, from: u64, max_bytes: u64 },
    /// End the shim, when nothing runs; answered by `Leaving`.
    Exit,
}

/// What the shim says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Response {
    /// To `Hello`.
    Hello(ShimInfo),
    /// To `Run`.
    Started(Started),
    /// The attempt ended.
    Finished(Box<ExitRecord>),
    /// To `Status`.
    Status(Box<StatusReport>),
    /// To `Stop`: whether there was such an attempt to stop.
    Stopping { attempt: String, running: bool },
    /// To `Tail`.
    Tail(TailChunk),
    /// To `Exit`.
    Leaving,
    /// Another controller has taken over; the connection ends.
    Replaced,
    /// To any request that cannot be met.
    Refused { reason: String },
}

/// One line: a request with its number, or an answer with the number of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line<T> {
    /// Number of the request; absent on what the shim says unasked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<u64>,
    /// What is said.
    pub(crate) say: T,
}
