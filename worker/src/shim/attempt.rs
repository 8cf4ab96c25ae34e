//! One attempt: from its order to its record.

use std::fs;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::time::{Duration, Instant, SystemTime};

use super::bounds;
use super::capture::{Capture, StdoutCapture};
use super::error::ShimError;
use super::guard::{Guard, Look};
use super::protocol::{
    ExitRecord, LeftOver, MainEnd, Outcome, RunOrder, Running, StopCause, StopMode, TailChunk, Usage,
};
use super::reap::Ended;
use super::record::OUTPUT_FILE;
use super::signals::Signals;
use super::spawn::{Spawned, spawn};
use super::timing::{Due, Timing};
use super::tree::{self, Kin};

/// An attempt whose main process was started.
pub(crate) struct Attempt {
    order: RunOrder,
    main: i32,
    started: Instant,
    started_at_ms: u64,
    timing: Timing,
    guard: Option<Guard>,
    /// Why it is being ended, once that is decided; else the end of the main process decides.
    verdict: Option<Outcome>,
    main_end: Option<MainEnded>,
    usage: Usage,
    pipes: Pipes,
    capture: Capture,
    stdout: Option<StdoutCapture>,
    leaked: Vec<LeftOver>,
    leaked_count: u32,
}

#[derive(Clone, Copy)]
struct MainEnded {
    end: MainEnd,
    at: Instant,
    at_ms: u64,
}

/// What is still open of the attempt's output.
struct Pipes {
    output: Option<PipeReader>,
    stdout: Option<PipeReader>,
    enlarged: bool,
}

/// One of the pipes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipe {
    Output,
    Stdout,
}

/// What became of an order.
pub(crate) enum Begun {
    /// It runs.
    Running(Box<Attempt>),
    /// Its program could not be started.
    Failed(Box<ExitRecord>),
}

/// Whether an attempt is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Going,
    /// Nobody is left.
    Over,
    /// What is left must be killed.
    Kill,
}

impl Attempt {
    /// Starts an attempt; an error is the reason for refusing it.
    pub(crate) fn begin(order: RunOrder, tag: &str) -> Result<Begun, String> {
        check(&order)?;
        let dir = &order.attempt_dir;
        fs::create_dir_all(dir).map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
        let limits = order.limits;
        let capture =
            Capture::create(dir.join(OUTPUT_FILE), limits.output_head_bytes, limits.output_tail_bytes)
                .map_err(|error| ShimError::chain(&error))?;
        let separate = order.stdout_file.as_ref();
        let stdout = separate.map(|file| StdoutCapture::create(dir.join(file), limits.stdout_file_bytes));
        let stdout = stdout.transpose().map_err(|error| ShimError::chain(&error))?;
        let (started, started_at_ms) = (Instant::now(), unix_ms());
        let Spawned { pid, output, stdout: stdout_pipe } = match spawn(&order, tag) {
            Ok(spawned) => spawned,
            Err(outcome) => {
                let record = never_ran(&order, started_at_ms, outcome, capture, stdout);
                return Ok(Begun::Failed(Box::new(record)));
            }
        };
        let guard = limits.max_processes.map(|most| Guard::new(most, started, tree::host_threads()));
        let guard_at = guard.map(|_| started + bounds::GUARD_FIRST);
        Ok(Begun::Running(Box::new(Attempt {
            main: pid,
            started,
            started_at_ms,
            timing: Timing::new(&limits, started, guard_at),
            guard,
            verdict: None,
            main_end: None,
            usage: Usage::default(),
            pipes: Pipes { output: Some(output), stdout: stdout_pipe, enlarged: false },
            capture,
            stdout,
            leaked: Vec::new(),
            leaked_count: 0,
            order,
        })))
    }

    pub(crate) fn order(&self) -> &RunOrder {
        &self.order
    }

    pub(crate) fn pid(&self) -> u32 {
        u32::try_from(self.main).unwrap_or(0)
    }

    pub(crate) fn started_at_ms(&self) -> u64 {
        self.started_at_ms
    }

