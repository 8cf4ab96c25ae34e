//! In which order runs are served.
//!
//! Runs of one project and priority share an account. Between accounts, the higher priority goes first, then whoever
//! had less slot time for its weight. Within an account, the run that has least work left, where waiting counts too: a
//! run is overtaken only by runs that will be through sooner than it would have been for its time of arrival. Every
//! few turns ([`Bounds::guaranteed_turn`](crate::Bounds::guaranteed_turn)) the account that was served least goes
//! first whatever its priority, and within it the run that came first, so that nobody starves.

use crate::{Millis, RunId, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Parts of slot time per unit of weight: keeps divisions by weights exact enough.
const SCALE: u64 = 1000;

/// Waiting counts for this part of what all slots could have done meanwhile.
const WAITING_PART: u64 = 64;

/// The number of an account, while it has runs.
type AccountKey = u32;

/// The runs that have something waiting, and what they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Order {
    names: BTreeMap<(Arc<str>, i32), AccountKey>,
    accounts: BTreeMap<AccountKey, Account>,
    next_key: AccountKey,
    runs: BTreeMap<RunId, Share>,
    /// Accounts with something waiting: by priority, then the least served first.
    by_rank: BTreeSet<(Reverse<i32>, u64, AccountKey)>,
    /// The same, the least served first.
    by_service: BTreeSet<(u64, AccountKey)>,
    /// The most that an account had been given when it was given more: where one that joins starts.
    level: u64,
    /// Slots of the mesh.
    pace: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Account {
    name: Arc<str>,
    priority: i32,
    /// Runs of it, waiting or not.
    runs: u32,
    /// Weighted slot time of attempts that ended, as it was.
    settled: u64,
    /// Weighted slot time of attempts on slots, as it is expected.
    expected: u64,
    /// Its runs that have something waiting, the next first.
    waiting: BTreeSet<(u64, RunId)>,
    /// The same, the one that came first in front.
    by_arrival: BTreeSet<(Timestamp, RunId)>,
}

impl Account {
    fn served(&self) -> u64 {
        self.settled.saturating_add(self.expected)
    }
}

/// A run's part in it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Share {
    account: AccountKey,
    weight: u64,
    arrival: Timestamp,
    /// The slot time that waits, in milliseconds; none while nothing does.
    work: Option<u64>,
}

/// How the run that is looked at compares with the others that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Nothing else waits.
    pub(crate) alone: bool,
    /// Another account with a lower priority waits.
    pub(crate) outranks: bool,
    /// Another run of its account waits.
    pub(crate) has_siblings: bool,
}

impl Order {
    /// What a millisecond of waiting counts for: a part of what the mesh could have done in it. With much less, large runs
    /// wait longest under load; with much more, small ones wait behind large ones.
    pub(crate) fn set_pace(&mut self, slots: u32) {
        let pace = u64::from(slots).max(1);
        if pace == self.pace {
            return;
        }
        let waiting: Vec<(RunId, u64)> =
            self.runs.iter().filter_map(|(run, share)| Some((*run, share.work?))).collect();
        waiting.iter().for_each(|(run, _)| self.set_waiting(*run, None));
        self.pace = pace;
        waiting.iter().for_each(|(run, work)| self.set_waiting(*run, Some(*work)));
    }

    /// A run that joins starts its account level with the others, not at zero: it owes nothing and is owed nothing.
    /// What the others are only expected to take is left out, for they may take less.
    pub(crate) fn join(
        &mut self,
        run: RunId,
        project: &Arc<str>,
        priority: i32,
        weight: u32,
        arrival: Timestamp,
    ) {
        let name = (Arc::clone(project), priority);
        let account = match self.names.get(&name) {
            Some(account) => *account,
            None => {
                let account = self.next_key;
                self.next_key += 1;
                self.names.insert(name, account);
                let fresh = Account {
                    name: Arc::clone(project),
                    priority,
                    runs: 0,
                    settled: self.level,
                    expected: 0,
                    waiting: BTreeSet::new(),
                    by_arrival: BTreeSet::new(),
                };
                self.accounts.insert(account, fresh);
                account
            }
        };
        if let Some(account) = self.accounts.get_mut(&account) {
            account.runs += 1;
        }
        self.runs.insert(run, Share { account, weight: u64::from(weight.max(1)), arrival, work: None });
    }

    pub(crate) fn leave(&mut self, run: RunId) {
        self.set_waiting(run, None);
        let Some(share) = self.runs.remove(&run) else { return };
        let Some(account) = self.accounts.get_mut(&share.account) else { return };
        account.runs -= 1;
        if account.runs == 0 {
            let name = (Arc::clone(&account.name), account.priority);
            self.names.remove(&name);
            self.accounts.remove(&share.account);
        }
    }

