//! How conditions are met by a host that has several browsers or devices.
//!
//! The facts of one browser are `browser.NAME` (its version) and `browser.NAME.ATTRIBUTE`, those of one device
//! `device.ID` (its name) and `device.ID.ATTRIBUTE`. A condition may speak of a browser or device without saying which:
//! `browser == firefox && version >= 128`. It is met if one choice of a browser, a device and a simulator meets all
//! conditions of the same [`Requirements`](super::Requirements) together.

use super::expression::Expression;
use super::facts::Capabilities;
use crate::bounds::{COMBINATIONS, KINDS};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What hosts have several of, as the first part of a key.
const BROWSER: &str = "browser";
/// The kinds; a [`Choice`] has a place for each.
pub(super) const FAMILIES: [&str; KINDS] = [BROWSER, "device", "simulator"];

/// Splits a key that speaks of one browser or device into its kind and the attribute; the attribute is empty for the
/// thing itself. None for all other keys.
pub(super) fn split(key: &str) -> Option<(usize, &str)> {
    // A version alone is a browser's: nothing else has been asked for without a name in front.
    let (family, attribute) = match key {
        "version" => (BROWSER, "version"),
        _ => key.split_once('.').unwrap_or((key, "")),
    };
    let kind = FAMILIES.iter().position(|known| *known == family)?;
    Some((kind, attribute))
}

/// One browser or device.
struct Thing<'a> {
    id: &'a str,
    /// A browser's version, a device's name; none where only attributes are known.
    value: Option<&'a str>,
    attributes: BTreeMap<&'a str, &'a str>,
}

impl<'a> Thing<'a> {
    fn get(&self, kind: usize, attribute: &str) -> Option<&'a str> {
        let browser = FAMILIES[kind] == BROWSER;
        match attribute {
            "" | "name" if browser => Some(self.id),
            "" | "name" => Some(self.value.filter(|name| !name.is_empty()).unwrap_or(self.id)),
            "id" => Some(self.id),
            "version" if browser => self.value,
            _ => self.attributes.get(attribute).copied(),
        }
    }
}

/// The browsers and devices of a host.
struct Things<'a>([Vec<Thing<'a>>; KINDS]);

impl<'a> Things<'a> {
    fn of(capabilities: &'a Capabilities, wanted: Kinds) -> Things<'a> {
        Things(std::array::from_fn(|kind| match wanted.has(kind) {
            true => things(capabilities, FAMILIES[kind]),
            false => Vec::new(),
        }))
    }
}

/// Tells ids from attributes: `device.ID.os` belongs to `device.ID`, also where the id has dots of its own.
fn things<'a>(capabilities: &'a Capabilities, family: &'a str) -> Vec<Thing<'a>> {
    let facts = capabilities.family(family);
    let rest = |(key, value): (&'a str, &'a str)| Some((key.get(family.len() + 1..)?, value));
    let mut facts: Vec<(&str, &str)> = facts.filter_map(rest).collect();
    let mut things: BTreeMap<&str, Thing<'a>> = BTreeMap::new();
    // A shorter key is never an attribute of a longer one.
    facts.sort_by_key(|(key, _)| key.len());
    for (key, value) in &facts {
        let mut dots = key.match_indices('.').map(|(dot, _)| dot);
        let owner = dots.clone().find(|dot| things.contains_key(&key[..*dot]));
        if let Some((dot, thing)) = owner.and_then(|dot| Some((dot, things.get_mut(&key[..dot])?))) {
            thing.attributes.insert(&key[dot + 1..], value);
            continue;
        }
        let within = |(other, _): &&(&str, &str)| {
            other.strip_prefix(*key).is_some_and(|attribute| attribute.starts_with('.'))
        };
        let last_dot = dots.next_back().filter(|_| !facts.iter().any(|fact| within(&fact)));
        let (id, attribute) = last_dot.map_or((*key, ""), |dot| (&key[..dot], &key[dot + 1..]));
        let thing = Thing { id, value: None, attributes: BTreeMap::new() };
        let thing = things.entry(id).or_insert(thing);
        match attribute {
            "" => thing.value = Some(value),
            _ => {
                thing.attributes.insert(attribute, value);
            }
        }
    }
    things.into_values().collect()
}

/// A set of kinds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    /// The kinds that an expression speaks of without saying which one, on this host.
    fn of(expression: &Expression, capabilities: &Capabilities) -> Kinds {
        let mut keys = Vec::new();
        expression.keys(&mut keys);
        let open = keys.into_iter().filter(|key| capabilities.get(key).is_none()).filter_map(split);
        open.fold(Kinds(0), |kinds, (kind, _)| Kinds(kinds.0 | 1 << kind))
    }

