//! What waits: per run and capability class, in the order in which it should be started.

use crate::{Bounds, Capabilities, Millis, Requirements, RunId, SpecIndex};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A set of capability classes: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClassSet([u64; 4]);

/// An interned set of requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class(u8);

impl ClassSet {
    pub(crate) fn insert(&mut self, class: Class) {
        self.0[usize::from(class.0) / 64] |= 1 << (class.0 % 64);
    }

    pub(crate) fn remove(&mut self, class: Class) {
        self.0[usize::from(class.0) / 64] &= !(1 << (class.0 % 64));
    }

    pub(crate) fn contains(self, class: Class) -> bool {
        self.0[usize::from(class.0) / 64] & (1 << (class.0 % 64)) != 0
    }

    pub(crate) fn intersection(self, other: ClassSet) -> ClassSet {
        ClassSet(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    pub(crate) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Class> {
        (0u8..).zip(self.0).flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as u8;
                let more = bits != 0;
                bits &= bits.wrapping_sub(1);
                more.then(|| Class(word * 64 + bit))
            })
        })
    }
}

/// The requirement sets that are in use, each with the number of slots that can serve it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Classes {
    known: Vec<Option<Known>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Known {
    requirements: Requirements,
    /// Groups that use it; at zero its bit is free again.
    users: u32,
    /// Slots that can serve it, of workers that are there.
    slots: u32,
    /// Workers that take work of it.
    takers: u32,
}

impl Classes {
    pub(crate) fn has_room(&self, new: usize, bounds: &Bounds) -> bool {
        self.known.iter().flatten().count() + new <= bounds.classes.min(256)
    }

    pub(crate) fn find(&self, requirements: &Requirements) -> Option<Class> {
        let place =
            self.known.iter().position(|k| k.as_ref().is_some_and(|k| k.requirements == *requirements))?;
        Some(Class(place as u8))
    }

    /// Interns and counts one more user. True when the class is new, so that the slots able to serve it must be counted.
    pub(crate) fn acquire(&mut self, requirements: &Requirements) -> (Class, bool) {
        if let Some(class) = self.find(requirements) {
            if let Some(Some(known)) = self.known.get_mut(usize::from(class.0)) {
                known.users += 1;
            }
            return (class, false);
        }
        let fresh = Some(Known { requirements: requirements.clone(), users: 1, slots: 0, takers: 0 });
        let place = self.known.iter().position(Option::is_none).unwrap_or_else(|| {
            self.known.push(None);
            self.known.len() - 1
        });
        self.known[place] = fresh;
        (Class(place as u8), true)
    }

    pub(crate) fn release(&mut self, class: Class) {
        if let Some(slot) = self.known.get_mut(usize::from(class.0))
            && let Some(known) = slot
        {
            known.users -= 1;
            if known.users == 0 {
                *slot = None;
            }
        }
    }

    /// The classes that `capabilities` can serve.
    pub(crate) fn able(&self, capabilities: &Capabilities) -> ClassSet {
        let mut able = ClassSet::default();
        for (place, known) in self.known.iter().enumerate() {
            if known.as_ref().is_some_and(|known| known.requirements.unmet(capabilities).is_none()) {
                able.insert(Class(place as u8));
            }
        }
        able
    }

    pub(crate) fn clear_slots(&mut self) {
        self.known.iter_mut().flatten().for_each(|known| known.slots = 0);
    }

    pub(crate) fn add_slots(&mut self, able: ClassSet, slots: u32) {
        for class in able.iter() {
            if let Some(Some(known)) = self.known.get_mut(usize::from(class.0)) {
                known.slots += slots;
            }
        }
    }

    pub(crate) fn clear_takers(&mut self) {
        self.known.iter_mut().flatten().for_each(|known| known.takers = 0);
    }

    /// Counts a worker that takes work of these classes from now on.
    pub(crate) fn add_taker(&mut self, takes: Option<ClassSet>) {
        self.each(takes, |known| known.takers += 1);
    }

    /// Counts it no longer.
    pub(crate) fn drop_taker(&mut self, takes: Option<ClassSet>) {
        // A class that is new in its place counts from zero: `Live::reclassify` counts again.
        self.each(takes, |known| known.takers = known.takers.saturating_sub(1));
    }

    fn each(&mut self, classes: Option<ClassSet>, change: impl Fn(&mut Known)) {
        for class in classes.into_iter().flat_map(ClassSet::iter) {
            if let Some(Some(known)) = self.known.get_mut(usize::from(class.0)) {
                change(known);
            }
        }
    }

    /// How many workers take work of each class.
    pub(crate) fn all_takers(&self) -> impl Iterator<Item = (Class, u32)> {
        let known = self.known.iter().enumerate();
        known.filter_map(|(place, known)| Some((Class(place as u8), known.as_ref()?.takers)))
    }

    /// How many workers take work of a class.
    pub(crate) fn takers(&self, class: Class) -> u32 {
        self.known.get(usize::from(class.0)).and_then(Option::as_ref).map_or(0, |known| known.takers)
    }

