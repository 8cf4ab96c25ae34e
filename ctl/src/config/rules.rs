//! What suites and groups say of some of their specs: collections, assemblies, quarantine, and rules for anything.

use super::balance::decode_locks;
use super::decode::{Findings, Known, Section, checked};
use super::model::{PlacedGlob, SpecRule};
use super::values::check_name;
use crate::bounds::RULES;
use std::ops::Range;
use toml::Spanned;

pub(super) const COLLECTION: Known = Known {
    keys: &["specs", "parallel"],
    elsewhere: &[
        ("locks", "[[suites.NAME.rules]] or [[groups.LABEL.rules]]"),
        ("quarantine", "[[suites.NAME.rules]] or [[groups.LABEL.rules]]"),
    ],
};
pub(super) const RULE: Known = Known {
    keys: &["specs", "collection", "parallel", "locks", "quarantine", "split"],
    elsewhere: &[
        ("retries", "[suites.NAME] or [groups.LABEL]"),
        ("timeout", "[suites.NAME] or [groups.LABEL]"),
        ("requires", "[suites.NAME] or [groups.LABEL]"),
        ("env", "[suites.NAME] or [groups.LABEL]"),
        ("max-threads", "[suites.NAME] or [groups.LABEL]"),
        ("assembly", "[suites.NAME.assemblies] or [groups.LABEL.assemblies]"),
    ],
};

/// Everything that a suite or group says of some specs, in the order in which it counts: `[[….rules]]` come last.
pub(super) fn decode_rules(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Vec<SpecRule> {
    let mut rules = decode_collections(section, findings);
    rules.extend(decode_assemblies(section, findings));
    rules.extend(decode_quarantine(section, findings));
    rules.extend(decode_listed(section, findings));
    rules
}

/// `[….collections]`: a name, and globs or a table.
fn decode_collections(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Vec<SpecRule> {
    let Some(all) = section.section("collections", findings) else { return Vec::new() };
    let mut rules = Vec::new();
    for (name, value) in all.entries() {
        let text = name.get_ref().as_ref();
        checked(findings, name.span(), check_name("collection name", text));
        let options = value.get_ref().is_table().then(|| all.section(text, findings)).flatten();
        let mut rule = match &options {
            Some(options) => {
                options.warn_unknown(COLLECTION, findings);
                let mut rule = rule(options, "specs", name.span(), "a collection", findings);
                rule.parallel = options.boolean("parallel", findings);
                rule
            }
            None => rule(&all, text, name.span(), "a collection", findings),
        };
        rule.collection = Some(text.to_owned());
        rules.push(rule);
    }
    rules
}

/// `[….assemblies]`: a name, and globs.
fn decode_assemblies(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Vec<SpecRule> {
    let Some(all) = section.section("assemblies", findings) else { return Vec::new() };
    let mut rules = Vec::new();
    for (name, _) in all.entries() {
        let text = name.get_ref().as_ref();
        checked(findings, name.span(), check_name("assembly name", text));
        let mut rule = rule(&all, text, name.span(), "an assembly", findings);
        rule.assembly = Some(text.to_owned());
        rules.push(rule);
    }
    rules
}

fn decode_quarantine(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<SpecRule> {
    const KEY: &str = "quarantine";
    let at = section.value(KEY)?.span();
    let mut rule = rule(section, KEY, at, "a quarantine", findings);
    rule.quarantine = Some(true);
    Some(rule)
}

/// `[[….rules]]`.
fn decode_listed(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Vec<SpecRule> {
    let sections = section.tables("rules", findings);
    if sections.len() > RULES {
        let at = section.value("rules").map_or(section.at.clone(), Spanned::span);
        findings.error(at, format!("[{}] has {} rules, allowed are {RULES}", section.name, sections.len()));
        return Vec::new();
    }
    sections.iter().map(|section| decode_rule(section, findings)).collect()
}

fn decode_rule(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> SpecRule {
    section.warn_unknown(RULE, findings);
    let mut rule = rule(section, "specs", section.at.clone(), "a rule", findings);
    if let Some(name) = section.text("collection", findings) {
        checked(findings, name.span(), check_name("collection name", name.get_ref()));
        rule.place = findings.source.place(name.span());
        rule.collection = Some(name.into_inner());
    }
    let errors = findings.errors.len();
    rule.parallel = section.boolean("parallel", findings);
    rule.locks = decode_locks(section, findings);
    rule.quarantine = section.boolean("quarantine", findings);
    rule.split = section.boolean("split", findings);
    if rule.is_empty() && findings.errors.len() == errors {
        let problem = findings.source.problem(section.at.clone(), "this rule says nothing of its specs");
        let help = "add one of collection, parallel, locks, quarantine and split";
        findings.warnings.push(problem.help(help));
    }
    rule
}

/// A rule for the specs that `key` names, which says nothing of them yet.
fn rule(
    section: &Section<'_, '_>,
    key: &str,
    at: Range<usize>,
    what: &str,
    findings: &mut Findings<'_>,
) -> SpecRule {
    let place = findings.source.place(at.clone());
    if section.value(key).is_none() {
        let message = format!("{what} does not say its specs");
        findings.error_with_help(at, message, "add specs = [\"…\"] with globs as in the suite");
        return SpecRule::new(place, Vec::new());
    }
    let globs = section.placed_globs(key, findings).unwrap_or_default();
    let placed = globs
        .into_iter()
        .map(|glob| PlacedGlob { place: findings.source.place(glob.span()), glob: glob.into_inner() });
    SpecRule::new(place, placed.collect())
}

#[cfg(test)]
mod tests;
