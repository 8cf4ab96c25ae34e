//! What was found out about a project's settings, and where it stands.

use part_core::{Algorithm, Parallel, Threads};
use std::fmt;

/// What xUnit.net is told about parallel runs of one assembly. Nothing here means that xUnit.net's default applies,
/// which is also Part's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XunitSettings {
    /// What runs at the same time inside the assembly: `parallelMode`, or the older `parallelizeTestCollections`.
    pub mode: Option<Said<Mode>>,
    /// Whether the assembly runs beside others: `parallelizeAssembly`, `-parallelAssemblies`.
    pub assemblies: Option<Said<bool>>,
    /// How many threads: `maxParallelThreads`.
    pub threads: Option<Said<Threads>>,
    /// What they limit: `parallelAlgorithm`.
    pub algorithm: Option<Said<Algorithm>>,
    /// Whether to stop at the first failure: `stopOnFail`.
    pub stop_on_fail: Option<Said<bool>>,
}

/// A value, and who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub by: Origin,
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, or what else it was.
    pub file: String,
    /// The key or flag, as it is written there.
    pub key: String,
}

/// What runs at the same time inside an assembly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    None,
    /// Different collections.
    #[default]
    Collections,
    /// Also tests of one collection. Known from xUnit.net v3 4.0 on; for older ones, as for Part, whose smallest unit
    /// is a class, the same as [`Mode::Collections`].
    All,
}

/// Something in a file that is not as its author may think. Nothing fails because of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The file, or what else it was.
    pub file: String,
    /// The key or flag; empty where it is about the whole file.
    pub key: String,
    /// What is the matter.
    pub what: String,
}

/// What reading came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The settings.
    pub settings: XunitSettings,
    /// What is probably a mistake.
    pub warnings: Vec<Warning>,
    /// What is right but has no effect here, or another way.
    pub notes: Vec<Warning>,
}

impl XunitSettings {
    /// The level that the two switches come to, and who said so: the one that was said, or both. None where neither
    /// was.
    pub fn parallel(&self) -> Option<(Parallel, Vec<&Origin>)> {
        let by: Vec<&Origin> =
            [self.mode.as_ref().map(|said| &said.by), self.assemblies.as_ref().map(|said| &said.by)]
                .into_iter()
                .flatten()
                .collect();
        if by.is_empty() {
            return None;
        }
        let mode = self.mode.as_ref().map(|said| said.value).unwrap_or_default();
        let assemblies = self.assemblies.as_ref().is_some_and(|said| said.value);
        Some((mode.level(assemblies), by))
    }

    /// These settings with everything that `over` says instead.
    pub(super) fn overridden(self, over: XunitSettings) -> XunitSettings {
        XunitSettings {
            mode: over.mode.or(self.mode),
            assemblies: over.assemblies.or(self.assemblies),
            threads: over.threads.or(self.threads),
            algorithm: over.algorithm.or(self.algorithm),
            stop_on_fail: over.stop_on_fail.or(self.stop_on_fail),
        }
    }
}

impl Mode {
    /// The level that it is, with or without assemblies beside each other.
    pub fn level(self, assemblies: bool) -> Parallel {
        match (self, assemblies) {
            (Mode::None, false) => Parallel::None,
            (Mode::None, true) => Parallel::Assemblies,
            (Mode::Collections | Mode::All, false) => Parallel::Collections,
            (Mode::Collections | Mode::All, true) => Parallel::All,
        }
    }
}

impl Reading {
    /// Takes in a reading that has the last word.
    pub(super) fn then(&mut self, over: Reading) {
        self.settings = std::mem::take(&mut self.settings).overridden(over.settings);
        self.warnings.extend(over.warnings);
        self.notes.extend(over.notes);
    }
}

impl Warning {
    pub(super) fn new(file: &str, key: &str, what: impl Into<String>) -> Self {
        Warning { file: file.to_owned(), key: key.to_owned(), what: what.into() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({})", self.key, self.file)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(out, "{}: {}", self.file, self.what),
            key => write!(out, "{}: {key}: {}", self.file, self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T>(value: T, key: &str) -> Option<Said<T>> {
        Some(Said { value, by: Origin { file: "f".to_owned(), key: key.to_owned() } })
    }

    #[test]
    fn two_switches_make_four_levels() {
        let table = [
            (None, None, None),
            (Some(Mode::None), None, Some(Parallel::None)),
            (Some(Mode::None), Some(false), Some(Parallel::None)),
            (Some(Mode::Collections), None, Some(Parallel::Collections)),
            (None, Some(false), Some(Parallel::Collections)),
            (Some(Mode::None), Some(true), Some(Parallel::Assemblies)),
            (None, Some(true), Some(Parallel::All)),
            (Some(Mode::Collections), Some(true), Some(Parallel::All)),
            (Some(Mode::All), Some(false), Some(Parallel::Collections)),
            (Some(Mode::All), Some(true), Some(Parallel::All)),
        ];
        for (mode, assemblies, level) in table {
            let settings = XunitSettings {
                mode: mode.and_then(|mode| said(mode, "m")),
                assemblies: assemblies.and_then(|yes| said(yes, "a")),
                ..XunitSettings::default()
            };
            assert_eq!(settings.parallel().map(|(level, _)| level), level, "{mode:?} {assemblies:?}");
            let by = settings.parallel().map_or(0, |(_, by)| by.len());
            assert_eq!(by, usize::from(mode.is_some()) + usize::from(assemblies.is_some()));
        }
    }
}
