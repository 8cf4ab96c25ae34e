//! Specs as people count them: one that was split is one, and what came in only in part is none.

use crate::{GroupIndex, Run, Spec, SpecPhase, SpecVerdict};
use std::collections::BTreeMap;

/// Where a spec is. Of a split one, the part that is furthest down this list says it for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Carried,
    Passed,
    Flaky,
    Cancelled,
    Quarantined,
    NotPassed,
    Undecided,
}

impl Standing {
    fn of(spec: &Spec) -> Standing {
        match spec.phase {
            SpecPhase::Waiting { .. } | SpecPhase::Active => Standing::Undecided,
            SpecPhase::Decided(SpecVerdict::Carried) => Standing::Carried,
            SpecPhase::Decided(SpecVerdict::Passed { flaky: false }) => Standing::Passed,
            SpecPhase::Decided(SpecVerdict::Passed { flaky: true }) => Standing::Flaky,
            SpecPhase::Decided(SpecVerdict::Cancelled) => Standing::Cancelled,
            SpecPhase::Decided(SpecVerdict::NotPassed(_)) if spec.quarantined => Standing::Quarantined,
            SpecPhase::Decided(SpecVerdict::NotPassed(_)) => Standing::NotPassed,
        }
    }
}

/// The specs of a run with the parts of each put together.
pub(super) struct Wholes<'a> {
    whole: Vec<(GroupIndex, Standing)>,
    parts: BTreeMap<(GroupIndex, &'a str), Standing>,
    /// Specs that were split.
    pub(super) split: u32,
    /// Specs that count for nothing.
    pub(super) dropped: u32,
}

impl<'a> Wholes<'a> {
    pub(super) fn of(run: &'a Run) -> Wholes<'a> {
        let mut wholes = Wholes { whole: Vec::new(), parts: BTreeMap::new(), split: 0, dropped: 0 };
        for spec in &run.specs {
            let first = spec.part.as_ref().is_none_or(|part| part.number == 1);
            if !spec.is_counted(run) {
                wholes.dropped += u32::from(first);
                continue;
            }
            let standing = Standing::of(spec);
            if spec.part.is_none() {
                wholes.whole.push((spec.group, standing));
                continue;
            }
            let whole = wholes.parts.entry((spec.group, spec.whole_name())).or_insert(standing);
            *whole = standing.max(*whole);
        }
        wholes.split = wholes.parts.len() as u32;
        wholes
    }

    /// Where each spec is, with its group.
    pub(super) fn standings(&self) -> impl Iterator<Item = (GroupIndex, Standing)> {
        let parts = self.parts.iter().map(|((group, _), standing)| (*group, *standing));
        self.whole.iter().copied().chain(parts)
    }
}

impl Spec {
    /// True unless its submission did not come in whole.
    pub(crate) fn is_counted(&self, run: &Run) -> bool {
        !run.is_dropped(self)
    }
}
