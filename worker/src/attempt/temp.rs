//! The folder for temporary files of a slot: browsers that are killed leave much behind, and it goes with the attempt.
//!
//! It is no part of the attempt's folder, since its path has to be short: tools put sockets below it, whose paths the
//! kernel bounds at about a hundred bytes.

use crate::bounds;
use crate::folder::remove_folder;
use part_core::SlotId;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// Beside the slots' folders where their paths are too long: a link to where they are instead.
const LINK: &str = "temp-folder";
/// What such a place is called, before what makes its name like no other's.
const PREFIX: &str = "part-t-";

/// Where temporary files go.
#[derive(Clone, Debug)]
pub(crate) struct TempFolders {
    /// The folder that has one for each slot.
    base: PathBuf,
}

impl TempFolders {
    /// For a worker with this home.
    pub(crate) fn of(home: &Path) -> io::Result<TempFolders> {
        let inside = home.join("t");
        if inside.as_os_str().len() <= bounds::TEMP_PATH {
            return Ok(TempFolders { base: inside });
        }
        if let Some(base) = linked(home) {
            return Ok(TempFolders { base });
        }
        let unique = uuid::Uuid::now_v7().simple().to_string();
        let base = std::env::temp_dir().join(format!("{PREFIX}{}", &unique[unique.len() - 12..]));
        DirBuilder::new().mode(0o700).create(&base)?;
        match std::fs::remove_file(home.join(LINK)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        symlink(&base, home.join(LINK))?;
        Ok(TempFolders { base })
    }

    /// The folder of a slot.
    pub(crate) fn of_slot(&self, slot: SlotId) -> PathBuf {
        self.base.join(slot.0.to_string())
    }

    /// Makes the folder of a slot anew, for an attempt of this framework.
    pub(crate) fn make(&self, slot: SlotId, framework: &str) -> io::Result<PathBuf> {
        let folder = self.of_slot(slot);
        remove_folder(&folder)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        keep_caches(&folder, &std::env::temp_dir(), framework);
        Ok(folder)
    }

    /// An attempt is over: what it left goes with its own folder, or at once where that is elsewhere.
    pub(crate) fn clear(&self, slot: SlotId, attempt: &Path) -> io::Result<()> {
        let folder = self.of_slot(slot);
        match std::fs::rename(&folder, attempt.join("tmp")) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && !folder.exists() => Ok(()),
            Err(_) => remove_folder(&folder),
        }
    }
}

/// Removes what a worker with this home keeps for temporary files elsewhere. Call when nothing of it runs any more.
///
/// # Errors
///
/// When it cannot be removed.
pub fn remove_temp_folders(home: &Path) -> io::Result<()> {
    match linked(home) {
        Some(base) => remove_folder(&base),
        None => Ok(()),
    }
}

/// Where the link leads, if that can be one of ours: whoever can write in the home could have changed it.
fn linked(home: &Path) -> Option<PathBuf> {
    let base = std::fs::read_link(home.join(LINK)).ok()?;
    let named = base.file_name()?.to_str()?.strip_prefix(PREFIX)?.len() == 12;
    let about = base.symlink_metadata().ok()?;
    let ours = about.is_dir() && about.uid() == rustix::process::getuid().as_raw();
    (named && ours && base.parent() == Some(&std::env::temp_dir())).then_some(base)
}

