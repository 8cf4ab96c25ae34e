//! Ending processes that may still be making more of themselves.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{Process, Visit};
use crate::shim::bounds;

/// Sends a signal to each process once: to groups as a whole, which no fork can slip through, and
/// alone to those in `own_group`, of which the caller is a member.
///
/// Groups hold nobody else: the caller leads its own session, so every group found among its
/// descendants consists of descendants.
pub(crate) fn signal_each(processes: &[Process], signal: Signal, own_group: i32) {
    let groups: BTreeSet<i32> =
        processes.iter().map(|process| process.group).filter(|group| *group != own_group).collect();
    // An error means that the process is gone or, after a change of user, not ours to signal. Both are
    // judged by whether it is still there in the end.
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _gone_or_foreign = kill_process_group(group, signal);
    }
    for process in processes.iter().filter(|process| process.group == own_group) {
        signal_process(process.pid, signal);
    }
}

/// Sends a signal to one process, which may be gone.
pub(crate) fn signal_process(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _gone_or_foreign = kill_process(pid, signal);
    }
}

/// A way to find all processes.
pub(crate) trait Scan: FnMut(&mut Visit<'_>) -> io::Result<Vec<Process>> {}

impl<F: FnMut(&mut Visit<'_>) -> io::Result<Vec<Process>>> Scan for F {}

/// For scans that only want the list.
pub(crate) fn onward(_pid: i32) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Kills everything that `scan` finds until `gone` says that nothing is left; returns what was left
/// when nothing changed any more, or time was up.
///
/// Each round freezes until a scan shows nothing new, because a frozen process cannot fork, and then
/// kills. `gone` collects ended children and may wait up to the duration it is given.
pub(crate) fn kill_all(
    mut scan: impl Scan,
    mut gone: impl FnMut(Duration) -> io::Result<bool>,
    own_group: i32,
) -> io::Result<Vec<Process>> {
    let end = Instant::now() + bounds::KILL_LIMIT_IN_ALL;
    let mut deadline = Instant::now() + bounds::KILL_LIMIT;
    let mut before = BTreeSet::new();
    loop {
        // The dead first: after a bomb there are tens of thousands, and each would be looked at again and again.
        if gone(Duration::ZERO)? {
            return Ok(Vec::new());
        }
        // Not being able to look (too many open files, say) may pass, as processes end.
        let found = freeze(&mut scan, own_group);
        if let Ok(found) = &found {
            signal_each(found, Signal::KILL, own_group);
            let now: BTreeSet<i32> = found.iter().map(|process| process.pid).collect();
            if now != before {
                deadline = (Instant::now() + bounds::KILL_LIMIT).min(end);
                before = now;
            }
        }
        if gone(bounds::KILL_ROUND)? {
            return Ok(Vec::new());
        }
        if Instant::now() >= deadline {
            found?;
            let left = scan(&mut onward)?.into_iter().filter(|process| !process.zombie).collect();
            return Ok(left);
        }
    }
}

/// Stops each process as it is found, parents before children, so that a tree which outgrows the scan
/// is cut back by the scan itself; and groups as a whole, for chains of processes too short-lived to be
/// found.
fn freeze(scan: &mut impl Scan, own_group: i32) -> io::Result<Vec<Process>> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for _ in 0..bounds::FREEZE_PASSES {
        let mut fresh = false;
        found = scan(&mut |number| {
            if known.insert(number) {
                fresh = true;
                signal_process(number, Signal::STOP);
            }
            ControlFlow::Continue(())
        })?;
        if !fresh {
            break;
        }
        signal_each(&found, Signal::STOP, own_group);
    }
    Ok(found)
}
