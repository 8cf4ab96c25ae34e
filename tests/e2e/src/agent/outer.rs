//! What is done outside of a host's namespaces.

use crate::wait::nap;
use crate::{During, Trouble};
use nix::sched::{CloneFlags, unshare};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a folder may keep being written to by what is just ending.
const STUBBORN: Duration = Duration::from_secs(20);

/// Makes namespaces and the agent in them; ends when the agent ends. This process itself has the new network, so its
/// number is how others name that network.
pub(super) fn make_host(name: &str) -> Result<(), Trouble> {
    let new = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    unshare(new).during("making namespaces")?;
    let program = std::env::current_exe().during("finding this program")?;
    // It has this process's standard input and output; its end is the end of the whole host.
    let status = Command::new(program).args(["inside", name]).status().during("starting the agent")?;
    match status.success() {
        true => Ok(()),
        false => Err(Trouble(format!("the agent of {name} ended with {status}"))),
    }
}

/// Removes a folder once standard input closes: that is, when the test that owns it is gone.
pub(super) fn guard(folder: &Path) -> Result<(), Trouble> {
    // Whatever comes is of no interest, only that it ends.
    std::io::stdin().read_to_end(&mut Vec::new()).during("waiting for the test's end")?;
    let begun = Instant::now();
    loop {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && !folder.exists() => return Ok(()),
            Err(error) if begun.elapsed() > STUBBORN => {
                return Err(error).during(format!("removing {}", folder.display()));
            }
            Err(_) => nap(Duration::from_millis(100)),
        }
    }
}
