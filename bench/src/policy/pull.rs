//! A free slot takes the next spec of a list.

use super::Slot;
use crate::Suite;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) fn submission_order(suite: &Suite) -> Vec<usize> {
    (0..suite.jobs.len()).collect()
}

/// What was never timed first, by file size; then by what it took last, the longest first.
pub(super) fn jest_order(suite: &Suite) -> Vec<usize> {
    let mut order = submission_order(suite);
    order.sort_by_key(|job| {
        let job = &suite.jobs[*job];
        let last = job.history.last().map(|last| Reverse(last.0));
        (last.is_some(), last, Reverse(job.size_bytes))
    });
    order
}

pub(super) fn makespan(suite: &Suite, slots: &[Slot], order: Vec<usize>) -> u64 {
    let mut free: BinaryHeap<Reverse<(u64, usize)>> =
        slots.iter().enumerate().map(|(slot, is)| Reverse((is.from.0, slot))).collect();
    let mut end = 0;
    for job in order {
        let Some(Reverse((at, slot))) = free.pop() else { break };
        let until = at + slots[slot].takes(&suite.jobs[job]);
        end = end.max(until);
        free.push(Reverse((until, slot)));
    }
    end
}
