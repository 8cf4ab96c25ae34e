//! The attempts that decide how long something takes, one after the other.

use crate::text::{Palette, clean, count, left, right, took, width};
use part_core::Millis;

/// Attempts that are listed: the last ones, which decide most.
const LISTED: usize = 30;
/// Columns of a moment.
const TIME: usize = 7;

/// One of the attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'s> {
    /// Group label.
    pub(super) group: &'s str,
    /// Spec.
    pub(super) spec: &'s str,
    /// Number of the attempt, from 1.
    pub(super) number: u32,
    /// The worker.
    pub(super) worker: &'s str,
    /// The slot; none where workers have only one.
    pub(super) slot: Option<u32>,
    /// When it starts.
    pub(super) start: Millis,
    /// When it ends.
    pub(super) end: Millis,
    /// Why it does not start earlier; empty for no other reason than its turn.
    pub(super) because: &'s str,
}

/// A line for each, and one below it for its reason.
pub(super) fn chain(steps: &[Step<'_>], palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let hidden = steps.len().saturating_sub(LISTED);
    let shown = &steps[hidden..];
    let mut text = String::new();
    if hidden > 0 {
        text.push_str(&format!("  … {} before\n", count(hidden as u64, "attempt")));
    }
    let names = shown.iter().map(|step| width(&clean(step.spec))).max().unwrap_or(0).min(50);
    for step in shown {
        let number = if step.number > 1 { format!(", try {}", step.number) } else { String::new() };
        let slot = step.slot.map(|slot| format!(" slot {slot}")).unwrap_or_default();
        let place = format!("{}, on {}{slot}{number}", clean(step.group), clean(step.worker));
        text.push_str(&format!(
            "  {} – {}  {}  {}\n",
            right(&took(step.start), TIME),
            left(&took(step.end), TIME),
            left(&clean(step.spec), names),
            palette.dim(&place),
        ));
        if !step.because.is_empty() {
            text.push_str(&format!("{}{}\n", " ".repeat(2 * TIME + 7), palette.dim(&clean(step.because))));
        }
    }
    text
}
