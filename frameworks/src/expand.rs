//! From a recipe to what a worker starts for one attempt, or for several that share a process.

use crate::bounds::{ARGUMENT_BYTES, ARGUMENTS_BYTES};
use crate::fill::{FillError, SelectedTests, Values, parse};
use crate::find::FilePattern;
use crate::select::selected;
use crate::shell;
use crate::template::{Placeholder, Template};
use part_core::{Recipe, ReportPlace, Selection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What an attempt is made of.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// The specs: several share a process by [`Recipe::batch`].
    pub specs: &'a [String],
    /// The tests that are run of the one spec, by [`Recipe::select`]; none for all.
    pub only: Option<&'a [String]>,
    /// The workspace; absolute and without symbolic links, since some frameworks compare paths as text.
    pub workspace: &'a Path,
    /// The file for a report, inside `report_dir`.
    pub report: &'a Path,
    /// The folder for reports.
    pub report_dir: &'a Path,
    /// The folder for artifacts.
    pub artifacts: &'a Path,
    /// The folder for everything else.
    pub scratch: &'a Path,
    /// The folder for [`crate::kit`].
    pub kit: &'a Path,
    /// Number of the attempt.
    pub attempt: u32,
    /// Number of the slot.
    pub slot: u32,
}

/// What to start, and where its results will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The folder to run in.
    pub folder: PathBuf,
    /// Environment, over what the worker provides.
    pub env: BTreeMap<String, String>,
    /// Where the report will be.
    pub report: ReportAt,
    /// Where files to keep will be.
    pub artifacts: Vec<FilePattern>,
    /// A file to write before: the tests that are run.
    pub tests_file: Option<(PathBuf, String)>,
    /// True when [`crate::kit`] has to be written before.
    pub wants_kit: bool,
}

/// Where an attempt's report will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportAt {
    /// Nowhere: the exit code is the result.
    Nowhere,
    /// On the standard output.
    Stdout,
    /// In these files.
    Files(FilePattern),
}

/// Fills in everything that `recipe` leaves open.
///
/// Where the selected tests are more than a command line takes, the whole spec is run: whoever judges the attempt keeps
/// to the selected ones anyway.
///
/// # Errors
/// When a text is malformed or asks for what there is not, naming the text and the placeholder; when the recipe cannot
/// run several specs in a process, or only some tests of one, and is asked to.
pub fn expand(recipe: &Recipe, bindings: &Bindings<'_>) -> Result<Invocation, FillError> {
    let folder = match recipe.folder.as_str() {
        "" => bindings.workspace.to_owned(),
        folder => bindings.workspace.join(folder),
    };
    let values = Values {
        workspace: Some(bindings.workspace),
        folder: Some(&folder),
        report: Some(bindings.report),
        report_dir: Some(bindings.report_dir),
        artifacts: Some(bindings.artifacts),
        scratch: Some(bindings.scratch),
        attempt: Some(bindings.attempt),
        slot: Some(bindings.slot),
        browser: Some(&recipe.browser),
        specs: bindings.specs,
        kit: Some(bindings.kit),
        tests: None,
    };
    let Command { argv, tests_file, wants_kit } = command(recipe, bindings, &values)?;
    let mut env = BTreeMap::new();
    for (name, text) in &recipe.env {
        let place = format!("env.{name}");
        env.insert(name.clone(), values.text(&parse(text, &place)?, &place)?);
    }
    let report = match &recipe.report.place {
        ReportPlace::None => ReportAt::Nowhere,
        ReportPlace::Stdout => ReportAt::Stdout,
        ReportPlace::File(text) => {
            ReportAt::Files(FilePattern::new(&parse(text, "report")?, &folder, &values, "report")?)
        }
    };
    let mut artifacts = Vec::with_capacity(recipe.artifacts.len());
    for (number, text) in recipe.artifacts.iter().enumerate() {
        let place = format!("artifacts[{number}]");
        artifacts.push(FilePattern::new(&parse(text, &place)?, bindings.artifacts, &values, &place)?);
    }
    Ok(Invocation { argv, folder, env, report, artifacts, tests_file, wants_kit })
}

/// What is started, and the file that it wants.
struct Command {
    argv: Vec<String>,
    tests_file: Option<(PathBuf, String)>,
    wants_kit: bool,
}

