//! `[workspace]` and `[[setup]]`: what travels to a mesh, and what is done there once before specs run.

use super::decode::{Findings, Known, Section, checked};
use super::file::decode_folder;
use super::model::{Setup, WorkspaceRules};
use super::suggest::did_you_mean;
use super::values::{check_name, parse_size};
use part_core::{Millis, SetupStep};
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::DeValue;

pub(super) const WORKSPACE: Known = Known {
    keys: &["include", "exclude", "max-files", "max-bytes"],
    elsewhere: &[("setup", "a section [[setup]]")],
};
pub(super) const SETUP: Known = Known {
    keys: &["name", "run", "folder", "key", "keep", "env", "timeout", "suites"],
    elsewhere: &[
        ("include", "[workspace]"),
        ("exclude", "[workspace]"),
        ("requires", "[suites.NAME] or [groups.LABEL]"),
    ],
};

/// Steps of a project: each is a command that every worker of a run pays for.
const MOST_STEPS: usize = 32;
/// How long a step may take unless it says otherwise.
const TIMEOUT: Millis = Millis::seconds(15 * 60);

pub(super) fn decode_workspace(top: &Section<'_, '_>, findings: &mut Findings<'_>) -> WorkspaceRules {
    let Some(section) = top.section("workspace", findings) else { return WorkspaceRules::default() };
    section.warn_unknown(WORKSPACE, findings);
    WorkspaceRules {
        include: decode_globs(&section, "include", findings),
        exclude: decode_globs(&section, "exclude", findings),
        max_files: section.count("max-files", 1..=part_workspace::MOST_FILES, findings),
        max_bytes: decode_size(&section, "max-bytes", findings),
    }
}

fn decode_globs(section: &Section<'_, '_>, key: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let texts = section.texts(key, findings).unwrap_or_default();
    for text in &texts {
        checked(findings, text.span(), part_workspace::check_glob(text.get_ref()));
    }
    texts.into_iter().map(Spanned::into_inner).collect()
}

fn decode_size(section: &Section<'_, '_>, key: &str, findings: &mut Findings<'_>) -> Option<u64> {
    let value = section.value(key)?;
    if let Some(number) = value.get_ref().as_integer() {
        let message = format!("{key:?} is a size and needs a unit");
        findings.error_with_help(
            value.span(),
            message,
            format!("write \"{}GiB\" or the like", number.as_str()),
        );
        return None;
    }
    let text = section.text(key, findings)?;
    checked(findings, text.span(), parse_size(text.get_ref()))
}

/// The steps, in the order of the file. `suites` are the names of all suites, of broken ones too.
pub(super) fn decode_setup(
    top: &Section<'_, '_>,
    suites: &[String],
    findings: &mut Findings<'_>,
) -> Vec<Setup> {
    let Some(value) = top.value("setup") else { return Vec::new() };
    let Some(elements) = value.get_ref().as_array() else {
        let help = "each step is a section of its own: [[setup]]";
        findings.error_with_help(value.span(), "\"setup\" is a list of tables", help);
        return Vec::new();
    };
    let mut steps = Vec::new();
    let mut names = BTreeSet::new();
    for element in elements.iter() {
        let DeValue::Table(table) = element.get_ref() else {
            let help = "each step is a section of its own: [[setup]]";
            findings.error_with_help(element.span(), "a setup step is a table", help);
            continue;
        };
        let section = Section::new("[setup]", element.span(), table);
        if let Some(step) = decode_step(&section, suites, findings) {
            if !names.insert(step.step.name.clone()) {
                let at = section.value("name").map_or(section.at.clone(), Spanned::span);
                findings.error(at, format!("there is another setup step {:?}", step.step.name));
            }
            steps.push(step);
        }
    }
    if steps.len() > MOST_STEPS {
        findings
            .error(value.span(), format!("there are {} setup steps, allowed are {MOST_STEPS}", steps.len()));
    }
    steps
}