    pub(crate) fn status(&self) -> Running {
        Running {
            attempt: self.order.attempt.clone(),
            pid: self.pid(),
            started_at_ms: self.started_at_ms,
            attempt_dir: self.order.attempt_dir.clone(),
            output_bytes: self.capture.total(),
            ending: self.timing.is_stopping() || self.main_end.is_some(),
        }
    }

    pub(crate) fn tail(&self, from: u64, max_bytes: u64) -> Result<TailChunk, ShimError> {
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX).min(bounds::MAX_TAIL_BYTES);
        self.capture.read(from, max_bytes)
    }

    /// The pipes that are still open.
    pub(crate) fn pipes(&self) -> impl Iterator<Item = (Pipe, &PipeReader)> {
        let output = self.pipes.output.as_ref().map(|pipe| (Pipe::Output, pipe));
        let stdout = self.pipes.stdout.as_ref().map(|pipe| (Pipe::Stdout, pipe));
        output.into_iter().chain(stdout)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timing.next().map(|(at, _)| at)
    }

    /// Takes in what a pipe holds, up to one turn's worth.
    pub(crate) fn pump(&mut self, pipe: Pipe, buffer: &mut [u8], now: Instant) {
        let mut taken = 0;
        while taken < bounds::READ_TURN_BYTES {
            let slot = match pipe {
                Pipe::Output => &mut self.pipes.output,
                Pipe::Stdout => &mut self.pipes.stdout,
            };
            let Some(reader) = slot else { return };
            let bytes = match reader.read(buffer) {
                Ok(0) => {
                    *slot = None;
                    return;
                }
                Ok(count) => &buffer[..count],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    *slot = None;
                    self.fail(format!("reading the output: {error}"), now);
                    return;
                }
            };
            taken += bytes.len();
            self.timing.output_seen(now);
            let stored = store(&mut self.capture, self.stdout.as_mut(), pipe, bytes);
            self.pipes.enlarge_for(bytes.len());
            if let Err(error) = stored {
                self.fail(ShimError::chain(&error), now);
            }
        }
    }

    /// Takes note of a process that ended.
    pub(crate) fn collected(&mut self, ended: Ended, now: Instant) {
        self.usage.add(ended.usage);
        if ended.pid == self.main && self.main_end.is_none() {
            self.main_end = Some(MainEnded { end: ended.end, at: now, at_ms: unix_ms() });
            self.timing.main_ended(now);
        }
    }

    /// Ends the attempt from outside. A second request can only make it quicker.
    pub(crate) fn stop(&mut self, mode: StopMode, cause: StopCause, now: Instant, kin: &Kin) {
        if mode == StopMode::Kill
            && let Some(Outcome::Stopped { mode, .. }) = &mut self.verdict
        {
            *mode = StopMode::Kill;
        }
        self.end(Outcome::Stopped { mode, cause }, mode, now, kin);
        if cause == StopCause::OwnerGone {
            self.timing.kill_by(now + bounds::ORPHANED_GRACE);
        }
    }

    /// Does what is due, and says whether the attempt is over. `alone` says that nobody is left.
    pub(crate) fn advance(&mut self, now: Instant, alone: bool, kin: &Kin) -> Progress {
        if alone {
            return Progress::Over;
        }
        while let Some(due) = self.timing.due(now) {
            let limits = self.order.limits;
            match due {
                Due::Timeout => {
                    let after_ms = limits.timeout_ms.unwrap_or_default();
                    self.end(Outcome::TimedOut { after_ms }, StopMode::Graceful, now, kin);
                }
                Due::Idle => {
                    let after_ms = limits.idle_timeout_ms.unwrap_or_default();
                    self.end(Outcome::Idle { after_ms }, StopMode::Graceful, now, kin);
                }
                Due::Guard => self.watch_processes(now, kin),
                Due::Kill | Due::Leaks => {
                    self.note_leaks(kin);
                    return Progress::Kill;
                }
            }
        }
        Progress::Going
    }

    /// Kills what is left where `kill` says so, takes in the rest of the output, and makes the record.
    pub(crate) fn finish(
        mut self,
        kill: bool,
        kin: &Kin,
        signals: &mut Signals,
        buffer: &mut [u8],
    ) -> ExitRecord {
        let mut survivors = Vec::new();
        if kill {
            let main_group = self.main_group();
            let killed = kin.kill(main_group, signals, |ended| self.collected(ended, Instant::now()));
            match killed {
                Ok(left) => survivors = left,
                Err(error) => {
                    self.fail(format!("killing the processes: {error}"), Instant::now());
                    // Who is left is not known; that there may be someone must not be forgotten.
                    let command = "[its processes could not be listed]".to_owned();
                    survivors = vec![LeftOver { pid: self.pid(), command }];
                }
            }
        }
        // Everyone who wrote is dead, so this ends: at the end of the pipe, or, should an outsider hold
        // it, when it is empty or the turn is over.
        self.pump(Pipe::Output, buffer, Instant::now());
        self.pump(Pipe::Stdout, buffer, Instant::now());
        let (ended_at_ms, ended) = match self.main_end {
            Some(main) => (main.at_ms, main.at),
            None => (unix_ms(), Instant::now()),
        };
        ExitRecord {
            attempt: self.order.attempt,
            outcome: self.verdict.unwrap_or_else(|| natural_outcome(self.main_end)),
            main_end: self.main_end.map(|main| main.end),
            started_at_ms: self.started_at_ms,
            ended_at_ms,
            wall_ms: millis(ended.saturating_duration_since(self.started)),
            usage: self.usage,
            output: self.capture.finish(),
            stdout: self.stdout.map(StdoutCapture::finish),
            leaked: self.leaked,
            leaked_count: self.leaked_count,
            survivors,
            unsaved: None,
        }
    }

    /// Kills everything and makes the record, because the shim cannot go on.
    pub(crate) fn abandon(
        mut self,
        message: String,
        kin: &Kin,
        signals: &mut Signals,
        buffer: &mut [u8],
    ) -> ExitRecord {
        self.fail(message, Instant::now());
        self.finish(true, kin, signals, buffer)
    }

    /// Decides how the attempt ends, unless that is decided, and sets about it.
    fn end(&mut self, outcome: Outcome, mode: StopMode, now: Instant, kin: &Kin) {
        let first = !self.timing.is_stopping();
        if first && self.main_end.is_none() {
            self.verdict = Some(outcome);
        }
        match mode {
            StopMode::Kill => self.timing.kill_by(now),
            // Processes that outlived the main one have their own, short, grace.
            StopMode::Graceful if first && self.main_end.is_none() => {
                let grace = Duration::from_millis(self.order.limits.grace_ms);
                // A grace that the clock cannot hold, or a tree that cannot be found, is cut short.
                let kill_at = kin.terminate().ok().and_then(|()| now.checked_add(grace));
                self.timing.kill_by(kill_at.unwrap_or(now));
            }
            StopMode::Graceful => {}
        }
    }

    /// The shim cannot do its work.
    fn fail(&mut self, message: String, now: Instant) {
        if !matches!(self.verdict, Some(Outcome::ShimError { .. })) {
            self.verdict = Some(Outcome::ShimError { message });
        }
        self.timing.kill_by(now);
    }

    fn watch_processes(&mut self, now: Instant, kin: &Kin) {
        let Some(mut guard) = self.guard else { return };
        let host_threads = tree::host_threads();
        let counted = match guard.look(now, host_threads) {
            Look::Away => None,
            Look::Routine => Some(kin.count(guard.enough(), bounds::KILL_LIMIT)),
            Look::Alarmed => Some(self.count_suspects(guard.enough(), kin)),
        };
        match counted {
            // Not to be counted in so long a time is to be too many.
            Some(Ok(found)) => {
                let found = found.unwrap_or(guard.enough());
                if let Some(count) = guard.counted(now, now.elapsed(), found, host_threads) {
                    // Also when the main process has ended well: what it left is what counts.
                    self.verdict = Some(Outcome::TooManyProcesses { count });
                    self.timing.kill_by(now);
                }
            }
            Some(Err(error)) => self.fail(format!("counting the processes: {error}"), now),
            None => {}
        }
        self.guard = Some(guard);
        self.timing.guard_again(Instant::now() + bounds::GUARD_INTERVAL);
    }

    /// Counts processes that seem to multiply. When that takes long, because they leave us no processor
    /// time, they are halted one by one as they are counted; a tree within its limit then goes on.
    fn count_suspects(&self, enough: usize, kin: &Kin) -> io::Result<Option<usize>> {
        if let Some(count) = kin.count(enough, bounds::GUARD_PATIENCE)? {
            return Ok(Some(count));
        }
        let halted = kin.halt(self.main_group(), enough)?;
        let count = halted.count();
        if count < enough {
            halted.resume();
        }
        Ok(Some(count))
    }

    /// The group of the main process; its number is ours until that is collected.
    fn main_group(&self) -> Option<i32> {
        self.main_end.is_none().then_some(self.main)
    }

    fn note_leaks(&mut self, kin: &Kin) {
        if self.main_end.is_none() {
            return;
        }
        // Should this fail, killing fails as well, and says why.
        let Ok(living) = kin.living() else { return };
        self.leaked_count = u32::try_from(living.len()).unwrap_or(u32::MAX);
        self.leaked = living.iter().take(bounds::MAX_NAMED_PROCESSES).map(tree::left_over).collect();
    }
}

