//! Start and event loop.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::args::{self, Args};
use crate::shim::attempt::{Attempt, Pipe, Progress, unix_ms};
use crate::shim::error::ShimError;
use crate::shim::folder::{Folder, Note, SOCKET};
use crate::shim::lifetime::{Lifetime, Situation, Stay};
use crate::shim::protocol::{ExitRecord, Mode, PROTOCOL, Response, ShimInfo, StopCause, StopMode};
use crate::shim::signals::{self, Signals};
use crate::shim::tree::Kin;
use crate::shim::wire::Connection;
use crate::shim::{TAG_VARIABLE, bounds, raw, record};

/// Runs a shim until it has no more to do: the hidden verb `shim --dir DIR --tied|--detached` of our
/// binaries. `args` is what follows the verb. Must be called before any thread is started; says
/// `ready` on standard output once it can be connected to.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let outcome = match args::parse(args) {
        Ok(args) => Server::start(args).and_then(Server::run).map_err(|error| ShimError::chain(&error)),
        Err(message) => Err(message),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The log of the shim's folder; when even that fails there is nobody to tell.
            let _nobody_to_tell = writeln!(io::stderr(), "shim: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The record of the last attempt.
pub(super) struct Kept {
    pub(super) record: ExitRecord,
    /// Whether it exists anywhere but in our memory.
    pub(super) safe: bool,
}

/// The shim.
pub(super) struct Server {
    /// Held for life. First, because fields are dropped in order: when the controller sees its connection
    /// close, the folder is free for another shim.
    _lock: File,
    pub(super) info: ShimInfo,
    pub(super) kin: Kin,
    pub(super) attempt: Option<Attempt>,
    pub(super) last: Option<Kept>,
    pub(super) controller: Option<Connection>,
    pub(super) pending: Vec<(Connection, Instant)>,
    pub(super) lifetime: Lifetime,
    folder: Folder,
    signals: Signals,
    listener: UnixListener,
    /// While no connection can be accepted.
    deaf_until: Option<Instant>,
    buffer: Vec<u8>,
}

/// What the loop can be woken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Child,
    Terminate,
    Listener,
    Controller,
    Pending,
    Pipe(Pipe),
}

impl Server {
    fn start(args: Args) -> Result<Server, ShimError> {
        let signals = Signals::install()?;
        // Out of the terminal's reach. Refused to a process that leads a group, as when started by hand
        // from a shell; then that group is its own anyway.
        let _leads_a_group = rustix::process::setsid();
        if args.mode == Mode::Detached {
            // A daemon's files are none of a spec's business. A tied shim hands on what its user's shell
            // would (a job server, say).
            raw::keep_files_to_ourselves().map_err(ShimError::system("looking at inherited files"))?;
        }
        let folder = Folder::new(&args.dir)?;
        folder.create()?;
        let Some(lock) = folder.lock()? else {
            let source = io::Error::from(ErrorKind::AddrInUse);
            return Err(ShimError::Io { doing: "taking over", path: folder.path().to_owned(), source });
        };
        let pid = std::process::id();
        let started_at_ms = unix_ms();
        let tag = std::env::var(TAG_VARIABLE).unwrap_or_else(|_| format!("{pid}-{started_at_ms}"));
        folder.write_note(&Note { pid, tag: tag.clone(), mode: args.mode, started_at_ms })?;
        let listener = listen(&folder)?;
        let info = ShimInfo {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid,
            tag: tag.clone(),
            mode: args.mode,
        };
        let kin = Kin::new(tag)?;
        say_ready()?;
        Ok(Server {
            info,
            kin,
            attempt: None,
            last: None,
            controller: None,
            pending: Vec::new(),
            lifetime: Lifetime::new(args.mode, Instant::now()),
            folder,
            signals,
            listener,
            deaf_until: None,
            buffer: vec![0; bounds::READ_BYTES],
            _lock: lock,
        })
    }

