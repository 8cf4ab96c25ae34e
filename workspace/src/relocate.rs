//! Paths inside files: what a setup step made may name the folder that it was made in (scripts of a virtual
//! environment do, in their first line), and is used in another one later.

use crate::bounds;
use crate::threads;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The text files below `root`, relative to it, that hold the path `wanted`. Sorted.
///
/// # Errors
/// When one cannot be read.
pub fn texts_with(root: &Path, wanted: &Path) -> io::Result<Vec<PathBuf>> {
    let files = small_files(root)?;
    let found = Mutex::new(Vec::new());
    let wanted = wanted.as_os_str().as_encoded_bytes();
    threads::for_each(&files, threads::count(bounds::READERS), 16, |_, path| {
        let mut bytes = Vec::new();
        match crate::hash::open(&root.join(path)) {
            Ok(file) => file.take(bounds::RELOCATE_BYTES).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !bytes.contains(&0) && find(&bytes, wanted).is_some() {
            found.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        }
        Ok(())
    })?;
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort();
    Ok(found)
}

fn small_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let about = entry.metadata()?;
            if about.is_dir() {
                open.push(path);
            } else if about.is_file() && about.len() <= bounds::RELOCATE_BYTES {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Replaces the path `from` by `to` in these files below `root`. Each keeps its mode and is replaced at once.
///
/// # Errors
/// When one cannot be read or written.
pub fn relocate(root: &Path, files: &[PathBuf], from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (from.as_os_str().as_encoded_bytes(), to.as_os_str().as_encoded_bytes());
    for file in files {
        let path = root.join(file);
        let mut bytes = Vec::new();
        let source = crate::hash::open(&path)?;
        let mode = source.metadata()?;
        source.take(bounds::RELOCATE_BYTES).read_to_end(&mut bytes)?;
        let replaced = replace(&bytes, from, to);
        // A new file in its place: nobody who has the old one open is surprised.
        fs::remove_file(&path)?;
        let mode = std::os::unix::fs::MetadataExt::mode(&mode) & 0o777;
        OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?.write_all(&replaced)?;
    }
    Ok(())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    while let Some(next) = text.get(at..)?.iter().position(|byte| *byte == first) {
        at += next;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
    None
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find(rest, from) {
        replaced.extend(&rest[..at]);
        replaced.extend(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn scripts_find_their_interpreter_in_another_place() {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path();
        fs::create_dir_all(root.join(".venv/bin")).expect("folders");
        let script = root.join(".venv/bin/pytest");
        fs::write(&script, "#!/home/you/tree/.venv/bin/python\nimport sys # /home/you/tree\n")
            .expect("a file");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("mode");
        fs::write(root.join("binary"), b"\0/home/you/tree").expect("a file");
        fs::write(root.join("other"), "/home/you/tre").expect("a file");
        std::os::unix::fs::symlink("/home/you/tree", root.join("link")).expect("a link");
        let found = texts_with(root, Path::new("/home/you/tree")).expect("looked through");
        assert_eq!(found, [PathBuf::from(".venv/bin/pytest")]);
        relocate(root, &found, Path::new("/home/you/tree"), Path::new("/elsewhere/1")).expect("relocated");
        assert_eq!(
            fs::read_to_string(&script).expect("a file"),
            "#!/elsewhere/1/.venv/bin/python\nimport sys # /elsewhere/1\n"
        );
        assert_eq!(fs::metadata(&script).expect("there").permissions().mode() & 0o111, 0o111);
        assert!(texts_with(root, Path::new("/home/you/tree")).expect("looked through").is_empty());
    }
}
