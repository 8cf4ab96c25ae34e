//! Everything is decided before anything starts.

use super::Slot;
use crate::Suite;
use std::cmp::Reverse;

/// Which slot each spec goes to.
type Plan = Vec<usize>;

/// FNV-1a: the same on every machine.
fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

pub(super) fn by_hash(suite: &Suite, slots: &[Slot]) -> Plan {
    suite.jobs.iter().map(|job| (hash(&job.name) % slots.len().max(1) as u64) as usize).collect()
}

/// Runs of equal count of a list; the first ones have one more where it does not come out even.
fn cut(order: &[usize], slots: usize) -> Plan {
    let mut plan = vec![0; order.len()];
    let (each, more) = (order.len() / slots.max(1), order.len() % slots.max(1));
    let mut order = order.iter();
    for slot in 0..slots {
        for job in order.by_ref().take(each + usize::from(slot < more)) {
            plan[*job] = slot;
        }
    }
    plan
}

pub(super) fn by_count(suite: &Suite, slots: &[Slot]) -> Plan {
    let order: Vec<usize> = (0..suite.jobs.len()).collect();
    cut(&order, slots.len())
}

pub(super) fn by_hash_order(suite: &Suite, slots: &[Slot]) -> Plan {
    let mut order: Vec<usize> = (0..suite.jobs.len()).collect();
    order.sort_by_key(|job| hash(&suite.jobs[*job].name));
    cut(&order, slots.len())
}

/// The longest forecast first, to the bin that has least. What was never seen counts as the mean of the rest.
pub(super) fn by_history(suite: &Suite, slots: &[Slot]) -> Plan {
    let forecasts: Vec<Option<u64>> =
        suite.jobs.iter().map(|job| job.forecast().map(|forecast| forecast.0)).collect();
    let known = forecasts.iter().flatten();
    let mean = known.clone().sum::<u64>() / known.count().max(1) as u64;
    let mut order: Vec<(u64, usize)> =
        forecasts.iter().enumerate().map(|(job, forecast)| (forecast.unwrap_or(mean), job)).collect();
    order.sort_by_key(|(forecast, job)| (Reverse(*forecast), *job));
    let mut bins = vec![0u64; slots.len()];
    let mut plan = vec![0; suite.jobs.len()];
    for (forecast, job) in order {
        let least = bins.iter().enumerate().min_by_key(|(bin, has)| (**has, *bin)).map_or(0, |(bin, _)| bin);
        if let Some(has) = bins.get_mut(least) {
            *has += forecast.max(1);
        }
        plan[job] = least;
    }
    plan
}

pub(super) fn makespan(suite: &Suite, slots: &[Slot], plan: &Plan) -> u64 {
    let mut ends: Vec<u64> = slots.iter().map(|slot| slot.from.0).collect();
    let mut last = 0;
    for (job, slot) in suite.jobs.iter().zip(plan) {
        let takes = slots.get(*slot).map_or(0, |slot| slot.takes(job));
        if let Some(end) = ends.get_mut(*slot) {
            *end += takes;
            last = last.max(*end);
        }
    }
    last
}
