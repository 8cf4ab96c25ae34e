//! From a framework and a suite to a recipe.

use crate::files::upwards;
use crate::report::tells_specs_apart;
use crate::table::{Browser, Framework, Place, ReportTable, TableError, check_report, check_run};
use crate::template::{Placeholder, Template, TemplateError};
use part_core::{
    Millis, Recipe, ReportFormat, ReportPlace, ReportSource, Requirement, Requirements, Selection,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use thiserror::Error;

/// What a suite (and the command line) says about a framework's use.
#[derive(Clone, Debug, Default)]
pub struct SuiteOptions {
    /// The folder to run in, relative to the workspace; empty for the workspace itself.
    pub folder: String,
    /// The browser to use.
    pub browser: Option<String>,
    /// Extra arguments, with placeholders.
    pub args: Vec<String>,
    /// Environment, as it is.
    pub env: BTreeMap<String, String>,
    /// More environment, which is set but never shown to people.
    pub private_env: BTreeMap<String, String>,
    /// The command in place of the framework's, with placeholders.
    pub command: Option<Vec<String>>,
    /// The report in place of the framework's.
    pub report: Option<ReportTable>,
    /// Globs of more files to keep, with placeholders.
    pub artifacts: Vec<String>,
    /// Limit for an attempt in place of the framework's; zero means none.
    pub timeout: Option<Millis>,
    /// Limit for silence in place of the framework's; zero means none.
    pub idle_timeout: Option<Millis>,
    /// From the polite stop to the kill, in place of the framework's.
    pub grace: Option<Millis>,
    /// Gives each attempt its own copy of the workspace.
    pub copy_workspace: bool,
    /// Names of the variables in the environment that specs inherit: some send the search for programs to `PATH`.
    pub inherited: BTreeSet<String>,
}

/// A recipe and what its workers must be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// How to run specs.
    pub recipe: Recipe,
    /// What the browser demands.
    pub requirements: Requirements,
}

/// Why there is no recipe.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Neither the suite nor the framework says what to run.
    #[error("the suite has to say its `command`, since framework {framework:?} has none")]
    NoCommand {
        /// The framework.
        framework: String,
    },
    /// A text of the suite is malformed.
    #[error("{place}: {text:?}")]
    Template {
        /// Where it stands.
        place: String,
        /// The text.
        text: String,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// Something the suite says does not fit the framework.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The framework does not know the browser.
    #[error("framework {framework:?} knows no browser {browser:?} ({})", known_browsers(.known))]
    Browser {
        /// The framework.
        framework: String,
        /// The browser.
        browser: String,
        /// The browsers that it knows.
        known: Vec<String>,
    },
    /// The folder is not inside the workspace.
    #[error("folder {folder:?} is not inside the workspace")]
    Folder {
        /// The folder.
        folder: String,
    },
}

fn known_browsers(known: &[String]) -> String {
    if known.is_empty() { "it knows none".to_owned() } else { format!("it knows {}", known.join(", ")) }
}

/// Makes the recipe for a suite of `framework` in the workspace `root`.
///
/// Looks for the framework's programs in the workspace: a recipe names what it found there relative to the
/// workspace, and everything else by its bare name for the worker's `PATH`.
///
/// # Errors
/// When the suite does not fit the framework.
pub fn build_recipe(framework: &Framework, root: &Path, options: &SuiteOptions) -> Result<Built, BuildError> {
    let fitter = Fitter::new(framework, root, options, &[])?;
    let command = fitter.command()?;
    let own = options.command.is_some();
    let report = match options.report.clone() {
        Some(report) => check_report("suite", "report", report)?,
        None => framework.report.clone(),
    };
    let mut artifacts: Vec<String> = framework.artifacts.iter().map(Template::to_string).collect();
    for (number, text) in options.artifacts.iter().enumerate() {
        artifacts.push(template(text, &format!("artifacts[{number}]"))?.to_string());
    }
    let env = fitter.env(&framework.run_env);
    let place = match report.place {
        Place::None => ReportPlace::None,
        Place::Stdout => ReportPlace::Stdout,
        Place::File(file) => ReportPlace::File(file.to_string()),
    };
    let limit =
        |own: Option<Millis>, default| own.map_or(default, |limit| Some(limit).filter(|limit| limit.0 > 0));
    let recipe = Recipe {
        framework: framework.name.clone(),
        command: fitter.fit(&command),
        folder: fitter.folder.clone(),
        batch: fitter.batch(report.format, env.values().chain(&artifacts).chain(place_text(&place))),
        select: fitter.selection()?,
        env,
        browser: options.browser.clone().unwrap_or_default(),
        report: ReportSource { format: report.format, place },
        exit: framework.exit.clone(),
        artifacts,
        timeout: limit(options.timeout, framework.timeout),
        idle_timeout: limit(options.idle_timeout, framework.idle_timeout),
        grace: options.grace.unwrap_or(framework.grace),
        copy_workspace: options.copy_workspace,
        reproduce: fitter.reproduce(if own { &command } else { &framework.reproduce }),
    };
    Ok(Built { recipe, requirements: Requirements::new(fitter.requirements) })
}

