//! Plays client and worker for one suite, with nothing between the two: what `partctl` and `part-worker` do with a
//! framework's table, without a mesh.

use part_core::{AttemptVerdict, ExitStatus, Recipe};
use part_frameworks::listing::{ListPlan, Listing, plan_specs, plan_tests};
use part_frameworks::report::{Parsed, ReportFile, parse};
use part_frameworks::table::{Catalogue, Framework, SpecSource};
use part_frameworks::{
    Bindings, Judgement, ReportAt, Reported, SpecQuery, SuiteOptions, build_recipe, build_selection,
    choose_listed, expand, judge, resolve_specs,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A copy of a suite in a folder of its own, with the tools that were installed for the original.
pub(crate) struct Suite {
    pub(crate) root: PathBuf,
    pub(crate) framework: Framework,
    pub(crate) options: SuiteOptions,
    work: PathBuf,
    _folder: tempfile::TempDir,
}

/// What one attempt came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) judged: Judgement,
    pub(crate) parsed: Parsed,
    pub(crate) output: String,
}

impl Suite {
    /// Copies `tests/suites/NAME` (or the one of the folder that PART_TEST_SUITES names).
    pub(crate) fn of(name: &str) -> Suite {
        Suite::made(name, Catalogue::builtin(), |root| copy(&suites().join(name), root))
    }

    /// A suite of the framework `name`, in a folder that `make` fills.
    pub(crate) fn made(name: &str, catalogue: Catalogue, make: impl FnOnce(&Path)) -> Suite {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().canonicalize().expect("a real path");
        let (root, work) = (base.join("suite"), base.join("work"));
        fs::create_dir_all(&root).expect("a folder");
        fs::create_dir_all(&work).expect("a folder");
        make(&root);
        let framework = catalogue.resolve(name, &root, "").expect("a framework");
        let inherited = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        let mut options = SuiteOptions { inherited, ..SuiteOptions::default() };
        // A build folder per copy, but not in it.
        let target = work.join("target").display().to_string();
        options.env.insert("CARGO_TARGET_DIR".to_owned(), target);
        Suite { root, framework, options, work, _folder: folder }
    }

    /// The suite with a variable set for its specs.
    pub(crate) fn with_env(&self, name: &str) -> SuiteOptions {
        let mut options = self.options.clone();
        options.env.insert(name.to_owned(), "1".to_owned());
        options
    }

    /// The specs that `globs` stand for.
    pub(crate) fn specs(&self, globs: &[&str]) -> Vec<String> {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let resolved = match &self.framework.specs {
            SpecSource::Files { ignore, gitignore, .. } => {
                let query =
                    SpecQuery { root: &self.root, folder: "", globs: &globs, ignore, gitignore: *gitignore };
                resolve_specs(query).expect("specs")
            }
            SpecSource::Listed { .. } => {
                let scratch = self.work.join("list-specs");
                let plan = plan_specs(&self.framework, &self.root, &self.options, &scratch).expect("a plan");
                let listing = self.list(&plan.expect("a command lists specs"));
                choose_listed(listing.specs.into_keys(), &globs).expect("specs")
            }
        };
        assert_eq!(resolved.unmatched, Vec::<String>::new());
        resolved.specs.into_iter().map(|spec| spec.name).collect()
    }

    /// The tests of `specs`, by spec; none where the framework cannot list.
    pub(crate) fn tests(&self, specs: &[String]) -> Option<BTreeMap<String, Vec<String>>> {
        let scratch = self.work.join("list-tests");
        let plans = plan_tests(&self.framework, &self.root, &self.options, &scratch, specs).expect("plans");
        let mut listings = plans.iter().map(|plan| self.list(plan));
        let mut all = listings.next()?;
        listings.for_each(|listing| all.merge(listing));
        assert_eq!(all.notes, Vec::<String>::new());
        Some(all.specs)
    }