    fn run(mut self) -> Result<(), ShimError> {
        let outcome = self.run_loop();
        if let (Err(error), Some(attempt)) = (&outcome, self.attempt.take()) {
            // Whatever happens to the shim, it does not leave processes behind.
            let dir = attempt.order().attempt_dir.clone();
            let message = ShimError::chain(error);
            let record = attempt.abandon(message, &self.kin, &mut self.signals, &mut self.buffer);
            self.conclude(record, &dir);
        }
        outcome
    }

    fn run_loop(&mut self) -> Result<(), ShimError> {
        loop {
            let alone = self.collect()?;
            self.advance(alone);
            let now = Instant::now();
            self.deaf_until = self.deaf_until.filter(|until| now < *until);
            self.pending.retain(|(connection, until)| connection.is_open() && now < *until);
            let stay = self.lifetime.stay(self.situation(), now);
            let until = match stay {
                Stay::On => None,
                Stay::Until(end) => Some(end),
                // Processes that could not be killed can be found only by the note.
                Stay::Over if self.haunted().is_some() => return Ok(()),
                Stay::Over => return self.folder.clear(),
            };
            for source in self.wait(until)? {
                self.serve(source)?;
            }
        }
    }

    fn situation(&self) -> Situation {
        Situation {
            working: self.attempt.is_some(),
            controlled: self.controller.is_some(),
            keeps_record: self.last.as_ref().is_some_and(|kept| !kept.safe),
        }
    }

    /// Collects ended processes; says whether nobody is left.
    fn collect(&mut self) -> Result<bool, ShimError> {
        let now = Instant::now();
        let attempt = &mut self.attempt;
        let collected = self.kin.collect(|ended| {
            if let Some(attempt) = attempt {
                attempt.collected(ended, now);
            }
        });
        collected.map_err(ShimError::system("collecting processes"))
    }

    /// Moves the attempt on, and ends it when it is over.
    fn advance(&mut self, alone: bool) {
        let now = Instant::now();
        let Some(attempt) = &mut self.attempt else { return };
        let kill = match attempt.advance(now, alone, &self.kin) {
            Progress::Going => return,
            Progress::Over => false,
            Progress::Kill => true,
        };
        let Some(attempt) = self.attempt.take() else { return };
        let dir = attempt.order().attempt_dir.clone();
        let record = attempt.finish(kill, &self.kin, &mut self.signals, &mut self.buffer);
        self.conclude(record, &dir);
    }

    /// Keeps, saves and announces a record.
    pub(super) fn conclude(&mut self, mut record: ExitRecord, dir: &std::path::Path) {
        let saved = record::write(dir, &record, self.controller.is_none());
        record.unsaved = saved.err().map(|error| ShimError::chain(&error));
        let mut safe = record.unsaved.is_none();
        if let Some(controller) = &mut self.controller {
            controller.say(None, Response::Finished(Box::new(record.clone())));
            safe |= controller.is_open() && !controller.wants_to_write();
        }
        self.last = Some(Kept { record, safe });
        self.lifetime.work_ended(Instant::now());
    }

