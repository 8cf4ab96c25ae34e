//! From a recipe to what a worker starts for one attempt.

use crate::fill::{FillError, Values, parse};
use crate::find::FilePattern;
use crate::shell;
use crate::template::Template;
use part_core::{Recipe, ReportPlace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What an attempt is made of.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// The specs: one, unless the command takes several.
    pub specs: &'a [String],
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
/// # Errors
/// When a text is malformed or asks for what there is not, naming the text and the placeholder.
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
    };
    let argv = values.arguments(&templates(&recipe.command, "command")?, "command")?;
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
    Ok(Invocation { argv, folder, env, report, artifacts })
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
    use crate::template::Placeholder;
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
            (vec!["run", "{specs}"], vec!["a", "-b"], vec!["run", "a", "./-b"]),
            (vec!["run", "--spec={specs}"], vec!["a", "-b"], vec!["run", "--spec=a", "--spec=-b"]),
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
        let two = owned(&["a", "b"]);
        let table = [
            (vec!["x", "{sepc}"], &one, "command[1]: \"{sepc}\""),
            (vec!["x", "{spec}"], &two, "command[1]: {spec} stands for one spec, but there are 2"),
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
