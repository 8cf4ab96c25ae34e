//! Reading tables of part.toml key by key, so that every problem is found at once and stands at its place.

use super::glob::SpecGlob;
use super::source::{Place, Problem, SourceText};
use super::suggest::nearest;
use super::values::{check_env, parse_duration};
use part_core::{Lock, Millis, Requirement};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What was found so far.
pub(crate) struct Findings<'t> {
    pub(crate) source: SourceText<'t>,
    pub(crate) errors: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// The permits of each lock, and where they were given first.
    locks: BTreeMap<String, (u32, Place)>,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(source: SourceText<'t>) -> Self {
        Findings { source, errors: Vec::new(), warnings: Vec::new(), locks: BTreeMap::new() }
    }

    pub(crate) fn error(&mut self, at: Range<usize>, message: impl Into<String>) {
        self.errors.push(self.source.problem(at, message));
    }

    pub(crate) fn error_with_help(
        &mut self,
        at: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.errors.push(self.source.problem(at, message).help(help));
    }

    /// Takes note of a lock; one that has other permits elsewhere is an error.
    pub(crate) fn lock(&mut self, at: Range<usize>, lock: &Lock) {
        let place = self.source.place(at.clone());
        let (permits, first) = self.locks.entry(lock.name.clone()).or_insert((lock.permits, place));
        if *permits != lock.permits {
            let message =
                format!("lock {:?} has permits {} here and {permits} at {first}", lock.name, lock.permits);
            self.error_with_help(
                at,
                message,
                "a lock is one for the whole mesh: give it the same number everywhere",
            );
        }
    }
}

/// A key of one section: what is warned about when a section has another one.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// The section's keys.
    pub(crate) keys: &'static [&'static str],
    /// Keys that belong elsewhere, with the place where they do.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

/// One table of the file.
pub(crate) struct Section<'a, 'd> {
    /// Its name, as in `suites.api`.
    pub(crate) name: String,
    /// Where its header or key is.
    pub(crate) at: Range<usize>,
    table: &'a DeTable<'d>,
}

impl<'a, 'd> Section<'a, 'd> {
    pub(crate) fn new(name: impl Into<String>, at: Range<usize>, table: &'a DeTable<'d>) -> Self {
        Section { name: name.into(), at, table }
    }

    /// Warns about every key that is not known here, each once.
    pub(crate) fn warn_unknown(&self, known: Known, findings: &mut Findings<'_>) {
        for key in self.table.keys() {
            let word: &str = key.get_ref();
            if known.keys.contains(&word) {
                continue;
            }
            let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let problem =
                findings.source.problem(key.span(), format!("unknown key {word:?}{place} is ignored"));
            let elsewhere = known.elsewhere.iter().find(|(key, _)| *key == word);
            let problem = match (elsewhere, nearest(word, known.keys.iter().copied())) {
                (Some((_, place)), _) => problem.help(format!("{word:?} belongs to {place}")),
                (None, Some(meant)) => problem.help(format!("did you mean {meant:?}?")),
                (None, None) => problem.help(format!("known keys: {}", known.keys.join(", "))),
            };
            findings.warnings.push(problem);
        }
    }

