//! What setup steps made, kept for later runs with the same key.

use super::cache::Cache;
use crate::folder::remove_folder;
use part_core::SetupStep;
use part_workspace::{Stamps, copy_tree, hash_file, relocate, renew_tree, texts_with, tree_size};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const NOTE: &str = "note.json";

/// What is known of a kept result.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// The step, for people.
    step: String,
    /// The workspace that it was made in.
    made_in: PathBuf,
    /// Bytes on disk.
    bytes: u64,
    /// What was kept.
    kept: Vec<Kept>,
}

/// One kept file or folder.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Its path in the workspace.
    path: String,
    /// Text files in it that name the workspace it was made in.
    texts: Vec<PathBuf>,
    /// Whether it is a folder.
    folder: bool,
}

/// What a step's result depends on: the step, the content of its key files, the machine, and the steps before it.
pub(crate) fn key(step: &SetupStep, before: &str, tree: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for text in ["part setup 1", std::env::consts::OS, std::env::consts::ARCH, before, &step.folder] {
        add(text);
    }
    for list in [&step.command, &step.keep] {
        add(&list.len().to_string());
        list.iter().for_each(|text| add(text));
    }
    for (name, value) in &step.env {
        add(name);
        add(value);
    }
    for path in &step.key {
        add(path);
        add(&content(&tree.join(&step.folder).join(path), tree)?);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The digest of a key file; where there is none, that is its content.
fn content(file: &Path, tree: &Path) -> io::Result<String> {
    let real = match file.canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok("absent".to_owned()),
        Err(error) => return Err(error),
    };
    if !real.starts_with(tree.canonicalize()?) {
        return Err(io::Error::other(format!("the key file {} is outside of the workspace", file.display())));
    }
    let hashed =
        hash_file(&real).map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
    let hashed = hashed.ok_or_else(|| io::Error::other(format!("{} keeps changing", file.display())))?;
    Ok(hashed.digest.to_string())
}

/// The paths that a step keeps, relative to the workspace.
pub(crate) fn paths(step: &SetupStep) -> Vec<String> {
    let prefix = if step.folder.is_empty() { String::new() } else { format!("{}/", step.folder) };
    step.keep.iter().map(|path| format!("{prefix}{path}")).collect()
}

/// Where the stamps of a kept folder of a workspace are.
fn stamps_file(place: &Path, key: &str, number: usize) -> PathBuf {
    place.join(format!("kept-{}-{number}", &key[..key.len().min(16)]))
}

/// Last use and size of a kept result; one that is half there is as old as can be.
pub(crate) fn used_and_size(folder: &Path) -> (SystemTime, u64) {
    let note = folder.join(NOTE);
    let used = fs::metadata(&note).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    (used, read_note(folder).map_or(0, |note| note.bytes))
}

fn read_note(folder: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()
}

/// Puts what was kept under `key` into the workspace of `place`. False when nothing is kept. `again`: the folders are
/// in the workspace already, from a run before, with their stamps beside it.
pub(crate) fn restore(cache: &Cache, key: &str, place: &Path, tree: &Path, again: bool) -> io::Result<bool> {
    let folder = cache.setups().join(key);
    let Some(note) = read_note(&folder) else { return Ok(false) };
    fs::File::options().append(true).open(folder.join(NOTE))?.set_modified(SystemTime::now())?;
    for (number, kept) in note.kept.iter().enumerate() {
        let (source, target) = (folder.join("trees").join(number.to_string()), tree.join(&kept.path));
        let stamps = stamps_file(place, key, number);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if !kept.folder {
            remove(&target)?;
            fs::copy(&source, &target)?;
            replace_in_file(&target, kept, &note.made_in, tree)?;
            continue;
        }
        let laid = if again && target.is_dir() && !target.is_symlink() {
            renew_tree(&source, &target, &Stamps::load(&stamps)).map(|(stamps, _)| stamps)
        } else {
            remove(&target)?;
            copy_tree(&source, &target)
        };
        let laid = laid.map_err(|error| io::Error::other(crate::attempt::chain(&error)))?;
        if note.made_in != tree {
            relocate(&target, &kept.texts, &note.made_in, tree)?;
        }
        laid.save(&stamps)?;
    }
    Ok(true)
}

fn replace_in_file(file: &Path, kept: &Kept, from: &Path, to: &Path) -> io::Result<()> {
    match (kept.texts.is_empty() || from == to, file.parent(), file.file_name()) {
        (false, Some(parent), Some(name)) => relocate(parent, &[name.into()], from, to),
        _ => Ok(()),
    }
}

/// Removes a file or a folder; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(about) if about.is_dir() => remove_folder(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Keeps what a step made. What it did not make is left out; nothing is kept where there is nothing.
pub(crate) fn store(cache: &Cache, key: &str, step: &SetupStep, place: &Path, tree: &Path) -> io::Result<()> {
    let fresh = cache.fresh()?;
    let stored = store_in(&fresh, key, step, place, tree).and_then(|any| {
        if !any {
            return remove_folder(&fresh);
        }
        fs::create_dir_all(cache.setups())?;
        let target = cache.setups().join(key);
        remove_folder(&target)?;
        fs::rename(&fresh, target)
    });
    if stored.is_err() {
        // The first error is the one to tell.
        drop(remove_folder(&fresh));
    }
    stored
}

fn store_in(fresh: &Path, key: &str, step: &SetupStep, place: &Path, tree: &Path) -> io::Result<bool> {
    fs::create_dir_all(fresh.join("trees"))?;
    let mut note = Note { step: step.name.clone(), made_in: tree.to_owned(), bytes: 0, kept: Vec::new() };
    for path in paths(step) {
        let source = tree.join(&path);
        let about = match source.symlink_metadata() {
            Ok(about) if about.is_dir() || about.is_file() => about,
            Ok(_) => {
                tracing::warn!(
                    step = step.name,
                    path,
                    "what the step made is neither a file nor a folder; not kept"
                );
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(step = step.name, path, "the step did not make what it should keep");
                continue;
            }
            Err(error) => return Err(error),
        };
        let number = note.kept.len();
        let target = fresh.join("trees").join(number.to_string());
        let texts = if about.is_dir() {
            let copied = copy_tree(&source, &target);
            copied.map_err(|error| io::Error::other(crate::attempt::chain(&error)))?;
            Stamps::of_tree(&source)?.save(&stamps_file(place, key, number))?;
            texts_with(&target, tree)?
        } else {
            fs::copy(&source, &target)?;
            let inside = fs::read(&target).is_ok_and(|bytes| {
                let wanted = tree.as_os_str().as_encoded_bytes();
                bytes.windows(wanted.len()).any(|window| window == wanted)
            });
            if inside { vec![PathBuf::new()] } else { Vec::new() }
        };
        note.kept.push(Kept { path, texts, folder: about.is_dir() });
    }
    note.bytes = tree_size(fresh)?.bytes;
    let text = serde_json::to_vec(&note).map_err(io::Error::other)?;
    fs::write(fresh.join(NOTE), text)?;
    Ok(!note.kept.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::Millis;
    use std::collections::BTreeMap;

    fn step() -> SetupStep {
        SetupStep {
            name: "install".to_owned(),
            command: vec!["make".to_owned()],
            folder: "web".to_owned(),
            key: vec!["lock".to_owned()],
            keep: vec!["modules".to_owned(), "file".to_owned(), "gone".to_owned()],
            env: BTreeMap::new(),
            timeout: Millis::seconds(1),
        }
    }

    #[test]
    fn the_key_is_all_that_a_result_depends_on() {
        let place = tempfile::tempdir().expect("a folder");
        let tree = place.path();
        let one = key(&step(), "", tree).expect("a key");
        assert_eq!(key(&SetupStep { name: "other".to_owned(), ..step() }, "", tree).expect("a key"), one);
        let mut keys = vec![one];
        keys.push(key(&step(), "before", tree).expect("a key"));
        keys.push(key(&SetupStep { command: vec!["cmake".to_owned()], ..step() }, "", tree).expect("a key"));
        keys.push(key(&SetupStep { keep: Vec::new(), ..step() }, "", tree).expect("a key"));
        let env = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
        keys.push(key(&SetupStep { env, ..step() }, "", tree).expect("a key"));
        fs::create_dir(tree.join("web")).expect("a folder");
        for content in ["", "1", "2"] {
            fs::write(tree.join("web/lock"), content).expect("a file");
            keys.push(key(&step(), "", tree).expect("a key"));
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        fs::remove_file(tree.join("web/lock")).expect("removed");
        std::os::unix::fs::symlink("/etc/hostname", tree.join("web/lock")).expect("a link");
        assert!(
            key(&step(), "", tree).expect_err("outside").to_string().contains("outside of the workspace")
        );
    }

    #[test]
    fn a_result_comes_back_in_another_workspace_and_cannot_be_changed_there() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(home.path());
        let (one, two) = (home.path().join("1"), home.path().join("2"));
        let tree = one.join("tree");
        fs::create_dir_all(tree.join("web/modules/bin")).expect("folders");
        fs::write(tree.join("web/modules/bin/tool"), format!("#!{}/x\n", tree.display())).expect("a file");
        fs::write(tree.join("web/modules/data"), "data").expect("a file");
        fs::write(tree.join("web/file"), "file").expect("a file");
        assert!(!restore(&cache, "key", &one, &tree, false).expect("looked"));
        store(&cache, "key", &step(), &one, &tree).expect("kept");

        let other = two.join("tree");
        fs::create_dir_all(other.join("web/modules")).expect("folders");
        fs::write(other.join("web/modules/shipped"), "").expect("a file");
        assert!(restore(&cache, "key", &two, &other, false).expect("restored"));
        let tool = fs::read_to_string(other.join("web/modules/bin/tool")).expect("a file");
        assert_eq!(tool, format!("#!{}/x\n", other.display()));
        assert!(!other.join("web/modules/shipped").exists());
        fs::write(other.join("web/modules/data"), "changed").expect("written");
        fs::write(other.join("web/file"), "changed").expect("written");
        fs::write(other.join("web/modules/junk"), "").expect("written");
        for _ in 0..2 {
            assert!(restore(&cache, "key", &two, &other, true).expect("restored"));
            assert_eq!(fs::read_to_string(other.join("web/modules/data")).expect("a file"), "data");
            assert_eq!(fs::read_to_string(other.join("web/file")).expect("a file"), "file");
            assert_eq!(fs::read_to_string(other.join("web/modules/bin/tool")).expect("a file"), tool);
            assert!(!other.join("web/modules/junk").exists());
        }
        let (used, bytes) = used_and_size(&cache.setups().join("key"));
        assert!(used > SystemTime::UNIX_EPOCH && bytes > 0);
    }
}