/// The text of a report's place, where it has one.
fn place_text(place: &ReportPlace) -> Option<&String> {
    match place {
        ReportPlace::File(text) => Some(text),
        ReportPlace::None | ReportPlace::Stdout => None,
    }
}

/// Fits a framework's texts to a suite.
pub(crate) struct Fitter<'a> {
    framework: &'a Framework,
    root: &'a Path,
    suite: &'a SuiteOptions,
    pub(crate) folder: String,
    browser: Option<&'a Browser>,
    options: Vec<Template>,
    requirements: Vec<Requirement>,
}

impl<'a> Fitter<'a> {
    pub(crate) fn new(
        framework: &'a Framework,
        root: &'a Path,
        suite: &'a SuiteOptions,
        more: &[Template],
    ) -> Result<Self, BuildError> {
        let browser = suite.browser.as_ref().and_then(|name| framework.browsers.get(name));
        let mut options = browser.map(|browser| browser.options.clone()).unwrap_or_default();
        for (number, text) in suite.args.iter().enumerate() {
            options.push(template(text, &format!("args[{number}]"))?);
        }
        options.extend_from_slice(more);
        let folder = tidy_folder(&suite.folder)?;
        let mut fitter =
            Fitter { framework, root, suite, folder, browser, options, requirements: Vec::new() };
        fitter.requirements = fitter.browser_requirements()?;
        Ok(fitter)
    }

    fn command(&self) -> Result<Vec<Template>, BuildError> {
        let Some(own) = &self.suite.command else {
            let missing = || BuildError::NoCommand { framework: self.framework.name.clone() };
            return self.framework.command.clone().ok_or_else(missing);
        };
        let numbered = own.iter().enumerate();
        let parts = numbered.map(|(number, text)| template(text, &format!("command[{number}]")));
        Ok(check_run("suite", "command", parts.collect::<Result<_, _>>()?)?)
    }

