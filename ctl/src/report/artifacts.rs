//! Artifacts as files: `<group>/<spec>/<attempt>/<path>` below a folder.
//!
//! Names come from tests and are hostile: nothing is ever written outside the folder, and no file over another.

use crate::error::{CliError, Kind};
use crate::mesh::{BlobError, Clients, fetch};
use crate::out::{Format, Out};
use crate::render::json::{ArtifactLine, Line};
use crate::text::{bytes, count};
use crate::view::{RunView, SpecView};
use part_core::Artifact;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes of one part of a path, below what file systems take.
const PART_BYTES: usize = 200;

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    files: u64,
    bytes: u64,
    refused: Vec<CliError>,
}

/// Writes all artifacts of the specs' attempts. A file that cannot be had does not keep the others from being written.
pub(crate) async fn write(
    clients: &Clients,
    view: &RunView,
    specs: &[&SpecView],
    folder: &Path,
    out: &mut Out,
) -> Result<Written, CliError> {
    std::fs::create_dir_all(folder).map_err(|error| CliError::file("make the folder", folder, error))?;
    let mut written = Written::default();
    let mut taken = BTreeSet::new();
    for spec in specs {
        let group = &view.group_of(spec).label;
        for attempt in &spec.attempts {
            for artifact in attempt.finish().map_or(&[][..], |finish| &finish.artifacts) {
                let file = place(folder, group, &spec.name, attempt.number, &artifact.path);
                let done = match file {
                    Some(file) if taken.insert(file.clone()) => {
                        one(clients, artifact, &file).await.map(|()| file)
                    }
                    Some(_) => Err(refused(spec, artifact, "another one has the same path")),
                    None => Err(refused(spec, artifact, "its path leads out of its folder")),
                };
                match done {
                    Ok(file) => {
                        written.files += 1;
                        written.bytes += artifact.bytes;
                        if out.format() == Format::Json {
                            let line = ArtifactLine {
                                group,
                                spec: &spec.name,
                                attempt: attempt.number,
                                path: &artifact.path,
                                file: file.display().to_string(),
                                bytes: artifact.bytes,
                            };
                            out.json(&Line::new("artifact", line));
                        }
                    }
                    Err(error) => written.refused.push(error),
                }
            }
        }
    }
    Ok(written)
}

/// What was written, in words; an error when not all was.
pub(crate) fn told(written: &Written, folder: &Path) -> Result<String, CliError> {
    let files = count(written.files, "artifact");
    let folder = folder.display();
    let Some(first) = written.refused.first() else {
        return Ok(match written.files {
            0 => format!("there are no artifacts; nothing was written to {folder}"),
            _ => format!("wrote {files} ({}) to {folder}", bytes(written.bytes)),
        });
    };
    let lost = count(written.refused.len() as u64, "artifact");
    let mut error =
        CliError::new(Kind::Local, format!("{lost} could not be written; {files} went to {folder}"));
    error = error.because(first.to_string());
    for cause in first.causes() {
        error = error.hint(cause);
    }
    Err(error)
}

fn refused(spec: &SpecView, artifact: &Artifact, why: &str) -> CliError {
    CliError::new(Kind::Local, format!("cannot write artifact {:?} of {:?}: {why}", artifact.path, spec.name))
}

/// Writes one file: beside its place first, so that a half-written one never has the name.
async fn one(clients: &Clients, artifact: &Artifact, file: &Path) -> Result<(), CliError> {
    let failed = |error| CliError::file("write", file, error);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part~");
    let partial = file.with_file_name(name);
    let mut target = File::create(&partial).map_err(failed)?;
    let fetched = fetch(clients, &artifact.digest, |data| target.write_all(data).map(|()| true)).await;
    let done = match fetched {
        Ok(_) => std::fs::rename(&partial, file).map_err(failed),
        Err(BlobError::Write { source }) => Err(failed(source)),
        Err(error @ (BlobError::Call { .. } | BlobError::Content { .. })) => {
            Err(CliError::mesh(format!("cannot fetch artifact {:?}", artifact.path)).because(error))
        }
    };
    if done.is_err() {
        // The reason is told already; a left-over beside it changes nothing.
        drop(std::fs::remove_file(&partial));
    }
    done
}

