//! The shim: a small process per slot that owns the process tree, the output and the exit status of
//! one attempt at a time, so that a daemon that crashes or is upgraded kills no test.
//!
//! The shim is a hidden verb of our own binaries (`EXE shim --dir DIR --tied|--detached`), single
//! threaded and synchronous, and is reused from attempt to attempt, so that a trivial spec pays for one
//! spawn. A worker talks to it over `DIR/shim.sock`, one JSON object a line.
//!
//! | File | Job |
//! |---|---|
//! | `protocol` | what is said on the socket, and the record of an attempt |
//! | `bounds` | every limit, interval and size in one place, with its reason |
//! | `server`, `wire`, `signals`, `lifetime` | the shim's event loop, and when it leaves |
//! | `attempt`, `timing`, `guard` | one attempt: what ends it, and when |
//! | `spawn`, `reap`, `raw` | how a program is found and started, and how its end is collected |
//! | `capture`, `record` | bounded output on disk, and `exit.json` |
//! | `tree` | finding, stopping and killing every descendant |
//! | `folder` | what lies in `DIR`, and sockets with long paths |
//! | `client`, `orphans` | the worker's side: [`ShimHandle`], and cleaning up behind a dead shim |
//!
//! Deliberately not here: which program to run and with which environment (the worker decides), what
//! its output means (the frameworks do), and cgroups. A cgroup leaf would close the one gap that is
//! left (a chain of processes that each open a new session and exit faster than `/proc` can be read),
//! but needs delegation and two migrations per attempt.
//!
//! # Platforms
//!
//! On Linux the shim is a subreaper: no descendant can leave it. Elsewhere orphans go to init, so they
//! are looked for with `ps` by the tag in their environment; a process that cleared its environment, or
//! whose environment the system hides, then escapes. That is best effort, and survivors that are seen
//! are reported.
//!
//! # Adding an outcome
//!
//! A new [`Outcome`] needs: its variant in `protocol`, the place in `attempt` that decides it, and a row
//! in the worker's table from outcomes to verdicts.

mod attempt;
mod bounds;
mod capture;
mod client;
mod error;
mod folder;
mod guard;
mod lifetime;
mod orphans;
mod protocol;
mod raw;
mod rawtext;
mod reap;
mod record;
mod server;
mod signals;
mod spawn;
mod timing;
mod tree;
mod wire;

pub use bounds::{DEFAULT_GRACE, DEFAULT_LEAK_GRACE, MAX_LINE_BYTES, MAX_TAIL_BYTES};
pub use client::ShimHandle;
pub use error::ShimError;
pub use orphans::{Reaped, reap_orphans};
pub use protocol::{
    ExitRecord, LeftOver, Limits, MainEnd, Mode, Outcome, OutputRecord, PROTOCOL, RunOrder, Running,
    ShimInfo, Started, StatusReport, StdoutRecord, StopCause, StopMode, TailChunk, Usage,
};
pub use record::{EXIT_FILE, OUTPUT_FILE, read_record};
pub use server::main;

/// Environment variable that carries the shim's tag to every process it starts. Processes that a dead
/// shim left behind are found by it.
pub const TAG_VARIABLE: &str = "PART_SHIM_TAG";
