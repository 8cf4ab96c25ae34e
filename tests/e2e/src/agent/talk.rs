//! What test and agent say to each other: one JSON document per line. The agent answers each order once, in order;
//! between the answers it tells of processes that ended.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the agent is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Start a program with an environment of exactly these variables.
    Start {
        /// The program: a path, or a name on the `PATH` of the agent.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment.
        env: BTreeMap<String, String>,
        /// Its working folder.
        folder: PathBuf,
        /// User and group to run as; none means root.
        user: Option<u32>,
        /// File that its standard output is appended to.
        stdout: PathBuf,
        /// File that its standard error is appended to.
        stderr: PathBuf,
    },
    /// Send a signal to a process of this host.
    Signal {
        /// The process, as numbered on this host.
        pid: i32,
        /// The signal's number.
        signal: i32,
    },
    /// Send a signal to every process of this host but the agent.
    SignalAll {
        /// The signal's number.
        signal: i32,
    },
    /// End every process of this host but the agent, and answer once they are gone.
    KillAll,
}

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The namespaces are made.
    Ready,
    /// Started.
    Started {
        /// Its number on this host.
        pid: i32,
    },
    /// Done as told.
    Done,
    /// Not done.
    Refused {
        /// Why.
        why: String,
    },
    /// Not an answer: a process of this host ended, whoever started it.
    Ended {
        /// Its number on this host.
        pid: i32,
        /// Its exit code, where it exited.
        code: Option<i32>,
        /// The signal that ended it, where one did.
        signal: Option<i32>,
    },
}
