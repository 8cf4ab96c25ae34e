//! What the arguments of a suite tell the runners of xUnit.net.

use super::runsettings::{self, Sections};
use super::settings::{Mode, Origin, Reading, Said, Warning};
use super::value::{named, parse_algorithm, parse_threads};
use part_core::Algorithm;
use serde_json::Value;

/// Who runs the tests: each reads other files and takes other flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// VSTest, by `dotnet test` with `xunit.runner.visualstudio`.
    VsTest,
    /// Microsoft.Testing.Platform, built into xUnit.net v3.
    TestingPlatform,
    /// xUnit.net's own runners: the console runner, or a v3 assembly that is run by itself.
    Console,
}

/// What arguments say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    /// The settings in them.
    pub(super) reading: Reading,
    /// The file to read in place of `xunit.runner.json`.
    pub(super) runner: Option<String>,
    /// The file to read in place of `testconfig.json`.
    pub(super) test_config: Option<String>,
    /// The `.runsettings` file.
    pub(super) run_settings: Option<String>,
}

/// The file that a flag's value stands in, for [`Origin`].
const COMMAND_LINE: &str = "command line";

/// Reads the arguments that go to `platform`.
pub(super) fn read(platform: Platform, args: &[String]) -> Flags {
    let mut flags = Flags::default();
    match platform {
        Platform::VsTest => vstest(args, &mut flags),
        Platform::TestingPlatform => testing_platform(args, &mut flags),
        Platform::Console => console(args, &mut flags),
    }
    flags
}

/// `--settings FILE`, and behind two dashes elements of `.runsettings` as `Section.Name=value`.
fn vstest(args: &[String], flags: &mut Flags) {
    let (before, after) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &args[..0]),
    };
    let mut rest = before.iter();
    while let Some(arg) = rest.next() {
        let (name, value) = split(arg);
        if matches!(name, "--settings" | "-s") {
            flags.run_settings = value.map(str::to_owned).or_else(|| rest.next().cloned());
        }
    }
    let mut sections = Sections::default();
    for arg in after {
        let Some((name, value)) = arg.split_once('=') else { continue };
        let Some((section, name)) = name.split_once('.') else { continue };
        sections.add(section, name, Value::String(value.to_owned()));
    }
    flags.reading = runsettings::read(COMMAND_LINE, &sections);
}

/// `--max-threads 4`, `--max-threads=4` or `--max-threads:4`.
fn testing_platform(args: &[String], flags: &mut Flags) {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let (flag, value) = split(arg);
        let Some(name) = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-')) else { continue };
        let name = name.to_ascii_lowercase();
        let mut value = || value.map(str::to_owned).or_else(|| rest.next().cloned()).unwrap_or_default();
        match name.as_str() {
            "max-threads" => flags.threads(flag, &value()),
            "parallel" => {
                flags.mode(flag, &value(), &[("none", Mode::None), ("collections", Mode::Collections)])
            }
            "parallel-mode" => flags.mode(flag, &value(), &MODES),
            "parallel-algorithm" => flags.algorithm(flag, &value()),
            "stop-on-fail" => flags.stop_on_fail(flag, &value()),
            "xunit-config-filename" => flags.runner = Some(value()),
            "config-file" => flags.test_config = Some(value()),
            _ => {}
        }
    }
}

/// `-maxThreads 4`. A value never begins with a dash, which is why `-1` has to be written `unlimited`.
fn console(args: &[String], flags: &mut Flags) {
    let mut rest = args.iter().peekable();
    while let Some(flag) = rest.next() {
        let Some(name) = flag.strip_prefix('-') else {
            if flag.ends_with(".json") {
                flags.runner = Some(flag.clone());
            }
            continue;
        };
        let value = rest.next_if(|value| !value.starts_with('-')).map_or("", String::as_str);
        match name.to_ascii_lowercase().as_str() {
            "maxthreads" => flags.threads(flag, value),
            "parallel" => flags.parallel(flag, value),
            "parallelmode" => flags.mode(flag, value, &MODES),
            "parallelassemblies" => {
                let words = [("on", true), ("off", false)];
                if let Some(yes) = flags.word(flag, value, &words) {
                    flags.reading.settings.assemblies = said(flag, yes);
                }
            }
            "parallelalgorithm" => flags.algorithm(flag, value),
            "stoponfail" => flags.reading.settings.stop_on_fail = said(flag, true),
            _ => {}
        }
    }
}

