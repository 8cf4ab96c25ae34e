//! Using a workspace again that an earlier run has left: what is as it should be stays, everything else is made anew.
//!
//! Creating files is what a workspace costs. Of two runs of one project nearly all files are equal, so the second
//! one on a host pays for a look at each and for what differs. It may take over nothing that the first run changed:
//! a file stays only where its stamp proves that nobody wrote to it since it was laid out, or where its content is
//! read and found to be right.

use crate::bounds;
use crate::digest::Digest;
use crate::hash::hash_file;
use crate::lay::{LayError, lay_into};
use crate::manifest::Manifest;
use crate::plan::{Item, What, of_manifest};
use crate::stamps::{Stamp, Stamps};
use crate::threads;
use crate::tree::plan_of_tree;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What came of using a workspace again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Files and links that were as they should be.
    pub kept: usize,
    /// Files, links and folders that were made.
    pub made: usize,
    /// Files, links and folders (with all in them) that were removed.
    pub removed: usize,
}

/// Makes the folder `target`, laid out before with these `stamps`, hold what the manifest says and nothing else.
/// Paths in `spare`, relative to it, are left as they are. Nobody may be using it meanwhile.
///
/// # Errors
/// Names the file and why. The folder is of no use then.
pub fn renew(
    manifest: &Manifest,
    store: &dyn Fn(&Digest) -> PathBuf,
    target: &Path,
    stamps: &Stamps,
    spare: &BTreeSet<String>,
) -> Result<(Stamps, Renewed), LayError> {
    renew_plan(of_manifest(manifest, store), target, stamps, spare)
}

/// Makes the folder `target`, copied before with these `stamps` by [`copy_tree`](crate::copy_tree), equal to `source`
/// again.
///
/// # Errors
/// As [`renew`].
pub fn renew_tree(source: &Path, target: &Path, stamps: &Stamps) -> Result<(Stamps, Renewed), LayError> {
    renew_plan(plan_of_tree(source)?, target, stamps, &BTreeSet::new())
}

fn renew_plan(
    items: Vec<Item>,
    target: &Path,
    stamps: &Stamps,
    spare: &BTreeSet<String>,
) -> Result<(Stamps, Renewed), LayError> {
    let renewal = Renewal {
        target,
        stamps,
        spare,
        wanted: items.iter().map(|item| (item.path.as_path(), item)).collect(),
        result: Renewed::default(),
        kept: BTreeSet::new(),
    };
    let (kept, known, mut result) = renewal.look()?;
    let rest: Vec<Item> = items.into_iter().filter(|item| !kept.contains(&item.path)).collect();
    result.made = rest.len();
    let mut all = lay_into(&rest, target)?;
    known.into_iter().for_each(|(path, stamp, digest)| all.insert(path, stamp, digest));
    Ok((all, result))
}

struct Renewal<'a> {
    target: &'a Path,
    stamps: &'a Stamps,
    spare: &'a BTreeSet<String>,
    wanted: BTreeMap<&'a Path, &'a Item>,
    result: Renewed,
    kept: BTreeSet<PathBuf>,
}

type Known = Vec<(String, Stamp, Digest)>;

