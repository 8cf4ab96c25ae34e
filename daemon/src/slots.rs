//! Slot numbers: each belongs to one process of a home at a time, so that no two attempts on the host have the same.
//!
//! A holder keeps a lock for each of its numbers. A daemon's attempts outlive it, and with them what they do under
//! their number; so the numbers that a daemon ever used in this home stay its own.

use crate::DaemonError;
use crate::lock::Lock;
use part_core::{Bounds, SlotId};
use std::path::{Path, PathBuf};

/// Slot numbers with their locks.
pub(crate) struct Slots {
    pub(crate) numbers: Vec<SlotId>,
    /// Held for as long as the numbers are used.
    locks: Vec<Lock>,
}

/// Numbers tried before a host counts as full: several processes may use it.
const MOST: u32 = 2 * Bounds::DEFAULT.slots_per_worker as u32;

impl Slots {
    /// The lowest numbers that nobody uses and no daemon of this home ever used; `wanted` of them, if there are.
    pub(crate) fn take(home: &Path, wanted: u32) -> Result<Slots, DaemonError> {
        let mut slots = Slots { numbers: Vec::new(), locks: Vec::new() };
        slots.add(home, wanted, 0..MOST, |number| !daemons_folder(home, number).exists())?;
        Ok(slots)
    }

    /// The daemon's numbers: first those that it had before, then the lowest that nobody uses.
    pub(crate) fn take_for_daemon(home: &Path, wanted: u32) -> Result<Slots, DaemonError> {
        let mut slots = Slots { numbers: Vec::new(), locks: Vec::new() };
        slots.add(home, wanted, daemons_numbers(home)?, |_| true)?;
        slots.add(home, wanted, 0..MOST, |_| true)?;
        for SlotId(number) in &slots.numbers {
            let folder = daemons_folder(home, *number);
            std::fs::create_dir_all(&folder).map_err(DaemonError::folder("creating the folder", &folder))?;
        }
        Ok(slots)
    }

    /// Adds numbers from `from` until there are `wanted`.
    fn add(
        &mut self,
        home: &Path,
        wanted: u32,
        from: impl IntoIterator<Item = u32>,
        may_be_ours: impl Fn(u32) -> bool,
    ) -> Result<(), DaemonError> {
        let wanted = wanted.min(Bounds::DEFAULT.slots_per_worker as u32) as usize;
        for number in from {
            if self.numbers.len() >= wanted {
                break;
            }
            // The lock first: what is seen under it stays so.
            if let Some(lock) = Lock::try_take(&home.join("slots").join(number.to_string()))?
                && may_be_ours(number)
            {
                self.numbers.push(SlotId(number));
                self.locks.push(lock);
            }
        }
        Ok(())
    }
}

/// The numbers that a daemon of this home used before.
fn daemons_numbers(home: &Path) -> Result<Vec<u32>, DaemonError> {
    let folder = daemons_worker(home).join("slots");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DaemonError::folder("reading the folder", folder)(error)),
    };
    let mut numbers: Vec<u32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Where the daemon's worker keeps its slots' shims.
fn daemons_folder(home: &Path, number: u32) -> PathBuf {
    daemons_worker(home).join("slots").join(number.to_string())
}

/// The folder of the daemon's worker.
pub(crate) fn daemons_worker(home: &Path) -> PathBuf {
    home.join("worker")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let home = tempfile::tempdir().expect("a home");
        let numbers = |slots: &Slots| slots.numbers.iter().map(|slot| slot.0).collect::<Vec<_>>();
        let first = Slots::take(home.path(), 2).expect("taken");
        let daemon = Slots::take_for_daemon(home.path(), 2).expect("taken");
        let second = Slots::take(home.path(), 1).expect("taken");
        assert_eq!([numbers(&first), numbers(&daemon), numbers(&second)], [vec![0, 1], vec![2, 3], vec![4]]);
        drop((first, daemon));
        // The daemon's attempts may still run: its numbers are not for others.
        let third = Slots::take(home.path(), 3).expect("taken");
        assert_eq!(numbers(&third), [0, 1, 5]);
        let daemon = Slots::take_for_daemon(home.path(), 3).expect("taken");
        assert_eq!(numbers(&daemon), [2, 3, 6]);
        drop((second, third, daemon));
        let daemon = Slots::take_for_daemon(home.path(), 2).expect("taken");
        assert_eq!(numbers(&daemon), [2, 3], "what it had comes first");
    }
}
