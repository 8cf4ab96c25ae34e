//! The agent itself, first process of its host.
//!
//! One thread and one loop: starting and collecting never overlap, so no process's end is missed or taken by the wrong
//! one.

use super::{Answer, Order};
use crate::{During, Trouble};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Everybody but this process: to the kernel, process -1.
const EVERYBODY: Pid = Pid::from_raw(-1);

/// Serves until standard input closes; then the kernel ends every process of the host.
pub(super) fn run(name: &str) -> Result<(), Trouble> {
    sethostname(name).during("naming the host")?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .during("keeping mounts private")?;
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None::<&str>).during("mounting /proc")?;
    let mut children = SigSet::empty();
    children.add(Signal::SIGCHLD);
    children.thread_block().during("blocking SIGCHLD")?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let signals = SignalFd::with_flags(&children, flags).during("listening to SIGCHLD")?;
    say(&Answer::Ready)?;
    serve(&signals)
}

fn serve(signals: &SignalFd) -> Result<(), Trouble> {
    let stdin = std::io::stdin();
    let mut orders = Lines::default();
    loop {
        let mut wanted =
            [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wanted, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).during("waiting for orders"),
        }
        let (spoken, died) = (happened(&wanted[0]), happened(&wanted[1]));
        if died {
            while signals.read_signal().during("reading a signal")?.is_some() {}
            collect(Some(WaitPidFlag::WNOHANG))?;
        }
        if spoken {
            if !orders.read(&stdin)? {
                return Ok(());
            }
            while let Some(line) = orders.next() {
                let order = serde_json::from_str(&line).during("understanding an order")?;
                let answer = obey(order)?;
                say(&answer)?;
            }
        }
    }
}

fn happened(fd: &PollFd<'_>) -> bool {
    fd.revents().is_some_and(|events| !events.is_empty())
}

fn obey(order: Order) -> Result<Answer, Trouble> {
    let done = match order {
        Order::Start { .. } => return Ok(start(order).unwrap_or_else(refused)),
        Order::Signal { pid, signal } => send(Pid::from_raw(pid), signal),
        Order::SignalAll { signal } => send(EVERYBODY, signal),
        Order::KillAll => {
            // Again until nobody is left: the dying may have had children in the making.
            while send(EVERYBODY, Signal::SIGKILL as i32).is_ok() {
                collect(None)?;
            }
            Ok(())
        }
    };
    Ok(done.map_or_else(refused, |()| Answer::Done))
}

fn refused(trouble: Trouble) -> Answer {
    Answer::Refused { why: trouble.to_string() }
}

fn send(pid: Pid, signal: i32) -> Result<(), Trouble> {
    let signal = Signal::try_from(signal).during("reading the signal")?;
    kill(pid, signal).during(format!("sending {signal} to {pid}"))
}

fn start(order: Order) -> Result<Answer, Trouble> {
    let Order::Start { program, args, env, folder, user, stdout, stderr } = order else {
        return Err(Trouble::new("not an order to start something"));
    };
    let mut command = Command::new(&program);
    command
        .args(args)
        .env_clear()
        .envs(env)
        .current_dir(folder)
        // As under any service manager, each has a group of its own; the agent's is outside of this host.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(append_to(&stdout)?)
        .stderr(append_to(&stderr)?);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let child = command.spawn().during(format!("starting {}", program.display()))?;
    // Never waited for by its handle: every end is collected in one place.
    let pid = i32::try_from(child.id()).during("numbering a process")?;
    Ok(Answer::Started { pid })
}

fn append_to(path: &Path) -> Result<File, Trouble> {
    OpenOptions::new().append(true).create(true).open(path).during(format!("opening {}", path.display()))
}

/// Collects the dead: all that are there, or without a flag all until no child is left.
fn collect(flag: Option<WaitPidFlag>) -> Result<(), Trouble> {
    loop {
        let (pid, code, signal) = match waitpid(EVERYBODY, flag) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, Some(code), None),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, None, Some(signal as i32)),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(()),
            // Stops and traces are not asked for.
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(error) => return Err(error).during("collecting the dead"),
        };
        say(&Answer::Ended { pid: pid.as_raw(), code, signal })?;
    }
}

fn say(answer: &Answer) -> Result<(), Trouble> {
    let mut line = serde_json::to_string(answer).during("wording an answer")?;
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).during("answering")
}

/// Bytes on their way to being lines.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
}

impl Lines {
    /// Takes what is there; false at the end.
    fn read(&mut self, from: &impl AsFd) -> Result<bool, Trouble> {
        // Read without the standard library's buffer: it would hide from `poll` what it has taken already.
        let file = from.as_fd().try_clone_to_owned().during("reading orders")?;
        let mut chunk = [0; 16 * 1024];
        let count = File::from(file).read(&mut chunk).during("reading orders")?;
        self.bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(count > 0)
    }

    fn next(&mut self) -> Option<String> {
        let end = self.bytes.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}
