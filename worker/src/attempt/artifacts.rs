//! What an attempt leaves behind to be kept.

use super::Host;
use super::blobs::store_file;
use super::prepare::Prepared;
use super::run::chain;
use crate::bounds;
use part_core::Artifact;
use part_frameworks::FilePattern;
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

/// Finds everything in the attempt's artifact folder, and the files that the recipe's globs name elsewhere. Links are
/// not followed: a test could point one anywhere.
fn collect(prepared: &Prepared, files: &mut Vec<(String, PathBuf)>, problems: &mut Vec<String>) {
    let own = FilePattern { base: prepared.artifacts.clone(), glob: "**".to_owned() };
    let elsewhere = prepared.invocation.artifacts.iter().filter(|pattern| pattern.base != own.base);
    for pattern in elsewhere.chain([&own]) {
        let found = match pattern.find() {
            Ok(found) => found,
            Err(error) => {
                problems.push(format!("artifacts: {}", chain(&error)));
                continue;
            }
        };
        if found.more {
            problems.push(format!("artifacts: {:?} matches too many files; not all were kept", pattern.glob));
        }
        for file in found.files {
            match file.strip_prefix(&pattern.base).ok().and_then(Path::to_str) {
                Some(name) => files.push((name.to_owned(), file.clone())),
                None => problems.push(format!("{} was not kept: its name is not UTF-8", file.display())),
            }
        }
    }
}
