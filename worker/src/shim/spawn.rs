//! Finding and starting the program of an attempt.
//!
//! The program is looked up here, not by the standard library, so that starting it stays on the fast
//! path (`posix_spawn`, no copy of the shim) although the environment is replaced, and so that the
//! message says where was looked.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, PipeReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::libc;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::TAG_VARIABLE;
use super::protocol::{Outcome, RunOrder};
use crate::load::held_to;

/// Where programs are looked for when the environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A started main process and the pipes it writes to.
pub(crate) struct Spawned {
    pub(crate) pid: i32,
    /// Standard error, and standard output unless that is separate.
    pub(crate) output: PipeReader,
    /// Standard output, when it is separate.
    pub(crate) stdout: Option<PipeReader>,
}

/// Starts the program of an order as leader of its own process group. The outcome of a failure tells the
/// user's mistakes from the host's troubles.
pub(crate) fn spawn(order: &RunOrder, tag: &str) -> Result<Spawned, Outcome> {
    let failed = |message| Outcome::SpawnFailed { message };
    let Some((program, arguments)) = order.argv.split_first() else {
        return Err(failed("the command is empty".to_owned()));
    };
    let path = find(program, order).map_err(failed)?;
    let pipes = |error: io::Error| trouble(format!("making a pipe for the output: {error}"));
    let (output, output_writer) = pipe().map_err(pipes)?;
    let (stdout, stdout_writer) = if order.stdout_file.is_some() {
        let (reader, writer) = pipe().map_err(pipes)?;
        (Some(reader), writer)
    } else {
        (None, output_writer.try_clone().map_err(pipes)?)
    };
    let mut command = Command::new(&path);
    command
        .arg0(program)
        .args(arguments)
        .env_clear()
        .envs(&order.env)
        .env(TAG_VARIABLE, tag)
        .current_dir(&order.cwd)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(stdout_writer)
        .stderr(output_writer);
    // The handle is dropped without waiting: children are collected by number, all in one place.
    let started = match &order.cpus {
        None => command.spawn(),
        Some(cpus) => held_to(cpus, || command.spawn())
            .map_err(|error| trouble(format!("holding it to the CPUs {cpus:?}: {error}")))?,
    };
    let child = started.map_err(|error| match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
            trouble(format!("starting {}: {error}", path.display()))
        }
        Some(_) | None => failed(explain(&error, &path, order)),
    })?;
    let pid = i32::try_from(child.id())
        .map_err(|_| trouble(format!("the system numbers a process {}", child.id())))?;
    Ok(Spawned { pid, output, stdout })
}

/// The host is at fault, not the order.
fn trouble(message: String) -> Outcome {
    Outcome::ShimError { message }
}

fn pipe() -> io::Result<(PipeReader, std::io::PipeWriter)> {
    let (reader, writer) = std::io::pipe()?;
    fcntl_setfl(&reader, fcntl_getfl(&reader)? | OFlags::NONBLOCK)?;
    Ok((reader, writer))
}

/// The file of a program, as the system would find it from the working folder of the order.
fn find(program: &OsStr, order: &RunOrder) -> Result<PathBuf, String> {
    if program.is_empty() {
        return Err("the name of the program is empty".to_owned());
    }
    if program.as_bytes().contains(&b'/') {
        return Ok(order.cwd.join(program));
    }
    let search = order.env.get(OsStr::new("PATH")).map_or(OsStr::new(DEFAULT_PATH), |path| path.as_os_str());
    let mut passed_over = None;
    for folder in std::env::split_paths(search) {
        let candidate = order.cwd.join(folder).join(program);
        match fs::metadata(&candidate) {
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(_) => passed_over = passed_over.or(Some(candidate)),
            Err(_) => {}
        }
    }
    let (program, search) = (Path::new(program).display(), Path::new(search).display());
    Err(match passed_over {
        Some(file) => format!("{} is not an executable file", file.display()),
        None => format!("program {program} was not found in PATH ({search})"),
    })
}

/// The system gives one error for many causes; says which it was.
fn explain(error: &io::Error, program: &Path, order: &RunOrder) -> String {
    let cwd = order.cwd.display();
    match fs::metadata(&order.cwd) {
        Err(cause) => return format!("working folder {cwd}: {cause}"),
        Ok(meta) if !meta.is_dir() => return format!("working folder {cwd} is not a folder"),
        Ok(_) => {}
    }
    let shown = program.display();
    if error.kind() == ErrorKind::NotFound && program.exists() {
        format!("{shown} cannot be started: the interpreter named in its first line does not exist")
    } else if error.kind() == ErrorKind::NotFound {
        format!("program {shown} does not exist")
    } else if error.raw_os_error() == Some(libc::ENOEXEC) {
        format!("{shown} cannot be started: it is neither a program for this system nor has a #! line")
    } else {
        format!("{shown} cannot be started: {error}")
    }
}