fn decode_step(section: &Section<'_, '_>, suites: &[String], findings: &mut Findings<'_>) -> Option<Setup> {
    section.warn_unknown(SETUP, findings);
    let command = decode_run(section, findings);
    let name = match section.text("name", findings) {
        Some(name) => {
            checked(findings, name.span(), check_name("name of a setup step", name.get_ref()));
            Some(name.into_inner())
        }
        None if section.value("name").is_some() => None,
        // What it runs is as good a name.
        None => section.value("run").and_then(|run| run.get_ref().as_str()).map(str::to_owned),
    };
    if name.is_none() && section.value("name").is_none() {
        let help = "add name = \"…\", such as \"npm ci\"";
        findings.error_with_help(section.at.clone(), "a setup step does not say its name", help);
    }
    let (key, keep) = (decode_paths(section, "key", findings), decode_paths(section, "keep", findings));
    if key.is_empty() && !keep.is_empty() {
        let at = section.value("keep").map_or(section.at.clone(), Spanned::span);
        let help = "add key = [\"…\"] with the files that it depends on, such as a lock file";
        findings.error_with_help(
            at,
            "what is kept has to have a \"key\" that tells when it is out of date",
            help,
        );
    }
    let step = SetupStep {
        name: name?,
        command: command?,
        folder: decode_folder(section, findings).unwrap_or_default(),
        key,
        keep,
        env: section.env("env", findings),
        timeout: decode_timeout(section, findings),
    };
    Some(Setup { step, suites: decode_suites(section, suites, findings) })
}

/// A text goes to a shell, a list is run as it is.
fn decode_run(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Vec<String>> {
    let Some(value) = section.value("run") else {
        let help = "add run = \"…\", such as \"npm ci\"";
        findings.error_with_help(section.at.clone(), "a setup step does not say what to run", help);
        return None;
    };
    let command: Vec<String> = match value.get_ref().as_str() {
        Some(script) => vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
        None => section.texts("run", findings)?.into_iter().map(Spanned::into_inner).collect(),
    };
    let empty =
        command.last().is_none_or(|last| last.trim().is_empty() && value.get_ref().as_str().is_some())
            || command.first().is_none_or(|program| program.trim().is_empty());
    if empty {
        findings.error(value.span(), "there is nothing to run in \"run\"");
        return None;
    }
    if command.iter().any(|part| part.contains('\0')) {
        findings.error(value.span(), "\"run\" has a NUL character");
        return None;
    }
    Some(command)
}

/// Files or folders, relative to the step's folder.
fn decode_paths(section: &Section<'_, '_>, key: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for text in section.texts(key, findings).unwrap_or_default() {
        let path = text.get_ref().trim_start_matches("./").trim_end_matches('/').to_owned();
        match part_workspace::check_path(&path) {
            Ok(()) => paths.push(path),
            Err(rule) => {
                let message = format!("{:?} is no path of the step's folder: {rule}", text.get_ref());
                let help = match path.contains(['*', '?']) {
                    true => "globs are not taken here: name the file or the folder",
                    false => "write it relative to the step's folder, like \"package-lock.json\"",
                };
                findings.error_with_help(text.span(), message, help);
            }
        }
    }
    // What lies in another one that is kept is kept with it.
    let all = paths.clone();
    paths.retain(|path| {
        !all.iter().any(|other| path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('/')))
    });
    paths.sort();
    paths.dedup();
    paths
}

fn decode_timeout(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Millis {
    let Some(length) = section.duration("timeout", findings) else { return TIMEOUT };
    if length == Millis::ZERO {
        let at = section.value("timeout").map_or(0..0, Spanned::span);
        findings.error(at, "\"timeout\" has to be longer than nothing");
    }
    length
}

fn decode_suites(section: &Section<'_, '_>, suites: &[String], findings: &mut Findings<'_>) -> Vec<String> {
    let names = section.texts("suites", findings).unwrap_or_default();
    for name in names.iter().filter(|name| !suites.contains(name.get_ref())) {
        let message = format!("there is no suite {:?}", name.get_ref());
        let help = did_you_mean(name.get_ref(), "suites", suites.iter().map(String::as_str));
        findings.error_with_help(name.span(), message, help);
    }
    names.into_iter().map(Spanned::into_inner).collect()
}

#[cfg(test)]
mod tests;
