//! Which groups are submitted, and what each is made of, before anything is looked for.

use super::error::ResolveError;
use super::request::{Overrides, Selection};
use super::rules::Rules;
use crate::config::{
    FILE_NAME, Group, Project, Settings, SpecGlob, Suite, check_env, check_name, did_you_mean,
};
use part_core::Requirement;
use std::path::{Component, Path, PathBuf};

/// A group that is to be submitted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'p> {
    pub(crate) label: String,
    pub(crate) suite: &'p Suite,
    /// Globs of part.toml; none means the framework's own.
    pub(crate) globs: Option<&'p [SpecGlob]>,
    pub(crate) exclude: Vec<&'p SpecGlob>,
    pub(crate) settings: Settings,
    /// What part.toml says of single specs.
    pub(crate) rules: Rules<'p>,
    /// What `--spec` says, empty without one.
    pub(crate) asked: Vec<AskedGlob>,
    /// `--spec` comes in place of the globs; else it chooses among what they stand for.
    pub(crate) instead: bool,
}

/// A glob of `--spec` in each way that it may be meant: the first by which it matches anything counts.
#[derive(Clone, Debug)]
pub(crate) struct AskedGlob {
    /// As it was typed.
    pub(crate) typed: String,
    /// Relative to the suite's folder.
    pub(crate) readings: Vec<SpecGlob>,
}

/// The groups of a submit, at least one.
pub(crate) fn wanted<'p>(
    project: &'p Project,
    selection: &Selection,
    overrides: &Overrides,
    cwd: &Path,
) -> Result<Vec<Wanted<'p>>, ResolveError> {
    if project.suites.is_empty() {
        return Err(ResolveError::NoSuites { file: file_of(project) });
    }
    let suite = selection.suite.as_deref().map(|name| suite_named(project, name)).transpose()?;
    let over = settings_of(overrides)?;
    let mut chosen = Vec::new();
    if selection.groups.is_empty() {
        chosen = without_labels(project, suite);
    }
    for label in &selection.groups {
        if !chosen.iter().any(|group: &Base<'_>| group.label == label.as_str()) {
            chosen.push(with_label(project, label, suite, selection)?);
        }
    }
    let instead = chosen.len() == 1;
    let finish = |base: Base<'p>| {
        let asked = asked(selection, base.suite, project, cwd)?;
        Ok(Wanted {
            label: base.label,
            suite: base.suite,
            globs: base.group.and_then(|group| group.specs.as_deref()).or(base.suite.specs.as_deref()),
            exclude: base
                .suite
                .exclude
                .iter()
                .chain(base.group.iter().flat_map(|group| &group.exclude))
                .collect(),
            settings: match base.group {
                Some(group) => base.suite.settings.under(&group.settings).under(&over),
                None => base.suite.settings.under(&over),
            },
            rules: Rules {
                suite: &base.suite.rules,
                group: base.group.map(|group| group.rules.as_slice()).unwrap_or_default(),
            },
            asked,
            instead,
        })
    };
    chosen.into_iter().map(finish).collect()
}

/// A group before flags are looked at.
struct Base<'p> {
    label: String,
    suite: &'p Suite,
    group: Option<&'p Group>,
}

fn without_labels<'p>(project: &'p Project, suite: Option<&'p Suite>) -> Vec<Base<'p>> {
    let of_suite = |group: &&Group| suite.is_none_or(|suite| suite.name == group.suite);
    let groups: Vec<Base<'p>> = project
        .groups
        .iter()
        .filter(of_suite)
        .filter_map(|group| {
            Some(Base { label: group.label.clone(), suite: project.suite(&group.suite)?, group: Some(group) })
        })
        .collect();
    if !groups.is_empty() {
        return groups;
    }
    let whole = |suite: &'p Suite| Base { label: suite.name.clone(), suite, group: None };
    match suite {
        Some(suite) => vec![whole(suite)],
        None => project.suites.iter().map(whole).collect(),
    }
}

