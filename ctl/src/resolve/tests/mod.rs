//! Whole resolutions of small workspaces, with listing commands played by a script.

mod chosen;
mod listed;
mod nothing;
mod process;
mod recipes;
mod rules;
mod specs;
mod xunit;

use super::{
    CallError, CallOutput, Lister, Overrides, ResolveError, Resolved, Selection, Surroundings, resolve,
};
use crate::config::load;
use futures::future::BoxFuture;
use part_core::{ExitStatus, SubmissionId};
use part_frameworks::listing::ListPlan;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

/// A folder with a part.toml and files; every file holds its own name.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn new(part_toml: &str, files: &[&str]) -> Self {
        let workshop = Workshop { folder: tempfile::tempdir().expect("a folder") };
        workshop.write("part.toml", part_toml);
        for file in files {
            workshop.write(file, file);
        }
        workshop
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    /// Resolves as from the root, with a script that lists nothing.
    fn resolve(&self, selection: &Selection, overrides: &Overrides) -> Result<Resolved, ResolveError> {
        self.resolve_from("", selection, overrides, &Script::default())
    }

    fn resolve_from(
        &self,
        cwd: &str,
        selection: &Selection,
        overrides: &Overrides,
        lister: &dyn Lister,
    ) -> Result<Resolved, ResolveError> {
        let root = self.root();
        let (project, warnings) = load(None, &root).expect("a good part.toml");
        assert_eq!(warnings, []);
        let surroundings = surroundings(root.join(cwd));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(resolve(&project, selection, overrides, &surroundings, lister))
    }

    /// Labels with their specs; what was asked for by flags is `--group X --suite Y --spec Z`.
    fn specs(&self, flags: &str) -> Result<Vec<(String, Vec<String>)>, ResolveError> {
        self.specs_from("", flags)
    }

    fn specs_from(&self, cwd: &str, flags: &str) -> Result<Vec<(String, Vec<String>)>, ResolveError> {
        let resolved =
            self.resolve_from(cwd, &selection(flags), &Overrides::default(), &Script::default())?;
        let groups = resolved.submission.groups.into_iter();
        Ok(groups
            .map(|group| (group.label, group.specs.into_iter().map(|spec| spec.name).collect()))
            .collect())
    }

    /// The specs of the only group.
    fn only(&self, flags: &str) -> Vec<String> {
        let mut groups = self.specs(flags).expect(flags);
        assert_eq!(groups.len(), 1, "{groups:?}");
        groups.remove(0).1
    }
}

fn surroundings(cwd: PathBuf) -> Surroundings {
    Surroundings {
        cwd,
        env: BTreeMap::from([("USER".to_owned(), "someone".to_owned())]),
        inherits: true,
        host: "here".to_owned(),
        submission: SubmissionId(7),
        random: 0xabcd,
    }
}

fn selection(flags: &str) -> Selection {
    let mut selection = Selection::default();
    let mut words = flags.split(' ').filter(|word| !word.is_empty());
    while let Some(flag) = words.next() {
        let value = words.next().expect("a value").to_owned();
        match flag {
            "--group" => selection.groups.push(value),
            "--suite" => selection.suite = Some(value),
            "--spec" => selection.specs.push(value),
            other => panic!("no such flag: {other}"),
        }
    }
    selection
}

fn group(label: &str, specs: &[&str]) -> (String, Vec<String>) {
    (label.to_owned(), specs.iter().map(|spec| (*spec).to_owned()).collect())
}

/// Plays listing commands: the answer whose words occur in the command line, else one that fails.
#[derive(Default)]
struct Script {
    answers: Vec<(&'static str, i32, &'static str)>,
    /// The command lines that were called.
    called: Mutex<Vec<String>>,
}

impl Script {
    fn new(answers: &[(&'static str, i32, &'static str)]) -> Self {
        Script { answers: answers.to_vec(), called: Mutex::default() }
    }

    fn calls(&self) -> Vec<String> {
        self.called.lock().expect("not poisoned").clone()
    }
}

impl Lister for Script {
    fn call<'a>(&'a self, plan: &'a ListPlan) -> BoxFuture<'a, Result<CallOutput, CallError>> {
        let line = plan.argv.join(" ");
        self.called.lock().expect("not poisoned").push(line.clone());
        let answer = self.answers.iter().find(|(words, _, _)| line.contains(words));
        let (code, text) = answer.map_or((1, "nothing to say"), |(_, code, text)| (*code, *text));
        if let (Some(file), 0) = (&plan.file, code) {
            plan.prepare().expect("a folder");
            std::fs::write(file, text).expect("a file");
        }
        let stdout = if plan.file.is_some() { Vec::new() } else { text.as_bytes().to_vec() };
        let output = CallOutput { exit: ExitStatus::Code(code), stdout, stderr: Vec::new() };
        Box::pin(std::future::ready(Ok(output)))
    }
}

/// An error with the workspace's path cut out, and its hints.
fn told(error: &ResolveError, root: &Path) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!("\n  caused by: {cause}"));
        next = cause.source();
    }
    for hint in error.hints() {
        text.push_str(&format!("\n  hint: {hint}"));
    }
    text.replace(&root.display().to_string(), "ROOT")
}
