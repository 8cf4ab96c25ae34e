//! The sections of part.toml, from text to [`Project`].

use super::balance::{decode_balance, decode_collection_behavior, decode_limit, decode_locks};
use super::decode::{Findings, Known, Section, checked};
use super::error::{ConfigError, Problems};
use super::frameworks::{
    Frameworks, check_browser, decode_command, decode_frameworks, decode_report, templates,
};
use super::locate::Warning;
use super::model::{Group, Project, Settings, Suite};
use super::rules::decode_rules;
use super::run::decode_run;
use super::source::SourceText;
use super::suggest::did_you_mean;
use super::values::check_name;
use super::workspace::{decode_setup, decode_workspace};
use part_core::Bounds;
use part_frameworks::table::Framework;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const TOP: Known = Known {
    keys: &["project", "run", "workspace", "setup", "frameworks", "suites", "groups"],
    elsewhere: &[
        ("name", "[project]"),
        ("max-failures", "[run]"),
        ("workers", "[run]"),
        ("framework", "[suites.NAME]"),
        ("include", "[workspace]"),
    ],
};
pub(super) const PROJECT: Known = Known { keys: &["name"], elsewhere: &[] };
pub(super) const SUITE: Known = Known {
    keys: &[
        "framework",
        "folder",
        "specs",
        "exclude",
        "command",
        "report",
        "requires",
        "env",
        "args",
        "artifacts",
        "browser",
        "timeout",
        "idle-timeout",
        "grace",
        "retries",
        "list-tests",
        "copy-workspace",
        "parallel",
        "max-threads",
        "algorithm",
        "backups",
        "batches",
        "split",
        "locks",
        "collections",
        "collection-behavior",
        "assemblies",
        "quarantine",
        "rules",
    ],
    elsewhere: &[
        ("suite", "[groups.LABEL]"),
        ("max-failures", "[run]"),
        ("workers", "[run]"),
        ("retry-budget", "[run]"),
        ("failed-first", "[run]"),
    ],
};
pub(super) const GROUP: Known = Known {
    keys: &[
        "suite",
        "specs",
        "exclude",
        "requires",
        "env",
        "args",
        "artifacts",
        "browser",
        "timeout",
        "idle-timeout",
        "grace",
        "retries",
        "list-tests",
        "copy-workspace",
        "parallel",
        "max-threads",
        "algorithm",
        "backups",
        "batches",
        "split",
        "locks",
        "collections",
        "collection-behavior",
        "assemblies",
        "quarantine",
        "rules",
    ],
    elsewhere: &[
        ("framework", "[suites.NAME]"),
        ("folder", "[suites.NAME]"),
        ("command", "[suites.NAME]"),
        ("report", "[suites.NAME]"),
        ("max-failures", "[run]"),
        ("workers", "[run]"),
        ("retry-budget", "[run]"),
        ("failed-first", "[run]"),
    ],
};

/// Reads the text of a part.toml. `shown` is how problems name the file, `root` the absolute folder it is in.
pub(crate) fn parse(
    text: &str,
    shown: &Path,
    file: &Path,
    root: &Path,
) -> Result<(Project, Vec<Warning>), ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut findings = Findings::new(SourceText::new(shown, text));
    let (document, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        for error in syntax {
            let at = error.span().unwrap_or(text.len()..text.len());
            findings.error(at, error.message().lines().collect::<Vec<_>>().join(", "));
        }
        return Err(ConfigError::Invalid { problems: Problems::new(findings.errors) });
    }
    let top = Section::new("", 0..0, document.get_ref());
    top.warn_unknown(TOP, &mut findings);
    let name = decode_project(&top, root, &mut findings);
    let run = decode_run(&top, &mut findings);
    let frameworks = decode_frameworks(&top, &mut findings);
    let suites = decode_suites(&top, &frameworks, &mut findings);
    let groups = decode_groups(&top, &suites, &frameworks, &mut findings);
    let workspace = decode_workspace(&top, &mut findings);
    let setup = decode_setup(&top, &suite_names(&top), &mut findings);
    if !findings.errors.is_empty() {
        return Err(ConfigError::Invalid { problems: Problems::new(findings.errors) });
    }
    findings.warnings.sort_by_key(|warning| (warning.line, warning.column));
    let catalogue = frameworks.catalogue;
    let (root, file) = (root.to_owned(), file.to_owned());
    let project = Project { root, file, name, run, workspace, setup, catalogue, suites, groups };
    Ok((project, findings.warnings))
}