impl Pipes {
    /// Gives an attempt that writes in bulk larger pipes. Whether that is allowed does not matter.
    fn enlarge_for(&mut self, taken: usize) {
        #[cfg(target_os = "linux")]
        if taken >= 64 << 10 && !self.enlarged {
            self.enlarged = true;
            for pipe in [&self.output, &self.stdout].into_iter().flatten() {
                let _allowed_or_not = rustix::pipe::fcntl_setpipe_size(pipe, bounds::PIPE_BYTES);
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = taken;
    }
}

fn store(
    capture: &mut Capture,
    stdout: Option<&mut StdoutCapture>,
    pipe: Pipe,
    bytes: &[u8],
) -> Result<(), ShimError> {
    capture.write(bytes)?;
    match (pipe, stdout) {
        (Pipe::Stdout, Some(stdout)) => stdout.write(bytes),
        (Pipe::Stdout, None) | (Pipe::Output, _) => Ok(()),
    }
}

fn check(order: &RunOrder) -> Result<(), String> {
    if order.attempt.is_empty() {
        return Err("the attempt has no name".to_owned());
    }
    for (what, path) in [("working folder", &order.cwd), ("attempt folder", &order.attempt_dir)] {
        if !path.is_absolute() {
            return Err(format!("the {what} {} is not absolute", path.display()));
        }
    }
    Ok(())
}

fn never_ran(
    order: &RunOrder,
    at_ms: u64,
    outcome: Outcome,
    capture: Capture,
    stdout: Option<StdoutCapture>,
) -> ExitRecord {
    ExitRecord {
        attempt: order.attempt.clone(),
        outcome,
        main_end: None,
        started_at_ms: at_ms,
        ended_at_ms: at_ms,
        wall_ms: 0,
        usage: Usage::default(),
        output: capture.finish(),
        stdout: stdout.map(StdoutCapture::finish),
        leaked: Vec::new(),
        leaked_count: 0,
        survivors: Vec::new(),
        unsaved: None,
    }
}

fn natural_outcome(main: Option<MainEnded>) -> Outcome {
    match main.map(|main| main.end) {
        Some(MainEnd::Exited { code }) => Outcome::Exited { code },
        Some(MainEnd::Signaled { signal }) => Outcome::Signaled { signal },
        None => Outcome::ShimError { message: "the main process was lost sight of".to_owned() },
    }
}

/// Milliseconds since 1970, for display.
pub(crate) fn unix_ms() -> u64 {
    millis(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
