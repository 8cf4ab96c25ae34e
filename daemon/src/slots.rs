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
    /// Numbers beyond those, for groups that may start more than there are CPUs.
    pub(crate) extra: Vec<SlotId>,
    /// Held for as long as the numbers are used.
    _locks: Vec<Lock>,
}

/// How many slots a process wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Slots, at least one.
    pub(crate) slots: u32,
    /// Slots beyond those; none for what suits the slots.
    pub(crate) extra: Option<u32>,
}

impl Wanted {
    fn extra(self) -> u32 {
        self.extra.unwrap_or_else(|| part_worker::extra_slots(self.slots))
    }
}

/// Numbers tried before a host counts as full: several processes may use it.
const MOST: u32 = 4 * Bounds::DEFAULT.slots_per_worker as u32;

impl Slots {
    /// The lowest numbers that nobody uses and no daemon of this home ever used; as many as are wanted, if there are.
    pub(crate) fn take(home: &Path, wanted: Wanted) -> Result<Slots, DaemonError> {
        let nobodys = |number| !daemons_folder(home, number).exists();
        let numbers = Taken::default().more(home, wanted.slots, 0..MOST, nobodys)?;
        let extra = Taken::default().more(home, wanted.extra(), numbers.after()..MOST, nobodys)?;
        Ok(Slots::of(numbers, extra))
    }

    /// The daemon's numbers: first those that it had before, then the lowest that nobody uses.
    pub(crate) fn take_for_daemon(home: &Path, wanted: Wanted) -> Result<Slots, DaemonError> {
        let mut known = daemons_numbers(home)?;
        let numbers = Taken::default().more(home, wanted.slots, known.clone(), |_| true)?;
        let numbers = numbers.more(home, wanted.slots, 0..MOST, |_| true)?;
        known.retain(|number| *number >= numbers.after());
        let extra = Taken::default().more(home, wanted.extra(), known, |_| true)?;
        let extra = extra.more(home, wanted.extra(), numbers.after()..MOST, |_| true)?;
        let slots = Slots::of(numbers, extra);
        for SlotId(number) in slots.numbers.iter().chain(&slots.extra) {
            let folder = daemons_folder(home, *number);
            std::fs::create_dir_all(&folder).map_err(DaemonError::folder("creating the folder", &folder))?;
        }
        Ok(slots)
    }

    fn of(numbers: Taken, extra: Taken) -> Slots {
        let locks = numbers.locks.into_iter().chain(extra.locks).collect();
        Slots { numbers: numbers.numbers, extra: extra.numbers, _locks: locks }
    }
}

/// Numbers that were taken, with their locks.
#[derive(Default)]
struct Taken {
    numbers: Vec<SlotId>,
    locks: Vec<Lock>,
}

impl Taken {
    /// With numbers from `from` until there are `wanted`.
    fn more(
        mut self,
        home: &Path,
        wanted: u32,
        from: impl IntoIterator<Item = u32>,
        may_be_ours: impl Fn(u32) -> bool,
    ) -> Result<Taken, DaemonError> {
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
        Ok(self)
    }

    /// The first number after all of them.
    fn after(&self) -> u32 {
        self.numbers.iter().map(|SlotId(number)| number + 1).max().unwrap_or(0)
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

    fn wanted(slots: u32, extra: u32) -> Wanted {
        Wanted { slots, extra: Some(extra) }
    }

    fn plain(numbers: &[SlotId]) -> Vec<u32> {
        numbers.iter().map(|slot| slot.0).collect()
    }

    #[test]
    fn no_number_is_given_twice() {
        let home = tempfile::tempdir().expect("a home");
        let numbers = |slots: &Slots| plain(&slots.numbers);
        let first = Slots::take(home.path(), wanted(2, 0)).expect("taken");
        let daemon = Slots::take_for_daemon(home.path(), wanted(2, 0)).expect("taken");
        let second = Slots::take(home.path(), wanted(1, 0)).expect("taken");
        assert_eq!([numbers(&first), numbers(&daemon), numbers(&second)], [vec![0, 1], vec![2, 3], vec![4]]);
        drop((first, daemon));
        // The daemon's attempts may still run: its numbers are not for others.
        let third = Slots::take(home.path(), wanted(3, 0)).expect("taken");
        assert_eq!(numbers(&third), [0, 1, 5]);
        let daemon = Slots::take_for_daemon(home.path(), wanted(3, 0)).expect("taken");
        assert_eq!(numbers(&daemon), [2, 3, 6]);
        drop((second, third, daemon));
        let daemon = Slots::take_for_daemon(home.path(), wanted(2, 0)).expect("taken");
        assert_eq!(numbers(&daemon), [2, 3], "what it had comes first");
    }

    #[test]
    fn extra_slots_come_after_the_others_and_are_taken_like_them() {
        let home = tempfile::tempdir().expect("a home");
        let all = |slots: &Slots| (plain(&slots.numbers), plain(&slots.extra));
        let first = Slots::take(home.path(), Wanted { slots: 1, extra: None }).expect("taken");
        assert_eq!(all(&first), (vec![0], vec![1, 2, 3]));
        let daemon = Slots::take_for_daemon(home.path(), wanted(2, 3)).expect("taken");
        assert_eq!(all(&daemon), (vec![4, 5], vec![6, 7, 8]));
        drop((first, daemon));
        let second = Slots::take(home.path(), wanted(2, 4)).expect("taken");
        assert_eq!(all(&second), (vec![0, 1], vec![2, 3, 9, 10]), "none that a daemon had");
        let daemon = Slots::take_for_daemon(home.path(), wanted(2, 4)).expect("taken");
        assert_eq!(all(&daemon), (vec![4, 5], vec![6, 7, 8, 11]), "what it had comes first");
        drop(daemon);
        let daemon = Slots::take_for_daemon(home.path(), wanted(3, 1)).expect("taken");
        assert_eq!(all(&daemon), (vec![4, 5, 6], vec![7]));
    }
}