    pub(crate) fn slots(&self, class: Class) -> u32 {
        self.known.get(usize::from(class.0)).and_then(Option::as_ref).map_or(0, |known| known.slots)
    }
}

/// Why a spec waits, in the order in which the kinds are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    /// Its worker was lost: it has waited long enough.
    Again,
    /// Nothing is known about it: it might be the longest.
    Unknown,
    /// It has a forecast.
    Known,
    /// It failed and is tried again, after everything else.
    Retry,
}

/// A waiting spec's place: by tier, then the longest first, then in submission order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) tier: Tier,
    /// Expected milliseconds, or the file's size where nothing is known.
    pub(crate) weight: Reverse<u64>,
    pub(crate) spec: SpecIndex,
}

/// Who may take a waiting spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Any worker that can.
    Open,
    /// For a while only one that has not had it, where there is one.
    Elsewhere,
    /// One that runs no other suspect: an attempt took a worker down.
    Suspect,
}

/// One run's waiting specs.
///
/// Each lane is a queue of its own, so that specs which may not run on a worker never stand in the way of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RunQueue {
    lanes: BTreeMap<(Class, Lane), BTreeSet<Place>>,
    waiting: ClassSet,
    len: usize,
}

impl RunQueue {
    pub(crate) fn push(&mut self, class: Class, lane: Lane, place: Place) {
        if self.lanes.entry((class, lane)).or_default().insert(place) {
            self.waiting.insert(class);
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, class: Class, lane: Lane, place: &Place) {
        let Some(places) = self.lanes.get_mut(&(class, lane)) else { return };
        if places.remove(place) {
            self.len -= 1;
        }
        if places.is_empty() {
            self.lanes.remove(&(class, lane));
            if self.lanes_of(class).next().is_none() {
                self.waiting.remove(class);
            }
        }
    }

    fn lanes_of(&self, class: Class) -> impl Iterator<Item = (Lane, &BTreeSet<Place>)> {
        let lanes = self.lanes.range((class, Lane::Open)..=(class, Lane::Suspect));
        lanes.map(|((_, lane), places)| (*lane, places))
    }

    pub(crate) fn waiting(&self) -> ClassSet {
        self.waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One lane of a class, in order.
    pub(crate) fn places(&self, class: Class, lane: Lane) -> impl Iterator<Item = &Place> {
        self.lanes.get(&(class, lane)).into_iter().flatten()
    }

    /// Everything that waits in a class, lane by lane.
    pub(crate) fn of_class(&self, class: Class) -> impl Iterator<Item = (Lane, &Place)> {
        self.lanes_of(class).flat_map(|(lane, places)| places.iter().map(move |place| (lane, place)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Class, Lane, &Place)> {
        self.lanes
            .iter()
            .flat_map(|((class, lane), places)| places.iter().map(move |place| (*class, *lane, place)))
    }
}

/// The runs that have something waiting, by how much slot time they were given: the least served is next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FairOrder {
    served: BTreeMap<RunId, Served>,
    order: BTreeSet<(u64, RunId)>,
    /// The most that a run had been given when it was given more: where a run that joins starts.
    level: u64,
}

/// A run's slot time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Served {
    /// Of attempts that ended, as it was.
    settled: u64,
    /// Of attempts on slots, as it is expected.
    expected: u64,
}

impl Served {
    fn total(self) -> u64 {
        self.settled.saturating_add(self.expected)
    }
}

impl FairOrder {
    /// A run that joins starts level with the others, not at zero: it owes nothing and is owed nothing. What the
    /// others are only expected to take is left out, for they may take less.
    pub(crate) fn join(&mut self, run: RunId) {
        self.served.insert(run, Served { settled: self.level, expected: 0 });
    }

    pub(crate) fn leave(&mut self, run: RunId) {
        self.set_waiting(run, false);
        self.served.remove(&run);
    }

    pub(crate) fn set_waiting(&mut self, run: RunId, waiting: bool) {
        let Some(served) = self.served.get(&run) else { return };
        if waiting {
            self.order.insert((served.total(), run));
        } else {
            self.order.remove(&(served.total(), run));
        }
    }

    /// Charges slot time at assignment, and the difference to the truth at the end.
    pub(crate) fn charge(&mut self, run: RunId, expected: Millis, actual: Option<Millis>) {
        let Some(served) = self.served.get_mut(&run) else { return };
        let was_waiting = self.order.remove(&(served.total(), run));
        match actual {
            None => {
                self.level = self.level.max(served.settled);
                served.expected = served.expected.saturating_add(expected.0);
            }
            Some(actual) => {
                served.settled = served.settled.saturating_add(actual.0);
                served.expected = served.expected.saturating_sub(expected.0);
            }
        }
        let total = served.total();
        if was_waiting {
            self.order.insert((total, run));
        }
    }

    pub(crate) fn is_waiting(&self, run: RunId) -> bool {
        self.served.get(&run).is_some_and(|served| self.order.contains(&(served.total(), run)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = RunId> {
        self.order.iter().map(|(_, run)| *run)
    }
}
