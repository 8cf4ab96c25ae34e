//! The CPUs that this process may use, and holding what it starts to some of them.

use crate::bounds;
use std::io;

/// How many CPUs this process may use, by its affinity and, on Linux, its control group's share.
pub fn count() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// How many extra slots a worker of so many slots has, where nobody says: enough for specs that wait three quarters of
/// their time, bounded by what the memory of such a machine can be expected to hold.
pub fn extra_slots(slots: u32) -> u32 {
    slots.saturating_mul(bounds::EXTRA_PER_SLOT).min(bounds::EXTRA_SLOTS)
}

/// The numbers of the CPUs that this process may use, rising; none where the system does not tell.
pub(crate) fn allowed() -> Option<Vec<u32>> {
    system::allowed().ok()
}

/// True when processes can be held to some of the CPUs here: the system has the call, and lets us use it.
pub(crate) fn can_hold() -> bool {
    system::allowed().and_then(|cpus| held_to(&cpus, || ())).is_ok()
}

/// Calls `start` with the calling thread held to these CPUs: what it starts inherits that, and all that those processes
/// start. Afterwards the thread may use what it could before.
///
/// # Errors
///
/// When it cannot be held to them; `start` is not called then.
pub(crate) fn held_to<T>(cpus: &[u32], start: impl FnOnce() -> T) -> io::Result<T> {
    let _free_again = system::hold(cpus)?;
    Ok(start())
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    use std::io;

    /// Gives the thread its CPUs back.
    pub(super) struct FreeAgain(CpuSet);

    impl Drop for FreeAgain {
        fn drop(&mut self) {
            if sched_setaffinity(None, &self.0).is_err() {
                // They were taken from the process meanwhile: then all that there are, of which the system leaves out
                // those that are not for it.
                let mut all = CpuSet::new();
                (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
                let _nothing_more_to_try = sched_setaffinity(None, &all);
            }
        }
    }

    pub(super) fn allowed() -> io::Result<Vec<u32>> {
        let set = sched_getaffinity(None)?;
        Ok((0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).map(|cpu| cpu as u32).collect())
    }

    pub(super) fn hold(cpus: &[u32]) -> io::Result<FreeAgain> {
        let before = sched_getaffinity(None)?;
        let mut set = CpuSet::new();
        for cpu in cpus {
            let cpu = *cpu as usize;
            if cpu >= CpuSet::MAX_CPU {
                return Err(io::Error::other(format!("there is no CPU {cpu}")));
            }
            set.set(cpu);
        }
        sched_setaffinity(None, &set)?;
        Ok(FreeAgain(before))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    /// Nothing to give back.
    pub(super) struct FreeAgain;

    pub(super) fn allowed() -> io::Result<Vec<u32>> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    pub(super) fn hold(_: &[u32]) -> io::Result<FreeAgain> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_slots_are_bounded() {
        assert_eq!([extra_slots(0), extra_slots(1), extra_slots(4), extra_slots(4096)], [0, 3, 12, 64]);
        assert!(count() > 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_is_held_only_while_it_starts_something() {
        let before = allowed().expect("told");
        assert!(can_hold());
        let last = before[before.len() - 1];
        let inside = held_to(&[last], allowed).expect("held");
        assert_eq!((inside, allowed()), (Some(vec![last]), Some(before.clone())));
        assert!(held_to(&[1023], || panic!("not called")).is_err());
        assert!(held_to(&[70_000], || panic!("not called")).is_err());
        assert!(held_to(&[], || panic!("not called")).is_err());
        assert_eq!(allowed(), Some(before));
    }
}