impl Command {
    fn plain(texts: &[String], place: &str, values: &Values<'_>) -> Result<Command, FillError> {
        let templates = templates(texts, place)?;
        let wants_kit = templates.iter().any(|part| part.mentions(&Placeholder::Kit));
        Ok(Command { argv: values.arguments(&templates, place)?, tests_file: None, wants_kit })
    }

    /// True when the system starts a program with such arguments.
    fn fits(&self) -> bool {
        let sizes = self.argv.iter().map(|argument| argument.len() + 1);
        sizes.clone().max().unwrap_or(0) <= ARGUMENT_BYTES && sizes.sum::<usize>() <= ARGUMENTS_BYTES
    }
}

fn command(recipe: &Recipe, bindings: &Bindings<'_>, values: &Values<'_>) -> Result<Command, FillError> {
    let framework = || recipe.framework.clone();
    match (bindings.only, bindings.specs) {
        (Some(only), [spec]) => {
            let select =
                recipe.select.as_ref().ok_or_else(|| FillError::NoSelection { framework: framework() })?;
            let some = selection(select, only, spec, bindings, values)?;
            if some.fits() { Ok(some) } else { Command::plain(&recipe.command, "command", values) }
        }
        (_, specs) if specs.len() > 1 && (recipe.batch.is_empty() || bindings.only.is_some()) => {
            Err(FillError::NoBatch { framework: framework(), count: specs.len() })
        }
        (_, specs) if specs.len() > 1 => Command::plain(&recipe.batch, "batch", values),
        (_, _) => Command::plain(&recipe.command, "command", values),
    }
}

fn selection(
    select: &Selection,
    only: &[String],
    spec: &str,
    bindings: &Bindings<'_>,
    values: &Values<'_>,
) -> Result<Command, FillError> {
    let each = selected(&select.each, only, spec, values)?;
    let tests = SelectedTests {
        joined: each.join(&select.join),
        file: bindings.scratch.join("tests.txt"),
        begin_with_spec: select.each.starts_with("{spec}"),
        each,
    };
    let values = Values { tests: Some(&tests), ..*values };
    let mut command = Command::plain(&select.command, "select", &values)?;
    if select.command.iter().any(|text| text.contains("{tests_file")) {
        let lines = tests.each.iter().map(|text| format!("{text}\n"));
        command.tests_file = Some((tests.file.clone(), lines.collect()));
    }
    Ok(command)
}

/// What a person types to run `spec` as the attempt did, without the report: quoted for a POSIX shell, to be run in
/// the workspace.
///
/// # Errors
/// As for [`expand`].
pub fn reproduce(recipe: &Recipe, spec: &str) -> Result<String, FillError> {
    let shown = if recipe.reproduce.is_empty() { &recipe.command } else { &recipe.reproduce };
    let nowhere = |name| Path::new(name);
    // As seen from the folder that the line changes into.
    let up =
        recipe.folder.split('/').filter(|part| !part.is_empty()).map(|_| "..").collect::<Vec<_>>().join("/");
    let specs = [spec.to_owned()];
    // Folders that only an attempt has are shown as what a person would have to make up.
    let values = Values {
        workspace: Some(if up.is_empty() { nowhere(".") } else { Path::new(&up) }),
        folder: Some(nowhere(".")),
        report: Some(nowhere("report")),
        report_dir: Some(nowhere("reports")),
        artifacts: Some(nowhere("artifacts")),
        scratch: Some(nowhere("scratch")),
        attempt: Some(1),
        slot: Some(0),
        browser: Some(&recipe.browser),
        specs: &specs,
        kit: Some(nowhere("kit")),
        tests: None,
    };
    let words = values.arguments(&templates(shown, "reproduce")?, "reproduce")?;
    let line = shell::line(&words);
    Ok(match recipe.folder.as_str() {
        "" => line,
        folder => format!("cd {} && {line}", shell::quote(folder)),
    })
}

