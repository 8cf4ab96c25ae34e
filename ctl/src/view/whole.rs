//! Specs as people see them: the parts of one that was split by its tests are one.

use super::model::{AttemptView, RunView, SpecView, Tally};
use part_core::{Millis, SpecVerdict};
use std::ops::Range;

/// A spec as people see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole<'v> {
    /// Its name.
    pub(crate) name: &'v str,
    /// Itself, or all its parts in order; never empty.
    pub(crate) parts: &'v [SpecView],
}

impl RunView {
    /// Its specs as people see them, without those of submissions that were dropped.
    pub(crate) fn wholes(&self) -> impl Iterator<Item = Whole<'_>> {
        let mut place = 0;
        std::iter::from_fn(move || {
            while place < self.specs.len() {
                let range = range_of(&self.specs, place);
                let parts = &self.specs[range.clone()];
                place = range.end;
                if let Some(first) = parts.first().filter(|first| !self.group_of(first).dropped) {
                    return Some(Whole { name: first.whole_name(), parts });
                }
            }
            None
        })
    }

    /// The spec of this place as people see it.
    pub(crate) fn whole_of(&self, place: usize) -> Whole<'_> {
        let parts = &self.specs[range_of(&self.specs, place)];
        Whole { name: self.specs[place].whole_name(), parts }
    }

    /// Counts everything anew.
    pub(super) fn recount(&mut self) {
        let (mut tally, mut total) = (Tally::default(), 0);
        for whole in self.wholes() {
            total += 1;
            if let Some(verdict) = whole.verdict() {
                tally.add(verdict, whole.quarantined());
            }
        }
        (self.tally, self.total) = (tally, total);
    }
}

/// Where the parts of the same spec are; a spec that was not split is alone.
fn range_of(specs: &[SpecView], place: usize) -> Range<usize> {
    let alone = place..place + 1;
    let Some(part) = &specs[place].part else { return alone };
    let first = (part.number as usize).checked_sub(1).and_then(|before| place.checked_sub(before));
    let Some(first) = first else { return alone };
    let end = first.saturating_add(part.count as usize).min(specs.len());
    let same = |spec: &SpecView| {
        spec.group == specs[place].group && spec.part.as_ref().is_some_and(|other| other.of == part.of)
    };
    if place < end && specs[first..end].iter().all(same) { first..end } else { alone }
}

impl<'v> Whole<'v> {
    /// Its verdict once all its parts have one: what is wrong with one of them is wrong with it.
    pub(crate) fn verdict(&self) -> Option<SpecVerdict> {
        let mut verdict = None;
        for part in self.parts {
            let of_part = part.verdict?;
            verdict = Some(verdict.map_or(of_part, |so_far| worse(so_far, of_part)));
        }
        verdict
    }

    /// It does not fail the run.
    pub(crate) fn quarantined(&self) -> bool {
        self.parts.iter().any(|part| part.quarantined)
    }

    /// True when it was split.
    pub(crate) fn is_split(&self) -> bool {
        self.parts.len() > 1
    }

    /// Place of its group.
    pub(crate) fn group(&self) -> usize {
        self.parts.first().map_or(0, |part| part.group)
    }

    /// True while an attempt of it holds a slot.
    pub(crate) fn is_running(&self) -> bool {
        self.parts.iter().any(|part| part.active().is_some())
    }

    /// True when its verdict keeps a run green.
    pub(crate) fn is_pass(&self) -> bool {
        self.verdict().is_some_and(SpecVerdict::is_pass)
    }

    /// True when it did not pass, whether that fails the run or not.
    pub(crate) fn is_not_passed(&self) -> bool {
        matches!(self.verdict(), Some(SpecVerdict::NotPassed(_)))
    }

    /// True when it, or a test of it, passed only at another try.
    pub(crate) fn is_flaky(&self) -> bool {
        self.is_pass() && self.parts.iter().any(|part| part.is_flaky() || part.flaky_tests() > 0)
    }

    /// The part that says most: the first that did not pass, else the first.
    pub(crate) fn telling(&self) -> &'v SpecView {
        let red = |part: &SpecView| part.verdict.is_some_and(|verdict| !verdict.is_pass());
        self.parts.iter().find(|part| red(part)).unwrap_or(&self.parts[0])
    }

    /// Its attempts with the numbers of their parts, which are 0 where it was not split.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = (u32, &'v AttemptView)> {
        let number = |part: &SpecView| part.part.as_ref().map_or(0, |part| part.number);
        self.parts.iter().flat_map(move |part| part.attempts.iter().map(move |one| (number(part), one)))
    }

    /// The forecast from its own history; none where one of its parts has none.
    pub(crate) fn expected(&self) -> Option<Millis> {
        self.parts.iter().try_fold(Millis::ZERO, |sum, part| Some(sum + part.expected?))
    }
}

/// The one of two verdicts that decides about both.
fn worse(first: SpecVerdict, second: SpecVerdict) -> SpecVerdict {
    let rank = |verdict: SpecVerdict| match verdict {
        SpecVerdict::NotPassed(_) => 4,
        SpecVerdict::Cancelled => 3,
        SpecVerdict::Passed { flaky: true } => 2,
        SpecVerdict::Passed { flaky: false } => 1,
        SpecVerdict::Carried => 0,
    };
    if rank(second) > rank(first) { second } else { first }
}
