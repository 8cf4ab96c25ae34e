//! Plays client and worker for one suite, with nothing between the two: what `partctl` and `part-worker` do with a
//! framework's table, without a mesh.

use part_core::{AttemptVerdict, ExitStatus, Millis, Recipe};
use part_frameworks::listing::{ListPlan, Listing, plan_specs, plan_tests};
use part_frameworks::report::{
    Follower, Parsed, Progress, ReportFile, parse_split, read_journal, read_pieces,
};
use part_frameworks::table::{Catalogue, Framework, SpecSource};
use part_frameworks::{
    BatchSpec, Bindings, Decided, Ending, Invocation, Judgement, ReportAt, SharedReport, SpecQuery,
    SuiteOptions, build_recipe, choose_listed, expand, judge_batch, kit, resolve_specs,
};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus as Exit, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// Its report could be read to its end.
    pub(crate) whole: bool,
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
        plan.read(exit(output.status), &output.stdout, &output.stderr)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs one spec as it is.
    pub(crate) fn run(&self, spec: &str, expected: Option<&[String]>) -> Ran {
        self.run_with(&self.options, spec, expected)
    }

    /// Runs one spec with other options.
    pub(crate) fn run_with(&self, options: &SuiteOptions, spec: &str, expected: Option<&[String]>) -> Ran {
        let recipe = build_recipe(&self.framework, &self.root, options).expect("a recipe").recipe;
        self.process(&recipe, &[spec.to_owned()], None, &[expected], None).remove(0).expect("a result")
    }

    /// Runs some tests of a spec.
    pub(crate) fn select(&self, spec: &str, tests: &[String]) -> Ran {
        let recipe = build_recipe(&self.framework, &self.root, &self.options).expect("a recipe").recipe;
        let one = [spec.to_owned()];
        self.process(&recipe, &one, Some(tests), &[None], None).remove(0).expect("a result")
    }

    /// Runs several specs in one process; none for those that have to go again. With a limit, the process is stopped as
    /// soon as one of them runs for longer.
    pub(crate) fn batch(
        &self,
        options: &SuiteOptions,
        specs: &[String],
        expected: &[Option<&[String]>],
        limit: Option<Millis>,
    ) -> Vec<Result<Ran, String>> {
        let recipe = build_recipe(&self.framework, &self.root, options).expect("a recipe").recipe;
        assert!(!recipe.batch.is_empty(), "it can");
        self.process(&recipe, specs, None, expected, limit)
    }

    fn process(
        &self,
        recipe: &Recipe,
        specs: &[String],
        only: Option<&[String]>,
        expected: &[Option<&[String]>],
        limit: Option<Millis>,
    ) -> Vec<Result<Ran, String>> {
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
            only,
            workspace: &self.root,
            report: &report_dir.join("report"),
            report_dir: &report_dir,
            artifacts: &artifacts,
            scratch: &scratch,
            kit: &own.join("kit"),
            attempt: 1,
            slot: 0,
        };
        let invocation = expand(&recipe, &bindings).expect("an invocation");
        kit::write(bindings.kit).expect("a kit");
        if let Some((file, text)) = &invocation.tests_file {
            fs::write(file, text).expect("a file");
        }
        let journal = own.join("journal");
        let env = if specs.len() > 1 { Some((kit::JOURNAL_VARIABLE, journal.as_path())) } else { None };
        let ended = run_until(&invocation, env, &own, limit.map(|limit| (limit, specs)));
        let stdout = fs::read(own.join("stdout")).expect("readable");
        let text = [stdout.clone(), fs::read(own.join("stderr")).expect("readable")].concat();
        let output = String::from_utf8_lossy(&text).into_owned();

        let (report, pieces) = read_report(&recipe, &invocation.report, stdout, specs);
        let said = read_journal(&fs::read(&journal).unwrap_or_default(), specs);
        let progress = said.into_iter().zip(pieces).map(|(said, piece)| match said {
            Progress::Unknown => piece,
            said @ (Progress::Running { .. } | Progress::Ended(_)) => said,
        });
        let whole = matches!(report, SharedReport::Read(_));
        let selected = only.is_some();
        let all: Vec<BatchSpec<'_>> = expected
            .iter()
            .map(|expected| BatchSpec { expected: only.or(*expected), selected, limit, cancelled: false })
            .collect();
        let decided = judge_batch(&ended, &recipe.exit, report, &all, progress.collect(), now_ms());
        let ran = |decided| match decided {
            Decided::Judged(judged, parsed) => Ok(Ran { judged, parsed, output: output.clone(), whole }),
            Decided::Again(why) => Err(why),
        };
        decided.into_iter().map(ran).collect()
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
        let Ran { judged, parsed, output, .. } = self;
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

