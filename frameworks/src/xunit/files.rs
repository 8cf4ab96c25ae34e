//! Which files are read for an assembly, and in which order they count.

use super::flags::{self, Flags, Platform};
use super::json;
use super::keys::Dialect;
use super::read::members;
use super::runsettings;
use super::settings::{Reading, Warning};
use crate::bounds::CONFIG_BYTES;
use crate::files::read_text;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The texts of configuration files by path, relative to the workspace, with `/` between folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XunitFiles(pub BTreeMap<String, String>);

/// Whose settings are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Who runs the tests.
    pub platform: Platform,
    /// The folder of the project (or of the built assembly), relative to the workspace; empty for the workspace.
    pub folder: &'a str,
    /// The assembly's name, without `.dll`.
    pub assembly: &'a str,
    /// The arguments that the runner is given.
    pub args: &'a [String],
}

impl XunitFiles {
    /// Reads every file of `root` that might count for `query`.
    ///
    /// # Errors
    /// When one is there but cannot be read; the path is in the error.
    pub fn collect(root: &Path, query: &Query<'_>) -> Result<Self, XunitFileError> {
        let mut files = XunitFiles::default();
        for path in project_files(root, query.folder)? {
            files.add(root, path)?;
        }
        let plan = Plan::new(&files, query);
        for path in plan.all().map(str::to_owned).collect::<Vec<_>>() {
            files.add(root, path)?;
        }
        Ok(files)
    }