/// What tools keep in the machine's own folder for temporary files to be quicker the next time: name, and the framework
/// that makes it.
fn caches() -> [(String, Option<&'static str>); 6] {
    let user = rustix::process::getuid().as_raw();
    [
        (format!("jest_{}", base36(user)), Some("jest")),
        (format!("playwright-transform-cache-{user}"), Some("playwright")),
        (format!("tsx-{user}"), None),
        (format!("v8-compile-cache-{user}"), None),
        ("node-compile-cache".to_owned(), None),
        ("metro-cache".to_owned(), None),
    ]
}

/// Lets an attempt find the caches of its tools as without Part: they are links to where they would be. Where one cannot
/// be made, the tool has to do its work again, as on a new machine.
fn keep_caches(folder: &Path, machine: &Path, framework: &str) {
    for (name, maker) in caches() {
        let cache = machine.join(&name);
        if maker.is_some_and(|maker| maker == framework)
            && let Err(error) = std::fs::create_dir(&cache)
            && error.kind() != ErrorKind::AlreadyExists
        {
            tracing::debug!(folder = %cache.display(), %error, "a tool's cache cannot be made");
        }
        if cache.is_dir()
            && let Err(error) = symlink(&cache, folder.join(&name))
        {
            tracing::debug!(folder = %cache.display(), %error, "a tool's cache cannot be linked");
        }
    }
}

/// A number as JavaScript writes it to the base 36.
fn base36(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit(number % 36, 36));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const SLOT: SlotId = SlotId(12);

    #[test]
    fn what_an_attempt_left_goes_with_it() {
        let home = tempfile::tempdir().expect("a folder");
        let temp = TempFolders { base: home.path().join("t") };
        let attempt = home.path().join("attempt");
        fs::create_dir(&attempt).expect("a folder");
        let folder = temp.make(SLOT, "mocha").expect("made");
        assert_eq!(folder, home.path().join("t/12"));
        fs::write(folder.join("left"), "").expect("a file");
        let folder = temp.make(SLOT, "mocha").expect("made again");
        assert!(!folder.join("left").exists(), "what a killed worker left is gone");
        fs::write(folder.join("left"), "").expect("a file");
        temp.clear(SLOT, &attempt).expect("cleared");
        assert!(attempt.join("tmp/left").exists() && !folder.exists());
        temp.clear(SLOT, &attempt).expect("nothing to clear is fine");
        temp.make(SLOT, "mocha").expect("made");
        temp.clear(SLOT, &home.path().join("gone")).expect("cleared");
        assert!(!folder.exists());
    }

    #[test]
    fn a_deep_home_has_its_temporary_files_elsewhere() {
        let place = tempfile::tempdir().expect("a folder");
        let home = place.path().join("d".repeat(100));
        fs::create_dir(&home).expect("a folder");
        let temp = TempFolders::of(&home).expect("made");
        let folder = temp.make(SLOT, "mocha").expect("made");
        assert!(
            !folder.starts_with(&home) && folder.as_os_str().len() <= bounds::TEMP_PATH + 8,
            "{folder:?}"
        );
        assert_eq!(TempFolders::of(&home).expect("found").of_slot(SLOT), folder, "also by its next life");
        remove_temp_folders(&home).expect("removed");
        assert!(!folder.exists() && !temp.base.exists());
        remove_temp_folders(&home).expect("nothing to remove is fine");
        // A link that leads elsewhere is not followed.
        let other = TempFolders::of(&home).expect("made anew");
        fs::remove_file(home.join(LINK)).expect("removed");
        symlink(place.path(), home.join(LINK)).expect("linked");
        remove_temp_folders(&home).expect("left alone");
        assert!(place.path().exists());
        fs::remove_dir(&other.base).expect("removed");
    }

    #[test]
    fn tools_find_their_caches() {
        let place = tempfile::tempdir().expect("a folder");
        let (machine, folder) = (place.path().join("machine"), place.path().join("own"));
        fs::create_dir_all(machine.join("metro-cache")).expect("folders");
        fs::create_dir(&folder).expect("a folder");
        keep_caches(&folder, &machine, "jest");
        let mut names: Vec<String> = fs::read_dir(&folder)
            .expect("there")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        let [(jest, _), ..] = caches();
        assert_eq!(names, [jest.clone(), "metro-cache".to_owned()]);
        fs::write(folder.join(&jest).join("known"), "").expect("a file");
        remove_folder(&folder).expect("removed");
        assert!(machine.join(&jest).join("known").exists(), "a link goes alone");
        assert_eq!([0, 35, 36, 1000].map(base36), ["0", "z", "10", "rs"]);
    }
}