fn with_label<'p>(
    project: &'p Project,
    label: &str,
    suite: Option<&'p Suite>,
    selection: &Selection,
) -> Result<Base<'p>, ResolveError> {
    if let Some(group) = project.group(label) {
        let own = suite_named(project, &group.suite)?;
        return Ok(Base { label: label.to_owned(), suite: suite.unwrap_or(own), group: Some(group) });
    }
    let whole = |suite| Base { label: label.to_owned(), suite, group: None };
    // Without groups in part.toml, each suite is one.
    if let (true, None, Some(suite)) = (project.groups.is_empty(), suite, project.suite(label)) {
        return Ok(whole(suite));
    }
    check_name("group label", label)?;
    let made_up = selection.groups.len() == 1 && (suite.is_some() || !selection.specs.is_empty());
    match (made_up, suite, project.suites.as_slice()) {
        (true, Some(suite), _) | (true, None, [suite]) => Ok(whole(suite)),
        (true, None, suites) => Err(ResolveError::WhichSuite {
            label: label.to_owned(),
            suites: suites.iter().map(|suite| suite.name.clone()).collect(),
        }),
        (false, _, _) => Err(ResolveError::UnknownGroup {
            label: label.to_owned(),
            file: file_of(project),
            hints: vec![
                did_you_mean(label, "groups", labels(project)),
                "a group that is not in part.toml needs --suite or --spec".to_owned(),
            ],
        }),
    }
}

/// The labels that there are: of groups, or of suites where there is no group.
fn labels(project: &Project) -> Vec<&str> {
    if project.groups.is_empty() {
        return project.suites.iter().map(|suite| suite.name.as_str()).collect();
    }
    project.groups.iter().map(|group| group.label.as_str()).collect()
}

fn suite_named<'p>(project: &'p Project, name: &str) -> Result<&'p Suite, ResolveError> {
    project.suite(name).ok_or_else(|| ResolveError::UnknownSuite {
        name: name.to_owned(),
        file: file_of(project),
        hints: vec![did_you_mean(name, "suites", project.suites.iter().map(|suite| suite.name.as_str()))],
    })
}

fn file_of(project: &Project) -> String {
    project.file.file_name().map_or(FILE_NAME.into(), |name| name.to_string_lossy()).into_owned()
}

/// The flags in the shape of a section, but for the environment, which may be secret.
fn settings_of(overrides: &Overrides) -> Result<Settings, ResolveError> {
    for (name, value) in &overrides.env {
        check_env(name, value).map_err(ResolveError::Env)?;
    }
    if let Some(browser) = &overrides.browser {
        check_name("browser", browser)?;
    }
    let requires: Result<Vec<Requirement>, _> = overrides.require.iter().map(|text| text.parse()).collect();
    let mut settings = Settings {
        requires: requires.map_err(ResolveError::Requirement)?,
        browser: overrides.browser.clone(),
        idle_timeout: overrides.idle_timeout,
        retries: overrides.retries,
        list_tests: overrides.list_tests,
        balance: overrides.balance,
        locks: overrides.locks.clone(),
        ..Settings::default()
    };
    settings.limit(overrides.timeout);
    Ok(settings)
}

fn asked(
    selection: &Selection,
    suite: &Suite,
    project: &Project,
    cwd: &Path,
) -> Result<Vec<AskedGlob>, ResolveError> {
    selection.specs.iter().map(|typed| asked_glob(typed, &suite.folder, &project.root, cwd)).collect()
}

/// The readings of a typed glob: as it stands in the suite's folder, from the root, from the current folder.
fn asked_glob(typed: &str, folder: &str, root: &Path, cwd: &Path) -> Result<AskedGlob, ResolveError> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    // Where a shell or an editor would look.
    let here = tidy(&cwd.join(typed));
    let here =
        here.strip_prefix(root).ok().and_then(Path::to_str).and_then(|path| path.strip_prefix(&prefix));
    let slash = if typed.ends_with('/') { "/" } else { "" };
    let here = here.map(|path| format!("{path}{slash}"));
    let leads_away = Path::new(typed).is_absolute() || typed.split('/').any(|part| part == "..");
    let texts: Vec<String> = match (leads_away, here) {
        (true, Some(here)) => vec![here],
        (true, None) => vec![typed.to_owned()],
        (false, here) => {
            let from_root = typed.trim_start_matches("./").strip_prefix(&prefix);
            let first = [Some(typed.to_owned()), from_root.map(str::to_owned), here];
            first.into_iter().flatten().collect()
        }
    };
    let mut readings = Vec::new();
    for text in texts {
        let glob = SpecGlob::parse(&text).map_err(ResolveError::Glob)?;
        if !readings.contains(&glob) {
            readings.push(glob);
        }
    }
    Ok(AskedGlob { typed: typed.to_owned(), readings })
}

/// A path without `.` and `..`, as far as that can be told from its text.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => tidy.push(part),
        }
    }
    tidy
}