fn templates(texts: &[String], place: &str) -> Result<Vec<Template>, FillError> {
    let numbered = texts.iter().enumerate();
    numbered.map(|(number, text)| parse(text, &format!("{place}[{number}]"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{ExitRule, Millis, ReportFormat, ReportSource};

    fn recipe(command: &[&str]) -> Recipe {
        Recipe {
            framework: "test".to_owned(),
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            folder: "app".to_owned(),
            env: [("REPORT".to_owned(), "{report_dir}/{attempt}.xml".to_owned())].into(),
            browser: "chromium".to_owned(),
            report: ReportSource {
                format: ReportFormat::Junit,
                place: ReportPlace::File("{report_dir}/*.xml".to_owned()),
            },
            exit: ExitRule::default(),
            artifacts: vec!["**/*.png".to_owned(), "{workspace}/app/out-{slot}/*".to_owned()],
            timeout: None,
            idle_timeout: None,
            grace: Millis::seconds(1),
            copy_workspace: false,
            reproduce: Vec::new(),
            batch: Vec::new(),
            select: None,
        }
    }

    fn with<'a>(specs: &'a [String]) -> Bindings<'a> {
        Bindings {
            specs,
            only: None,
            kit: Path::new("/a/kit"),
            workspace: Path::new("/w [1]"),
            report: Path::new("/a/report/r"),
            report_dir: Path::new("/a/report"),
            artifacts: Path::new("/a/artifacts"),
            scratch: Path::new("/a/scratch"),
            attempt: 3,
            slot: 7,
        }
    }

    fn owned(specs: &[&str]) -> Vec<String> {
        specs.iter().map(|spec| (*spec).to_owned()).collect()
    }

    #[test]
    fn everything_is_filled_in() {
        let specs = owned(&["a.py"]);
        let command =
            ["run", "--out={report}", "{browser}", "{{{slot}}}", "{workspace}", "{scratch}/x", "{spec}"];
        let invocation = expand(&recipe(&command), &with(&specs)).expect("expands");
        let argv = ["run", "--out=/a/report/r", "chromium", "{7}", "/w [1]", "/a/scratch/x", "a.py"];
        assert_eq!(invocation.argv, argv);
        assert_eq!(invocation.folder, Path::new("/w [1]/app"));
        assert_eq!(invocation.env["REPORT"], "/a/report/3.xml");
        let pattern = |base: &str, glob: &str| FilePattern { base: base.into(), glob: glob.to_owned() };
        assert_eq!(invocation.report, ReportAt::Files(pattern("/a/report", "*.xml")));
        assert_eq!(
            invocation.artifacts,
            [pattern("/a/artifacts", "**/*.png"), pattern("/w [1]", "app/out-7/*")]
        );
    }

    #[test]
    fn specs_reach_the_command_unharmed() {
        let table = [
            (vec!["run", "{specs}"], vec!["-b"], vec!["run", "./-b"]),
            (vec!["run", "--spec={specs}"], vec!["-b"], vec!["run", "--spec=-b"]),
            (
                vec!["run", "^{folder|regex}/{spec|regex}$"],
                vec!["[id].spec.ts"],
                vec!["run", r"^/w \[1\]/app/\[id\]\.spec\.ts$"],
            ),
            (vec!["run", "{spec|glob}"], vec!["-[id].cy.ts"], vec!["run", r"./-\[id\].cy.ts"]),
            (vec!["sh", "-c", "echo {spec}"], vec!["-x"], vec!["sh", "-c", "echo -x"]),
        ];
        for (command, specs, argv) in table {
            let invocation = expand(&recipe(&command), &with(&owned(&specs))).expect("expands");
            assert_eq!(invocation.argv, argv);
        }
    }

    #[test]
    fn errors_name_text_and_placeholder() {
        let one = owned(&["a"]);
        let none = owned(&[]);
        let table = [
            (vec!["x", "{sepc}"], &one, "command[1]: \"{sepc}\""),
            (vec!["x", "{spec}"], &none, "command[1]: {spec} stands for one spec, but there are 0"),
            (vec!["x", "{spec}", "{options}"], &one, "command[2]: {options} has no value here"),
        ];
        for (command, specs, message) in table {
            let error = expand(&recipe(&command), &with(specs)).expect_err("fails");
            assert_eq!(error.to_string(), message);
        }
        let mut bad = recipe(&["x", "{spec}"]);
        bad.env.insert("A".to_owned(), "{specs}".to_owned());
        let error = expand(&bad, &with(&one)).expect_err("fails");
        assert_eq!(error, FillError::NoValue { place: "env.A".to_owned(), placeholder: Placeholder::Specs });
    }

    #[test]
    fn several_specs_share_a_process_where_the_recipe_says_how() {
        let mut recipe = recipe(&["run", "{spec}"]);
        let specs = owned(&["a", "-b"]);
        let error = expand(&recipe, &with(&specs)).expect_err("it cannot");
        assert_eq!(error.to_string(), "2 specs were given, but framework \"test\" runs one in a process");
        recipe.batch = owned(&["run", "--reporter={kit}/x.cjs", "--in={specs}", "{specs}"]);
        let argv = expand(&recipe, &with(&specs)).expect("expands").argv;
        assert_eq!(argv, ["run", "--reporter=/a/kit/x.cjs", "--in=a", "--in=-b", "a", "./-b"]);
        assert_eq!(expand(&recipe, &with(&specs[..1])).expect("expands").argv, ["run", "a"]);
    }

    #[test]
    fn some_tests_are_run_where_the_recipe_says_how() {
        let mut recipe = recipe(&["run", "{spec}"]);
        let (specs, only) = (owned(&["-a.py"]), owned(&["[x] › T > a+b[1]", "[y] › T > a+b[2]", "c"]));
        let some = |recipe: &Recipe| expand(recipe, &Bindings { only: Some(&only), ..with(&specs) });
        let error = some(&recipe).expect_err("it cannot");
        assert_eq!(error.to_string(), "some tests were asked for, but framework \"test\" runs all of a spec");
        let table = [
            (
                vec!["run", "-t", "{tests}", "{spec}"],
                r#"^{test|bare|cut "["|regex|swap " > " " "}$"#,
                vec!["run", "-t", r"^T a\+b$|^c$", "./-a.py"],
            ),
            (
                vec!["run", "{tests...}"],
                "{spec}::{project}{test|bare}",
                vec!["run", "./-a.py::xT > a+b[1]", "./-a.py::yT > a+b[2]", "./-a.py::c"],
            ),
            (
                vec!["run", "-k{next}{tests...}"],
                "{test|cut \"›\"}",
                vec!["run", "-k", "[x] ", "-k", "[y] ", "-k", "c"],
            ),
            (vec!["run", "@{tests_file}"], "", vec!["run", "@/a/scratch/tests.txt"]),
        ];
        for (command, each, argv) in table {
            let select = Selection { command: owned(&command), join: "|".to_owned(), each: each.to_owned() };
            recipe.select = Some(select);
            let made = some(&recipe).expect("expands");
            assert_eq!(made.argv, argv);
            let file = made.tests_file.map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(file, command[1].contains("file").then(|| only.clone()));
        }
        // More than a command line takes: all of the spec.
        let select = Selection { command: owned(&["{tests}"]), join: "|".to_owned(), each: String::new() };
        recipe.select = Some(select);
        let many = vec!["x".repeat(1000); ARGUMENT_BYTES / 1000 + 1];
        let many: Vec<String> = many.iter().enumerate().map(|(n, text)| format!("{text}{n}")).collect();
        let made = expand(&recipe, &Bindings { only: Some(&many), ..with(&specs) }).expect("expands");
        assert_eq!(made.argv, ["run", "./-a.py"]);
    }

    #[test]
    fn reproducing_is_something_to_paste() {
        let mut recipe = recipe(&["/tools/runner", "--out={report}", "{spec}"]);
        assert_eq!(
            reproduce(&recipe, "it's.py").expect("a line"),
            r"cd app && /tools/runner --out=report 'it'\''s.py'"
        );
        recipe.command[0] = "{workspace}/bin/runner".to_owned();
        assert_eq!(reproduce(&recipe, "x.py").expect("a line"), "cd app && ../bin/runner --out=report x.py");
        recipe.reproduce =
            ["BASE_URL=http://x/?a b", "npx", "runner", "{spec|regex}"].map(String::from).to_vec();
        recipe.folder = String::new();
        let line = reproduce(&recipe, "[id].ts").expect("a line");
        assert_eq!(line, r"BASE_URL='http://x/?a b' npx runner '\[id\]\.ts'");
    }
}
