//! Programs that recipes name in the workspace, and that have to be there on a worker too.

use crate::error::{CliError, Kind};
use part_core::{GroupSubmission, SetupStep};
use part_workspace::Manifest;

/// What stands before a path of the workspace in a recipe.
const WORKSPACE: &str = "{workspace}/";

/// Checks that every program of the workspace which a recipe runs travels, or is made by a setup step.
pub(super) fn check(
    groups: &[GroupSubmission],
    steps: &[SetupStep],
    manifest: &Manifest,
) -> Result<(), CliError> {
    for group in groups {
        for path in group.recipe.command.iter().filter_map(|part| literal(part)) {
            if manifest.get(&path).is_none() && !may_be_made(&path, steps) {
                return Err(missing(&group.label, &path));
            }
        }
    }
    Ok(())
}

/// A path of the workspace without placeholders.
fn literal(part: &str) -> Option<String> {
    let path = part.strip_prefix(WORKSPACE)?;
    let plain = path.replace("{{", "").replace("}}", "");
    (!plain.contains(['{', '}'])).then(|| path.replace("{{", "{").replace("}}", "}"))
}

/// True when a step keeps it, or a step does not say what it makes.
fn may_be_made(path: &str, steps: &[SetupStep]) -> bool {
    steps.iter().any(|step| {
        let prefix = if step.folder.is_empty() { String::new() } else { format!("{}/", step.folder) };
        step.keep.is_empty() || step.keep.iter().any(|kept| is_below(path, &format!("{prefix}{kept}")))
    })
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn missing(label: &str, path: &str) -> CliError {
    let folder = path.split("/.bin/").next().and_then(|at| at.split("/bin/").next()).unwrap_or(path);
    let message = format!("group {label:?} runs {path}, which does not travel: git ignores it");
    CliError::new(Kind::Config, message)
        .hint(format!("let every worker make it: a section [[setup]] in part.toml with keep = [{folder:?}]"))
        .hint(format!("or ship it: [workspace] include = [{folder:?}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{GroupPolicy, Millis, Recipe, Requirements};
    use part_workspace::{Digest, Entry, Kind as EntryKind};
    use std::collections::BTreeMap;

    fn group(program: &str) -> GroupSubmission {
        GroupSubmission {
            label: "e2e".to_owned(),
            suite: "e2e".to_owned(),
            requirements: Requirements::default(),
            policy: GroupPolicy::default(),
            recipe: Recipe::of_command(vec![
                program.to_owned(),
                "{spec}".to_owned(),
                "{workspace}/{spec}".to_owned(),
            ]),
            specs: Vec::new(),
            overhead: None,
        }
    }

    fn step(folder: &str, keep: &[&str]) -> SetupStep {
        SetupStep {
            name: "install".to_owned(),
            command: vec!["make".to_owned()],
            folder: folder.to_owned(),
            key: Vec::new(),
            keep: keep.iter().map(|path| (*path).to_owned()).collect(),
            env: BTreeMap::new(),
            timeout: Millis::seconds(1),
        }
    }

    #[test]
    fn a_program_has_to_be_there_on_a_worker() {
        let folder = |path: &str| Entry { path: path.to_owned(), kind: EntryKind::Folder };
        let kind = EntryKind::File { digest: Digest::of(b""), bytes: 0, executable: true };
        let manifest = Manifest::new(vec![folder("bin"), Entry { path: "bin/{x}".to_owned(), kind }])
            .expect("a manifest");
        let playwright = "{workspace}/web/node_modules/.bin/playwright";
        let table: [(&str, &[SetupStep], bool); 7] = [
            ("playwright", &[], true),
            ("{workspace}/bin/{{x}}", &[], true),
            ("{workspace}/bin/y", &[], false),
            (playwright, &[], false),
            (playwright, &[step("web", &["node_modules"])], true),
            (playwright, &[step("", &["node_modules"])], false),
            (playwright, &[step("", &[])], true),
        ];
        for (program, steps, fine) in table {
            assert_eq!(check(&[group(program)], steps, &manifest).is_ok(), fine, "{program} {steps:?}");
        }
        let error = check(&[group(playwright)], &[], &manifest).expect_err("it does not travel");
        assert!(error.hints()[1].contains("include = [\"web/node_modules\"]"), "{:?}", error.hints());
    }
}
