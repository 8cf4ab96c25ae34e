//! When the run is expected to end.

use super::RunView;
use part_core::{Millis, Timestamp};

/// A forecast of what is left. No schedule on the slots at hand can be quicker than `time`, if the forecasts hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Eta {
    /// Time from now to the end.
    pub(crate) time: Millis,
    /// Specs without a forecast of their own. Each is counted like the mean of what ended in this run.
    pub(crate) guessed: u32,
    /// Specs about which nothing can be said yet, so that `time` is a lower bound only.
    pub(crate) unknown: u32,
    /// Attempts that run longer than forecast.
    pub(crate) overdue: u32,
}

/// The forecast at the leader's time `now`; none while nothing at all is known or nothing is left.
pub(crate) fn eta(view: &RunView, now: Timestamp) -> Option<Eta> {
    if !view.sealed || view.finished.is_some() || view.left() == 0 {
        return None;
    }
    let mean = view.backlog.mean();
    let mut eta = Eta { time: Millis::ZERO, guessed: 0, unknown: 0, overdue: 0 };
    let (mut total, mut longest) = (view.backlog.total(), view.backlog.longest());
    match mean {
        Some(mean) => {
            eta.guessed = view.backlog.unknown();
            total = total + Millis(mean.0.saturating_mul(u64::from(eta.guessed)));
            longest = if eta.guessed > 0 { longest.max(mean) } else { longest };
        }
        None => eta.unknown = view.backlog.unknown(),
    }
    for attempts in view.running.values() {
        // What shares a process runs one after the other.
        let mut slot = Millis::ZERO;
        for (spec, number) in attempts {
            let Some(attempt) = view.specs[*spec].attempt(*number).filter(|attempt| !attempt.dismissed)
            else {
                continue;
            };
            let forecast = attempt.forecast.or(view.specs[*spec].expected);
            match forecast.or(mean) {
                Some(expected) => {
                    let left = expected - attempt.spent(now);
                    eta.guessed += u32::from(forecast.is_none());
                    eta.overdue += u32::from(left == Millis::ZERO);
                    slot = slot + left;
                }
                None => eta.unknown += 1,
            }
        }
        total = total + slot;
        longest = longest.max(slot);
    }
    let slots = view.slots.len().max(1) as u64;
    eta.time = Millis(total.0.div_ceil(slots)).max(longest);
    (eta.time > Millis::ZERO || eta.unknown == 0).then_some(eta)
}
