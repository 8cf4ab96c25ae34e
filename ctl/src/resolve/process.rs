//! Running a framework's listing command: bounded in time and output, and gone with all its children when given up.

use futures::future::BoxFuture;
use part_core::Millis;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// A command that lists specs or tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListCall {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Folder to run in, absolute.
    pub folder: PathBuf,
    /// Environment over that of this process.
    pub env: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Millis,
    /// Most bytes of standard output, or of `file`.
    pub limit_bytes: u64,
    /// A file that it writes its list to, in place of its standard output.
    pub file: Option<PathBuf>,
    /// Exit codes that mean it worked.
    pub ok_codes: Vec<i32>,
}

/// What a listing command wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its list: the file, or else standard output.
    pub output: Vec<u8>,
}

/// Why a listing command gave no list.
#[derive(Debug, Error)]
pub enum ListError {
    /// There is no program to start.
    #[error("the command is empty")]
    Empty,
    /// It did not start.
    #[error("cannot start {program:?} in {}", .folder.display())]
    Start {
        /// The program.
        program: String,
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its output could not be read.
    #[error("cannot read the output of {program:?}")]
    Read {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The file that it should have written could not be read.
    #[error("{program:?} left no list in {}", .file.display())]
    File {
        /// The program.
        program: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It took too long and was stopped.
    #[error("{program:?} was stopped after {limit}")]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was given.
        limit: Millis,
    },
    /// It wrote too much and was stopped.
    #[error("{program:?} listed more than {limit} bytes")]
    TooLarge {
        /// The program.
        program: String,
        /// What it was given.
        limit: u64,
    },
    /// It said that it failed.
    #[error("{program:?} ended with {status}{}", tail_text(.tail))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        tail: String,
    },
}

/// Runs listing commands. The one seam between resolving and processes.
pub trait Lister: Sync {
    /// Runs one to its end. Dropping the future stops the command and its children.
    fn list<'a>(&'a self, call: &'a ListCall) -> BoxFuture<'a, Result<Listed, ListError>>;
}

/// Starts real processes, with this process's environment and no input.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessLister;

impl Lister for ProcessLister {
    fn list<'a>(&'a self, call: &'a ListCall) -> BoxFuture<'a, Result<Listed, ListError>> {
        Box::pin(run(call))
    }
}

/// Bytes kept of the end of what a command says besides its list.
const TAIL_BYTES: usize = part_frameworks::bounds::LISTING_TAIL_BYTES;

/// A process and its group; whoever drops it leaves nothing behind.
struct Tree {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Tree {
    fn drop(&mut self) {
        // ESRCH says that the group is gone already, which is what is wanted.
        let gone = self.group.map(|group| kill_process_group(group, Signal::KILL));
        drop(gone);
    }
}

async fn run(call: &ListCall) -> Result<Listed, ListError> {
    let (program, arguments) = call.command.split_first().ok_or(ListError::Empty)?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&call.folder).envs(&call.env);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    let child = command.spawn().map_err(|source| ListError::Start {
        program: program.clone(),
        folder: call.folder.clone(),
        source,
    })?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut tree = Tree { child, group };
    let limit = Duration::from_millis(call.timeout.0);
    match tokio::time::timeout(limit, finish(&mut tree.child, program, call)).await {
        Ok(listed) => listed,
        Err(_) => Err(ListError::TimedOut { program: program.clone(), limit: call.timeout }),
    }
}

/// Reads both outputs to their ends, then the exit code.
async fn finish(child: &mut Child, program: &str, call: &ListCall) -> Result<Listed, ListError> {
    let reading = |source| ListError::Read { program: program.to_owned(), source };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = async {
        match stdout {
            Some(pipe) => read_bounded(pipe, program, call.limit_bytes).await,
            None => Ok(Vec::new()),
        }
    };
    let talk = async {
        match stderr {
            Some(pipe) => read_tail(pipe).await.map_err(reading),
            None => Ok(Vec::new()),
        }
    };
    let (output, talk) = tokio::try_join!(output, talk)?;
    let status = child.wait().await.map_err(reading)?;
    if !status.code().is_some_and(|code| call.ok_codes.contains(&code)) {
        // Frameworks complain on either stream.
        let said = [output.as_slice(), talk.as_slice()].concat();
        return Err(ListError::Failed { program: program.to_owned(), status, tail: tail(&said) });
    }
    match &call.file {
        None => Ok(Listed { output }),
        Some(file) => read_file(file, program, call.limit_bytes).await,
    }
}

async fn read_file(file: &PathBuf, program: &str, limit: u64) -> Result<Listed, ListError> {
    let missing = |source| ListError::File { program: program.to_owned(), file: file.clone(), source };
    let opened = tokio::fs::File::open(file).await.map_err(missing)?;
    Ok(Listed { output: read_bounded(opened, program, limit).await? })
}

async fn read_bounded(pipe: impl AsyncRead + Unpin, program: &str, limit: u64) -> Result<Vec<u8>, ListError> {
    let mut bytes = Vec::new();
    let read = pipe.take(limit.saturating_add(1)).read_to_end(&mut bytes).await;
    read.map_err(|source| ListError::Read { program: program.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(ListError::TooLarge { program: program.to_owned(), limit });
    }
    Ok(bytes)
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
        if kept.len() > 4 * TAIL_BYTES {
            kept.drain(..kept.len() - TAIL_BYTES);
        }
    }
}

fn tail(bytes: &[u8]) -> String {
    let start = bytes.len().saturating_sub(TAIL_BYTES);
    String::from_utf8_lossy(&bytes[start..]).trim().to_owned()
}

fn tail_text(tail: &str) -> String {
    if tail.is_empty() { ", and said nothing".to_owned() } else { format!(":\n{tail}") }
}