fn decode_project(top: &Section<'_, '_>, root: &Path, findings: &mut Findings<'_>) -> String {
    let folder = || root.file_name().map_or("project".to_owned(), |name| name.to_string_lossy().into_owned());
    let Some(section) = top.section("project", findings) else { return folder() };
    section.warn_unknown(PROJECT, findings);
    match section.text("name", findings) {
        Some(name) => {
            checked(findings, name.span(), check_name("project name", name.get_ref()));
            name.into_inner()
        }
        None => folder(),
    }
}

fn decode_suites(top: &Section<'_, '_>, frameworks: &Frameworks, findings: &mut Findings<'_>) -> Vec<Suite> {
    let sections = named_sections(top, "suites", "suite name", findings);
    sections
        .into_iter()
        .filter_map(|(name, section)| decode_suite(name, &section, frameworks, findings))
        .collect()
}

fn decode_suite(
    name: String,
    section: &Section<'_, '_>,
    frameworks: &Frameworks,
    findings: &mut Findings<'_>,
) -> Option<Suite> {
    section.warn_unknown(SUITE, findings);
    let framework = decode_framework(section, frameworks, findings);
    let framework = framework.as_ref();
    if let Some(framework) = framework {
        check_browser(section, framework, findings);
    }
    Some(Suite {
        folder: decode_folder(section, findings).unwrap_or_default(),
        specs: section.globs("specs", findings),
        exclude: section.globs("exclude", findings).unwrap_or_default(),
        command: framework.and_then(|framework| decode_command(section, framework, findings)),
        report: framework.and_then(|framework| decode_report(section, framework, findings)),
        settings: decode_settings(section, findings),
        rules: decode_rules(section, findings),
        framework: framework?.name.clone(),
        name,
    })
}

fn decode_framework(
    section: &Section<'_, '_>,
    frameworks: &Frameworks,
    findings: &mut Findings<'_>,
) -> Option<Framework> {
    let catalogue = &frameworks.catalogue;
    if section.value("framework").is_none() {
        let message = format!("[{}] does not say its framework", section.name);
        let help =
            format!("add framework = \"…\" with one of {}", catalogue.names().collect::<Vec<_>>().join(", "));
        findings.error_with_help(section.at.clone(), message, help);
        return None;
    }
    let name = section.text("framework", findings)?;
    match catalogue.get(name.get_ref()) {
        Ok(framework) => Some(framework),
        Err(_) => {
            // A table of the project's own that is wrong has been reported where it stands.
            if !frameworks.broken.contains(name.get_ref()) {
                let message = format!("unknown framework {:?}", name.get_ref());
                let help = did_you_mean(name.get_ref(), "known frameworks", catalogue.names());
                findings.error_with_help(name.span(), message, help);
            }
            None
        }
    }
}

