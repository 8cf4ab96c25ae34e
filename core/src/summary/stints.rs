//! What slots did: one stint is one process on one slot, alone or shared by a batch.

use crate::{Attempt, AttemptPhase, Finish, GroupIndex, Run, Spec, SpecIndex, Timestamp};
use std::collections::BTreeMap;

/// A slot.
pub(crate) type SlotKey<'a> = (&'a str, u32);

/// Attempts that had a slot together, from the assignment to the end of the last of them.
pub(crate) struct Stint<'a> {
    pub(crate) slot: SlotKey<'a>,
    pub(crate) group: GroupIndex,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Several in a batch.
    pub(crate) members: Vec<Member<'a>>,
}

/// An attempt, with its spec.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) index: SpecIndex,
    pub(crate) number: u32,
    pub(crate) spec: &'a Spec,
    pub(crate) attempt: &'a Attempt,
    /// When and how it ended; none while it runs.
    pub(crate) ended: Option<(Timestamp, &'a Finish)>,
}

impl Member<'_> {
    /// True when it is the attempt that its spec's verdict comes from.
    pub(crate) fn decides(&self) -> bool {
        let Some((_, finish)) = self.ended.filter(|_| !self.attempt.dismissed) else { return false };
        self.spec.deciding_finish().is_some_and(|deciding| std::ptr::eq(deciding, finish))
    }
}

/// The attempts of a run that count, by spec and number.
pub(crate) fn members(run: &Run) -> impl Iterator<Item = Member<'_>> {
    let counted = (0..).zip(&run.specs).filter(|(_, spec)| spec.is_counted(run));
    counted.flat_map(|(index, spec)| {
        (1..).zip(&spec.attempts).map(move |(number, attempt)| Member {
            index: SpecIndex(index),
            number,
            spec,
            attempt,
            ended: match &attempt.phase {
                AttemptPhase::Active => None,
                AttemptPhase::Finished { at, finish } => Some((*at, finish.as_ref())),
            },
        })
    })
}

/// The stints of a run by their beginning; those that go on last until the newest thing that is known to have happened.
pub(crate) fn stints(run: &Run) -> Vec<Stint<'_>> {
    let happened = |member: Member<'_>| member.ended.map_or(member.attempt.assigned_at, |(at, _)| at);
    let newest = members(run).map(happened).max().unwrap_or_default();
    let mut stints: Vec<Stint<'_>> = Vec::new();
    let mut batches = BTreeMap::new();
    for member in members(run) {
        let attempt = member.attempt;
        let slot = (attempt.worker.0.as_str(), attempt.slot.0);
        let to = member.ended.map_or(newest, |(at, _)| at).max(attempt.assigned_at);
        let shared = attempt.batch.map(|batch| (slot, batch, attempt.assigned_at));
        let known = shared.and_then(|key| batches.get(&key)).and_then(|place: &usize| stints.get_mut(*place));
        if let Some(stint) = known {
            stint.to = stint.to.max(to);
            stint.members.push(member);
            continue;
        }
        if let Some(key) = shared {
            batches.insert(key, stints.len());
        }
        let (from, group) = (attempt.assigned_at, member.spec.group);
        stints.push(Stint { slot, group, from, to, members: vec![member] });
    }
    stints.sort_by_key(|stint| (stint.from, stint.to));
    stints
}
