//! What travels: the workspace looked through and hashed.

use super::tracked::tracked_but_ignored;
use crate::config::Project;
use crate::error::{CliError, Kind};
use crate::mesh::cache_folder;
use part_core::Submission;
use part_workspace::{Digest, Limits, Options, ScanError, Snapshot, SnapshotError, Stamps, scan};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is to travel.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    root: PathBuf,
    options: Options,
}

impl Contents {
    /// What travels for a submission of a project.
    pub(crate) fn new(project: &Project, submission: &Submission) -> Contents {
        let fine = Limits::default();
        let rules = &project.workspace;
        let limits = Limits {
            files: rules.max_files.unwrap_or(fine.files),
            bytes: rules.max_bytes.unwrap_or(fine.bytes),
            ..fine
        };
        let (include, exclude) = (rules.include.clone(), rules.exclude.clone());
        let options = Options { limits, include, exclude, also: specs(submission) };
        Contents { root: project.root.clone(), options }
    }

    /// The folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Looks through the folder and hashes what changed since the last time. Takes its time.
    pub(super) fn pack(&self) -> Result<Snapshot, CliError> {
        let memory = memory_file(&self.root);
        let known = memory.as_deref().map(Stamps::load).unwrap_or_default();
        let begun = Stamps::now();
        let mut options = self.options.clone();
        options.also.extend(tracked_but_ignored(&self.root));
        let found = scan(&self.root, &options).map_err(unscanned)?;
        let snapshot = Snapshot::take(&self.root, &found, &known, begun).map_err(unread)?;
        if let Some(file) = memory
            && let Err(error) = remember(&snapshot.stamps, &file)
        {
            // The next submit reads everything again; nothing else is lost.
            tracing::debug!(file = %file.display(), %error, "what was hashed cannot be remembered");
        }
        Ok(snapshot)
    }
}

/// The specs that are files: they travel even where git ignores them, since they were asked for.
fn specs(submission: &Submission) -> BTreeSet<String> {
    let mut specs = BTreeSet::new();
    for group in &submission.groups {
        let folder = &group.recipe.folder;
        let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        specs.extend(group.specs.iter().map(|spec| path(&spec.name)));
    }
    specs
}

/// Where it is remembered what files of this folder looked like; none where there is no place for that.
fn memory_file(root: &Path) -> Option<PathBuf> {
    let name = Digest::of(root.as_os_str().as_encoded_bytes()).to_string();
    Some(cache_folder()?.join("workspaces").join(&name[..32]))
}

fn remember(stamps: &Stamps, file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    stamps.save(file)
}

fn unscanned(error: ScanError) -> CliError {
    let kind = match &error {
        ScanError::Read { .. } => Kind::Local,
        ScanError::Glob { .. }
        | ScanError::Names { .. }
        | ScanError::TooMany { .. }
        | ScanError::TooLarge { .. } => Kind::Config,
    };
    let hint = match &error {
        ScanError::Read { .. } | ScanError::Glob { .. } => None,
        ScanError::Names { .. } => {
            Some("rename it, or leave it out: .partignore, or [workspace] exclude in part.toml")
        }
        ScanError::TooMany { .. } => Some(
            "leave out what no test needs: .partignore, or [workspace] exclude; or raise max-files in part.toml",
        ),
        ScanError::TooLarge { .. } => Some(
            "leave out what no test needs: .partignore, or [workspace] exclude; or raise max-bytes in part.toml",
        ),
    };
    let error = CliError::of(kind, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn unread(error: SnapshotError) -> CliError {
    let changing = matches!(error, SnapshotError::Changing { .. });
    let error = CliError::of(Kind::Local, error);
    if changing { error.hint("end what writes to it, or leave it out with .partignore") } else { error }
}
