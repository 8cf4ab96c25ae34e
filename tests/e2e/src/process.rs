//! A process on a host.

use crate::{Host, PATIENCE, Trouble};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code, where it exited.
    pub code: Option<i32>,
    /// The signal that ended it, where one did.
    pub signal: Option<i32>,
}

/// A process that a test started on a host.
#[derive(Clone, Debug)]
pub struct Process {
    pub(crate) host: Arc<Host>,
    pub(crate) pid: i32,
    pub(crate) what: String,
    pub(crate) stdout: PathBuf,
    pub(crate) stderr: PathBuf,
}

impl Process {
    /// Its number on its host.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// What it is and where, for people.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The host that it runs on.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Where its standard output goes.
    pub fn stdout(&self) -> &Path {
        &self.stdout
    }

    /// Where its standard error goes.
    pub fn stderr(&self) -> &Path {
        &self.stderr
    }

    /// Sends a signal to it alone, not to what it started.
    pub fn signal(&self, signal: Signal) -> Result<(), Trouble> {
        self.host.signal(self.pid, signal)
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<Ended> {
        self.host.ended(self.pid)
    }

    /// Waits for its end.
    pub fn wait(&self, limit: Duration) -> Result<Ended, Trouble> {
        self.host.wait(self.pid, &self.what, limit)
    }

    /// kill -9, and waits until it is gone; what it started goes on.
    pub fn kill(&self) -> Result<(), Trouble> {
        if self.ended().is_none() {
            self.signal(Signal::SIGKILL)?;
            self.wait(PATIENCE)?;
        }
        Ok(())
    }
}
