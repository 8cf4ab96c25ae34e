//! From a file's keys and values to settings: what xUnit.net takes, and what it ignores in silence.

use super::keys::{Dialect, Key, Kind, Named};
use super::settings::{Mode, Origin, Reading, Said, Warning};
use super::value::{Multiple, named, read_multiple, threads_of, threads_word};
use part_core::{Algorithm, Threads};
use serde_json::Value;

/// A file while its keys are read.
pub(super) struct Reader<'a> {
    dialect: Dialect,
    file: &'a str,
    reading: Reading,
}

/// Reads keys and values of `file` in their order: the later of two that say the same thing counts.
pub(super) fn members<'a>(
    dialect: Dialect,
    file: &'a str,
    members: impl IntoIterator<Item = &'a (String, Value)>,
) -> Reading {
    let mut reader = Reader { dialect, file, reading: Reading::default() };
    for (name, value) in members {
        reader.member(name, value);
    }
    reader.reading
}

impl Reader<'_> {
    fn member(&mut self, name: &str, value: &Value) {
        let key = match self.dialect.name(name) {
            Named::Known(key) => key,
            Named::Elsewhere => return self.warn(name, "xUnit.net does not read this key from such a file"),
            Named::Unknown(Some(meant)) => {
                return self.warn(
                    name,
                    format!("xUnit.net knows no such key and ignores it; did you mean {meant:?}?"),
                );
            }
            Named::Unknown(None) => return self.warn(name, "xUnit.net knows no such key and ignores it"),
        };
        match key {
            Key::Threads => self.threads(name, value),
            Key::Algorithm => {
                let words =
                    [("conservative", Algorithm::Conservative), ("aggressive", Algorithm::Aggressive)];
                if let Some(value) = self.word(name, value, &words) {
                    self.reading.settings.algorithm = self.said(name, value);
                }
            }
            Key::Mode => {
                let words = [("none", Mode::None), ("collections", Mode::Collections), ("all", Mode::All)];
                if let Some(value) = self.word(name, value, &words) {
                    self.mode(name, value);
                }
            }
            Key::Collections => {
                if let Some(yes) = self.truth(name, value) {
                    self.mode(name, if yes { Mode::Collections } else { Mode::None });
                }
            }
            Key::Assembly => {
                if let Some(yes) = self.truth(name, value) {
                    self.reading.settings.assemblies = self.said(name, yes);
                }
            }
            Key::StopOnFail => {
                if let Some(yes) = self.truth(name, value) {
                    self.reading.settings.stop_on_fail = self.said(name, yes);
                }
            }
            Key::Other(kind) => self.other(name, value, kind),
        }
    }

    fn mode(&mut self, name: &str, mode: Mode) {
        if let Some(before) = &self.reading.settings.mode
            && before.value != mode
        {
            let what = format!("contradicts {} in the same file; the later one counts", before.by.key);
            self.warn(name, what);
        }
        self.reading.settings.mode = self.said(name, mode);
    }

    fn threads(&mut self, name: &str, value: &Value) {
        let threads = match self.count(value) {
            Some(Count::Threads(threads)) => threads,
            Some(Count::Multiple(multiple)) => {
                if !multiple.exact {
                    self.warn(name, format!("{value} has more than two decimals and is taken as {multiple}"));
                }
                multiple.threads()
            }
            None => return self.warn(name, self.no_threads(value)),
        };
        self.reading.settings.threads = self.said(name, threads);
    }

    /// A number of threads, in the forms that this file takes.
    fn count(&self, value: &Value) -> Option<Count> {
        let number = |number: Option<i64>| number.and_then(threads_of).map(Count::Threads);
        let text = match (self.dialect, value) {
            (Dialect::Runner, Value::Number(_)) => return number(whole(value)),
            (_, Value::Number(number)) => number.to_string(),
            (_, Value::String(text)) => text.clone(),
            (_, Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => return None,
        };
        let word = match self.dialect {
            Dialect::Runner | Dialect::TestConfig => threads_word(&text),
            // In lower case only.
            Dialect::RunSettings => threads_word(&text).filter(|_| text == text.to_ascii_lowercase()),
        };
        match (word, read_multiple(&text)) {
            (Some(word), _) => Some(Count::Threads(word)),
            (None, Some(multiple)) => Some(Count::Multiple(multiple)),
            // A number in quotes is text for the runner's own file.
            (None, None) if self.dialect == Dialect::Runner => None,
            (None, None) => number(text.trim().parse().ok()),
        }
    }

    fn no_threads(&self, value: &Value) -> String {
        let quoted = value.as_str().and_then(|text| text.parse::<i64>().ok());
        match quoted.filter(|_| self.dialect == Dialect::Runner) {
            Some(number) => format!("xUnit.net ignores a number in quotes; write {number} without them"),
            None => format!(
                "{value} is no number of threads and xUnit.net ignores it; it takes 0 or \"default\", -1 or \
                 \"unlimited\", a number from 1, or a multiple of the CPUs such as \"2.0x\""
            ),
        }
    }

    /// True or false, in the forms that this file takes.
    fn truth(&mut self, name: &str, value: &Value) -> Option<bool> {
        let truth = match (self.dialect, value) {
            (Dialect::Runner | Dialect::TestConfig, Value::Bool(yes)) => Some(*yes),
            (Dialect::TestConfig, Value::String(_) | Value::Number(_)) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let words = [
                    ("on", true),
                    ("true", true),
                    ("1", true),
                    ("off", false),
                    ("false", false),
                    ("0", false),
                ];
                named(&text, words)
            }
            (Dialect::RunSettings, Value::String(text)) => {
                named(text.trim(), [("true", true), ("false", false)])
            }
            (_, _) => None,
        };
        if truth.is_none() {
            self.warn(name, format!("{value} is neither true nor false and xUnit.net ignores it"));
        }
        truth
    }

    /// One of these words, in any case.
    fn word<T: Copy>(&mut self, name: &str, value: &Value, words: &[(&'static str, T)]) -> Option<T> {
        let found = value.as_str().and_then(|text| named(text.trim(), words.iter().copied()));
        if found.is_none() {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.warn(name, format!("{value} is ignored by xUnit.net; it takes {}", all.join(", ")));
        }
        found
    }

    /// Checks the value of a key that has no effect here.
    fn other(&mut self, name: &str, value: &Value, kind: Kind) {
        match kind {
            Kind::Bool => {
                self.truth(name, value);
            }
            Kind::AtLeast(least) => {
                let number = match (self.dialect, value) {
                    (Dialect::Runner, _) => whole(value),
                    (_, Value::String(text)) => text.trim().parse().ok(),
                    (_, _) => whole(value),
                };
                if number.is_none_or(|number| number < least) {
                    let what =
                        format!("{value} is ignored by xUnit.net; it takes whole numbers from {least}");
                    self.warn(name, what);
                }
            }
            Kind::Word(words) => {
                let words: Vec<(&'static str, ())> = words.iter().map(|word| (*word, ())).collect();
                self.word(name, value, &words);
            }
            Kind::Words(words) => {
                for part in value.as_str().unwrap_or_default().split(',') {
                    let words: Vec<(&'static str, ())> = words.iter().map(|word| (*word, ())).collect();
                    self.word(name, &Value::String(part.trim().to_owned()), &words);
                }
            }
            Kind::Text if !value.is_string() => self.warn(name, format!("{value} is no text")),
            Kind::Text | Kind::Any => {}
        }
    }

    fn said<T>(&self, name: &str, value: T) -> Option<Said<T>> {
        Some(Said { value, by: Origin { file: self.file.to_owned(), key: name.to_owned() } })
    }

    fn warn(&mut self, name: &str, what: impl Into<String>) {
        self.reading.warnings.push(Warning::new(self.file, name, what));
    }
}

/// A number of threads as it was written.
enum Count {
    Threads(Threads),
    Multiple(Multiple),
}

/// The whole number that a JSON number is, also when it was written with decimals.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        // Above that it is none of xUnit.net's numbers, which have 32 bits.
        format!("{number:.0}").parse::<i32>().ok().map(i64::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::Parallel;
    use serde_json::json;

    fn read(dialect: Dialect, object: &[(&str, Value)]) -> Reading {
        let object: Vec<(String, Value)> =
            object.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        members(dialect, "f", &object)
    }

    #[test]
    fn every_form_of_max_parallel_threads_in_every_file() {
        use Dialect::{RunSettings, Runner, TestConfig};
        let half = Threads::PerHundredCpus(50);
        // Value; what the runner's file, testconfig.json and .runsettings make of it.
        let table = [
            (json!(0), [Some(Threads::Default), Some(Threads::Default), None]),
            (json!("default"), [Some(Threads::Default); 3]),
            (json!("DEFAULT"), [Some(Threads::Default), Some(Threads::Default), None]),
            (json!(-1), [Some(Threads::Unlimited), Some(Threads::Unlimited), None]),
            (json!("unlimited"), [Some(Threads::Unlimited); 3]),
            (json!("Unlimited"), [Some(Threads::Unlimited), Some(Threads::Unlimited), None]),
            (json!(1), [Some(Threads::Count(1)), Some(Threads::Count(1)), None]),
            (json!(8), [Some(Threads::Count(8)), Some(Threads::Count(8)), None]),
            (json!(8.0), [Some(Threads::Count(8)), None, None]),
            (json!("2.0x"), [Some(Threads::PerHundredCpus(200)); 3]),
            (json!("0,5X"), [Some(half); 3]),
            (json!("0.5x"), [Some(half); 3]),
            (json!("0.001x"), [Some(Threads::Default); 3]),
            (json!("0"), [None, Some(Threads::Default), Some(Threads::Default)]),
            (json!("-1"), [None, Some(Threads::Unlimited), Some(Threads::Unlimited)]),
            (json!("8"), [None, Some(Threads::Count(8)), Some(Threads::Count(8))]),
            (json!(-2), [None, None, None]),
            (json!("-2"), [None, None, None]),
            (json!(2.5), [None, None, None]),
            (json!("many"), [None, None, None]),
            (json!("2 x"), [None, None, None]),
            (json!(1e300), [None, None, None]),
            (json!(99_999_999_999_i64), [None, None, None]),
            (json!(true), [None, None, None]),
            (json!(null), [None, None, None]),
        ];
        for (value, wanted) in table {
            let files = [
                (Runner, "maxParallelThreads"),
                (TestConfig, "MAXPARALLELTHREADS"),
                (RunSettings, "MaxParallelThreads"),
            ];
            for ((dialect, key), wanted) in files.into_iter().zip(wanted) {
                if dialect == RunSettings && !value.is_string() {
                    continue; // XML has texts only.
                }
                let reading = read(dialect, &[(key, value.clone())]);
                let threads = reading.settings.threads.as_ref().map(|said| said.value);
                assert_eq!(threads, wanted, "{dialect:?} {value}");
                let cut = value == json!("0.001x");
                assert_eq!(
                    reading.warnings.len(),
                    usize::from(wanted.is_none() || cut),
                    "{dialect:?} {value}"
                );
                for warning in reading.warnings {
                    assert_eq!((warning.file.as_str(), warning.key.as_str()), ("f", key));
                }
            }
        }
        let quoted = read(Runner, &[("maxParallelThreads", json!("4"))]).warnings;
        assert_eq!(
            quoted[0].to_string(),
            "f: maxParallelThreads: xUnit.net ignores a number in quotes; write 4 without them"
        );
    }

    #[test]
    fn levels_from_the_keys_of_each_generation() {
        let table = [
            (vec![("parallelizeTestCollections", json!(false))], Some(Parallel::None)),
            (vec![("parallelizeTestCollections", json!(true))], Some(Parallel::Collections)),
            (vec![("parallelizeAssembly", json!(true))], Some(Parallel::All)),
            (
                vec![("parallelizeassembly", json!(true)), ("PARALLELIZETESTCOLLECTIONS", json!(false))],
                Some(Parallel::Assemblies),
            ),
            (vec![("parallelMode", json!("none"))], Some(Parallel::None)),
            (vec![("parallelMode", json!("Collections"))], Some(Parallel::Collections)),
            (vec![("parallelMode", json!("all")), ("parallelizeAssembly", json!(true))], Some(Parallel::All)),
            (vec![("parallelMode", json!("assemblies"))], None),
            (vec![("parallelizeTestCollections", json!("false"))], None),
            (vec![], None),
        ];
        for (object, level) in table {
            let reading = read(Dialect::Runner, &object);
            assert_eq!(reading.settings.parallel().map(|(level, _)| level), level, "{object:?}");
            assert_eq!(reading.warnings.is_empty(), level.is_some() || object.is_empty(), "{object:?}");
        }
        let both = [("parallelMode", json!("none")), ("parallelizeTestCollections", json!(true))];
        let reading = read(Dialect::Runner, &both);
        assert_eq!(reading.settings.parallel().map(|(level, _)| level), Some(Parallel::Collections));
        assert!(reading.warnings[0].what.starts_with("contradicts parallelMode"), "{:?}", reading.warnings);
    }

    #[test]
    fn algorithms_and_what_is_not_acted_upon() {
        let reading = read(
            Dialect::Runner,
            &[
                ("$schema", json!("https://xunit.net/schema/current/xunit.runner.schema.json")),
                ("parallelAlgorithm", json!("Aggressive")),
                ("stopOnFail", json!(true)),
                ("longRunningTestSeconds", json!(10)),
                ("seed", json!(7)),
                ("culture", json!("en-GB")),
                ("methodDisplayOptions", json!("replaceUnderscoreWithSpace, useEscapeSequences")),
                ("appDomain", json!("DENIED")),
                ("synchronousReporting", json!(false)),
            ],
        );
        assert_eq!(reading.warnings, []);
        assert_eq!(reading.settings.algorithm.map(|said| said.value), Some(Algorithm::Aggressive));
        assert_eq!(reading.settings.stop_on_fail.map(|said| said.by.key), Some("stopOnFail".to_owned()));
    }

    #[test]
    fn whatever_xunit_ignores_in_silence_is_a_warning_by_key() {
        let table = [
            ("parallelAlgorithm", json!("greedy"), "\"conservative\", \"aggressive\""),
            ("parallelizeAssembly", json!(1), "neither true nor false"),
            ("stopOnFail", json!("yes"), "neither true nor false"),
            ("longRunningTestSeconds", json!(-1), "from 0"),
            ("assertEquivalentMaxDepth", json!(0), "from 1"),
            ("printMaxStringLength", json!("5"), "from 0"),
            ("culture", json!(1), "no text"),
            ("methodDisplay", json!("class"), "\"classAndMethod\""),
            ("methodDisplayOptions", json!("none,fancy"), "\"fancy\" is ignored"),
            ("maxParalelThreads", json!(4), "did you mean \"maxParallelThreads\"?"),
            ("threads", json!(4), "knows no such key"),
            ("noAutoReporters", json!(true), "does not read this key from such a file"),
        ];
        for (key, value, part) in table {
            let reading = read(Dialect::Runner, &[(key, value)]);
            assert_eq!(reading.settings, Default::default(), "{key}");
            let [warning] = reading.warnings.as_slice() else { panic!("{key}: {:?}", reading.warnings) };
            assert_eq!(warning.key, key);
            assert!(warning.what.contains(part), "{warning}");
        }
    }

    #[test]
    fn the_platforms_write_true_in_many_ways() {
        let forms = [
            (json!(true), Some(true)),
            (json!("on"), Some(true)),
            (json!("True"), Some(true)),
            (json!(1), Some(true)),
            (json!("off"), Some(false)),
            (json!("0"), Some(false)),
            (json!("yes"), None),
            (json!({}), None),
        ];
        for (value, truth) in forms {
            let reading = read(Dialect::TestConfig, &[("stopOnFail", value.clone())]);
            assert_eq!(reading.settings.stop_on_fail.map(|said| said.value), truth, "{value}");
        }
        for (text, truth) in [(" TRUE ", Some(true)), ("false", Some(false)), ("on", None), ("1", None)] {
            let reading = read(Dialect::RunSettings, &[("ParallelizeAssembly", json!(text))]);
            assert_eq!(reading.settings.assemblies.map(|said| said.value), truth, "{text}");
        }
    }
}