impl Renewal<'_> {
    /// Looks through the folder, and removes what is not as it should be.
    fn look(mut self) -> Result<(BTreeSet<PathBuf>, Known, Renewed), LayError> {
        let mut files = Vec::new();
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            let place = self.target.join(&folder);
            open_up(&place)?;
            for entry in fs::read_dir(&place).map_err(LayError::make(&folder))? {
                let entry = entry.map_err(LayError::make(&folder))?;
                let path = folder.join(entry.file_name());
                if path.to_str().is_some_and(|path| self.spare.contains(path)) {
                    continue;
                }
                let kind = entry.file_type().map_err(LayError::make(&path))?;
                let wanted = self.wanted.get(path.as_path()).map(|item| &item.what);
                match wanted {
                    Some(What::Folder) if kind.is_dir() => {
                        self.kept.insert(path.clone());
                        open.push(path);
                    }
                    Some(What::Link { target }) if kind.is_symlink() => {
                        let link = fs::read_link(entry.path()).map_err(LayError::make(&path))?;
                        if link == *target { self.keep(path) } else { self.remove(&path)? }
                    }
                    Some(What::File { .. }) if kind.is_file() => files.push(path),
                    None if kind.is_dir() && self.leads_to_spare(&path) => open.push(path),
                    Some(_) | None => self.remove(&path)?,
                }
            }
        }
        let known = self.files(files)?;
        Ok((self.kept, known, self.result))
    }

    /// Keeps the files that hold what they should.
    fn files(&mut self, files: Vec<PathBuf>) -> Result<Known, LayError> {
        let verdicts = Mutex::new(vec![None; files.len()]);
        threads::for_each(&files, threads::count(bounds::READERS), 32, |place, path| {
            let good = self.good(path)?;
            if let Some(slot) = verdicts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(place) {
                *slot = good;
            }
            Ok(())
        })?;
        let verdicts = verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut known = Vec::with_capacity(files.len());
        for (path, good) in files.into_iter().zip(verdicts) {
            match (good, path.to_str()) {
                (Some((stamp, digest)), Some(text)) => {
                    known.push((text.to_owned(), stamp, digest));
                    self.keep(path);
                }
                (Some(_), None) | (None, _) => self.remove(&path)?,
            }
        }
        Ok(known)
    }

    /// Stamp and digest of a file that surely holds what it should and may do what it should.
    fn good(&self, path: &Path) -> Result<Option<(Stamp, Digest)>, LayError> {
        let Some(What::File { mode, digest, .. }) = self.wanted.get(path).map(|item| &item.what) else {
            return Ok(None);
        };
        let place = self.target.join(path);
        let about = place.symlink_metadata().map_err(LayError::make(path))?;
        if (about.permissions().mode() ^ mode) & 0o100 != 0 {
            return Ok(None);
        }
        let stamp = Stamp::of(&about);
        let known = path.to_str().and_then(|path| self.stamps.digest(path, &stamp));
        match (known, digest) {
            (Some(known), Some(wanted)) => Ok((known == *wanted).then_some((stamp, known))),
            (Some(known), None) => Ok(Some((stamp, known))),
            // Not proven by its stamp, but its content can be.
            (None, Some(wanted)) => match hash_file(&place) {
                Ok(Some(hashed)) if hashed.digest == *wanted && hashed.stamp == stamp => {
                    Ok(Some((stamp, hashed.digest)))
                }
                Ok(_) => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
                Err(source) => Err(LayError::Make { path: path.to_owned(), source }),
            },
            (None, None) => Ok(None),
        }
    }

    fn keep(&mut self, path: PathBuf) {
        self.kept.insert(path);
        self.result.kept += 1;
    }

    fn remove(&mut self, path: &Path) -> Result<(), LayError> {
        let place = self.target.join(path);
        let about = place.symlink_metadata().map_err(LayError::make(path))?;
        let removed = if about.is_dir() { remove_folder(&place) } else { fs::remove_file(&place) };
        removed.map_err(LayError::make(path))?;
        self.result.removed += 1;
        Ok(())
    }

    fn leads_to_spare(&self, path: &Path) -> bool {
        self.spare.iter().any(|spare| Path::new(spare).starts_with(path))
    }
}

/// Gives the owner all rights to a folder again, which a spec may have taken away.
fn open_up(folder: &Path) -> Result<(), LayError> {
    let about = fs::symlink_metadata(folder).map_err(LayError::make(folder))?;
    let mode = about.permissions().mode();
    if mode & 0o700 == 0o700 {
        return Ok(());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o700)).map_err(LayError::make(folder))
}

/// Removes a folder, also where a spec made parts of it read-only.
fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mut open = vec![folder.to_owned()];
            while let Some(folder) = open.pop() {
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
                for entry in fs::read_dir(&folder)? {
                    let entry = entry?;
                    if entry.file_type()?.is_dir() {
                        open.push(entry.path());
                    }
                }
            }
            fs::remove_dir_all(folder)
        }
        removed => removed,
    }
}

#[cfg(test)]
mod tests;
