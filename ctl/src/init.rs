//! `partctl init`: a first part.toml from what a folder looks like.
//!
//! [`propose`] looks and writes nothing; [`Proposal::write`] writes. What is proposed loads without a warning, and
//! resolves where the frameworks' programs are there.

mod setup;

use crate::config::{FILE_NAME, check_name};
use part_frameworks::table::Catalogue;
use part_frameworks::{DetectError, Detection, detect};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A part.toml that could be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Where it belongs.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// The suites in it.
    pub suites: Vec<ProposedSuite>,
    /// What was seen and left out, or could not be told.
    pub notes: Vec<String>,
}

/// A suite of a [`Proposal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedSuite {
    /// Its name.
    pub name: String,
    /// The label of its group.
    pub group: String,
    /// The framework's name in part.toml.
    pub framework: String,
    /// The framework's name for people.
    pub title: String,
    /// Its folder, relative to the workspace; empty for the workspace itself.
    pub folder: String,
    /// What proves it, each a fragment such as `has pytest.ini`.
    pub why: Vec<String>,
    /// How many specs it has; none where only the framework's own program can say.
    pub specs: Option<usize>,
    globs: Vec<String>,
    globs_are_default: bool,
}

/// Why there is no part.toml. All of these are the user's to mend: exit code 2.
#[derive(Debug, Error)]
pub enum InitError {
    /// The folder is not there.
    #[error("cannot look into {}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder cannot be looked through.
    #[error("cannot look through {}", .folder.display())]
    Detect {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: DetectError,
    },
    /// No framework with specs was found.
    #[error("found no test framework with specs in {}", .folder.display())]
    NothingFound {
        /// The folder.
        folder: PathBuf,
        /// What was seen and is not enough.
        seen: Vec<String>,
    },
    /// There is a part.toml already.
    #[error("{} is there already", .file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {}", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl InitError {
    /// What the user may do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            InitError::NothingFound { seen, .. } => {
                let known: Vec<String> = Catalogue::builtin().names().map(str::to_owned).collect();
                let mut hints = seen.clone();
                hints.push(format!("known frameworks: {}", known.join(", ")));
                hints.push(
                    "anything that runs a file is a suite with framework = \"generic\" and a command: docs/part-toml.md"
                        .to_owned(),
                );
                hints
            }
            InitError::Exists { .. } => vec!["--force replaces it".to_owned()],
            InitError::Folder { .. } | InitError::Detect { .. } | InitError::Write { .. } => Vec::new(),
        }
    }
}

/// Looks for frameworks in a folder and below, and proposes a part.toml for it.
pub fn propose(folder: &Path) -> Result<Proposal, InitError> {
    let root =
        folder.canonicalize().map_err(|source| InitError::Folder { folder: folder.to_owned(), source })?;
    let detected = detect(&root, &Catalogue::builtin())
        .map_err(|source| InitError::Detect { folder: folder.to_owned(), source })?;
    let mut notes = detected.notes;
    let (useful, useless): (Vec<Detection>, Vec<Detection>) = detected.found.into_iter().partition(is_useful);
    for found in &useless {
        notes.push(format!("left out {}: {}, but no spec was found", at(found), found.why.join(" and ")));
    }
    for found in &useful {
        notes.extend(found.notes.iter().map(|note| format!("{}: {note}", at(found))));
    }
    if useful.is_empty() {
        return Err(InitError::NothingFound { folder: folder.to_owned(), seen: notes });
    }
    let suites = named(useful);
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = if check_name("project name", &name).is_ok() { name } else { "project".to_owned() };
    Ok(Proposal { file: root.join(FILE_NAME), text: text(&root, &name, &suites), suites, notes })
}

