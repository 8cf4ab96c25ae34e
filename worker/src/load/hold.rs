//! Which CPUs a group is held to.

use part_core::RunId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The CPUs of all groups that are held to some. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Holds {
    /// Those that can be given; none where nothing can be held.
    allowed: Option<Arc<[u32]>>,
    held: Arc<Mutex<BTreeMap<Key, Held>>>,
}

/// A group of a run.
type Key = (RunId, Arc<str>);

/// The CPUs of one group.
struct Held {
    cpus: Vec<u32>,
    /// Processes that are held to them.
    users: usize,
}

/// A group's CPUs, for one process of it: as long as this lives, the group's other processes get the same ones.
pub(crate) struct Hold {
    /// The numbers of the CPUs.
    pub(crate) cpus: Vec<u32>,
    key: Key,
    held: Arc<Mutex<BTreeMap<Key, Held>>>,
}

impl Holds {
    /// Of these CPUs; none where processes cannot be held to some.
    pub(crate) fn of(allowed: Option<Vec<u32>>) -> Holds {
        Holds { allowed: allowed.map(Arc::from), held: Arc::default() }
    }

    /// CPUs for another process of a group that may use `count` of them together: the same ones for all its processes,
    /// at first those that the fewest other groups have. None where there are not more than that, or nothing can be held.
    pub(crate) fn take(&self, run: RunId, group: &Arc<str>, count: u32) -> Option<Hold> {
        let allowed = self.allowed.as_ref()?;
        let count = count.max(1) as usize;
        if count >= allowed.len() {
            return None;
        }
        let key = (run, Arc::clone(group));
        let mut all = lock(&self.held);
        let mut free: Vec<u32> = allowed.to_vec();
        let others = |cpu: &u32| all.values().filter(|held| held.cpus.contains(cpu)).count();
        // The order of equals is kept: the same CPUs are taken again and again, and the others are left in peace.
        free.sort_by_cached_key(others);
        let held = all.entry(key.clone()).or_insert(Held { cpus: Vec::new(), users: 0 });
        // What it may use can change while it runs: it keeps as many of its CPUs as it can.
        held.cpus.truncate(count);
        let more: Vec<u32> = free.into_iter().filter(|cpu| !held.cpus.contains(cpu)).collect();
        held.cpus.extend(more.into_iter().take(count - held.cpus.len()));
        held.cpus.sort_unstable();
        held.users += 1;
        Some(Hold { cpus: held.cpus.clone(), key, held: Arc::clone(&self.held) })
    }

    /// The CPUs that an earlier life of the worker held a process of a group to, which still runs.
    pub(crate) fn found(&self, run: RunId, group: &Arc<str>, cpus: Vec<u32>) -> Hold {
        let key = (run, Arc::clone(group));
        let mut all = lock(&self.held);
        let held = all.entry(key.clone()).or_insert(Held { cpus: cpus.clone(), users: 0 });
        held.users += 1;
        Hold { cpus, key, held: Arc::clone(&self.held) }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut all = lock(&self.held);
        if let Some(held) = all.get_mut(&self.key) {
            held.users = held.users.saturating_sub(1);
            if held.users == 0 {
                all.remove(&self.key);
            }
        }
    }
}

fn lock(held: &Mutex<BTreeMap<Key, Held>>) -> MutexGuard<'_, BTreeMap<Key, Held>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId(1);

    #[test]
    fn a_group_has_the_same_cpus_for_all_its_processes_and_others_get_others() {
        let holds = Holds::of(Some(vec![0, 1, 4, 5]));
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let cpus = |hold: &Option<Hold>| hold.as_ref().map(|hold| hold.cpus.clone());
        let first = holds.take(RUN, &a, 2);
        let other = holds.take(RUN, &b, 1);
        let again = holds.take(RUN, &a, 2);
        assert_eq!([&first, &other, &again].map(cpus), [Some(vec![0, 1]), Some(vec![4]), Some(vec![0, 1])]);
        assert_eq!(cpus(&holds.take(RunId(2), &a, 1)), Some(vec![5]), "of another run");
        // Fewer and more than before.
        assert_eq!(cpus(&holds.take(RUN, &a, 1)), Some(vec![0]));
        assert_eq!(cpus(&holds.take(RUN, &a, 3)), Some(vec![0, 1, 5]));
        assert_eq!(cpus(&holds.take(RUN, &a, 4)), None, "all of them is no limit");
        drop((first, again));
        assert!(lock(&holds.held).len() == 1, "nothing is remembered of who is gone");
        drop(other);
        assert!(lock(&holds.held).is_empty());
    }

    #[test]
    fn what_an_earlier_life_held_goes_on() {
        let holds = Holds::of(Some(vec![0, 1, 2, 3]));
        let a: Arc<str> = "a".into();
        let found = holds.found(RUN, &a, vec![2, 3]);
        assert_eq!(holds.take(RUN, &a, 2).expect("held").cpus, [2, 3]);
        drop(found);
        assert_eq!(holds.take(RUN, &a, 2).expect("held").cpus, [0, 1]);
        assert!(Holds::of(None).take(RUN, &a, 1).is_none());
    }
}