    /// The value of a key, as it stands.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'d>>> {
        self.table.get(key)
    }

    /// Its entries in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(&'a Spanned<toml::de::DeString<'d>>, &'a Spanned<DeValue<'d>>)> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    /// A table within this one.
    pub(crate) fn section(&self, key: &str, findings: &mut Findings<'_>) -> Option<Section<'a, 'd>> {
        let (found, value) = self.table.get_key_value(key)?;
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        let Some(table) = value.get_ref().as_table() else {
            mismatch(findings, key, value, "a table", &format!("write it as a table: [{name}]"));
            return None;
        };
        Some(Section::new(name, found.span(), table))
    }

    pub(crate) fn text(&self, key: &str, findings: &mut Findings<'_>) -> Option<Spanned<String>> {
        let value = self.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            mismatch(findings, key, value, "a string", "put it in quotation marks");
            return None;
        };
        Some(Spanned::new(value.span(), text.to_owned()))
    }

    pub(crate) fn boolean(&self, key: &str, findings: &mut Findings<'_>) -> Option<bool> {
        let value = self.value(key)?;
        let yes = value.get_ref().as_bool();
        if yes.is_none() {
            mismatch(findings, key, value, "true or false", "write it without quotation marks");
        }
        yes
    }

    pub(crate) fn count(
        &self,
        key: &str,
        allowed: RangeInclusive<u32>,
        findings: &mut Findings<'_>,
    ) -> Option<u32> {
        let value = self.value(key)?;
        let Some(number) = value.get_ref().as_integer() else {
            mismatch(findings, key, value, "a whole number", "write it without quotation marks");
            return None;
        };
        let parsed = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let fitting = parsed.filter(|number| allowed.contains(number));
        if fitting.is_none() {
            let message = format!("{key:?} is a whole number from {} to {}", allowed.start(), allowed.end());
            findings.error(value.span(), message);
        }
        fitting
    }

    pub(crate) fn duration(&self, key: &str, findings: &mut Findings<'_>) -> Option<Millis> {
        let value = self.value(key)?;
        if let Some(number) = value.get_ref().as_integer() {
            let message = format!("{key:?} is a length of time and needs a unit");
            findings.error_with_help(
                value.span(),
                message,
                format!("write \"{}s\" for seconds", number.as_str()),
            );
            return None;
        }
        let Some(text) = value.get_ref().as_str() else {
            mismatch(findings, key, value, "a length of time", "write it like \"90s\" or \"5m\"");
            return None;
        };
        checked(findings, value.span(), parse_duration(text))
    }

    /// A list of strings; an element that is none is reported and left out.
    pub(crate) fn texts(&self, key: &str, findings: &mut Findings<'_>) -> Option<Vec<Spanned<String>>> {
        const WANTED: &str = "a list of strings";
        let value = self.value(key)?;
        let Some(elements) = value.get_ref().as_array() else {
            let example = value.get_ref().as_str().unwrap_or("…");
            mismatch(findings, key, value, WANTED, &format!("write {key} = [{example:?}]"));
            return None;
        };
        let mut texts = Vec::with_capacity(elements.len());
        for element in elements.iter() {
            match element.get_ref().as_str() {
                Some(text) => texts.push(Spanned::new(element.span(), text.to_owned())),
                None => mismatch(findings, key, element, WANTED, "put each element in quotation marks"),
            }
        }
        Some(texts)
    }

    /// A whole number that may be below 0.
    pub(crate) fn signed(
        &self,
        key: &str,
        allowed: RangeInclusive<i32>,
        findings: &mut Findings<'_>,
    ) -> Option<i32> {
        let value = self.value(key)?;
        let Some(number) = value.get_ref().as_integer() else {
            mismatch(findings, key, value, "a whole number", "write it without quotation marks");
            return None;
        };
        let parsed = i32::from_str_radix(number.as_str(), number.radix()).ok();
        let fitting = parsed.filter(|number| allowed.contains(number));
        if fitting.is_none() {
            let message = format!("{key:?} is a whole number from {} to {}", allowed.start(), allowed.end());
            findings.error(value.span(), message);
        }
        fitting
    }

    /// The tables of a list of tables; anything else in it is reported and left out.
    pub(crate) fn tables(&self, key: &str, findings: &mut Findings<'_>) -> Vec<Section<'a, 'd>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let name = format!("[{}.{key}]", self.name);
        let help = format!("write each as a section of its own: [{name}]");
        let Some(elements) = value.get_ref().as_array() else {
            mismatch(findings, key, value, "a list of tables", &help);
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(elements.len());
        for element in elements.iter() {
            match element.get_ref().as_table() {
                Some(table) => sections.push(Section::new(name.clone(), element.span(), table)),
                None => mismatch(findings, key, element, "a list of tables", &help),
            }
        }
        sections
    }

    /// A list of globs that is not empty.
    pub(crate) fn globs(&self, key: &str, findings: &mut Findings<'_>) -> Option<Vec<SpecGlob>> {
        let globs = self.placed_globs(key, findings)?;
        Some(globs.into_iter().map(Spanned::into_inner).collect())
    }

    /// A list of globs that is not empty, with their places.
    pub(crate) fn placed_globs(
        &self,
        key: &str,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<Spanned<SpecGlob>>> {
        let texts = self.texts(key, findings)?;
        if self.value(key).and_then(|value| value.get_ref().as_array()).is_some_and(|list| list.is_empty()) {
            let at = self.value(key).map_or(self.at.clone(), Spanned::span);
            findings.error_with_help(
                at,
                format!("{key:?} is empty"),
                "leave the key out, or name at least one glob",
            );
        }
        let parsed = texts.iter().filter_map(|text| {
            let glob = checked(findings, text.span(), SpecGlob::parse(text.get_ref()))?;
            Some(Spanned::new(text.span(), glob))
        });
        Some(parsed.collect())
    }

    pub(crate) fn requirements(&self, key: &str, findings: &mut Findings<'_>) -> Vec<Requirement> {
        let texts = self.texts(key, findings).unwrap_or_default();
        let mut requirements = Vec::with_capacity(texts.len());
        for text in texts {
            match text.get_ref().parse::<Requirement>() {
                Ok(requirement) => requirements.push(requirement),
                Err(error) => {
                    let at = findings.source.within(text.span(), text.get_ref(), error.column());
                    findings.error(at, error.to_string());
                }
            }
        }
        requirements
    }

    /// Environment variables; numbers and booleans are taken as they are written.
    pub(crate) fn env(&self, key: &str, findings: &mut Findings<'_>) -> BTreeMap<String, String> {
        let Some(section) = self.section(key, findings) else { return BTreeMap::new() };
        let mut env = BTreeMap::new();
        for (name, value) in section.entries() {
            let text = match value.get_ref() {
                DeValue::String(text) => text.clone().into_owned(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Float(number) => number.as_str().to_owned(),
                DeValue::Boolean(yes) => yes.to_string(),
                DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                    mismatch(findings, name.get_ref(), value, "a string", "put it in quotation marks");
                    continue;
                }
            };
            if checked(findings, name.span(), check_env(name.get_ref(), &text)).is_some() {
                env.insert(name.get_ref().clone().into_owned(), text);
            }
        }
        env
    }
}

/// The value, or its error as a problem.
pub(crate) fn checked<T, E: Display>(
    findings: &mut Findings<'_>,
    at: Range<usize>,
    result: Result<T, E>,
) -> Option<T> {
    result.map_err(|error| findings.error(at, error.to_string())).ok()
}

/// Reports a value of the wrong kind.
pub(super) fn mismatch(
    findings: &mut Findings<'_>,
    key: &str,
    value: &Spanned<DeValue<'_>>,
    wanted: &str,
    help: &str,
) {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    findings.error_with_help(value.span(), format!("{key:?} is {wanted}, not {found}"), help);
}