    fn has(self, kind: usize) -> bool {
        self.0 & 1 << kind != 0
    }

    fn with(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// The places of the conditions that a host does not meet, with the choice of browsers and devices that meets the most.
pub(super) fn unmet<'e>(
    conditions: impl ExactSizeIterator<Item = &'e Expression>,
    capabilities: &Capabilities,
) -> Vec<usize> {
    let mut missed = Vec::new();
    // Conditions that have no kind in common do not share a choice, so that each lot is small.
    let mut lots: Vec<(Kinds, Vec<(usize, &Expression)>)> = Vec::new();
    for (place, condition) in conditions.enumerate() {
        let kinds = Kinds::of(condition, capabilities);
        if kinds == Kinds::default() {
            if !condition.holds(&|key| capabilities.get(key)) {
                missed.push(place);
            }
            continue;
        }
        let mut lot = (kinds, vec![(place, condition)]);
        while let Some(same) = lots.iter().position(|(other, _)| other.meets(lot.0)) {
            let (other, with) = lots.swap_remove(same);
            lot = (lot.0.with(other), with.into_iter().chain(lot.1).collect());
        }
        lots.push(lot);
    }
    if !lots.is_empty() {
        let all = lots.iter().fold(Kinds::default(), |all, (kinds, _)| all.with(*kinds));
        let things = Things::of(capabilities, all);
        for (kinds, lot) in lots {
            missed.extend(unmet_at_best(kinds, &lot, capabilities, &things));
        }
    }
    missed.sort_unstable();
    missed
}

/// True when two conditions speak of one browser or device on this host.
pub(super) fn share(one: &Expression, other: &Expression, capabilities: &Capabilities) -> bool {
    Kinds::of(one, capabilities).meets(Kinds::of(other, capabilities))
}

fn unmet_at_best(
    kinds: Kinds,
    lot: &[(usize, &Expression)],
    capabilities: &Capabilities,
    things: &Things<'_>,
) -> Vec<usize> {
    let mut best: Option<Vec<usize>> = None;
    let mut choice = Choice { kinds, places: [0; KINDS], things };
    for _ in 0..COMBINATIONS {
        let get = |key: &str| capabilities.get(key).or_else(|| choice.get(key));
        let unmet = lot.iter().filter(|(_, condition)| !condition.holds(&get));
        let unmet: Vec<usize> = unmet.map(|(place, _)| *place).collect();
        if unmet.is_empty() {
            return unmet;
        }
        // Of two that meet as many, the one that meets the earlier conditions: the name comes before the version.
        let rank = |unmet: &Vec<usize>| (unmet.len(), Reverse(unmet.first().copied()));
        if best.as_ref().is_none_or(|best| rank(&unmet) < rank(best)) {
            best = Some(unmet);
        }
        if !choice.next() {
            break;
        }
    }
    best.unwrap_or_default()
}

/// One browser and one device of each kind; none of a kind that the host does not have.
struct Choice<'a, 'b> {
    kinds: Kinds,
    places: [usize; KINDS],
    things: &'b Things<'a>,
}

impl<'a> Choice<'a, '_> {
    fn get(&self, key: &str) -> Option<&'a str> {
        let (kind, attribute) = split(key)?;
        self.things.0[kind].get(self.places[kind])?.get(kind, attribute)
    }

    /// Goes on to the next combination; false after the last.
    fn next(&mut self) -> bool {
        for kind in (0..KINDS).filter(|kind| self.kinds.has(*kind)) {
            self.places[kind] += 1;
            if self.places[kind] < self.things.0[kind].len() {
                return true;
            }
            self.places[kind] = 0;
        }
        false
    }
}
