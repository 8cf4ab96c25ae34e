//! What a worker lacks, in words.

use super::facts::Capabilities;
use super::requirement::{Requirement, Requirements};
use super::view;

/// A condition that a worker does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The condition; several where each is met, but not by one and the same browser or device.
    pub part: String,
    /// What the worker has of that sort, as the rest of a sentence that begins with its name: `has os=linux`, `has no
    /// label at all`.
    pub have: String,
    /// How many conditions it does not meet in all.
    pub unmet: usize,
}

/// Facts of one sort that are shown: a host may have a hundred devices.
const SHOWN: usize = 8;

impl Requirements {
    /// What `capabilities` lacks first; none when they meet everything.
    pub fn nearest_miss(&self, capabilities: &Capabilities) -> Option<Miss> {
        let unmet = self.all_unmet(capabilities);
        let first = self.iter().nth(*unmet.first()?)?;
        Some(self.miss(first, capabilities, unmet.len()))
    }

    /// The worker that is nearest to meeting everything, and what it lacks; none when one meets everything, or there is
    /// none. A condition that no worker meets at all is named before one that just this worker does not meet.
    pub fn nearest_miss_among<'a, W>(
        &self,
        workers: impl IntoIterator<Item = (W, &'a Capabilities)>,
    ) -> Option<(W, Miss)> {
        let mut nearest: Option<(W, &Capabilities, Vec<usize>)> = None;
        let mut unmet_by_all: Vec<&Requirement> = self.iter().collect();
        for (worker, capabilities) in workers {
            let unmet = self.all_unmet(capabilities);
            if unmet.is_empty() {
                return None;
            }
            unmet_by_all.retain(|requirement| !requirement.is_met_by(capabilities));
            if nearest.as_ref().is_none_or(|(_, _, least)| unmet.len() < least.len()) {
                nearest = Some((worker, capabilities, unmet));
            }
        }
        let (worker, capabilities, unmet) = nearest?;
        let first = self.iter().nth(*unmet.first()?)?;
        let part = unmet_by_all.first().copied().unwrap_or(first);
        Some((worker, self.miss(part, capabilities, unmet.len())))
    }

    fn miss(&self, part: &Requirement, capabilities: &Capabilities, unmet: usize) -> Miss {
        let have = have(part, capabilities);
        if !part.is_met_by(capabilities) {
            return Miss { part: part.to_string(), have, unmet };
        }
        // One browser meets this, another one that: what is missing is one that meets both.
        let together =
            self.iter().filter(|other| view::share(part.expression(), other.expression(), capabilities));
        let part = Requirements::new(together.cloned().collect()).to_string();
        Miss { part, have, unmet }
    }
}

/// What there is of the sorts that a condition speaks of.
fn have(part: &Requirement, capabilities: &Capabilities) -> String {
    let mut keys = Vec::new();
    part.expression().keys(&mut keys);
    let family = |key: &str| match view::split(key) {
        Some((kind, _)) => view::FAMILIES[kind].to_owned(),
        None => key.split('.').next().unwrap_or_default().to_owned(),
    };
    let mut families: Vec<String> = keys.into_iter().map(family).collect();
    families.sort();
    families.dedup();
    let have: Vec<String> = families.iter().map(|family| facts(family, capabilities)).collect();
    have.join(" and ")
}

fn facts(family: &str, capabilities: &Capabilities) -> String {
    let text = |(key, value): (&str, &str)| {
        if value.is_empty() { key.to_owned() } else { format!("{key}={value}") }
    };
    let mut facts: Vec<String> = capabilities.family(family).map(text).collect();
    let more = facts.len().saturating_sub(SHOWN);
    facts.truncate(SHOWN);
    match (facts.is_empty(), more) {
        (true, _) => format!("has no {family} at all"),
        (false, 0) => format!("has {}", facts.join(", ")),
        (false, more) => format!("has {} and {more} more of {family}", facts.join(", ")),
    }
}
