//! Which spec a file in a listing belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// The specs of a group by their files.
pub(super) struct Owners<'a> {
    folder: PathBuf,
    /// The folder without symbolic links, which frameworks resolve.
    real_folder: PathBuf,
    specs: BTreeSet<&'a str>,
    /// Specs by the name of their file, for paths that are relative to somewhere else.
    by_name: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(folder: &Path, specs: &'a [String]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for spec in specs {
            by_name.entry(name(spec)).or_default().push(spec);
        }
        Owners {
            folder: folder.to_owned(),
            real_folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
            specs: specs.iter().map(String::as_str).collect(),
            by_name,
        }
    }

    pub(super) fn knows(&self, spec: &str) -> bool {
        self.specs.contains(spec)
    }

    /// The spec of a file that is absolute (a path or a `file:` URL) or relative to the folder.
    pub(super) fn of(&self, file: &str) -> Option<&'a str> {
        let file = file.strip_prefix("file://").unwrap_or(file);
        let path = tidy(Path::new(file));
        let below = if path.is_absolute() {
            path.strip_prefix(&self.real_folder).or_else(|_| path.strip_prefix(&self.folder)).ok()?
        } else {
            &path
        };
        let parts: Option<Vec<&str>> = below.components().map(|part| part.as_os_str().to_str()).collect();
        self.specs.get(parts?.join("/").as_str()).copied()
    }

    /// The spec of a file that is relative to a root which may be above the folder or below it. None where that
    /// leaves more than one.
    pub(super) fn of_unrooted(&self, file: &str) -> Option<&'a str> {
        if let Some(spec) = self.of(file) {
            return Some(spec);
        }
        let ends_with =
            |whole: &str, end: &str| whole.strip_suffix(end).is_some_and(|start| start.ends_with('/'));
        let named = self.by_name.get(name(file))?;
        let mut fitting = named.iter().filter(|spec| ends_with(file, spec) || ends_with(spec, file));
        match (fitting.next(), fitting.next()) {
            (Some(spec), None) => Some(spec),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The spec whose file has this name without its extension. None where that leaves more than one.
    pub(super) fn of_stem(&self, stem: &str) -> Option<&'a str> {
        let mut fitting =
            self.specs.iter().filter(|spec| Path::new(spec).file_stem().is_some_and(|own| own == stem));
        match (fitting.next(), fitting.next()) {
            (Some(spec), None) => Some(spec),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `path` without `.` and `..`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => tidy.push(part),
        }
    }
    tidy
}
