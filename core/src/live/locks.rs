//! Locks: permits that attempts hold while they run, over all hosts and runs.

use crate::{AttemptId, Lock, RunId};
use std::collections::{BTreeMap, BTreeSet};

/// All locks that unfinished runs speak of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Locks {
    known: BTreeMap<String, State>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    /// How many permits each run says that there are: the smallest number counts.
    declared: BTreeMap<RunId, u32>,
    holders: BTreeSet<AttemptId>,
}

impl State {
    fn permits(&self) -> u32 {
        self.declared.values().copied().min().unwrap_or(u32::MAX).max(1)
    }
}

impl Locks {
    /// Notes what a run says about its locks.
    pub(crate) fn declare<'a>(&mut self, run: RunId, locks: impl Iterator<Item = &'a Lock>) {
        for lock in locks {
            let state = match self.known.get_mut(&lock.name) {
                Some(state) => state,
                None => self.known.entry(lock.name.clone()).or_default(),
            };
            let permits = state.declared.entry(run).or_insert(lock.permits);
            *permits = lock.permits.min(*permits);
        }
    }

    /// A run is over: what it said counts no more.
    pub(crate) fn forget(&mut self, run: RunId) {
        self.known.retain(|_, state| {
            state.declared.remove(&run);
            !state.declared.is_empty() || !state.holders.is_empty()
        });
    }

    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn hold(&mut self, locks: &[Lock], attempt: AttemptId) {
        for lock in locks {
            self.known.entry(lock.name.clone()).or_default().holders.insert(attempt);
        }
    }

    pub(crate) fn release(&mut self, locks: &[Lock], attempt: AttemptId) {
        for lock in locks {
            if let Some(state) = self.known.get_mut(&lock.name) {
                state.holders.remove(&attempt);
            }
        }
    }

    /// The first of these locks that has no permit free.
    pub(crate) fn taken<'a>(&self, locks: &'a [Lock]) -> Option<&'a Lock> {
        locks.iter().find(|lock| {
            let state = self.known.get(&lock.name);
            state.is_some_and(|state| state.holders.len() >= state.permits() as usize)
        })
    }

    /// Who holds a lock, and how many may.
    pub(crate) fn holders(&self, name: &str) -> (Vec<AttemptId>, u32) {
        let state = self.known.get(name);
        state.map_or((Vec::new(), 0), |state| (state.holders.iter().copied().collect(), state.permits()))
    }

    /// Every lock with its holders and permits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &BTreeSet<AttemptId>, u32)> {
        self.known.iter().map(|(name, state)| (name.as_str(), &state.holders, state.permits()))
    }
}