/// Starts a process and waits for its end; stops it once a spec has run for longer than it may.
fn run_until(
    invocation: &Invocation,
    journal: Option<(&str, &Path)>,
    folder: &Path,
    limit: Option<(Millis, &[String])>,
) -> Ending {
    let mut command = Command::new(&invocation.argv[0]);
    command.args(&invocation.argv[1..]).current_dir(&invocation.folder).envs(&invocation.env).envs(journal);
    command.stdin(Stdio::null()).process_group(0);
    command.stdout(File::create(folder.join("stdout")).expect("a file"));
    command.stderr(File::create(folder.join("stderr")).expect("a file"));
    let mut child = command.spawn().unwrap_or_else(|error| panic!("starting {:?}: {error}", invocation.argv));
    let plain = |verdict, message: String| Judgement { verdict, message, missing: Vec::new() };
    let Some((limit, specs)) = limit else {
        return match exit(child.wait().expect("an end")) {
            ExitStatus::Code(code) => Ending::Exited(code),
            ExitStatus::Signal(signal) => {
                Ending::Broke(plain(AttemptVerdict::Crashed, format!("its process died of signal {signal}")))
            }
        };
    };
    let (_, journal) = journal.expect("several specs");
    let late = |since: &Option<u64>| since.is_some_and(|since| now_ms() >= since + limit.0);
    let group = format!("-{}", child.id());
    let (tell, ended) = mpsc::sync_channel(1);
    let waits = std::thread::spawn(move || drop(tell.send(child.wait())));
    while let Err(error) = ended.recv_timeout(Duration::from_millis(50)) {
        assert_eq!(error, mpsc::RecvTimeoutError::Timeout);
        let mut follower = Follower::new(specs.to_vec());
        follower.read(&fs::read(journal).unwrap_or_default());
        if follower.running_since().iter().any(late) {
            Command::new("kill").args(["-9", "--", &group]).status().expect("it is told to end");
            waits.join().expect("it ends");
            return Ending::Stopped(plain(AttemptVerdict::Cancelled, "stopped".to_owned()));
        }
    }
    panic!("it ended before anything took too long")
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as u64
}

fn read_report(
    recipe: &Recipe,
    at: &ReportAt,
    stdout: Vec<u8>,
    specs: &[String],
) -> (SharedReport, Vec<Progress>) {
    let nothing = vec![Progress::Unknown; specs.len()];
    let contents: Vec<(PathBuf, Vec<u8>)> = match at {
        ReportAt::Nowhere => return (SharedReport::Nothing, nothing),
        ReportAt::Stdout => vec![("stdout".into(), stdout)],
        ReportAt::Files(pattern) => {
            let found = pattern.find().expect("readable").files;
            found.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
        }
    };
    if contents.is_empty() {
        return (SharedReport::Missing(format!("{at:?}")), nothing);
    }
    let files: Vec<_> = contents.iter().map(|(path, bytes)| ReportFile { path, bytes }).collect();
    let format = recipe.report.format;
    let report = parse_split(format, &files, specs).map_or_else(SharedReport::Broken, SharedReport::Read);
    (report, read_pieces(format, &files, specs))
}

fn start(argv: &[String], folder: &Path, env: &BTreeMap<String, String>) -> Output {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).current_dir(folder).envs(env).stdin(Stdio::null());
    command.output().unwrap_or_else(|error| panic!("starting {argv:?}: {error}"))
}

fn exit(status: Exit) -> ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    status.code().map_or_else(|| ExitStatus::Signal(status.signal().unwrap_or_default()), ExitStatus::Code)
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
