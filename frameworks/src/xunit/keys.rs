//! Every key that xUnit.net knows, and what it takes.

use strsim::damerau_levenshtein;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// `maxParallelThreads`.
    Threads,
    /// `parallelAlgorithm`.
    Algorithm,
    /// `parallelizeAssembly`.
    Assembly,
    /// `parallelizeTestCollections`.
    Collections,
    /// `parallelMode`.
    Mode,
    /// `stopOnFail`.
    StopOnFail,
    /// One that has no effect on how Part schedules.
    Other(Kind),
}

/// What a key without effect takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Bool,
    /// A whole number, this or above.
    AtLeast(i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, with commas between.
    Words(&'static [&'static str]),
    /// Any text.
    Text,
    /// Anything: it is not for xUnit.net.
    Any,
}

/// Where a key is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// In every file.
    Everywhere,
    /// In the runner's JSON file alone.
    Runner,
    /// In the platforms' files, `testconfig.json` and `.runsettings`.
    Platforms,
    /// In `.runsettings` alone.
    RunSettings,
    /// In all but `testconfig.json`.
    NotTestConfig,
}

/// Keys as the JSON files write them. `.runsettings` begins them with a capital letter.
const KEYS: [(&str, Key, Where); 28] = [
    ("$schema", Key::Other(Kind::Any), Where::Runner),
    ("appDomain", Key::Other(Kind::Word(&["ifAvailable", "required", "denied"])), Where::NotTestConfig),
    ("assertEquivalentMaxDepth", Key::Other(Kind::AtLeast(1)), Where::Everywhere),
    ("culture", Key::Other(Kind::Text), Where::Everywhere),
    ("diagnosticMessages", Key::Other(Kind::Bool), Where::Everywhere),
    ("explicit", Key::Other(Kind::Word(&["on", "off", "only"])), Where::Platforms),
    ("failSkips", Key::Other(Kind::Bool), Where::Everywhere),
    ("failWarns", Key::Other(Kind::Bool), Where::Everywhere),
    ("internalDiagnosticMessages", Key::Other(Kind::Bool), Where::Everywhere),
    ("longRunningTestSeconds", Key::Other(Kind::AtLeast(0)), Where::Everywhere),
    ("maxParallelThreads", Key::Threads, Where::Everywhere),
    ("methodDisplay", Key::Other(Kind::Word(&["classAndMethod", "method"])), Where::Everywhere),
    ("methodDisplayOptions", Key::Other(Kind::Words(&METHOD_DISPLAY_OPTIONS)), Where::Everywhere),
    ("noAutoReporters", Key::Other(Kind::Bool), Where::RunSettings),
    ("parallelAlgorithm", Key::Algorithm, Where::Everywhere),
    ("parallelizeAssembly", Key::Assembly, Where::NotTestConfig),
    ("parallelizeTestCollections", Key::Collections, Where::Everywhere),
    ("parallelMode", Key::Mode, Where::Everywhere),
    ("preEnumerateTheories", Key::Other(Kind::Bool), Where::Everywhere),
    ("printMaxEnumerableLength", Key::Other(Kind::AtLeast(0)), Where::Everywhere),
    ("printMaxObjectDepth", Key::Other(Kind::AtLeast(0)), Where::Everywhere),
    ("printMaxObjectMemberCount", Key::Other(Kind::AtLeast(0)), Where::Everywhere),
    ("printMaxStringLength", Key::Other(Kind::AtLeast(0)), Where::Everywhere),
    ("reporterSwitch", Key::Other(Kind::Text), Where::RunSettings),
    ("seed", Key::Other(Kind::AtLeast(0)), Where::Everywhere),
    ("shadowCopy", Key::Other(Kind::Bool), Where::NotTestConfig),
    ("showLiveOutput", Key::Other(Kind::Bool), Where::Everywhere),
    ("stopOnFail", Key::StopOnFail, Where::Everywhere),
];

/// Those that only some files of the runner know, and that are nobody's mistake anywhere else.
const RUNNER_ONLY: [(&str, Key); 2] = [
    ("shutdownForegroundThreadWaitSeconds", Key::Other(Kind::AtLeast(0))),
    ("synchronousReporting", Key::Other(Kind::Bool)),
];

const METHOD_DISPLAY_OPTIONS: [&str; 7] = [
    "none",
    "all",
    "replaceUnderscoreWithSpace",
    "useOperatorMonikers",
    "useEscapeSequences",
    "replacePeriodWithComma",
    "removeAsyncSuffix",
];

/// How a file writes its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `xunit.runner.json`.
    Runner,
    /// `testconfig.json`.
    TestConfig,
    /// `.runsettings`, and what follows `--` on the command line.
    RunSettings,
}

/// What a name in a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A key.
    Known(Key),
    /// A key of another file, which is not read from this one.
    Elsewhere,
    /// None, but perhaps this one was meant.
    Unknown(Option<String>),
}

