//! What an attempt leaves behind to be kept.

use super::Host;
use super::blobs::store_file;
use super::prepare::Prepared;
use super::run::{chain, worker_failed};
use crate::bounds;
use part_core::{Artifact, Finish};
use part_frameworks::FilePattern;
use part_frameworks::report::clip;
use std::path::{Path, PathBuf};

/// The folder name under which a framework's own reports are kept among the artifacts.
const REPORT_FOLDER: &str = "report";

/// Stores the attempt's artifacts and its raw reports. What could not be kept is said in the second value.
pub(super) async fn keep(
    host: &Host,
    prepared: Prepared,
    reports: Vec<PathBuf>,
) -> Result<(Vec<Artifact>, Vec<String>), Box<Finish>> {
    if reports.is_empty() && leaves_nothing(&prepared) {
        return Ok((Vec::new(), Vec::new()));
    }
    // A glob may look through the whole workspace.
    let chosen = tokio::task::spawn_blocking(move || choose(&prepared, &reports)).await;
    let (files, mut problems) =
        chosen.map_err(|error| worker_failed(format!("looking for its artifacts: {error}")))?;
    let mut kept = Vec::new();
    for (path, file) in files {
        match store_file(&host.directory, &file).await {
            Ok((digest, bytes)) => kept.push(Artifact { path, bytes, digest }),
            Err(error) => problems.push(format!("{path} was not kept: {error}")),
        }
    }
    Ok((kept, problems))
}

/// True for the many attempts that keep nothing: it is not worth while to look further.
fn leaves_nothing(prepared: &Prepared) -> bool {
    let only_own = prepared.invocation.artifacts.iter().all(|pattern| pattern.base == prepared.artifacts);
    only_own && std::fs::read_dir(&prepared.artifacts).is_ok_and(|mut entries| entries.next().is_none())
}

/// The files to keep under their names, within bounds.
fn choose(prepared: &Prepared, reports: &[PathBuf]) -> (Vec<(String, PathBuf)>, Vec<String>) {
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for report in reports {
        if let Some(name) = report.strip_prefix(&prepared.reports).ok().and_then(Path::to_str) {
            found.push((format!("{REPORT_FOLDER}/{name}"), report.clone()));
        }
    }
    collect(prepared, &mut found, &mut problems);
    found.sort();
    found.dedup();
    let mut chosen: Vec<(String, PathBuf)> = Vec::new();
    let (mut total, mut left_out) = (0, 0);
    for (path, file) in found {
        let size = std::fs::metadata(&file).map_or(0, |about| about.len());
        if chosen.last().is_some_and(|(name, _)| *name == path) {
            problems.push(format!("{} was not kept: another file is kept as {path}", file.display()));
        } else if path.len() > bounds::ARTIFACT_NAME_BYTES {
            let name = clip(&path, 100);
            problems.push(format!(
                "{name} was not kept: its name has more than {} bytes",
                bounds::ARTIFACT_NAME_BYTES
            ));
        } else if total + size > bounds::ARTIFACT_BYTES {
            let most = bounds::ARTIFACT_BYTES;
            problems.push(format!(
                "{path} ({size} bytes) was not kept: the attempt's artifacts exceed {most} bytes"
            ));
        } else if chosen.len() == bounds::ARTIFACT_FILES {
            left_out += 1;
        } else {
            total += size;
            chosen.push((path, file));
        }
    }
    if left_out > 0 {
        problems.push(format!("{left_out} more files were not kept: at most {} are", bounds::ARTIFACT_FILES));
    }
    (chosen, problems)
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
        if found.nameless > 0 {
            let (place, count) = (pattern.base.display(), found.nameless);
            problems.push(format!("files whose names are not UTF-8 were not kept: {count} in {place}"));
        }
        for file in found.files {
            if let Some(name) = file.strip_prefix(&pattern.base).ok().and_then(Path::to_str) {
                files.push((name.to_owned(), file.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::{Limits, RunOrder};
    use part_frameworks::{Invocation, ReportAt};
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    fn prepared(folder: &Path, workspace_glob: &str) -> Prepared {
        let elsewhere = FilePattern { base: folder.join("workspace"), glob: workspace_glob.to_owned() };
        Prepared {
            folder: folder.to_owned(),
            reports: folder.join("report"),
            artifacts: folder.join("artifacts"),
            invocation: Invocation {
                argv: Vec::new(),
                folder: folder.to_owned(),
                env: BTreeMap::new(),
                report: ReportAt::Nowhere,
                artifacts: vec![elsewhere],
                tests_file: None,
                wants_kit: false,
            },
            order: RunOrder {
                attempt: "a".to_owned(),
                argv: Vec::new(),
                env: BTreeMap::new(),
                cwd: folder.to_owned(),
                attempt_dir: folder.to_owned(),
                stdout_file: None,
                limits: Limits::default(),
                cpus: None,
            },
            _in_use: None,
            _hold: None,
        }
    }

    fn write(folder: &Path, name: &str) -> PathBuf {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
        fs::write(&file, name).expect("a file");
        file
    }

    #[test]
    fn a_tree_of_too_many_files_is_cut_and_says_so() {
        let place = tempfile::tempdir().expect("a folder");
        for number in 0..=bounds::ARTIFACT_FILES {
            write(place.path(), &format!("artifacts/{:02}/{number:04}", number % 7));
        }
        let (chosen, problems) = choose(&prepared(place.path(), "*"), &[]);
        assert_eq!(chosen.len(), bounds::ARTIFACT_FILES);
        assert_eq!(problems, ["1 more files were not kept: at most 1000 are"]);
    }

    #[test]
    fn strange_names_are_kept_or_named() {
        let place = tempfile::tempdir().expect("a folder");
        let report = write(place.path(), "report/report.xml");
        write(place.path(), "artifacts/shot.png");
        write(place.path(), "artifacts/new\nline \u{1b}[31m..");
        let long = vec!["d".repeat(250); 5].join("/");
        write(place.path(), &format!("artifacts/{long}/x"));
        write(place.path(), "workspace/shot.png");
        write(place.path(), "workspace/out.log");
        fs::write(place.path().join("artifacts").join(OsStr::from_bytes(b"no \xff text")), "")
            .expect("a file");
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("artifacts/link")).expect("a link");
        let (chosen, problems) = choose(&prepared(place.path(), "*"), &[report]);
        let names: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["new\nline \u{1b}[31m..", "out.log", "report/report.xml", "shot.png"]);
        assert_eq!(chosen[3].1, place.path().join("artifacts/shot.png"));
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0].starts_with("files whose names are not UTF-8 were not kept: 1 in"),
            "{problems:?}"
        );
        assert!(
            problems[1].contains("bytes cut") && problems[1].ends_with("more than 1024 bytes"),
            "{problems:?}"
        );
        assert!(problems[2].ends_with("workspace/shot.png was not kept: another file is kept as shot.png"));
    }
}