impl Proposal {
    /// Writes it. A part.toml that is there is replaced only with `force`.
    pub fn write(&self, force: bool) -> Result<(), InitError> {
        let failed = |source: io::Error| match source.kind() == io::ErrorKind::AlreadyExists && !force {
            true => InitError::Exists { file: self.file.clone() },
            false => InitError::Write { file: self.file.clone(), source },
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(!force).create(force).truncate(force);
        let mut file = options.open(&self.file).map_err(failed)?;
        file.write_all(self.text.as_bytes()).map_err(failed)
    }
}

/// True when a suite can be made of it that has specs, as far as that can be told.
fn is_useful(found: &Detection) -> bool {
    found.specs != Some(0) && !found.folder.chars().any(char::is_control)
}

/// True when the globs are those that the framework has anyway.
fn is_default(found: &Detection) -> bool {
    let framework = Catalogue::builtin().get(&found.framework);
    framework.is_ok_and(|framework| framework.specs.default_globs() == found.globs)
}

fn at(found: &Detection) -> String {
    match found.folder.as_str() {
        "" => found.title.clone(),
        folder => format!("{} in {folder}", found.title),
    }
}

/// Gives suites and groups names that are short and differ: of the framework at the root, of the package below.
fn named(found: Vec<Detection>) -> Vec<ProposedSuite> {
    let count = |matches: &dyn Fn(&Detection) -> bool| found.iter().filter(|other| matches(other)).count();
    let mut suites = Vec::with_capacity(found.len());
    for detection in &found {
        let package = package_name(&detection.folder);
        let namesakes =
            count(&|other| other.folder != detection.folder && package_name(&other.folder) == package);
        let (package, label) = match namesakes {
            0 => (package, format!("package/{package}")),
            _ => (detection.folder.as_str(), detection.folder.clone()),
        };
        let several = count(&|other| other.folder == detection.folder) > 1;
        let framework = detection.framework.as_str();
        let (name, group) = match (detection.folder.is_empty(), several) {
            (true, _) => (framework.to_owned(), framework.to_owned()),
            (false, false) => (package.to_owned(), label),
            (false, true) => (format!("{package}-{framework}"), format!("{label}/{framework}")),
        };
        suites.push(ProposedSuite {
            name,
            group,
            framework: framework.to_owned(),
            title: detection.title.clone(),
            folder: detection.folder.clone(),
            why: detection.why.clone(),
            specs: detection.specs,
            globs: detection.globs.clone(),
            globs_are_default: is_default(detection),
        });
    }
    make_unique(&mut suites);
    suites
}

/// A package called like a framework, or the like.
fn make_unique(suites: &mut [ProposedSuite]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for suite in suites {
        let times = seen.entry(suite.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            suite.name = format!("{}-{times}", suite.name);
            suite.group = format!("{}-{times}", suite.group);
        }
    }
}

fn package_name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

fn text(root: &Path, project: &str, suites: &[ProposedSuite]) -> String {
    let mut text = format!(
        "# What `partctl submit` runs here. Written by `partctl init`, to be changed at will;\n\
         # docs/part-toml.md describes every key.\n\
         \n\
         [project]\n\
         name = {}\n\
         \n\
         # Defaults of a run.\n\
         # [run]\n\
         # max-failures = 10      # cancel what is left once so many specs have failed\n\
         # workers = 2            # slots in local mode; one per CPU unless said otherwise\n",
        string(project)
    );
    for suite in suites {
        suite_text(&mut text, suite);
    }
    text.push_str(setup::sections(root, suites).trim_end_matches('\n'));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(
        "\n# A group is what `partctl submit --group LABEL` runs; without --group all of them run.\n",
    );
    text.push_str("# A group may have its own specs, requirements and settings.\n");
    for suite in suites {
        let _infallible = write!(text, "\n[groups.{}]\nsuite = {}\n", key(&suite.group), string(&suite.name));
    }
    text
}

fn suite_text(text: &mut String, suite: &ProposedSuite) {
    let count = match suite.specs {
        None => "specs as the framework lists them".to_owned(),
        Some(1) => "1 spec".to_owned(),
        Some(count) => format!("{count} specs"),
    };
    let mut lines = vec![
        String::new(),
        format!("# {}: {}. {count}.", suite.title, suite.why.join(", ")),
        format!("[suites.{}]", key(&suite.name)),
        format!("framework = {}", string(&suite.framework)),
    ];
    if !suite.folder.is_empty() {
        lines.push(format!("folder = {}", string(&suite.folder)));
    }
    if !suite.globs.is_empty() {
        let globs: Vec<String> = suite.globs.iter().map(|glob| string(glob)).collect();
        // The framework's own globs are what a suite has anyway; not each of them stands for something here.
        let mark = if suite.globs_are_default { "# " } else { "" };
        lines.push(format!("{mark}specs = [{}]", globs.join(", ")));
    }
    lines.push("# timeout = \"5m\"         # longest time for one attempt of a spec".to_owned());
    lines.push("# retries = 1            # how often a spec that did not pass is tried again".to_owned());
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
}

/// A string as TOML writes it.
fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key as TOML writes it.
fn key(text: &str) -> String {
    let bare =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { text.to_owned() } else { string(text) }
}

#[cfg(test)]
mod tests;