    /// The command for several specs; empty where there is none, or where something about the suite belongs to one spec
    /// at a time: a command or a report of its own, a workspace for each attempt, a text that names the spec.
    fn batch<'t>(&self, format: ReportFormat, mut texts: impl Iterator<Item = &'t String>) -> Vec<String> {
        let own = self.suite.command.is_some() || self.suite.report.is_some() || self.suite.copy_workspace;
        let Some(batch) = self.framework.batch.as_ref().filter(|_| !own && tells_specs_apart(format)) else {
            return Vec::new();
        };
        let of_one = |text: &str| text.parse().is_ok_and(|text: Template| text.mentions(&Placeholder::Spec));
        let fitted = self.fit(batch);
        let belongs_to_one = fitted.iter().any(|text| of_one(text)) || texts.any(|text| of_one(text));
        if belongs_to_one { Vec::new() } else { fitted }
    }

    /// How some tests of a spec are run; none where the framework cannot, or the suite has a command of its own.
    fn selection(&self) -> Result<Option<Selection>, BuildError> {
        let select = self.framework.select.as_ref().filter(|_| self.suite.command.is_none());
        let (Some(select), Some(command)) = (select, self.framework.command.as_ref()) else {
            return Ok(None);
        };
        let fitter = Fitter::new(self.framework, self.root, self.suite, &select.arguments())?;
        Ok(Some(Selection {
            command: fitter.fit(&select.replaced(command)),
            join: select.join.clone().unwrap_or_default(),
            each: select.each().to_string(),
        }))
    }

    /// What the chosen browser demands. A framework that fills `{browser}` in by itself takes any.
    fn browser_requirements(&self) -> Result<Vec<Requirement>, BuildError> {
        let Some(name) = &self.suite.browser else { return Ok(Vec::new()) };
        if let Some(browser) = self.browser {
            return Ok(browser.requires.iter().cloned().collect());
        }
        let mut texts = self.framework.command.iter().flatten().chain(&self.options);
        let table = texts.any(|text| text.mentions(&Placeholder::Browser))
            || self
                .framework
                .run_env
                .values()
                .chain(self.framework.env.values())
                .any(|text| text.mentions(&Placeholder::Browser));
        let own = self.suite.command.iter().flatten().any(|text| text.contains("{browser"));
        let unknown = || BuildError::Browser {
            framework: self.framework.name.clone(),
            browser: name.clone(),
            known: self.framework.browsers.keys().cloned().collect(),
        };
        if !table && !own {
            return Err(unknown());
        }
        Ok(vec![format!("browser.{name}").parse().map_err(|_| unknown())?])
    }

    /// A command as the recipe has it: without what only tables know.
    pub(crate) fn fit(&self, command: &[Template]) -> Vec<String> {
        self.fit_templates(command).iter().map(Template::to_string).collect()
    }

    pub(crate) fn fit_templates(&self, command: &[Template]) -> Vec<Template> {
        let takes_options = command.iter().any(|part| part.is(&Placeholder::Options));
        let mut fitted = Vec::with_capacity(command.len() + self.options.len());
        for part in command {
            if part.is(&Placeholder::Options) {
                fitted.extend(self.options.iter().cloned());
            } else {
                fitted.push(part.fill_some(|placeholder| self.value(placeholder)));
            }
        }
        if !takes_options {
            fitted.extend(self.options.iter().cloned());
        }
        fitted
    }

    fn reproduce(&self, command: &[Template]) -> Vec<String> {
        if command.is_empty() {
            return Vec::new();
        }
        let assignments =
            self.suite.env.iter().map(|(name, value)| Template::literal(format!("{name}={value}")));
        assignments.map(|text| text.to_string()).chain(self.fit(command)).collect()
    }

    /// The environment: the framework's, that of this use, the browser's, the suite's.
    pub(crate) fn env(&self, of_use: &BTreeMap<String, Template>) -> BTreeMap<String, String> {
        let tables = self
            .framework
            .env
            .iter()
            .chain(of_use)
            .chain(self.browser.iter().flat_map(|browser| &browser.env));
        let mut env: BTreeMap<String, String> =
            tables.map(|(name, text)| (name.clone(), text.to_string())).collect();
        for (name, value) in self.suite.env.iter().chain(&self.suite.private_env) {
            env.insert(name.clone(), Template::literal(value).to_string());
        }
        env
    }

    fn value(&self, placeholder: &Placeholder) -> Option<Template> {
        match placeholder {
            Placeholder::Program(name) => Some(self.program(name)),
            Placeholder::Script => Some(Template::literal(&self.framework.script)),
            Placeholder::Spec
            | Placeholder::Specs
            | Placeholder::Workspace
            | Placeholder::Folder
            | Placeholder::Report
            | Placeholder::ReportDir
            | Placeholder::Artifacts
            | Placeholder::Scratch
            | Placeholder::Attempt
            | Placeholder::Slot
            | Placeholder::Browser
            | Placeholder::Options
            | Placeholder::Test
            | Placeholder::Project
            | Placeholder::Tests
            | Placeholder::EachTest
            | Placeholder::TestsFile
            | Placeholder::Next
            | Placeholder::Kit => None,
        }
    }

    /// The program `name`: in the nearest of the framework's folders that has it, else by its bare name.
    fn program(&self, name: &str) -> Template {
        let by_path = self
            .framework
            .program_unless_env
            .as_ref()
            .is_some_and(|name| self.suite.inherited.contains(name));
        if !by_path {
            for place in upwards(self.root, &self.folder) {
                for folder in &self.framework.program_folders {
                    let path = place.join(folder).join(name);
                    let below = path.strip_prefix(self.root).ok().and_then(Path::to_str);
                    if let (true, Some(below)) = (path.is_file(), below) {
                        let escaped = Template::literal(below);
                        return format!("{{workspace}}/{escaped}").parse().unwrap_or(escaped);
                    }
                }
            }
        }
        Template::literal(name)
    }
}

fn template(text: &str, place: &str) -> Result<Template, BuildError> {
    let wrong = |source| BuildError::Template { place: place.to_owned(), text: text.to_owned(), source };
    text.parse().map_err(wrong)
}

