//! What the worker's own probes say: whether the machine can take work at all, and whether it has room for more than
//! its own slots.

use crate::bounds;
use crate::load::{Guard, Reading};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// What the worker's own probes say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    /// Why the machine can run nothing; none when it can.
    pub(crate) problem: Option<String>,
    /// What is too scarce for extra slots to take new work; none when nothing is.
    pub(crate) scarce: Option<String>,
}

/// The probes, with what they remember from look to look.
struct Probes {
    home: PathBuf,
    memory: Guard,
    problem: Option<String>,
    disk_looked: Instant,
}

/// Looks at the machine now and then until nobody listens any more. Listeners are woken when something comes or goes,
/// not when its figures change.
pub(crate) fn watch_health(home: PathBuf) -> watch::Receiver<Health> {
    let mut probes =
        Probes { problem: disk(&home, false), home, memory: Guard::default(), disk_looked: Instant::now() };
    let first = Health { problem: probes.problem.clone(), scarce: probes.memory.judge(Reading::take()) };
    let (say, heard) = watch::channel(first);
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(bounds::MEMORY_LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = say.closed() => return,
                _ = tick.tick() => {}
            }
            // A file system may hang.
            let looked = tokio::task::spawn_blocking(move || (probes.look(), probes)).await;
            let Ok((health, back)) = looked else { return };
            probes = back;
            say.send_if_modified(|known| {
                let changed = known.problem.is_some() != health.problem.is_some()
                    || known.scarce.is_some() != health.scarce.is_some();
                *known = health;
                changed
            });
        }
    });
    heard
}

impl Probes {
    fn look(&mut self) -> Health {
        if self.disk_looked.elapsed() >= bounds::HEALTH_LOOK {
            self.problem = disk(&self.home, self.problem.is_some());
            self.disk_looked = Instant::now();
        }
        Health { problem: self.problem.clone(), scarce: self.memory.judge(Reading::take()) }
    }
}

/// A disk that is nearly full. Once it was, more must be free before work is taken again: no flapping.
fn disk(home: &Path, was: bool) -> Option<String> {
    match rustix::fs::statvfs(home) {
        Ok(about) => {
            problem_with_space(about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize, was)
                .map(|problem| format!("{problem} at {}", home.display()))
        }
        Err(error) => Some(format!("its folder {} cannot be looked at: {error}", home.display())),
    }
}

/// Free bytes below which a worker on a disk of so many bytes takes no new work: the smaller of a fixed amount and a part
/// of the disk, since a small disk is no reason to stop.
pub fn disk_floor(size: u64) -> u64 {
    bounds::DISK_LOW.min(size / bounds::DISK_LOW_PART)
}

fn problem_with_space(free: u64, size: u64, was: bool) -> Option<String> {
    let low = disk_floor(size);
    let enough = if was { low + low / 4 } else { low };
    (free < enough).then(|| {
        format!("its disk is nearly full: {} MiB are free, {} MiB are needed", free >> 20, enough >> 20)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_problem_until_there_is_some_room() {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        let table = [
            (100 * GIB, 500 * GIB, false, false),
            (500 * MIB, 500 * GIB, false, true),
            (550 * MIB, 500 * GIB, false, false),
            (550 * MIB, 500 * GIB, true, true),
            (GIB, 500 * GIB, true, false),
            (250 * MIB, 10 * GIB, false, false),
            (200 * MIB, 10 * GIB, false, true),
            (MIB, 40 * MIB, false, false),
        ];
        for (free, size, was, problem) in table {
            assert_eq!(problem_with_space(free, size, was).is_some(), problem, "{free} of {size}, was {was}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_a_problem_and_one_that_comes_back_is_none() {
        let place = tempfile::tempdir().expect("a folder");
        let home = place.path().join("home");
        let mut probes = Probes {
            problem: disk(&home, false),
            home: home.clone(),
            memory: Guard::default(),
            disk_looked: Instant::now(),
        };
        assert!(probes.look().problem.is_some());
        std::fs::create_dir(&home).expect("a folder");
        assert!(probes.look().problem.is_some(), "it is not looked at all the time");
        probes.disk_looked =
            Instant::now().checked_sub(bounds::HEALTH_LOOK).expect("the machine is up that long");
        assert_eq!(probes.look().problem, None);
    }
}