const MODES: [(&str, Mode); 3] =
    [("none", Mode::None), ("collections", Mode::Collections), ("all", Mode::All)];

/// A flag, and the value that is written into the same argument.
fn split(arg: &str) -> (&str, Option<&str>) {
    match arg.split_once(['=', ':']) {
        Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
        Some(_) | None => (arg, None),
    }
}

fn said<T>(flag: &str, value: T) -> Option<Said<T>> {
    Some(Said { value, by: Origin { file: COMMAND_LINE.to_owned(), key: flag.to_owned() } })
}

impl Flags {
    fn threads(&mut self, flag: &str, value: &str) {
        match parse_threads(value) {
            Ok(threads) => self.reading.settings.threads = said(flag, threads),
            Err(error) => self.refused(flag, &error.to_string()),
        }
    }

    fn algorithm(&mut self, flag: &str, value: &str) {
        match parse_algorithm(value) {
            Ok(algorithm) => self.set_algorithm(flag, algorithm),
            Err(error) => self.refused(flag, &error.to_string()),
        }
    }

    fn set_algorithm(&mut self, flag: &str, algorithm: Algorithm) {
        self.reading.settings.algorithm = said(flag, algorithm);
    }

    /// The older flag that says both.
    fn parallel(&mut self, flag: &str, value: &str) {
        let words = [
            ("none", (Mode::None, false)),
            ("collections", (Mode::Collections, false)),
            ("assemblies", (Mode::None, true)),
            ("all", (Mode::Collections, true)),
        ];
        if let Some((mode, assemblies)) = self.word(flag, value, &words) {
            self.reading.settings.mode = said(flag, mode);
            self.reading.settings.assemblies = said(flag, assemblies);
        }
    }

