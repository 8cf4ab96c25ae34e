//! The shim's own descendants.

use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::{Process, Visit, kill_all, onward, platform, signal_each, signal_process};
use crate::shim::bounds;
use crate::shim::error::ShimError;
use crate::shim::protocol::LeftOver;
use crate::shim::reap::{Collected, Ended, collect};
use crate::shim::signals::{self, Signals};

/// Everything below this shim.
pub(crate) struct Kin {
    shim: i32,
    tag: String,
}

impl Kin {
    /// Makes this process the root that orphans come back to.
    pub(crate) fn new(tag: String) -> Result<Kin, ShimError> {
        platform::adopt_orphans().map_err(ShimError::system("becoming a subreaper"))?;
        let shim = rustix::process::getpid().as_raw_nonzero().get();
        Ok(Kin { shim, tag })
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Collects all ended children and hands them to `each`; says whether nobody is left.
    pub(crate) fn collect(&self, mut each: impl FnMut(Ended)) -> io::Result<bool> {
        let mut any = false;
        loop {
            match collect()? {
                Collected::One(ended) => {
                    any = true;
                    each(ended);
                }
                Collected::Nothing => return Ok(false),
                Collected::Alone if platform::COLLECTS_ORPHANS => return Ok(true),
                // Looking is dear here, so only when something has changed. Orphans that end without our
                // notice cost the rest of their grace.
                Collected::Alone => return Ok(any && self.all()?.is_empty()),
            }
        }
    }

    /// Processes that are still running.
    pub(crate) fn living(&self) -> io::Result<Vec<Process>> {
        let mut all = self.all()?;
        all.retain(|process| !process.zombie);
        Ok(all)
    }

    /// How many processes there are; counting ends at `at_most`, and without result after `patience`.
    pub(crate) fn count(&self, at_most: usize, patience: Duration) -> io::Result<Option<usize>> {
        let began = Instant::now();
        let (mut count, mut late) = (0, false);
        platform::descendants(self.shim, &self.tag, &mut |_| {
            count += 1;
            late = began.elapsed() > patience;
            if late || count >= at_most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(Some(count).filter(|count| !late || *count >= at_most))
    }

    /// Asks every process to end, once. Stopped ones are woken, or they could not follow.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        let processes = self.all()?;
        signal_each(&processes, Signal::TERM, self.shim);
        signal_each(&processes, Signal::CONT, self.shim);
        Ok(())
    }

    /// Halts processes as they are found, up to `at_most`; first, in one stroke, the group of the main
    /// process.
    pub(crate) fn halt(&self, main_group: Option<i32>, at_most: usize) -> io::Result<Halted> {
        signal_group(main_group, Signal::STOP);
        let mut pids = Vec::new();
        platform::descendants(self.shim, &self.tag, &mut |pid| {
            signal_process(pid, Signal::STOP);
            pids.push(pid);
            if pids.len() >= at_most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(Halted { main_group, pids })
    }

    /// Kills every process and collects it; returns those that could not be killed. `main_group` is the
    /// group of the main process, as long as that has not been collected.
    pub(crate) fn kill(
        &self,
        main_group: Option<i32>,
        signals: &mut Signals,
        mut each: impl FnMut(Ended),
    ) -> io::Result<Vec<LeftOver>> {
        signal_group(main_group, Signal::KILL);
        let left = kill_all(
            |visit: &mut Visit<'_>| platform::descendants(self.shim, &self.tag, visit),
            |wait| {
                if self.collect(&mut each)? {
                    return Ok(true);
                }
                wait_for_child(signals, wait)?;
                let alone = self.collect(&mut each)?;
                Ok(alone || (!platform::COLLECTS_ORPHANS && self.living()?.is_empty()))
            },
            self.shim,
        )?;
        Ok(left.iter().take(bounds::MAX_NAMED_PROCESSES).map(left_over).collect())
    }

    fn all(&self) -> io::Result<Vec<Process>> {
        platform::descendants(self.shim, &self.tag, &mut onward)
    }
}

/// Processes that were halted.
pub(crate) struct Halted {
    main_group: Option<i32>,
    pids: Vec<i32>,
}

impl Halted {
    pub(crate) fn count(&self) -> usize {
        self.pids.len()
    }

    /// Lets them go on.
    pub(crate) fn resume(self) {
        signal_group(self.main_group, Signal::CONT);
        for pid in self.pids {
            signal_process(pid, Signal::CONT);
        }
    }
}

/// Signals a group as a whole: no fork slips through. That it has just ended does not matter.
fn signal_group(group: Option<i32>, signal: Signal) {
    if let Some(group) = group.and_then(Pid::from_raw) {
        let _gone = kill_process_group(group, signal);
    }
}

/// How a process is named in a record.
pub(crate) fn left_over(process: &Process) -> LeftOver {
    LeftOver { pid: u32::try_from(process.pid).unwrap_or(0), command: platform::command(process.pid) }
}

fn wait_for_child(signals: &mut Signals, limit: Duration) -> io::Result<()> {
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(&signals.child, PollFlags::IN)], Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    signals::take(&mut signals.child).map(|_| ())
}
