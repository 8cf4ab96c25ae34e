//! What the worker's own probes say: whether the machine can take work at all.

use crate::bounds;
use std::path::{Path, PathBuf};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Looks at the machine now and then until nobody listens any more. The value is why it can run nothing; none when it
/// can.
pub(crate) fn watch_health(home: PathBuf) -> watch::Receiver<Option<String>> {
    let (say, heard) = watch::channel(problem_of(&home, false));
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(bounds::HEALTH_LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = say.closed() => return,
                _ = tick.tick() => {}
            }
            let (place, was) = (home.clone(), say.borrow().is_some());
            // A file system may hang.
            let looked = tokio::task::spawn_blocking(move || problem_of(&place, was)).await;
            let Ok(problem) = looked else { continue };
            say.send_if_modified(|known| {
                let changed = known.is_some() != problem.is_some();
                *known = problem;
                changed
            });
        }
    });
    heard
}

/// A disk that is nearly full. Once it was, more must be free before work is taken again: no flapping.
fn problem_of(home: &Path, was: bool) -> Option<String> {
    match rustix::fs::statvfs(home) {
        Ok(about) => {
            problem_with_space(about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize, was)
                .map(|problem| format!("{problem} at {}", home.display()))
        }
        Err(error) => Some(format!("its folder {} cannot be looked at: {error}", home.display())),
    }
}

/// The smaller of a fixed amount and a part of the disk must be free: small disks are no reason to stop.
fn problem_with_space(free: u64, size: u64, was: bool) -> Option<String> {
    let low = bounds::DISK_LOW.min(size / bounds::DISK_LOW_PART);
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
        const GIB: u64 = 1 << 30;
        let table = [
            (100 * GIB, 500 * GIB, false, false),
            (GIB, 500 * GIB, false, true),
            (2 * GIB + GIB / 4, 500 * GIB, false, false),
            (2 * GIB + GIB / 4, 500 * GIB, true, true),
            (3 * GIB, 500 * GIB, true, false),
            (GIB, 10 * GIB, false, false),
            (GIB / 10, 10 * GIB, false, true),
        ];
        for (free, size, was, problem) in table {
            assert_eq!(problem_with_space(free, size, was).is_some(), problem, "{free} of {size}, was {was}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_a_problem() {
        let place = tempfile::tempdir().expect("a folder");
        assert!(problem_of(&place.path().join("gone"), false).is_some());
    }
}
