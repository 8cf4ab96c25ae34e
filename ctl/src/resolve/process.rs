//! Running a framework's listing command: bounded in time and output, and gone with all its children when given up.

use futures::future::BoxFuture;
use part_core::{ExitStatus, Millis};
use part_frameworks::bounds::{LISTING_BYTES, LISTING_TAIL_BYTES};
use part_frameworks::listing::ListPlan;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// What a listing command wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutput {
    /// How it ended.
    pub exit: ExitStatus,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: Vec<u8>,
}

/// Why a listing command did not come to its end.
#[derive(Debug, Error)]
pub enum CallError {
    /// There is nothing to start.
    #[error("the listing command is empty")]
    Empty,
    /// Its files have no place.
    #[error("cannot make a folder for what `{program}` writes")]
    Prepare {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It did not start.
    #[error("cannot start `{program}` in {}", .folder.display())]
    Start {
        /// The program.
        program: String,
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its output could not be read.
    #[error("cannot read the output of `{program}`")]
    Read {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long and was stopped.
    #[error("`{program}` was stopped after {limit}")]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        limit: Millis,
    },
    /// It wrote too much and was stopped.
    #[error("`{program}` was stopped: it wrote more than {limit} bytes")]
    TooLarge {
        /// The program.
        program: String,
        /// What it was given.
        limit: u64,
    },
}

/// Runs listing commands: the one seam between resolving and processes.
pub trait Lister: Sync {
    /// Runs one to its end. Dropping the future stops the command and its children.
    fn call<'a>(&'a self, plan: &'a ListPlan) -> BoxFuture<'a, Result<CallOutput, CallError>>;
}

/// Starts real processes, with this process's environment and nothing to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessLister;

impl Lister for ProcessLister {
    fn call<'a>(&'a self, plan: &'a ListPlan) -> BoxFuture<'a, Result<CallOutput, CallError>> {
        Box::pin(run(plan))
    }
}

/// A process with its group; whoever drops it leaves nothing behind.
struct Tree {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The only error there can be says that the group is gone, which is what is wanted.
        let _gone = self.group.map(|group| kill_process_group(group, Signal::KILL));
    }
}

async fn run(plan: &ListPlan) -> Result<CallOutput, CallError> {
    let (program, arguments) = plan.argv.split_first().ok_or(CallError::Empty)?;
    plan.prepare().map_err(|source| CallError::Prepare { program: program.clone(), source })?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&plan.folder).envs(&plan.env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let child = command.spawn().map_err(|source| CallError::Start {
        program: program.clone(),
        folder: plan.folder.clone(),
        source,
    })?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut tree = Tree { child, group };
    let limit = Duration::from_millis(plan.timeout.0);
    match tokio::time::timeout(limit, finish(&mut tree.child, program)).await {
        Ok(output) => output,
        Err(_) => Err(CallError::TimedOut { program: program.clone(), limit: plan.timeout }),
    }
}

/// Reads both outputs to their ends, then the exit code.
async fn finish(child: &mut Child, program: &str) -> Result<CallOutput, CallError> {
    let reading = |source| CallError::Read { program: program.to_owned(), source };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let list = async {
        let Some(pipe) = stdout else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        pipe.take(LISTING_BYTES + 1).read_to_end(&mut bytes).await.map_err(reading)?;
        if bytes.len() as u64 > LISTING_BYTES {
            return Err(CallError::TooLarge { program: program.to_owned(), limit: LISTING_BYTES });
        }
        Ok(bytes)
    };
    let talk = async {
        match stderr {
            Some(pipe) => read_tail(pipe).await.map_err(reading),
            None => Ok(Vec::new()),
        }
    };
    let (stdout, stderr) = tokio::try_join!(list, talk)?;
    let status = child.wait().await.map_err(reading)?;
    Ok(CallOutput { exit: exit_status(status), stdout, stderr })
}

/// Reads to the end and keeps the last part.
async fn read_tail(mut pipe: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = pipe.read(&mut chunk).await?;
        if count == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&chunk[..count]);
        if kept.len() > 4 * LISTING_TAIL_BYTES {
            kept.drain(..kept.len() - LISTING_TAIL_BYTES);
        }
    }
}

fn exit_status(status: std::process::ExitStatus) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, signal) => ExitStatus::Signal(signal.unwrap_or_default()),
    }
}