    fn add(&mut self, root: &Path, path: String) -> Result<(), XunitFileError> {
        match read_text(&root.join(&path), CONFIG_BYTES) {
            Ok(Some(text)) => {
                self.0.insert(path, text);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(source) => Err(XunitFileError { path, source }),
        }
    }

    fn get<'s>(&'s self, path: &'s str) -> Option<(&'s str, &'s str)> {
        self.0.get_key_value(path).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// What xUnit.net is told, in the order that it documents: `xunit.runner.json` first, then the platform's own
    /// file (`testconfig.json` or `.runsettings`), then the command line; whatever comes later counts.
    pub fn settings(&self, query: &Query<'_>) -> Reading {
        let plan = Plan::new(self, query);
        let mut reading = Reading::default();
        reading.warnings.extend(plan.warnings.iter().cloned());
        reading.then(self.runner(&plan));
        match query.platform {
            Platform::VsTest => reading.then(self.run_settings(&plan)),
            Platform::TestingPlatform => reading.then(self.test_config(&plan)),
            Platform::Console => {}
        }
        reading.then(plan.flags.reading.clone());
        self.note(query, &mut reading);
        reading
    }

    /// The first of the runner's files that can be read; they are not merged.
    fn runner(&self, plan: &Plan) -> Reading {
        let mut reading = Reading::default();
        for path in &plan.runner {
            let Some((path, text)) = self.get(path) else {
                if plan.flags.runner.is_some() {
                    reading.warnings.push(Warning::new(path, "", "there is no such file"));
                }
                continue;
            };
            match json::read(text) {
                Ok(relaxed) => {
                    reading.then(members(Dialect::Runner, path, &relaxed.members.0));
                    if relaxed.loose {
                        let what =
                            "has comments or trailing commas, for which xUnit.net v3 itself does not read it";
                        reading.warnings.push(Warning::new(path, "", what));
                    }
                    break;
                }
                Err(error) => {
                    let what = format!("is no JSON object, and xUnit.net ignores it: {error}");
                    reading.warnings.push(Warning::new(path, "", what));
                }
            }
        }
        reading
    }

    /// The `xUnit` section of Microsoft.Testing.Platform's file.
    fn test_config(&self, plan: &Plan) -> Reading {
        let mut reading = Reading::default();
        let Some((path, text)) = plan.test_config.iter().find_map(|path| self.get(path)) else {
            if let (Some(path), true) = (plan.test_config.first(), plan.flags.test_config.is_some()) {
                reading.warnings.push(Warning::new(path, "", "there is no such file"));
            }
            return reading;
        };
        match json::read(text) {
            Ok(relaxed) => {
                for (name, value) in &relaxed.members.0 {
                    let Some(section) = value.as_object().filter(|_| name.eq_ignore_ascii_case("xUnit"))
                    else {
                        continue;
                    };
                    let section: Vec<(String, Value)> =
                        section.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                    reading.then(members(Dialect::TestConfig, path, &section));
                }
            }
            Err(error) => {
                let what = format!("is no JSON object, and nothing is read from it: {error}");
                reading.warnings.push(Warning::new(path, "", what));
            }
        }
        reading
    }

    fn run_settings(&self, plan: &Plan) -> Reading {
        let Some(path) = &plan.run_settings else { return Reading::default() };
        match self.get(path) {
            Some((path, text)) => runsettings::file(path, text),
            None if plan.run_settings_named => Reading {
                warnings: vec![Warning::new(path, "", "there is no such file")],
                ..Reading::default()
            },
            None => Reading::default(),
        }
    }

    /// What is there but does not count, or not as it says.
    fn note(&self, query: &Query<'_>, reading: &mut Reading) {
        let other = match query.platform {
            Platform::VsTest => &["testconfig.json"][..],
            Platform::TestingPlatform => &[".runsettings"],
            Platform::Console => &["testconfig.json", ".runsettings"],
        };
        for name in other {
            if let Some((path, _)) = self.get(&join(query.folder, name)) {
                reading.notes.push(Warning::new(
                    path,
                    "",
                    "the platform that runs these tests does not read it",
                ));
            }
        }
        if let Some(stop) = reading.settings.stop_on_fail.as_ref().filter(|said| said.value) {
            let what =
                "ends only the process that it happens in; for the whole run there is max-failures = 1";
            reading.notes.push(Warning::new(&stop.by.file, &stop.by.key, what));
        }
        if let Some(mode) = reading.settings.mode.as_ref().filter(|said| said.value == super::Mode::All) {
            let what = "tests of one class run beside each other inside its process alone; across the mesh the \
                        smallest unit is a class";
            reading.notes.push(Warning::new(&mode.by.file, &mode.by.key, what));
        }
    }
}

/// Why the files of a project cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("reading {path}")]
pub struct XunitFileError {
    /// The file or folder, relative to the workspace.
    pub path: String,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// The files to look for, each list in the order in which the first one counts.
struct Plan {
    flags: Flags,
    runner: Vec<String>,
    test_config: Vec<String>,
    run_settings: Option<String>,
    run_settings_named: bool,
    warnings: Vec<Warning>,
}

impl Plan {
    fn new(files: &XunitFiles, query: &Query<'_>) -> Self {
        let flags = flags::read(query.platform, query.args);
        let here = |name: &str| join(query.folder, name);
        let own = |name: &str| here(&format!("{}.{name}", query.assembly));
        let runner = match &flags.runner {
            Some(named) => vec![here(named)],
            None => vec![own("xunit.runner.json"), here("xunit.runner.json")],
        };
        let test_config = match &flags.test_config {
            Some(named) => vec![here(named)],
            None => vec![own("testconfig.json"), here("testconfig.json")],
        };
        let mut plan = Plan {
            runner,
            test_config,
            run_settings: None,
            run_settings_named: flags.run_settings.is_some(),
            flags,
            warnings: Vec::new(),
        };
        plan.run_settings = plan.flags.run_settings.as_deref().map(here);
        if plan.run_settings.is_none() && query.platform == Platform::VsTest {
            plan.run_settings_of_project(files, query.folder);
        }
        plan
    }