    fn mode(&mut self, flag: &str, value: &str, words: &[(&'static str, Mode)]) {
        if let Some(mode) = self.word(flag, value, words) {
            self.reading.settings.mode = said(flag, mode);
        }
    }

    fn stop_on_fail(&mut self, flag: &str, value: &str) {
        if let Some(yes) = self.word(flag, value, &[("on", true), ("off", false)]) {
            self.reading.settings.stop_on_fail = said(flag, yes);
        }
    }

    fn word<T: Copy>(&mut self, flag: &str, value: &str, words: &[(&'static str, T)]) -> Option<T> {
        let found = named(value, words.iter().copied());
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refused(flag, &format!("{value:?} is none of {}", all.join(", ")));
        }
        found
    }

    fn refused(&mut self, flag: &str, what: &str) {
        let what = format!("{what}; xUnit.net refuses to start with it");
        self.reading.warnings.push(Warning::new(COMMAND_LINE, flag, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{Parallel, Threads};

    fn flags(platform: Platform, line: &str) -> Flags {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        read(platform, &args)
    }

    #[test]
    fn the_flags_of_each_runner() {
        use Platform::{Console, TestingPlatform, VsTest};
        let level = |mode: Mode, assemblies: bool| Some(mode.level(assemblies));
        type Row = (Platform, &'static str, Option<Threads>, Option<Parallel>, Option<Algorithm>);
        let table: &[Row] = &[
            (Console, "-maxThreads 4", Some(Threads::Count(4)), None, None),
            (Console, "-maxthreads 0,5X -noLogo", Some(Threads::PerHundredCpus(50)), None, None),
            (Console, "-maxThreads unlimited", Some(Threads::Unlimited), None, None),
            (Console, "-maxThreads default", Some(Threads::Default), None, None),
            (Console, "-parallel none", None, level(Mode::None, false), None),
            (Console, "-parallel collections", None, level(Mode::Collections, false), None),
            (Console, "-parallel Assemblies", None, level(Mode::None, true), None),
            (Console, "-PARALLEL all", None, level(Mode::Collections, true), None),
            (Console, "-parallelMode none -parallelAssemblies on", None, Some(Parallel::Assemblies), None),
            (Console, "-parallelMode all -parallelAssemblies off", None, Some(Parallel::Collections), None),
            (Console, "-parallelAlgorithm aggressive", None, None, Some(Algorithm::Aggressive)),
            (TestingPlatform, "--max-threads 2.0x", Some(Threads::PerHundredCpus(200)), None, None),
            (
                TestingPlatform,
                "--max-threads=3 --parallel none",
                Some(Threads::Count(3)),
                Some(Parallel::None),
                None,
            ),
            (TestingPlatform, "--parallel:collections", None, Some(Parallel::Collections), None),
            (TestingPlatform, "--parallel-mode all", None, Some(Parallel::Collections), None),
            (TestingPlatform, "--parallel-algorithm conservative", None, None, Some(Algorithm::Conservative)),
            (VsTest, "--no-build -- xUnit.MaxParallelThreads=4", Some(Threads::Count(4)), None, None),
            (VsTest, "-- xUnit.ParallelizeAssembly=true", None, Some(Parallel::All), None),
            (
                VsTest,
                "-- xUnit.ParallelizeAssembly=true RunConfiguration.DisableParallelization=true",
                None,
                Some(Parallel::None),
                None,
            ),
            (VsTest, "-- xUnit.ParallelAlgorithm=Aggressive", None, None, Some(Algorithm::Aggressive)),
            // The flags of one are nothing to another.
            (VsTest, "-maxThreads 4 --max-threads 4", None, None, None),
            (Console, "--max-threads 4 -- xUnit.MaxParallelThreads=4", None, None, None),
        ];
        for (platform, line, threads, parallel, algorithm) in table {
            let read = flags(*platform, line);
            let settings = &read.reading.settings;
            assert_eq!(settings.threads.as_ref().map(|said| said.value), *threads, "{line}");
            assert_eq!(settings.parallel().map(|(level, _)| level), *parallel, "{line}");
            assert_eq!(settings.algorithm.as_ref().map(|said| said.value), *algorithm, "{line}");
            assert_eq!(read.reading.warnings, [], "{line}");
        }
        let read = flags(Console, "-MaxThreads 4");
        let by = read.reading.settings.threads.map(|said| said.by.to_string());
        assert_eq!(by.as_deref(), Some("-MaxThreads (command line)"));
    }

    #[test]
    fn values_that_no_runner_takes_are_named() {
        use Platform::{Console, TestingPlatform, VsTest};
        let table = [
            (Console, "-maxThreads -1", "-maxThreads"),
            (Console, "-parallel some", "-parallel"),
            (Console, "-parallelAssemblies yes", "-parallelAssemblies"),
            (Console, "-parallelMode assemblies", "-parallelMode"),
            (Console, "-parallelAlgorithm", "-parallelAlgorithm"),
            (TestingPlatform, "--parallel all", "--parallel"),
            (TestingPlatform, "--max-threads -2", "--max-threads"),
            (TestingPlatform, "--stop-on-fail true", "--stop-on-fail"),
            (VsTest, "-- xUnit.MaxParallelThread=4", "MaxParallelThread"),
            (VsTest, "-- XUnit.MaxParallelThreads=4", "XUnit"),
        ];
        for (platform, line, key) in table {
            let reading = flags(platform, line).reading;
            assert_eq!(reading.settings, Default::default(), "{line}");
            let [warning] = reading.warnings.as_slice() else { panic!("{line}: {:?}", reading.warnings) };
            assert_eq!((warning.file.as_str(), warning.key.as_str()), (COMMAND_LINE, key), "{line}");
        }
    }

    #[test]
    fn files_that_flags_name() {
        use Platform::{Console, TestingPlatform, VsTest};
        assert_eq!(flags(Console, "ci.json -maxThreads 1").runner.as_deref(), Some("ci.json"));
        let read = flags(TestingPlatform, "--xunit-config-filename a.json --config-file=b.json");
        assert_eq!((read.runner.as_deref(), read.test_config.as_deref()), (Some("a.json"), Some("b.json")));
        for line in ["--settings ci.runsettings", "-s ci.runsettings", "--settings:ci.runsettings"] {
            assert_eq!(flags(VsTest, line).run_settings.as_deref(), Some("ci.runsettings"), "{line}");
        }
    }
}