/// Where an artifact goes; none when its own path is not a plain relative one.
fn place(folder: &Path, group: &str, spec: &str, attempt: u32, path: &str) -> Option<PathBuf> {
    let mut file = folder.to_owned();
    file.extend(parts(group));
    file.extend(parts(spec));
    file.push(attempt.to_string());
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") || part.contains('\0') {
            return None;
        }
        file.push(bounded(part));
    }
    Some(file)
}

/// A name's parts as folders: those that mean something to a file system are made harmless.
fn parts(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split('/').map(|part| match part {
        "" | "." | ".." => "_".repeat(part.len().max(1)),
        part => bounded(&part.replace('\0', "_")),
    })
}

/// A part that fits a file system: a longer one is cut and told apart by its digest.
fn bounded(part: &str) -> String {
    if part.len() <= PART_BYTES {
        return part.to_owned();
    }
    let mut end = PART_BYTES - 9;
    while !part.is_char_boundary(end) {
        end -= 1;
    }
    let digest = blake3::hash(part.as_bytes()).to_hex();
    format!("{}~{}", &part[..end], &digest.as_str()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Capture;
    use crate::testing::{Script, Scripted, finish};
    use crate::text::Palette;
    use crate::view::Keep;
    use part_core::AttemptVerdict;

    #[test]
    fn nothing_leaves_the_folder() {
        let long = "x".repeat(300);
        let table = [
            ("package/admin", "e2e/a.js", "trace.zip", Some("out/package/admin/e2e/a.js/2/trace.zip")),
            ("g", "s", "shots/1.png", Some("out/g/s/2/shots/1.png")),
            ("..", "../../etc/x", "a", Some("out/__/__/__/etc/x/2/a")),
            ("/abs", "//s", "a", Some("out/_/abs/_/_/s/2/a")),
            ("g", "s", "../a", None),
            ("g", "s", "/etc/passwd", None),
            ("g", "s", "a/./b", None),
            ("g", "s", "", None),
            ("g", "s", "a\0b", None),
        ];
        for (group, spec, path, expected) in table {
            let file = place(Path::new("out"), group, spec, 2, path);
            assert_eq!(file, expected.map(PathBuf::from), "{group:?} {spec:?} {path:?}");
        }
        let file = place(Path::new("out"), "g", &long, 1, &long).expect("it has a place");
        assert!(file.components().all(|part| part.as_os_str().len() <= PART_BYTES));
        let other = place(Path::new("out"), "g", &format!("{long}y"), 1, &long).expect("it has a place");
        assert_ne!(file, other);
    }

    #[tokio::test]
    async fn files_are_written_whole_or_not_at_all() {
        let trace = vec![7_u8; 5000];
        let artifact = |path: &str, digest: String| Artifact { path: path.into(), bytes: 5000, digest };
        let digest = blake3::hash(&trace).to_hex().to_string();
        let mut ended = finish(AttemptVerdict::Passed, 10);
        ended.artifacts = vec![
            artifact("shots/trace.zip", digest.clone()),
            artifact("../escape", digest.clone()),
            artifact("shots/trace.zip", digest),
            artifact("gone", "00".repeat(32)),
        ];
        let script = Script::new().group("package/admin", 0, &[("e2e/a.js", None)]).sealed().start(0, 1, 0);
        let mut view = RunView::new(Keep::Failures);
        for event in script.end(0, 1, ended, Vec::new()).events() {
            view.apply(event).expect("the script makes sense");
        }
        let (_server, mesh) = Scripted::start(Vec::new(), vec![trace.clone()], Vec::new()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let capture = Capture::default();
        let mut out = capture.out(Format::Json, Palette::PLAIN);
        let target = folder.path().join("out");
        let specs: Vec<&SpecView> = view.specs.iter().collect();
        let written =
            write(mesh.clients(), &view, &specs, &target, &mut out).await.expect("the folder is made");
        assert_eq!((written.files, written.bytes, written.refused.len()), (1, 5000, 3));
        let file = target.join("package/admin/e2e/a.js/1/shots/trace.zip");
        assert_eq!(std::fs::read(&file).expect("it is there"), trace);
        assert!(!folder.path().join("escape").exists());
        let beside: Vec<_> =
            std::fs::read_dir(target.join("package/admin/e2e/a.js/1")).expect("made").collect();
        assert_eq!(beside.len(), 1, "nothing half-written is left: {beside:?}");
        assert_eq!(capture.stdout().lines().count(), 1);
        let error = told(&written, &target).expect_err("not all was written").to_string();
        assert!(error.starts_with("3 artifacts could not be written; 1 artifact went to "), "{error}");
    }
}
