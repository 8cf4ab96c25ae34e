//! What waits: per run and capability class, in the order in which it should be started.

use crate::{Bounds, Capabilities, GroupIndex, Lock, Requirements, SpecIndex};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

    pub(crate) fn is_empty(self) -> bool {
        self.0 == [0; 4]
    }

    /// What is here and not in `other`.
    pub(crate) fn without(self, other: ClassSet) -> ClassSet {
        ClassSet(std::array::from_fn(|word| self.0[word] & !other.0[word]))
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
    /// The classes that the same number of slots can serve, the scarcest first.
    levels: Vec<(u32, ClassSet)>,
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
    /// Runs that have something of it waiting.
    waiting: u32,
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
        let fresh =
            Some(Known { requirements: requirements.clone(), users: 1, slots: 0, takers: 0, waiting: 0 });
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

    /// Sorts the classes by scarcity, after slots were counted.
    pub(crate) fn rank(&mut self) {
        let mut levels: BTreeMap<u32, ClassSet> = BTreeMap::new();
        for (place, known) in self.known.iter().enumerate() {
            if let Some(known) = known {
                levels.entry(known.slots).or_default().insert(Class(place as u8));
            }
        }
        self.levels = levels.into_iter().collect();
    }

    /// The classes by scarcity, the scarcest first: those that equally many slots can serve together.
    pub(crate) fn levels(&self) -> impl Iterator<Item = ClassSet> {
        self.levels.iter().map(|(_, classes)| *classes)
    }

    /// Notes that a run has something of these classes waiting now, and of those nothing any more.
    pub(crate) fn waiting_changed(&mut self, now: ClassSet, before: ClassSet) {
        self.each(Some(now.without(before)), |known| known.waiting += 1);
        self.each(Some(before.without(now)), |known| known.waiting -= 1);
    }

    /// The classes of which something waits.
    pub(crate) fn waiting(&self) -> ClassSet {
        let mut waiting = ClassSet::default();
        for (place, known) in self.known.iter().enumerate() {
            if known.as_ref().is_some_and(|known| known.waiting > 0) {
                waiting.insert(Class(place as u8));
            }
        }
        waiting
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
    /// It failed in the run before, and its run wants to see that first.
    FailedLast,
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
    /// Expected milliseconds (of its whole chain, where it is in one), or the file's size where nothing is known.
    pub(crate) weight: Reverse<u64>,
    pub(crate) spec: SpecIndex,
}

/// Slot time in milliseconds that is assumed for a spec of which nothing is known.
pub(crate) const UNKNOWN_WORK: u64 = 10_000;

impl Place {
    /// The slot time that waits here, in milliseconds.
    pub(crate) fn work(&self) -> u64 {
        match self.tier {
            Tier::Known | Tier::FailedLast if self.weight.0 > 0 => self.weight.0,
            Tier::Known | Tier::FailedLast | Tier::Again | Tier::Unknown | Tier::Retry => UNKNOWN_WORK,
        }
    }
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

/// What a spec has to get past besides a slot, interned per run: its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GateId(pub(crate) u32);

/// What specs have to get past besides a slot: the locks that they hold, and limits of their group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gate {
    /// The group, where it has a limit on the specs that one worker runs of it.
    pub(crate) limited: Option<GroupIndex>,
    /// True when workers' extra slots serve it too.
    pub(crate) greedy: bool,
    /// The locks that must be free.
    pub(crate) locks: Arc<[Lock]>,
}

/// Where in its run a spec is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Queue {
    pub(crate) class: Class,
    pub(crate) lane: Lane,
    pub(crate) gate: GateId,
}

/// One run's waiting specs that may start.
///
/// Each class, lane and gate is a queue of its own, so that specs which may not run on a worker never stand in the way
/// of others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RunQueue {
    queues: BTreeMap<Queue, Waiting>,
    waiting: ClassSet,
    len: usize,
    work: u64,
}

/// One queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Waiting {
    places: BTreeSet<Place>,
    /// The slot time that waits here, in milliseconds.
    work: u64,
}

impl Waiting {
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn work(&self) -> u64 {
        self.work
    }
}

impl RunQueue {
    pub(crate) fn push(&mut self, queue: Queue, place: Place) {
        let waiting = self.queues.entry(queue).or_default();
        if waiting.places.insert(place) {
            waiting.work += place.work();
            self.waiting.insert(queue.class);
            self.len += 1;
            self.work += place.work();
        }
    }

    pub(crate) fn remove(&mut self, queue: Queue, place: &Place) {
        let Some(waiting) = self.queues.get_mut(&queue) else { return };
        if waiting.places.remove(place) {
            waiting.work -= place.work();
            self.len -= 1;
            self.work -= place.work();
        }
        if waiting.places.is_empty() {
            self.queues.remove(&queue);
            if self.of_class(queue.class).next().is_none() {
                self.waiting.remove(queue.class);
            }
        }
    }

    pub(crate) fn waiting(&self) -> ClassSet {
        self.waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slot time that waits, in milliseconds.
    pub(crate) fn work(&self) -> u64 {
        self.work
    }

    pub(crate) fn queue(&self, queue: Queue) -> Option<&Waiting> {
        self.queues.get(&queue)
    }

    /// The queues of one lane of a class, by gate.
    pub(crate) fn lane(&self, class: Class, lane: Lane) -> impl Iterator<Item = (Queue, &Waiting)> {
        let from = Queue { class, lane, gate: GateId(0) };
        let to = Queue { class, lane, gate: GateId(u32::MAX) };
        self.queues.range(from..=to).map(|(queue, waiting)| (*queue, waiting))
    }

    /// Everything that waits in a class, queue by queue.
    pub(crate) fn of_class(&self, class: Class) -> impl Iterator<Item = (Queue, &Place)> {
        let from = Queue { class, lane: Lane::Open, gate: GateId(0) };
        let to = Queue { class, lane: Lane::Suspect, gate: GateId(u32::MAX) };
        let queues = self.queues.range(from..=to);
        queues.flat_map(|(queue, waiting)| waiting.places.iter().map(move |place| (*queue, place)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Queue, &Place)> {
        self.queues
            .iter()
            .flat_map(|(queue, waiting)| waiting.places.iter().map(move |place| (*queue, place)))
    }
}