    /// The file that the project names by `RunSettingsFilePath`, else the one without a name.
    fn run_settings_of_project(&mut self, files: &XunitFiles, folder: &str) {
        let projects = files.0.iter().filter(|(path, _)| is_project(path));
        for (path, text) in projects {
            let Some(named) = element(text, "RunSettingsFilePath") else { continue };
            let own = ["$(MSBuildThisFileDirectory)", "$(MSBuildProjectDirectory)", "$(ProjectDir)"];
            let rest = own.iter().find_map(|variable| named.strip_prefix(variable)).unwrap_or(named);
            let rest = rest.trim_start_matches(['/', '\\']).replace('\\', "/");
            if rest.contains("$(") {
                let what =
                    format!("{named:?} cannot be resolved here; give --settings=FILE in the suite's args");
                self.warnings.push(Warning::new(path, "RunSettingsFilePath", what));
            } else {
                self.run_settings = Some(join(folder, &rest));
                self.run_settings_named = true;
            }
            return;
        }
        self.run_settings = Some(join(folder, ".runsettings"));
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        let stray = self.runner.iter().chain(&self.test_config).chain(&self.run_settings);
        stray.map(String::as_str)
    }
}

/// The project files of a folder.
fn project_files(root: &Path, folder: &str) -> Result<Vec<String>, XunitFileError> {
    let wrong = |source| XunitFileError { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(wrong)?;
        if let Some(name) = entry.file_name().to_str().filter(|name| is_project(name)) {
            paths.push(join(folder, name));
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_project(path: &str) -> bool {
    [".csproj", ".fsproj", ".vbproj"].iter().any(|end| path.ends_with(end))
}

/// The text of the first `<name>` of an XML text.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once("</")?;
    Some(content.trim()).filter(|content| !content.is_empty())
}

/// `name` in `folder`, without `.` and `..`.
fn join(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{Parallel, Threads};

    fn files(files: &[(&str, &str)]) -> XunitFiles {
        XunitFiles(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn threads(files: &XunitFiles, platform: Platform, args: &str) -> (Option<Threads>, String, usize) {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let query = Query { platform, folder: "t", assembly: "Shop.Tests", args: &args };
        let reading = files.settings(&query);
        let by = reading.settings.threads.as_ref().map(|said| said.by.to_string()).unwrap_or_default();
        (reading.settings.threads.map(|said| said.value), by, reading.warnings.len())
    }

    const RUNNER: (&str, &str) = ("t/xunit.runner.json", r#"{"maxParallelThreads": 1}"#);
    const OWN: (&str, &str) = ("t/Shop.Tests.xunit.runner.json", r#"{"MaxParallelThreads": 2}"#);
    const TEST_CONFIG: (&str, &str) = ("t/testconfig.json", r#"{"xUnit": {"maxParallelThreads": "3"}}"#);
    const OWN_TEST_CONFIG: (&str, &str) =
        ("t/Shop.Tests.testconfig.json", r#"{"XUNIT": {"maxParallelThreads": 4,},} // ok"#);
    const RUN_SETTINGS: (&str, &str) = (
        "t/.runsettings",
        "<RunSettings><xUnit><MaxParallelThreads>5</MaxParallelThreads></xUnit></RunSettings>",
    );

    #[test]
    fn whatever_comes_later_counts() {
        use Platform::{Console, TestingPlatform, VsTest};
        let all = files(&[RUNNER, OWN, TEST_CONFIG, OWN_TEST_CONFIG, RUN_SETTINGS]);
        let table = [
            (Console, "", 2, "MaxParallelThreads (t/Shop.Tests.xunit.runner.json)"),
            (Console, "-maxThreads 9", 9, "-maxThreads (command line)"),
            (TestingPlatform, "", 4, "maxParallelThreads (t/Shop.Tests.testconfig.json)"),
            (TestingPlatform, "--max-threads 9", 9, "--max-threads (command line)"),
            (VsTest, "", 5, "MaxParallelThreads (t/.runsettings)"),
            (VsTest, "-- xUnit.MaxParallelThreads=9", 9, "MaxParallelThreads (command line)"),
        ];
        for (platform, args, count, by) in table {
            let wanted = (Some(Threads::Count(count)), by.to_owned(), 0);
            assert_eq!(threads(&all, platform, args), wanted, "{platform:?} {args}");
        }
        let general = files(&[RUNNER, TEST_CONFIG]);
        assert_eq!(threads(&general, Console, "").0, Some(Threads::Count(1)));
        assert_eq!(threads(&general, TestingPlatform, "").0, Some(Threads::Count(3)));
        assert_eq!(threads(&general, VsTest, "").0, Some(Threads::Count(1)));
        assert_eq!(threads(&files(&[]), VsTest, ""), (None, String::new(), 0));
    }

    #[test]
    fn the_two_runner_files_are_not_merged() {
        let own = ("t/Shop.Tests.xunit.runner.json", r#"{"parallelizeAssembly": true}"#);
        let query = Query { platform: Platform::Console, folder: "t", assembly: "Shop.Tests", args: &[] };
        let reading = files(&[own, RUNNER]).settings(&query);
        assert_eq!(reading.settings.threads, None);
        assert_eq!(reading.settings.parallel().map(|(level, _)| level), Some(Parallel::All));
        // One that is none is as if it were absent.
        let broken = ("t/Shop.Tests.xunit.runner.json", "{");
        assert_eq!(threads(&files(&[broken, RUNNER]), Platform::Console, "").0, Some(Threads::Count(1)));
        assert_eq!(threads(&files(&[broken, RUNNER]), Platform::Console, "").2, 1);
        // Comments are read, but not by every xUnit.net.
        let commented = ("t/xunit.runner.json", "{ // four\n \"maxParallelThreads\": 4, }");
        let (count, _, warnings) = threads(&files(&[commented]), Platform::Console, "");
        assert_eq!((count, warnings), (Some(Threads::Count(4)), 1));
    }

    #[test]
    fn settings_merge_key_by_key_over_the_sources() {
        let runner =
            ("t/xunit.runner.json", r#"{"parallelAlgorithm": "aggressive", "maxParallelThreads": 1}"#);
        let query = Query { platform: Platform::VsTest, folder: "t", assembly: "Shop.Tests", args: &[] };
        let reading = files(&[runner, RUN_SETTINGS]).settings(&query);
        let algorithm = reading.settings.algorithm.map(|said| said.by.file);
        assert_eq!(algorithm.as_deref(), Some("t/xunit.runner.json"));
        assert_eq!(reading.settings.threads.map(|said| said.value), Some(Threads::Count(5)));
    }

    #[test]
    fn the_project_names_its_run_settings() {
        let ci = ("ci/x.runsettings", RUN_SETTINGS.1);
        let project = |path: &str| {
            format!(
                "<Project><PropertyGroup><RunSettingsFilePath>{path}</RunSettingsFilePath></PropertyGroup></Project>"
            )
        };
        for path in [
            "../ci/x.runsettings",
            r"$(MSBuildThisFileDirectory)..\ci\x.runsettings",
            "$(ProjectDir)/../ci/x.runsettings",
        ] {
            let project = project(path);
            let files = files(&[ci, ("t/Shop.Tests.csproj", &project)]);
            assert_eq!(threads(&files, Platform::VsTest, "").0, Some(Threads::Count(5)), "{path}");
            assert_eq!(threads(&files, Platform::Console, "").0, None, "{path}");
        }
        for path in ["$(SolutionDir)ci/x.runsettings", "gone.runsettings"] {
            let project = project(path);
            let files = files(&[ci, RUN_SETTINGS, ("t/Shop.Tests.csproj", &project)]);
            let (count, _, warnings) = threads(&files, Platform::VsTest, "");
            assert_eq!((count, warnings), (None, 1), "{path}");
        }
    }

    #[test]
    fn files_that_flags_name_have_to_be_there() {
        let all = files(&[RUNNER, ("t/sub/ci.json", r#"{"maxParallelThreads": 7}"#)]);
        assert_eq!(threads(&all, Platform::Console, "sub/ci.json").0, Some(Threads::Count(7)));
        assert_eq!(threads(&all, Platform::Console, "gone.json"), (None, String::new(), 1));
        assert_eq!(threads(&all, Platform::VsTest, "--settings gone.runsettings").2, 1);
        assert_eq!(threads(&all, Platform::TestingPlatform, "--config-file gone.json").2, 1);
    }

    #[test]
    fn what_has_no_effect_is_noted() {
        let runner = ("t/xunit.runner.json", r#"{"stopOnFail": true, "parallelMode": "all"}"#);
        let query = Query { platform: Platform::Console, folder: "t", assembly: "Shop.Tests", args: &[] };
        let reading = files(&[runner, TEST_CONFIG, RUN_SETTINGS]).settings(&query);
        let notes: Vec<String> =
            reading.notes.iter().map(|note| format!("{} {}", note.file, note.key)).collect();
        let wanted = [
            "t/testconfig.json ",
            "t/.runsettings ",
            "t/xunit.runner.json stopOnFail",
            "t/xunit.runner.json parallelMode",
        ];
        assert_eq!(notes, wanted);
        assert_eq!(reading.warnings, []);
    }

    #[test]
    fn collecting_reads_just_those_files() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        };
        write(
            "t/Shop.Tests.csproj",
            "<Project><RunSettingsFilePath>../ci.runsettings</RunSettingsFilePath></Project>",
        );
        write("ci.runsettings", RUN_SETTINGS.1);
        write("t/xunit.runner.json", RUNNER.1);
        write("t/other.json", "{}");
        write("xunit.runner.json", "{}");
        let query = Query { platform: Platform::VsTest, folder: "t", assembly: "Shop.Tests", args: &[] };
        let files = XunitFiles::collect(root.path(), &query).expect("readable");
        let paths: Vec<&str> = files.0.keys().map(String::as_str).collect();
        assert_eq!(paths, ["ci.runsettings", "t/Shop.Tests.csproj", "t/xunit.runner.json"]);
        assert_eq!(files.settings(&query).settings.threads.map(|said| said.value), Some(Threads::Count(5)));
        let nowhere = Query { folder: "gone", ..query };
        assert_eq!(XunitFiles::collect(root.path(), &nowhere).expect("nothing"), XunitFiles::default());
    }
}