    /// Says how much of a run waits for slots, in milliseconds of slot time; none when nothing does.
    pub(crate) fn set_waiting(&mut self, run: RunId, work: Option<u64>) {
        let pace = self.pace.max(1);
        let Some(share) = self.runs.get_mut(&run) else { return };
        if share.work == work {
            return;
        }
        let before = std::mem::replace(&mut share.work, work);
        let share = *share;
        let Some(account) = self.accounts.get_mut(&share.account) else { return };
        let was_waiting = !account.waiting.is_empty();
        if let Some(before) = before {
            account.waiting.remove(&(key(share, before, pace), run));
        }
        match work {
            Some(work) => {
                account.waiting.insert((key(share, work, pace), run));
                account.by_arrival.insert((share.arrival, run));
            }
            None => drop(account.by_arrival.remove(&(share.arrival, run))),
        }
        let (served, priority) = (account.served(), Reverse(account.priority));
        match (was_waiting, account.waiting.is_empty()) {
            (false, false) => {
                // Whoever had nothing waiting has saved nothing up meanwhile.
                account.settled = account.settled.max(self.level);
                let served = account.served();
                self.by_rank.insert((priority, served, share.account));
                self.by_service.insert((served, share.account));
            }
            (true, true) => {
                self.by_rank.remove(&(priority, served, share.account));
                self.by_service.remove(&(served, share.account));
            }
            (true, false) | (false, true) => {}
        }
    }

    /// Charges slot time at assignment, and the difference to the truth at the end.
    pub(crate) fn charge(&mut self, run: RunId, expected: Millis, actual: Option<Millis>) {
        let Some(share) = self.runs.get(&run).copied() else { return };
        let Some(account) = self.accounts.get_mut(&share.account) else { return };
        let waits = !account.waiting.is_empty();
        let (before, priority) = (account.served(), Reverse(account.priority));
        let weighted = |time: Millis| time.0.saturating_mul(SCALE) / share.weight;
        match actual {
            None => {
                self.level = self.level.max(account.settled);
                account.expected = account.expected.saturating_add(weighted(expected));
            }
            Some(actual) => {
                account.settled = account.settled.saturating_add(weighted(actual));
                account.expected = account.expected.saturating_sub(weighted(expected));
            }
        }
        let after = account.served();
        if waits && before != after {
            self.by_rank.remove(&(priority, before, share.account));
            self.by_rank.insert((priority, after, share.account));
            self.by_service.remove(&(before, share.account));
            self.by_service.insert((after, share.account));
        }
    }

    /// How much of a run waits, as it was last said.
    pub(crate) fn waiting(&self, run: RunId) -> Option<u64> {
        self.runs.get(&run)?.work
    }

    /// True when anything waits.
    pub(crate) fn is_anything_waiting(&self) -> bool {
        !self.by_rank.is_empty()
    }

    /// The runs with something waiting, the next first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = RunId> {
        let accounts = self.by_rank.iter().filter_map(|(_, _, account)| self.accounts.get(account));
        accounts.flat_map(|account| account.waiting.iter().map(|(_, run)| *run))
    }

    /// The same for a guaranteed turn: the least served account first, and in it the run that came first.
    pub(crate) fn guaranteed(&self) -> impl Iterator<Item = RunId> {
        let accounts = self.by_service.iter().filter_map(|(_, account)| self.accounts.get(account));
        accounts.flat_map(|account| account.by_arrival.iter().map(|(_, run)| *run))
    }

    pub(crate) fn standing(&self, run: RunId) -> Standing {
        let account = self.runs.get(&run).and_then(|share| self.accounts.get(&share.account));
        let siblings = account.map_or(0, |account| account.waiting.len());
        let lowest = self.by_rank.last().map(|(priority, _, _)| priority.0);
        Standing {
            alone: self.by_rank.len() == 1 && siblings == 1,
            outranks: account.zip(lowest).is_some_and(|(account, lowest)| account.priority > lowest),
            has_siblings: siblings > 1,
        }
    }
}

/// What a run's place in its account goes by: work that is left, and when it came. As all runs grow older alike, their
/// order changes with their work only.
fn key(share: Share, work: u64, pace: u64) -> u64 {
    let work = work.saturating_mul(WAITING_PART) / share.weight;
    work.saturating_add(share.arrival.0.saturating_mul(pace))
}
