//! Ending what a dead shim left behind.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::bounds;
use super::error::ShimError;
use super::folder::Folder;
use super::protocol::LeftOver;
use super::tree::{Process, Visit, kill_all, left_over, onward, tagged};

/// What was found behind a shim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Processes that were found and are gone now.
    pub killed: Vec<LeftOver>,
    /// Processes that could not be killed.
    pub survivors: Vec<LeftOver>,
}

/// Ends everything that is left of the shim in this folder, the shim itself included, should it still
/// live: call [`super::ShimHandle::attach`] first where its attempt is worth keeping. For the start of a
/// worker, and after [`ShimError::Lost`]. Where there never was a shim, or it left in good order, nothing
/// happens. Blocks for up to some seconds.
///
/// Processes are recognised by the tag in their environment, or by descending from one that has it. One
/// that lost its ancestors and cleared its environment is not found.
///
/// # Errors
///
/// When the shim's note or the list of processes cannot be read, or a shim without the tag (started by
/// hand) still holds the folder.
pub fn reap_orphans(dir: &Path) -> Result<Reaped, ShimError> {
    let folder = Folder::new(dir)?;
    let Some(note) = folder.read_note()? else { return Ok(Reaped::default()) };
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    // 0 where the group is outside of our process namespace; rustix takes that for impossible.
    let own_group = nix::unistd::getpgrp().as_raw();
    let mut seen = BTreeMap::new();
    let mut scan = |visit: &mut Visit<'_>| -> io::Result<Vec<Process>> {
        let mut found = tagged(&note.tag, &mut |pid| {
            if pid == own { ControlFlow::Continue(()) } else { visit(pid) }
        })?;
        found.retain(|process| process.pid != own && !process.zombie);
        for process in &found {
            seen.entry(process.pid).or_insert_with(|| left_over(process));
        }
        Ok(found)
    };
    let mut survivors = Vec::new();
    if !scan(&mut onward).map_err(ShimError::system("looking for processes"))?.is_empty() {
        let gone = |wait| {
            pause(wait);
            let left = tagged(&note.tag, &mut onward)?;
            Ok(left.iter().all(|process| process.zombie || process.pid == own))
        };
        survivors = kill_all(&mut scan, gone, own_group).map_err(ShimError::system("killing processes"))?;
    }
    let survivors: Vec<LeftOver> = survivors.iter().map(left_over).collect();
    let mut killed: Vec<LeftOver> = seen.into_values().collect();
    killed.retain(|process| survivors.iter().all(|left| left.pid != process.pid));
    killed.truncate(bounds::MAX_NAMED_PROCESSES);
    if survivors.is_empty() {
        if folder.lock()?.is_none() {
            return Err(ShimError::Haunted { dir: dir.to_owned(), count: 1 });
        }
        folder.clear()?;
    }
    Ok(Reaped { killed, survivors })
}

#[expect(
    clippy::disallowed_methods,
    reason = "not our children: nothing tells of their end, so it is looked for"
)]
fn pause(wait: Duration) {
    thread::sleep(wait);
}
