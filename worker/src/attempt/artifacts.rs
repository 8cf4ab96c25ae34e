//! What an attempt leaves behind to be kept.

use super::Host;
use super::blobs::store_file;
use super::prepare::Prepared;
use crate::bounds;
use globset::{Glob, GlobSet, GlobSetBuilder};
use part_core::Artifact;
use std::path::{Path, PathBuf};

/// The folder name under which a framework's own reports are kept among the artifacts.
const REPORT_FOLDER: &str = "report";

/// Stores the attempt's artifacts and its raw reports. What could not be kept is said in the second value.
pub(super) async fn keep(host: &Host, prepared: &Prepared, reports: &[PathBuf]) -> (Vec<Artifact>, Vec<String>) {
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for report in reports {
        if let Some(name) = report.strip_prefix(&prepared.reports).ok().and_then(Path::to_str) {
            files.push((format!("{REPORT_FOLDER}/{name}"), report.clone()));
        }
    }
    collect(prepared, &mut files, &mut problems);
    files.sort();
    files.dedup();
    if files.len() > bounds::ARTIFACT_FILES {
        problems.push(format!("{} files to keep, only the first {} were kept", files.len(), bounds::ARTIFACT_FILES));
        files.truncate(bounds::ARTIFACT_FILES);
    }
    let mut kept = Vec::new();
    let mut total = 0;
    for (path, file) in files {
        let size = std::fs::metadata(&file).map_or(0, |about| about.len());
        if total + size > bounds::ARTIFACT_BYTES {
            problems.push(format!("{path} ({size} bytes) was not kept: the attempt's artifacts exceed {} bytes", bounds::ARTIFACT_BYTES));
            continue;
        }
        total += size;
        match store_file(&host.channel, &file).await {
            Ok((digest, bytes)) => kept.push(Artifact { path, bytes, digest }),
            Err(error) => problems.push(format!("{path} was not kept: {error}")),
        }
    }
    (kept, problems)
}

/// Finds the files: everything under the attempt's artifact folder that a glob names, and globs into the workspace.
fn collect(prepared: &Prepared, files: &mut Vec<(String, PathBuf)>, problems: &mut Vec<String>) {
    let (mut own, mut shared) = (Vec::new(), Vec::new());
    for glob in &prepared.invocation.artifact_globs {
        match Path::new(glob).strip_prefix(&prepared.workspace).ok().and_then(Path::to_str) {
            Some(inside) => shared.push(inside.to_owned()),
            None => {
                let inside = Path::new(glob).strip_prefix(&prepared.artifacts).ok().and_then(Path::to_str);
                own.push(inside.unwrap_or(glob).to_owned());
            }
        }
    }
    if own.is_empty() {
        own.push("**".to_owned());
    }
    for (root, globs) in [(&prepared.artifacts, own), (&prepared.workspace, shared)] {
        if globs.is_empty() {
            continue;
        }
        match set(&globs) {
            Ok(set) => walk(root, root, &set, files, problems),
            Err(error) => problems.push(format!("artifacts: {error}")),
        }
    }
}

fn set(globs: &[String]) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(Glob::new(glob)?);
    }
    builder.build()
}

/// Regular files only: a link could point anywhere.
fn walk(root: &Path, folder: &Path, set: &GlobSet, files: &mut Vec<(String, PathBuf)>, problems: &mut Vec<String>) {
    if files.len() > bounds::ARTIFACT_FILES {
        return;
    }
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(format!("artifacts: cannot read {}: {error}", folder.display()));
            return;
        }
    };
    for entry in entries.flatten() {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if kind.is_dir() {
            if entry.file_name() != "node_modules" && entry.file_name() != ".git" {
                walk(root, &path, set, files, problems);
            }
        } else if kind.is_file()
            && let Ok(inside) = path.strip_prefix(root)
            && set.is_match(inside)
        {
            match inside.to_str() {
                Some(name) => files.push((name.to_owned(), path.clone())),
                None => problems.push(format!("{} was not kept: its name is not UTF-8", path.display())),
            }
        }
    }
}
