//! What decides how long a plan takes: the chain of attempts up to its end, and what each waited for. Pure.

use part_core::rehearse::Placement;
use part_core::{SpecSubmission, Timestamp};
use std::collections::HashMap;

/// Places of the attempts that decide when the last one ends, the first one first: each began when the one before it
/// ended, on the same slot where that was so.
pub(super) fn chain(ordered: &[&Placement]) -> Vec<usize> {
    let ends = Ends::of(ordered);
    let mut chain = Vec::new();
    let mut next = (0..ordered.len()).max_by_key(|place| (ordered[*place].end, usize::MAX - place));
    while let Some(place) = next {
        chain.push(place);
        let before = ends.at(ordered[place].start).iter().copied().filter(|other| {
            // Something that takes no time at all must not go round in circles.
            ordered[*other].start < ordered[place].start
        });
        let same_slot = |other: &usize| {
            (&ordered[*other].worker, ordered[*other].slot) == (&ordered[place].worker, ordered[place].slot)
        };
        next = before.max_by_key(|other| (same_slot(other), usize::MAX - other));
    }
    chain.reverse();
    chain
}

/// Places of attempts by when they end.
struct Ends(HashMap<Timestamp, Vec<usize>>);

impl Ends {
    fn of(ordered: &[&Placement]) -> Ends {
        let mut ends: HashMap<Timestamp, Vec<usize>> = HashMap::new();
        for (place, placement) in ordered.iter().enumerate() {
            ends.entry(placement.end).or_default().push(place);
        }
        Ends(ends)
    }

    fn at(&self, moment: Timestamp) -> &[usize] {
        self.0.get(&moment).map_or(&[], Vec::as_slice)
    }
}

/// What attempts waited for although a slot was free.
pub(super) struct Waits<'a, F> {
    ordered: &'a [&'a Placement],
    ends: Ends,
    spec: F,
}

impl<'a, 's, F: Fn(&Placement) -> Option<&'s SpecSubmission>> Waits<'a, F> {
    /// `spec` knows what was submitted of an attempt's spec.
    pub(super) fn of(ordered: &'a [&'a Placement], spec: F) -> Self {
        Waits { ordered, ends: Ends::of(ordered), spec }
    }

    /// What the attempt at this place waited for, in words; empty for just its turn.
    pub(super) fn because(&self, place: usize) -> String {
        let placement = self.ordered[place];
        let Some(spec) = (self.spec)(placement).filter(|_| placement.start > Timestamp(0)) else {
            return String::new();
        };
        let before = self.ends.at(placement.start).iter().map(|other| self.ordered[*other]);
        let mut freed = before.filter(|other| other.attempt != placement.attempt);
        let reason = freed.find_map(|other| {
            let known = (self.spec)(other)?;
            let in_group = other.group == placement.group;
            if in_group && spec.collection.is_some() && spec.collection == known.collection {
                let collection = spec.collection.as_deref().unwrap_or_default();
                return Some(format!("waited for {} of collection {collection}", other.spec));
            }
            let lock =
                spec.locks.iter().find(|lock| known.locks.iter().any(|held| held.name == lock.name))?;
            Some(format!("waited for lock {}, which {} held", lock.name, other.spec))
        });
        match reason {
            Some(reason) => reason,
            None if spec.serial => "runs after everything else of its group".to_owned(),
            None => String::new(),
        }
    }
}