/// `folder` without `.` and empty parts.
fn tidy_folder(folder: &str) -> Result<String, BuildError> {
    let mut parts = Vec::new();
    for part in Path::new(folder).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(BuildError::Folder { folder: folder.to_owned() });
            }
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Catalogue, parse_tables};
    use std::fs;

    fn options(change: impl FnOnce(&mut SuiteOptions)) -> SuiteOptions {
        let mut options = SuiteOptions::default();
        change(&mut options);
        options
    }

    fn build(framework: &str, root: &Path, options: &SuiteOptions) -> Result<Built, BuildError> {
        build_recipe(
            &Catalogue::builtin().resolve(framework, root, &options.folder).expect("there"),
            root,
            options,
        )
    }

    #[test]
    fn programs_of_the_workspace_come_first() {
        let root = tempfile::tempdir().expect("a folder");
        for path in ["node_modules/.bin/jest", "a{b}/c/x", ".venv/bin/pytest"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        let folder = options(|options| options.folder = "./a{b}/c/".to_owned());
        let jest = build("jest", root.path(), &folder).expect("a recipe").recipe;
        assert_eq!(
            (jest.command[0].as_str(), jest.folder.as_str()),
            ("{workspace}/node_modules/.bin/jest", "a{b}/c")
        );
        let program = |options: &SuiteOptions| {
            build("pytest", root.path(), options).expect("a recipe").recipe.command.remove(0)
        };
        assert_eq!(program(&SuiteOptions::default()), "{workspace}/.venv/bin/pytest");
        let active = options(|options| options.inherited = ["VIRTUAL_ENV".to_owned()].into());
        assert_eq!(program(&active), "pytest");
        let vitest = build("vitest", root.path(), &folder).expect("a recipe").recipe;
        assert_eq!(vitest.command[0], "node");
    }

    #[test]
    fn a_suite_adds_to_its_framework() {
        let root = tempfile::tempdir().expect("a folder");
        let suite = options(|options| {
            options.browser = Some("firefox".to_owned());
            options.args = vec!["--headed".to_owned(), "--x={artifacts}".to_owned()];
            options.env = [("JSON".to_owned(), "{\"a\": 1}".to_owned())].into();
            options.private_env = [("TOKEN".to_owned(), "secret".to_owned())].into();
            options.timeout = Some(Millis::ZERO);
        });
        let built = build("playwright", root.path(), &suite).expect("a recipe");
        let tail = &built.recipe.command[6..];
        let wanted = ["--browser=firefox", "--headed", "--x={artifacts}", "^{folder|regex}/{specs|regex}$"];
        assert_eq!(tail, wanted);
        assert_eq!(built.recipe.env["JSON"], "{{\"a\": 1}}");
        assert_eq!(built.recipe.env["TOKEN"], "secret");
        assert_eq!(built.requirements.to_string(), "browser.firefox");
        assert_eq!(built.recipe.timeout, None);
        let line = crate::reproduce(&built.recipe, "a.spec.ts").expect("a line");
        let wanted =
            r#"JSON='{"a": 1}' npx playwright test --browser=firefox --headed --x=artifacts a.spec.ts"#;
        assert_eq!(line, wanted);
    }

    #[test]
    fn projects_of_playwright_are_its_browsers() {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("playwright.config.ts"), "export default { projects: [] }")
            .expect("a file");
        let suite = options(|options| options.browser = Some("webkit".to_owned()));
        let command = build("playwright", root.path(), &suite).expect("a recipe").recipe.command;
        assert!(command.contains(&"--project=webkit".to_owned()), "{command:?}");
    }

    #[test]
    fn generic_suites_say_their_command() {
        let root = tempfile::tempdir().expect("a folder");
        let report = "[frameworks.x]\nreport = { format = \"tap\", stdout = true }";
        let report = parse_tables(report).expect("readable").0.remove("x").expect("there").report;
        let suite = options(|options| {
            options.command = Some(vec!["sh".to_owned(), "{spec}".to_owned(), "{browser}".to_owned()]);
            options.report = Some(report);
            options.browser = Some("chromium".to_owned());
        });
        let built = build("generic", root.path(), &suite).expect("a recipe");
        assert_eq!(built.recipe.report.place, ReportPlace::Stdout);
        assert_eq!(built.requirements.to_string(), "browser.chromium");
        assert_eq!(crate::reproduce(&built.recipe, "a.sh").expect("a line"), "sh a.sh chromium");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let table: [(&str, SuiteOptions, &str); 6] = [
            ("generic", SuiteOptions::default(), "the suite has to say its `command`"),
            (
                "jest",
                options(|o| o.browser = Some("opera".to_owned())),
                "\"jest\" knows no browser \"opera\" (it knows none)",
            ),
            (
                "cypress",
                options(|o| o.browser = Some("opera".to_owned())),
                "(it knows chrome, chromium, edge, electron,",
            ),
            (
                "jest",
                options(|o| o.folder = "../x".to_owned()),
                "folder \"../x\" is not inside the workspace",
            ),
            ("jest", options(|o| o.args = vec!["{x}".to_owned()]), "args[0]: \"{x}\""),
            (
                "generic",
                options(|o| o.command = Some(Vec::new())),
                "frameworks.suite.command: names no program",
            ),
        ];
        for (framework, options, part) in table {
            let error = build(framework, root.path(), &options).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