    fn list(&self, plan: &ListPlan) -> Listing {
        plan.prepare().expect("a folder");
        let output = start(&plan.argv, &plan.folder, &plan.env);
        plan.read(exit(&output), &output.stdout, &output.stderr).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs one spec as it is.
    pub(crate) fn run(&self, spec: &str, expected: Option<&[String]>) -> Ran {
        self.run_with(&self.options, spec, expected)
    }

    /// Runs one spec with other options.
    pub(crate) fn run_with(&self, options: &SuiteOptions, spec: &str, expected: Option<&[String]>) -> Ran {
        let recipe = build_recipe(&self.framework, &self.root, options).expect("a recipe").recipe;
        self.attempt(&recipe, &[spec.to_owned()], spec, expected)
    }

    /// Runs some tests of a spec.
    pub(crate) fn select(&self, spec: &str, tests: &[String]) -> Ran {
        let selection =
            build_selection(&self.framework, &self.root, &self.options, spec, tests).expect("a selection");
        self.attempt(&selection.built.recipe, &selection.specs, spec, Some(tests))
    }

    fn attempt(&self, recipe: &Recipe, specs: &[String], spec: &str, expected: Option<&[String]>) -> Ran {
        // Recipes travel as text.
        let recipe: Recipe =
            serde_json::from_value(serde_json::to_value(recipe).expect("text")).expect("a recipe");
        let own = tempfile::tempdir_in(&self.work).expect("a folder").keep();
        let folder = |name: &str| {
            let folder = own.join(name);
            fs::create_dir_all(&folder).expect("a folder");
            folder
        };
        let (report_dir, artifacts, scratch) = (folder("report"), folder("artifacts"), folder("scratch"));
        let bindings = Bindings {
            specs,
            workspace: &self.root,
            report: &report_dir.join("report"),
            report_dir: &report_dir,
            artifacts: &artifacts,
            scratch: &scratch,
            attempt: 1,
            slot: 0,
        };
        let invocation = expand(&recipe, &bindings).expect("an invocation");
        let output = start(&invocation.argv, &invocation.folder, &invocation.env);
        let reported = read_report(&recipe, &invocation.report, &output, spec);
        let judged = judge(exit(&output), &recipe.exit, &reported, expected);
        let text = [output.stdout, output.stderr].concat();
        let parsed = if let Reported::Parsed(parsed) = reported { parsed } else { Parsed::default() };
        Ran { judged, parsed, output: String::from_utf8_lossy(&text).into_owned() }
    }

    /// Files of the suite's folder that were not copied there.
    pub(crate) fn litter(&self, name: &str) -> Vec<String> {
        let before = files(&suites().join(name));
        files(&self.root).into_iter().filter(|file| !before.contains(file)).collect()
    }
}

impl Ran {
    /// Checks the verdict, with everything there is in the message.
    #[track_caller]
    pub(crate) fn is(&self, verdict: AttemptVerdict) -> &Self {
        let Ran { judged, parsed, output } = self;
        assert_eq!(judged.verdict, verdict, "{judged:?}\n{parsed:#?}\n{output}");
        self
    }

    /// Ids of the tests with this outcome, sorted.
    pub(crate) fn ids(&self, outcome: part_core::TestOutcome) -> Vec<&str> {
        let tests = self.parsed.tests.iter().filter(|test| test.outcome == outcome);
        let mut ids: Vec<&str> = tests.map(|test| test.id.as_str()).collect();
        ids.sort_unstable();
        ids
    }
}

fn read_report(recipe: &Recipe, at: &ReportAt, output: &Output, spec: &str) -> Reported {
    let contents: Vec<(PathBuf, Vec<u8>)> = match at {
        ReportAt::Nowhere => return Reported::Nothing,
        ReportAt::Stdout => vec![("stdout".into(), output.stdout.clone())],
        ReportAt::Files(pattern) => {
            let found = pattern.find().expect("readable").files;
            found.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
        }
    };
    if contents.is_empty() {
        return Reported::Missing { place: format!("{at:?}") };
    }
    let files: Vec<_> = contents.iter().map(|(path, bytes)| ReportFile { path, bytes }).collect();
    parse(recipe.report.format, &files, spec).map_or_else(Reported::Broken, Reported::Parsed)
}

fn start(argv: &[String], folder: &Path, env: &BTreeMap<String, String>) -> Output {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).current_dir(folder).envs(env).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("starting {argv:?}: {error}"))
}

fn exit(output: &Output) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    let signal = || ExitStatus::Signal(output.status.signal().unwrap_or_default());
    output.status.code().map_or_else(signal, ExitStatus::Code)
}

/// The folder with the suites.
pub(crate) fn suites() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/suites");
    std::env::var_os("PART_TEST_SUITES").map_or_else(own, PathBuf::from)
}

/// Folders with installed tools: linked, not copied.
const INSTALLED: [&str; 2] = ["node_modules", ".venv"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if INSTALLED.iter().any(|name| entry.file_name() == *name) {
            let original = entry.path().canonicalize().expect("a folder");
            std::os::unix::fs::symlink(original, target).expect("a link");
        } else if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn files(folder: &Path) -> Vec<String> {
    let walk = ignore::WalkBuilder::new(folder).standard_filters(false).build();
    let entries = walk.map(|entry| entry.expect("an entry").into_path());
    let below = entries.filter_map(|path| Some(path.strip_prefix(folder).ok()?.to_str()?.to_owned()));
    let own = below.filter(|path| !path.is_empty() && !path.split('/').any(|part| part == "__pycache__"));
    own.filter(|path| !INSTALLED.contains(&path.split('/').next().unwrap_or_default())).collect()
}