    /// Waits until something happens or is due.
    fn wait(&self, until: Option<Instant>) -> Result<Vec<Source>, ShimError> {
        let mut sources = vec![Source::Child, Source::Terminate];
        let mut fds = vec![
            PollFd::new(&self.signals.child, PollFlags::IN),
            PollFd::new(&self.signals.terminate, PollFlags::IN),
        ];
        if self.deaf_until.is_none() {
            sources.push(Source::Listener);
            fds.push(PollFd::new(&self.listener, PollFlags::IN));
        }
        if let Some(controller) = &self.controller {
            sources.push(Source::Controller);
            let write = if controller.wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
            fds.push(PollFd::new(&controller.stream, PollFlags::IN | write));
        }
        for (connection, _) in &self.pending {
            sources.push(Source::Pending);
            fds.push(PollFd::new(&connection.stream, PollFlags::IN));
        }
        for (pipe, reader) in self.attempt.iter().flat_map(Attempt::pipes) {
            sources.push(Source::Pipe(pipe));
            fds.push(PollFd::new(reader, PollFlags::IN));
        }
        let hello = self.pending.iter().map(|(_, until)| *until);
        let attempt = self.attempt.as_ref().and_then(Attempt::next_deadline);
        let deadline = until.into_iter().chain(attempt).chain(hello).chain(self.deaf_until).min();
        let limit = deadline.map(|at| at.saturating_duration_since(Instant::now()).min(bounds::LONGEST_WAIT));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(ShimError::system("waiting for events")(error)),
        }
        let ready = fds.iter().map(|fd| !fd.revents().is_empty());
        Ok(sources.into_iter().zip(ready).filter(|(_, ready)| *ready).map(|(source, _)| source).collect())
    }

    fn serve(&mut self, source: Source) -> Result<(), ShimError> {
        match source {
            Source::Child => {
                signals::take(&mut self.signals.child)
                    .map_err(ShimError::system("reading the signal socket"))?;
            }
            Source::Terminate => {
                let terminated = signals::take(&mut self.signals.terminate)
                    .map_err(ShimError::system("reading the signal socket"))?;
                if terminated {
                    self.terminate();
                }
            }
            Source::Listener => self.accept(),
            Source::Controller => self.attend_controller(),
            Source::Pending => self.attend_pending(),
            Source::Pipe(pipe) => {
                if let Some(attempt) = &mut self.attempt {
                    attempt.pump(pipe, &mut self.buffer, Instant::now());
                }
            }
        }
        Ok(())
    }

    /// SIGTERM: end the attempt and leave; the second time without grace.
    fn terminate(&mut self) {
        let mode = if self.lifetime.is_leaving() { StopMode::Kill } else { StopMode::Graceful };
        self.lifetime.leave();
        self.stop_attempt(mode, StopCause::ShimTerminated);
    }

    pub(super) fn stop_attempt(&mut self, mode: StopMode, cause: StopCause) {
        if let Some(attempt) = &mut self.attempt {
            attempt.stop(mode, cause, Instant::now(), &self.kin);
        }
    }

    fn accept(&mut self) {
        loop {
            let connection = match self.listener.accept() {
                Ok((stream, _)) => Connection::new(stream),
                Err(error) => Err(error),
            };
            match connection {
                Ok(connection) => {
                    if self.pending.len() >= bounds::MAX_PENDING {
                        self.pending.remove(0);
                    }
                    self.pending.push((connection, Instant::now() + bounds::HELLO_LIMIT));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                Err(_) => {
                    // The system is out of files, say. The attempt is worth more than a new controller,
                    // who can wait.
                    self.deaf_until = Some(Instant::now() + bounds::DEAF_TIME);
                    return;
                }
            }
        }
    }
}

/// Binds the socket by its bare name from inside the folder, so that no path is too long.
fn listen(folder: &Folder) -> Result<UnixListener, ShimError> {
    std::env::set_current_dir(folder.path()).map_err(ShimError::io("entering", folder.path()))?;
    // One that is there belongs to a dead shim: we hold the lock.
    match std::fs::remove_file(SOCKET) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(source) => {
            return Err(ShimError::Io { doing: "removing", path: folder.path().join(SOCKET), source });
        }
    }
    let listener =
        UnixListener::bind(SOCKET).map_err(ShimError::io("listening on", folder.path().join(SOCKET)))?;
    listener.set_nonblocking(true).map_err(ShimError::system("preparing the socket"))?;
    Ok(listener)
}

/// Tells the launcher that it can connect, and lets go of its pipe.
fn say_ready() -> Result<(), ShimError> {
    let mut stdout = io::stdout();
    // A launcher that is gone already is dealt with like any other owner that is gone.
    let _launcher_gone = stdout.write_all(b"ready\n").and_then(|()| stdout.flush());
    let null =
        File::options().write(true).open("/dev/null").map_err(ShimError::io("opening", "/dev/null"))?;
    rustix::stdio::dup2_stdout(&null).map_err(ShimError::system("letting go of standard output"))
}
