//! What suites and groups say about what runs beside what: level, threads, algorithm, limits by the forecast, locks.

use super::decode::{Findings, Section, checked, mismatch};
use super::model::Balance;
use super::suggest::nearest;
use super::values::{TimeLimit, parse_lock, parse_time_limit};
use crate::bounds::LOCKS_PER_SPEC;
use part_core::{Lock, Threads};
use part_frameworks::xunit::{CollectionBehavior, parse_algorithm, parse_parallel, parse_threads};
use std::collections::BTreeMap;
use std::fmt::Display;

const LEVELS: [&str; 4] = ["none", "collections", "assemblies", "all"];
const BEHAVIORS: [&str; 3] = ["named", "class", "assembly"];
const ALGORITHMS: [&str; 2] = ["conservative", "aggressive"];

pub(super) fn decode_balance(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Balance {
    Balance {
        parallel: decode_word(section, "parallel", &LEVELS, parse_parallel, findings),
        threads: decode_threads(section, findings),
        algorithm: decode_word(section, "algorithm", &ALGORITHMS, parse_algorithm, findings),
        backups: section.boolean("backups", findings),
        batches: section.boolean("batches", findings),
        split: section.boolean("split", findings),
    }
}

/// Which classes of xUnit.net share a collection.
pub(super) fn decode_collection_behavior(
    section: &Section<'_, '_>,
    findings: &mut Findings<'_>,
) -> Option<CollectionBehavior> {
    let parse = |text: &str| match text {
        "named" => Ok(CollectionBehavior::Named),
        "class" => Ok(CollectionBehavior::Class),
        "assembly" => Ok(CollectionBehavior::Assembly),
        _ => Err(format!("{text:?} says nothing of collections: write \"named\", \"class\" or \"assembly\"")),
    };
    decode_word(section, "collection-behavior", &BEHAVIORS, parse, findings)
}

/// One of a few words.
fn decode_word<T, E: Display>(
    section: &Section<'_, '_>,
    key: &str,
    known: &[&'static str],
    parse: impl FnOnce(&str) -> Result<T, E>,
    findings: &mut Findings<'_>,
) -> Option<T> {
    let value = section.value(key)?;
    if value.get_ref().as_str().is_none() {
        let words: Vec<String> = known.iter().map(|word| format!("{word:?}")).collect();
        mismatch(findings, key, value, "a string", &format!("write one of {}", words.join(", ")));
        return None;
    }
    let text = section.text(key, findings)?;
    match parse(text.get_ref()) {
        Ok(word) => Some(word),
        Err(error) => {
            let problem = findings.source.problem(text.span(), error.to_string());
            let problem = match nearest(text.get_ref(), known.iter().copied()) {
                Some(meant) => problem.help(format!("did you mean {meant:?}?")),
                None => problem,
            };
            findings.errors.push(problem);
            None
        }
    }
}

/// `0`, `-1`, a number, or one of xUnit.net's texts.
fn decode_threads(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Threads> {
    const KEY: &str = "max-threads";
    let value = section.value(KEY)?;
    let text = match (value.get_ref().as_integer(), value.get_ref().as_float(), value.get_ref().as_str()) {
        (Some(number), _, _) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            // Too large for any number of threads, and said to be so below.
            Err(_) => number.as_str().to_owned(),
        },
        (None, Some(number), _) => {
            let help = format!("for a multiple of the CPUs write {:?}", format!("{}x", number.as_str()));
            mismatch(findings, KEY, value, "a whole number or a string", &help);
            return None;
        }
        (None, None, Some(text)) => text.to_owned(),
        (None, None, None) => {
            mismatch(findings, KEY, value, "a whole number or a string", "write it like 4 or \"2.0x\"");
            return None;
        }
    };
    checked(findings, value.span(), parse_threads(&text))
}

/// A length of time, or a multiple of the forecast.
pub(super) fn decode_limit(
    section: &Section<'_, '_>,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<TimeLimit> {
    let value = section.value(key)?;
    match value.get_ref().as_str() {
        Some(text) => checked(findings, value.span(), parse_time_limit(text)),
        None => section.duration(key, findings).map(TimeLimit::Length),
    }
}

/// Locks, sorted by name. A name has one number of permits in the whole file.
pub(super) fn decode_locks(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Vec<Lock> {
    const KEY: &str = "locks";
    let mut locks: BTreeMap<String, u32> = BTreeMap::new();
    for text in section.texts(KEY, findings).unwrap_or_default() {
        let Some(lock) = checked(findings, text.span(), parse_lock(text.get_ref())) else { continue };
        if locks.insert(lock.name.clone(), lock.permits).is_some() {
            findings.error(text.span(), format!("lock {:?} is named twice", lock.name));
            continue;
        }
        findings.lock(text.span(), &lock);
    }
    if locks.len() > LOCKS_PER_SPEC {
        let at = section.value(KEY).map_or(section.at.clone(), toml::Spanned::span);
        findings.error(at, format!("a spec holds at most {LOCKS_PER_SPEC} locks, here are {}", locks.len()));
    }
    locks.into_iter().map(|(name, permits)| Lock { name, permits }).collect()
}