/// A folder relative to the workspace root, without `.` and `..`.
pub(super) fn decode_folder(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<String> {
    let written = section.text("folder", findings)?;
    let text = written.get_ref();
    if text.starts_with('/') || text.split('/').any(|part| part == "..") || text.chars().any(char::is_control)
    {
        let help = "write it relative to the folder of part.toml, like \"services/api\"";
        findings.error_with_help(written.span(), format!("{text:?} is no folder of the workspace"), help);
        return None;
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Some(parts.join("/"))
}

fn decode_groups(
    top: &Section<'_, '_>,
    suites: &[Suite],
    frameworks: &Frameworks,
    findings: &mut Findings<'_>,
) -> Vec<Group> {
    let names = suite_names(top);
    let mut groups = Vec::new();
    for (label, section) in named_sections(top, "groups", "group label", findings) {
        let Some(group) = decode_group(label, &section, &names, findings) else { continue };
        let suite = suites.iter().find(|suite| suite.name == group.suite);
        if let Some(framework) = suite.and_then(|suite| frameworks.catalogue.get(&suite.framework).ok()) {
            check_browser(&section, &framework, findings);
        }
        groups.push(group);
    }
    groups
}

/// Names of all suites in the order of the file, of broken ones too: a group of a broken suite is not wrong for it.
fn suite_names(top: &Section<'_, '_>) -> Vec<String> {
    let Some(DeValue::Table(table)) = top.value("suites").map(Spanned::get_ref) else { return Vec::new() };
    let suites = Section::new("suites", 0..0, table);
    suites.entries().into_iter().map(|(name, _)| name.get_ref().clone().into_owned()).collect()
}

fn decode_group(
    label: String,
    section: &Section<'_, '_>,
    suites: &[String],
    findings: &mut Findings<'_>,
) -> Option<Group> {
    section.warn_unknown(GROUP, findings);
    let group = Group {
        label,
        suite: decode_suite_name(section, suites, findings).unwrap_or_default(),
        specs: section.globs("specs", findings),
        exclude: section.globs("exclude", findings).unwrap_or_default(),
        settings: decode_settings(section, findings),
        rules: decode_rules(section, findings),
    };
    (!group.suite.is_empty()).then_some(group)
}

/// The group's suite; the only one where the group does not say.
fn decode_suite_name(
    section: &Section<'_, '_>,
    suites: &[String],
    findings: &mut Findings<'_>,
) -> Option<String> {
    let known = || suites.iter().map(String::as_str);
    if section.value("suite").is_none() {
        if let [only] = suites {
            return Some(only.clone());
        }
        let message = format!("[{}] does not say its suite", section.name);
        let help = match suites {
            [] => "add a section [suites.NAME] and suite = \"NAME\"".to_owned(),
            several => format!("add suite = \"…\" with one of {}", several.join(", ")),
        };
        findings.error_with_help(section.at.clone(), message, help);
        return None;
    }
    let name = section.text("suite", findings)?;
    if !suites.contains(name.get_ref()) {
        let message = format!("there is no suite {:?}", name.get_ref());
        findings.error_with_help(name.span(), message, did_you_mean(name.get_ref(), "suites", known()));
        return None;
    }
    Some(name.into_inner())
}

fn decode_settings(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Settings {
    let browser = section.text("browser", findings);
    if let Some(browser) = &browser {
        checked(findings, browser.span(), check_name("browser", browser.get_ref()));
    }
    let limit = decode_limit(section, "timeout", findings);
    let mut settings = Settings {
        requires: section.requirements("requires", findings),
        env: section.env("env", findings),
        args: decode_templates(section, "args", findings),
        artifacts: decode_templates(section, "artifacts", findings),
        browser: browser.map(Spanned::into_inner),
        timeout: None,
        timeout_percent: None,
        idle_timeout: section.duration("idle-timeout", findings),
        grace: section.duration("grace", findings),
        retries: section.count("retries", 0..=Bounds::DEFAULT.retries, findings),
        list_tests: section.boolean("list-tests", findings),
        copy_workspace: section.boolean("copy-workspace", findings),
        balance: decode_balance(section, findings),
        collection_behavior: decode_collection_behavior(section, findings),
        locks: decode_locks(section, findings),
    };
    settings.limit(limit);
    settings
}

/// Texts with placeholders, checked and kept as they are written.
fn decode_templates(section: &Section<'_, '_>, key: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let texts = section.texts(key, findings).unwrap_or_default();
    templates(&texts, findings);
    texts.into_iter().map(Spanned::into_inner).collect()
}

/// The tables of `[suites]` or `[groups]`, with their checked names, in the order of the file.
fn named_sections<'a, 'd>(
    top: &Section<'a, 'd>,
    key: &'static str,
    what: &'static str,
    findings: &mut Findings<'_>,
) -> Vec<(String, Section<'a, 'd>)> {
    let Some(all) = top.section(key, findings) else { return Vec::new() };
    let mut sections = Vec::new();
    for (name, _) in all.entries() {
        checked(findings, name.span(), check_name(what, name.get_ref()));
        if let Some(section) = all.section(name.get_ref(), findings) {
            sections.push((name.get_ref().clone().into_owned(), section));
        }
    }
    sections
}
