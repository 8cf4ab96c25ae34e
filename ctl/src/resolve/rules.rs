//! What part.toml says of single specs, laid over the specs of a group.

use crate::bounds::LOCKS_PER_SPEC;
use crate::config::{Place, PlacedGlob, Problem, Problems, Reach, SpecRule, with_locks};
use part_core::{Lock, SpecSubmission};
use std::collections::{BTreeMap, BTreeSet};

/// The rules for a group's specs: those of its suite and, over them, its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'p> {
    pub(crate) suite: &'p [SpecRule],
    pub(crate) group: &'p [SpecRule],
}

/// Rules that cannot both be, by the places of both.
#[derive(Debug, Default)]
pub(crate) struct Conflicts(BTreeMap<[Position; 2], Conflict>);

/// Line and column.
type Position = (usize, usize);

#[derive(Debug)]
struct Conflict {
    place: Place,
    help: &'static str,
    /// What is wrong, to be said of one spec.
    what: String,
    specs: BTreeSet<String>,
}

/// A name that is given to specs, such as that of a collection.
#[derive(Clone, Copy)]
struct Naming {
    what: &'static str,
    many: &'static str,
    of: fn(&SpecRule) -> Option<&String>,
}

const COLLECTION: Naming =
    Naming { what: "collection", many: "collections", of: |rule| rule.collection.as_ref() };
const ASSEMBLY: Naming = Naming { what: "assembly", many: "assemblies", of: |rule| rule.assembly.as_ref() };

impl<'p> Rules<'p> {
    /// True when nothing is said of any spec.
    pub(crate) fn is_empty(&self) -> bool {
        self.suite.is_empty() && self.group.is_empty()
    }

    /// Sets what the rules say. `locks` are what every spec of the group holds; `split` is whether its specs may be
    /// split unless a rule says otherwise. Returns whether any may.
    pub(crate) fn apply(
        &self,
        locks: &[Lock],
        split: bool,
        specs: &mut [SpecSubmission],
        conflicts: &mut Conflicts,
    ) -> bool {
        for spec in &mut *specs {
            self.apply_to(locks, split, spec, conflicts);
        }
        // What runs alone in a collection makes all of it run alone.
        let serial: BTreeSet<String> =
            specs.iter().filter(|spec| spec.serial).filter_map(|spec| spec.collection.clone()).collect();
        for spec in &mut *specs {
            spec.serial |= spec.collection.as_ref().is_some_and(|collection| serial.contains(collection));
        }
        let any = specs.iter().any(|spec| !spec.whole);
        if !any {
            // The group's policy says it.
            specs.iter_mut().for_each(|spec| spec.whole = false);
        }
        any
    }

    fn apply_to(&self, locks: &[Lock], split: bool, spec: &mut SpecSubmission, conflicts: &mut Conflicts) {
        let name = spec.name.as_str();
        let of_suite: Vec<&SpecRule> = self.suite.iter().filter(|rule| speaks_of(rule, name)).collect();
        let of_group: Vec<&SpecRule> = self.group.iter().filter(|rule| speaks_of(rule, name)).collect();
        let mut named = |naming: Naming| {
            let wide = conflicts.the_one(naming, &of_suite, name);
            conflicts.the_one(naming, &of_group, name).or(wide).cloned()
        };
        let (collection, assembly) = (named(COLLECTION), named(ASSEMBLY));
        let all = || of_suite.iter().chain(&of_group);
        let held = all().fold(Vec::new(), |held, rule| with_locks(&held, &rule.locks));
        let held = with_locks(&held, locks);
        if let (true, Some(rule)) = (held.len() > LOCKS_PER_SPEC, all().next_back()) {
            let what = format!("would hold {} locks, allowed are {LOCKS_PER_SPEC}", held.len());
            conflicts.add(rule, rule, name, what, "let fewer rules with locks speak of it");
        }
        // Later rules win.
        let parallel = all().rev().find_map(|rule| rule.parallel);
        let quarantine = all().rev().find_map(|rule| rule.quarantine);
        let split = all().rev().find_map(|rule| rule.split).unwrap_or(split);
        if collection.is_some() && collection != spec.collection {
            // What the framework said of its other collection says nothing of this one.
            (spec.collection, spec.serial) = (collection, false);
        }
        spec.assembly = assembly.or_else(|| spec.assembly.take());
        spec.serial = parallel.map_or(spec.serial, |parallel| !parallel);
        spec.quarantined = quarantine.unwrap_or(false);
        spec.whole = !split;
        spec.locks = held;
    }
}

impl Conflicts {
    /// The name that rules of one level give to a spec. Two different ones are a conflict.
    fn the_one<'r>(&mut self, naming: Naming, rules: &[&'r SpecRule], spec: &str) -> Option<&'r String> {
        let mut named = rules.iter().filter_map(|rule| Some((*rule, (naming.of)(rule)?)));
        let (first, name) = named.next()?;
        if let Some((second, other)) = named.find(|(_, other)| *other != name) {
            let Naming { what, many, .. } = naming;
            let at = &first.place;
            let what = format!("is in two {many}: {what} {other:?} here, and {name:?} at {at}");
            self.add(first, second, spec, what, "narrow the globs of one of them");
        }
        Some(name)
    }

    fn add(&mut self, first: &SpecRule, second: &SpecRule, spec: &str, what: String, help: &'static str) {
        let key = [first.place.position(), second.place.position()];
        let place = || second.place.clone();
        let conflict = self.0.entry(key);
        let conflict =
            conflict.or_insert_with(|| Conflict { place: place(), help, what, specs: BTreeSet::new() });
        conflict.specs.insert(spec.to_owned());
    }

    /// All of them as problems of part.toml; none where there is none.
    pub(crate) fn problems(self) -> Option<Problems> {
        let problem = |conflict: Conflict| {
            let Conflict { place, help, what, specs } = conflict;
            let first = specs.first().map(String::as_str).unwrap_or_default();
            let more = match specs.len() {
                0 | 1 => String::new(),
                many => format!(" (and {} more)", many - 1),
            };
            place.problem(format!("{first:?}{more} {what}")).help(help)
        };
        let problems: Vec<Problem> = self.0.into_values().map(problem).collect();
        (!problems.is_empty()).then(|| Problems::new(problems))
    }
}

/// True when one of the rule's globs names the spec, or a folder that it is in.
fn speaks_of(rule: &SpecRule, spec: &str) -> bool {
    rule.specs.iter().any(|placed| reaches(placed, spec))
}

fn reaches(placed: &PlacedGlob, spec: &str) -> bool {
    placed.glob.reach(spec) != Reach::Not
}

/// A warning for each glob that stands for none of `specs`.
pub(crate) fn unmatched<'s>(
    rules: &[SpecRule],
    specs: impl Iterator<Item = &'s str> + Clone,
) -> Vec<Problem> {
    let globs = rules.iter().flat_map(|rule| &rule.specs);
    let idle = globs.filter(|placed| !specs.clone().any(|spec| reaches(placed, spec)));
    idle.map(|placed| {
        let message = format!("{:?} matches nothing", placed.glob.as_str());
        placed.place.problem(message).help("it names no spec; globs are relative to the suite's folder")
    })
    .collect()
}