impl Dialect {
    /// What `name` is in such a file.
    pub(super) fn name(self, name: &str) -> Named {
        let runner = RUNNER_ONLY.iter().map(|(known, key)| (*known, *key, Where::Runner));
        let all: Vec<_> = KEYS.iter().copied().chain(runner).collect();
        let found = all.iter().find(|(known, _, _)| self.is(known, name));
        match found {
            Some((_, key, place)) if self.has(*place) => Named::Known(*key),
            Some(_) => Named::Elsewhere,
            None => Named::Unknown(self.meant(name, all.iter().filter(|(_, _, place)| self.has(*place)))),
        }
    }

    /// Whether `name` is `known` here.
    fn is(self, known: &str, name: &str) -> bool {
        match self {
            Dialect::Runner | Dialect::TestConfig => known.eq_ignore_ascii_case(name),
            // XML names have one case.
            Dialect::RunSettings => self.spelled(known) == name,
        }
    }

    /// `known` as it is written here.
    fn spelled(self, known: &str) -> String {
        match (self, known.chars().next()) {
            (Dialect::RunSettings, Some(first)) => {
                format!("{}{}", first.to_ascii_uppercase(), &known[first.len_utf8()..])
            }
            (Dialect::RunSettings | Dialect::Runner | Dialect::TestConfig, _) => known.to_owned(),
        }
    }

    fn has(self, place: Where) -> bool {
        match place {
            Where::Everywhere => true,
            Where::Runner => self == Dialect::Runner,
            Where::Platforms => self != Dialect::Runner,
            Where::RunSettings => self == Dialect::RunSettings,
            Where::NotTestConfig => self != Dialect::TestConfig,
        }
    }

    /// The key that `name` is nearest to, if it is near.
    fn meant<'a>(
        self,
        name: &str,
        known: impl Iterator<Item = &'a (&'static str, Key, Where)>,
    ) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        let far = |known: &str| damerau_levenshtein(&known.to_ascii_lowercase(), &lower);
        let nearest = known.map(|(known, _, _)| (far(known), *known)).min()?;
        (nearest.0 <= 1 + name.len() / 5).then(|| self.spelled(nearest.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_runner_is_known_in_any_case() {
        let keys = "appDomain assertEquivalentMaxDepth culture diagnosticMessages failSkips failWarns \
             internalDiagnosticMessages longRunningTestSeconds maxParallelThreads methodDisplay methodDisplayOptions \
             parallelAlgorithm parallelizeAssembly parallelizeTestCollections parallelMode preEnumerateTheories \
             printMaxEnumerableLength printMaxObjectDepth printMaxObjectMemberCount printMaxStringLength seed \
             shadowCopy showLiveOutput shutdownForegroundThreadWaitSeconds stopOnFail synchronousReporting $schema";
        for key in keys.split_whitespace() {
            for name in [key.to_owned(), key.to_uppercase(), key.to_lowercase()] {
                assert!(matches!(Dialect::Runner.name(&name), Named::Known(_)), "{name}");
            }
        }
    }

    #[test]
    fn each_file_has_its_own() {
        let known = [
            (Dialect::TestConfig, "XUNIT".to_owned(), false),
            (Dialect::TestConfig, "explicit".to_owned(), true),
            (Dialect::Runner, "explicit".to_owned(), false),
            (Dialect::TestConfig, "parallelizeAssembly".to_owned(), false),
            (Dialect::RunSettings, "ParallelizeAssembly".to_owned(), true),
            (Dialect::RunSettings, "NoAutoReporters".to_owned(), true),
            (Dialect::RunSettings, "maxParallelThreads".to_owned(), false),
        ];
        for (dialect, name, is) in known {
            assert_eq!(matches!(dialect.name(&name), Named::Known(_)), is, "{dialect:?} {name}");
        }
        assert_eq!(Dialect::TestConfig.name("parallelizeAssembly"), Named::Elsewhere);
    }

    #[test]
    fn a_typo_is_near_to_what_was_meant() {
        let table = [
            (Dialect::Runner, "maxParallelThread", Some("maxParallelThreads")),
            (Dialect::Runner, "maxParalellThreads", Some("maxParallelThreads")),
            (Dialect::Runner, "parallelizeTestCollection", Some("parallelizeTestCollections")),
            (Dialect::Runner, "paralleliseAssembly", Some("parallelizeAssembly")),
            (Dialect::RunSettings, "maxParallelThreads", Some("MaxParallelThreads")),
            (Dialect::RunSettings, "MaxParallelThread", Some("MaxParallelThreads")),
            (Dialect::Runner, "retries", None),
            (Dialect::Runner, "", None),
        ];
        for (dialect, name, meant) in table {
            assert_eq!(dialect.name(name), Named::Unknown(meant.map(str::to_owned)), "{name}");
        }
    }
}
