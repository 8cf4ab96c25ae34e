//! How the time of slots divides.

use super::TimeShares;
use crate::summary::stints::{Member, SlotKey, Stint, stints};
use crate::{GroupIndex, Millis, Rule, Run, SpecPhase, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The shares of each group that counts, in order, and of the whole run.
pub(super) fn of(run: &Run) -> Vec<TimeShares> {
    let slots = slots(run);
    let newest = slots.values().flatten().map(|held| held.to).max().unwrap_or_default();
    let mut waits: BTreeMap<GroupIndex, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for spec in run.specs.iter().filter(|spec| spec.is_counted(run)) {
        add_waits(run, spec, newest, waits.entry(spec.group).or_default());
    }
    let mut shares = Vec::new();
    for (index, group) in (0..).map(GroupIndex).zip(&run.groups) {
        if run.submission_of(group).dropped {
            continue;
        }
        let waits = Waits::of(waits.get(&index).cloned().unwrap_or_default());
        shares.push(TimeShares {
            group: group.label.as_ref().to_owned(),
            ..share(&slots, Some(index), &waits)
        });
    }
    shares.push(share(&slots, None, &Waits::of(waits.into_values().flatten().collect())));
    shares
}

/// What a slot did: one stint, without what overlaps the one before.
struct Held {
    group: GroupIndex,
    from: Timestamp,
    to: Timestamp,
    busy: TimeShares,
}

fn slots(run: &Run) -> BTreeMap<SlotKey<'_>, Vec<Held>> {
    let mut slots: BTreeMap<SlotKey<'_>, Vec<Held>> = BTreeMap::new();
    for stint in stints(run) {
        let slot = slots.entry(stint.slot).or_default();
        let free = slot.last().map_or(stint.from, |last| last.to);
        let from = stint.from.max(free);
        let to = stint.to.max(from);
        slot.push(Held { group: stint.group, from, to, busy: busy(&stint, to.since(from)) });
    }
    slots
}

/// How the time of a stint divides. The worker's clock says how long the phases of an attempt took, the leader's how long
/// the slot was taken: what is left over went into making ready, or into what came to nothing.
fn busy(stint: &Stint<'_>, length: Millis) -> TimeShares {
    let mut shares = TimeShares::default();
    let mut left = length;
    let alone = stint.members.len() == 1;
    for member in &stint.members {
        let Some((_, finish)) = member.ended else {
            shares.tests = shares.tests + take(&mut left, length);
            continue;
        };
        let timing = finish.timing;
        if !member.decides() {
            let lost = if alone { length } else { timing.total() };
            shares.wasted = shares.wasted + take(&mut left, lost);
            continue;
        }
        let tests = own_time(member).min(timing.run);
        shares.tests = shares.tests + take(&mut left, tests);
        shares.start_up = shares.start_up + take(&mut left, timing.run - tests);
        shares.setup = shares.setup + take(&mut left, timing.setup + timing.teardown);
    }
    match stint.members.iter().any(Member::decides) {
        true => shares.setup = shares.setup + left,
        false => shares.wasted = shares.wasted + left,
    }
    shares
}

/// What the tests of an attempt took, where it says so; else all of its process.
pub(super) fn own_time(member: &Member<'_>) -> Millis {
    let timing = member.ended.map(|(_, finish)| finish.timing).unwrap_or_default();
    if timing.tests > Millis::ZERO { timing.tests.min(timing.run) } else { timing.run }
}

fn take(left: &mut Millis, wanted: Millis) -> Millis {
    let taken = wanted.min(*left);
    *left = *left - taken;
    taken
}

/// Adds when a spec waited for a slot. A backup waits for nothing: its spec was running.
fn add_waits(run: &Run, spec: &crate::Spec, newest: Timestamp, waits: &mut Vec<(Timestamp, Timestamp)>) {
    let mut ready = Some(run.submission_of(run.group_of(spec)).at);
    for attempt in &spec.attempts {
        if attempt.why.is_some_and(|why| why.rule == Rule::Backup) {
            continue;
        }
        if let Some(ready) = ready {
            waits.push((ready, attempt.assigned_at));
        }
        ready = match &attempt.phase {
            crate::AttemptPhase::Active => None,
            crate::AttemptPhase::Finished { at, .. } => Some(*at),
        };
    }
    if let SpecPhase::Waiting { since } = spec.phase {
        waits.push((since, newest));
    }
}

/// When something waited: spans without overlaps, in order, with the time before each.
struct Waits(Vec<(Timestamp, Timestamp, Millis)>);

impl Waits {
    fn of(mut spans: Vec<(Timestamp, Timestamp)>) -> Waits {
        spans.retain(|(from, to)| from < to);
        spans.sort_unstable();
        let mut merged: Vec<(Timestamp, Timestamp, Millis)> = Vec::new();
        for (from, to) in spans {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                Some(last) => {
                    let before = last.2 + last.1.since(last.0);
                    merged.push((from, to, before));
                }
                None => merged.push((from, to, Millis::ZERO)),
            }
        }
        Waits(merged)
    }

    /// How much of the time up to then something waited.
    fn until(&self, at: Timestamp) -> Millis {
        let begun = self.0.partition_point(|(from, ..)| *from < at);
        let Some((from, to, before)) = begun.checked_sub(1).and_then(|last| self.0.get(last)) else {
            return Millis::ZERO;
        };
        *before + at.min(*to).since(*from)
    }
}

/// The shares of one group, or of all, on the slots that it had.
fn share(slots: &BTreeMap<SlotKey<'_>, Vec<Held>>, group: Option<GroupIndex>, waits: &Waits) -> TimeShares {
    let own = |held: &&Held| group.is_none_or(|group| held.group == group);
    let mut mine: BTreeSet<&SlotKey<'_>> = BTreeSet::new();
    let mut window: Option<(Timestamp, Timestamp)> = None;
    let mut shares = TimeShares::default();
    for (slot, held) in slots {
        for held in held.iter().filter(own) {
            mine.insert(slot);
            let (first, last) = window.unwrap_or((held.from, held.to));
            window = Some((first.min(held.from), last.max(held.to)));
            shares.tests = shares.tests + held.busy.tests;
            shares.start_up = shares.start_up + held.busy.start_up;
            shares.setup = shares.setup + held.busy.setup;
            shares.wasted = shares.wasted + held.busy.wasted;
        }
    }
    let Some((first, last)) = window else { return shares };
    shares.total = Millis(last.since(first).0.saturating_mul(mine.len() as u64));
    for held in mine.into_iter().filter_map(|slot| slots.get(slot)) {
        let mut free = first;
        for held in held {
            let (from, to) = (held.from.clamp(first, last), held.to.clamp(first, last));
            if !own(&held) {
                shares.total = shares.total - to.since(from);
            }
            add_gap(&mut shares, waits, free, from);
            free = free.max(to);
        }
        add_gap(&mut shares, waits, free, last);
    }
    shares
}

fn add_gap(shares: &mut TimeShares, waits: &Waits, from: Timestamp, to: Timestamp) {
    let gap = to.since(from);
    if gap > Millis::ZERO {
        let waited = waits.until(to) - waits.until(from);
        shares.waiting = shares.waiting + waited;
        shares.imbalance = shares.imbalance + (gap - waited);
    }
}
