//! The walk: everything that git does not ignore, what part.toml adds to that, and no more.

use super::globs::Globs;
use super::problems::{Named, ScanError};
use super::shares::largest;
use crate::bounds;
use crate::names::{Rule, check_link, check_path, folded};
use crate::stamps::Stamp;
use crate::threads;
use ignore::{DirEntry, WalkBuilder, WalkState};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Part's own ignore file, in the syntax of `.gitignore`.
const IGNORE_FILE: &str = ".partignore";
/// Never travels, at any depth: it belongs to the repository, not to the workspace.
const REPOSITORY: &str = ".git";
/// Bit of a mode: its owner may execute it.
const EXECUTABLE: u32 = 0o100;

/// How large a workspace may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files, links and folders.
    pub files: u32,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { files: bounds::MAX_FILES, bytes: bounds::MAX_BYTES, file_bytes: bounds::MAX_FILE_BYTES }
    }
}

/// What travels beyond what is not ignored.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How large it may be.
    pub limits: Limits,
    /// Globs of what travels although it is ignored; each stands for everything below what it matches.
    pub include: Vec<String>,
    /// Globs of what does not travel, whatever else is said.
    pub exclude: Vec<String>,
    /// Files that travel although they are ignored; one that is not there is left out.
    pub also: BTreeSet<String>,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Path relative to the root, its parts parted by `/`.
    pub path: String,
    /// What it is.
    pub kind: FoundKind,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file.
    File {
        /// What it looks like.
        stamp: Stamp,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// A symbolic link, which is not followed.
    Link {
        /// What it leads to.
        target: String,
    },
    /// A folder.
    Folder,
}

/// A workspace that was looked through and may travel. Sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Everything in it.
    pub found: Vec<Found>,
}

impl Scan {
    /// Files, links and folders, and the bytes of the files.
    pub fn size(&self) -> (usize, u64) {
        (self.found.len(), bytes(&self.found))
    }
}

/// Looks through the workspace `root`.
///
/// # Errors
/// When something cannot be looked at, names are refused, or it is too large.
pub fn scan(root: &Path, options: &Options) -> Result<Scan, ScanError> {
    let root = root.canonicalize().map_err(|source| ScanError::Read { path: root.to_owned(), source })?;
    let (include, exclude) = (Globs::new(&options.include)?, Globs::new(&options.exclude)?);
    let walk = Walk {
        root: &root,
        exclude: &exclude,
        limits: options.limits,
        most: (options.limits.files as usize).saturating_mul(bounds::LOOKED_AT),
        seen: Mutex::default(),
    };
    walk.unignored()?;
    walk.included(&include)?;
    walk.also(&options.also)?;
    let seen = walk.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = seen.error {
        return Err(error);
    }
    let found: Vec<Found> = seen.found.into_iter().map(|(path, kind)| Found { path, kind }).collect();
    let too_many = seen.cut || found.len() > options.limits.files as usize;
    if too_many {
        let shares = largest(&found, |share| share.files);
        return Err(ScanError::TooMany {
            count: found.len(),
            or_more: seen.cut,
            limit: options.limits.files,
            shares,
        });
    }
    let bytes = bytes(&found);
    if bytes > options.limits.bytes {
        let shares = largest(&found, |share| share.bytes);
        return Err(ScanError::TooLarge { bytes, limit: options.limits.bytes, shares });
    }
    let mut named = seen.named;
    named.extend(between(&found));
    refuse(named)?;
    Ok(Scan { found })
}

fn bytes(found: &[Found]) -> u64 {
    found.iter().fold(0_u64, |sum, one| match &one.kind {
        FoundKind::File { stamp, .. } => sum.saturating_add(stamp.bytes),
        FoundKind::Link { .. } | FoundKind::Folder => sum,
    })
}

fn refuse(mut named: Vec<Named>) -> Result<(), ScanError> {
    if named.is_empty() {
        return Ok(());
    }
    named.sort();
    named.dedup();
    let count = named.len();
    named.truncate(bounds::REFUSED_NAMED);
    Err(ScanError::Names { named, count })
}

/// What only shows where all is known: names that collide, and links that lead out.
fn between(found: &[Found]) -> Vec<Named> {
    let folders: BTreeSet<&str> =
        found.iter().filter(|one| one.kind == FoundKind::Folder).map(|one| one.path.as_str()).collect();
    let mut seen: HashMap<_, &str> = HashMap::with_capacity(found.len());
    let mut named = Vec::new();
    for one in found {
        let mut refuse = |rule| named.push(Named { path: one.path.clone(), rule });
        if let Some(other) = seen.insert(folded(&one.path), &one.path) {
            refuse(Rule::Collision(other.to_owned()));
        }
        if let FoundKind::Link { target } = &one.kind
            && let Err(rule) = check_link(&one.path, target, &folders)
        {
            refuse(rule);
        }
    }
    named
}

struct Walk<'a> {
    root: &'a Path,
    exclude: &'a Globs,
    limits: Limits,
    /// Entries after which nobody looks any further.
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    found: BTreeMap<String, FoundKind>,
    named: Vec<Named>,
    error: Option<ScanError>,
    cut: bool,
}

impl Seen {
    fn over(&self) -> bool {
        self.cut || self.error.is_some()
    }
}

impl Walk<'_> {
    /// Everything that is not ignored, by several threads.
    fn unignored(&self) -> Result<(), ScanError> {
        let mut builder = WalkBuilder::new(self.root);
        let in_repository = self.root.ancestors().any(|place| place.join(REPOSITORY).exists());
        builder
            .standard_filters(false)
            .git_ignore(true)
            .git_exclude(true)
            .git_global(in_repository)
            // The files above the root count only where they belong to the same repository.
            .parents(in_repository)
            .require_git(false)
            .follow_links(false)
            .add_custom_ignore_filename(IGNORE_FILE)
            .threads(threads::count(bounds::READERS))
            .filter_entry(|entry| entry.file_name() != REPOSITORY);
        builder.build_parallel().run(|| {
            Box::new(|entry| match entry {
                Ok(entry) if entry.depth() == 0 => WalkState::Continue,
                Ok(entry) => self.entry(&entry),
                Err(error) => self.failed(error),
            })
        });
        self.still_fine()
    }

    fn entry(&self, entry: &DirEntry) -> WalkState {
        match entry.metadata() {
            Ok(about) => match self.look(entry.path(), &about) {
                true => WalkState::Continue,
                false if self.lock().over() => WalkState::Quit,
                false => WalkState::Skip,
            },
            Err(error) => self.failed(error),
        }
    }

    /// What went away while we looked is no reason to give up.
    fn failed(&self, error: ignore::Error) -> WalkState {
        let path = path_of(&error).map_or_else(|| self.root.to_owned(), Path::to_owned);
        let text = error.to_string();
        let source = error.into_io_error().unwrap_or_else(|| io::Error::other(text));
        if source.kind() == io::ErrorKind::NotFound {
            return WalkState::Continue;
        }
        self.lock().error.get_or_insert(ScanError::Read { path, source });
        WalkState::Quit
    }

    /// Takes something in. False when nothing below is to be looked at.
    fn look(&self, path: &Path, about: &Metadata) -> bool {
        let below = path.strip_prefix(self.root).unwrap_or(path);
        let Some(text) = below.to_str() else {
            let path = below.to_string_lossy().into_owned();
            self.lock().named.push(Named { path, rule: Rule::NotText });
            return false;
        };
        if self.exclude.covers(text) {
            return false;
        }
        let (kind, named) = self.classify(path, text, about);
        let mut seen = self.lock();
        let fine = named.is_none();
        seen.named.extend(named);
        if let Some(kind) = kind {
            seen.found.insert(text.to_owned(), kind);
        }
        if seen.found.len() > self.most {
            seen.cut = true;
        }
        fine && !seen.over()
    }

    fn classify(&self, path: &Path, text: &str, about: &Metadata) -> (Option<FoundKind>, Option<Named>) {
        let named = |rule| Some(Named { path: text.to_owned(), rule });
        let refused = check_path(text).err().and_then(named);
        let kind = about.file_type();
        if kind.is_dir() {
            return (Some(FoundKind::Folder), refused);
        }
        if kind.is_file() {
            let stamp = Stamp::of(about);
            let limit = self.limits.file_bytes;
            let large = (stamp.bytes > limit).then_some(Rule::LargeFile { bytes: stamp.bytes, limit });
            let executable = about.mode() & EXECUTABLE != 0;
            return (Some(FoundKind::File { stamp, executable }), refused.or(large.and_then(named)));
        }
        if kind.is_symlink() {
            let target = match std::fs::read_link(path) {
                Ok(target) => target,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return (None, None),
                Err(source) => {
                    let error = ScanError::Read { path: path.to_owned(), source };
                    self.lock().error.get_or_insert(error);
                    return (None, None);
                }
            };
            return match target.into_os_string().into_string() {
                Ok(target) => (Some(FoundKind::Link { target }), refused),
                Err(_) => (None, named(Rule::NotText)),
            };
        }
        let what = if kind.is_socket() {
            "socket"
        } else if kind.is_fifo() {
            "FIFO"
        } else {
            "device"
        };
        (None, named(Rule::SpecialFile(what)))
    }

    /// What `include` adds, ignored or not.
    fn included(&self, include: &Globs) -> Result<(), ScanError> {
        for start in include.starts() {
            let mut open: Vec<(PathBuf, bool)> = vec![(self.root.join(start), include.covers(start))];
            if !start.is_empty() && !self.is_real(start)? {
                continue;
            }
            while let Some((path, inside)) = open.pop() {
                let Some(about) = self.metadata(&path)? else { continue };
                let below = path.strip_prefix(self.root).unwrap_or(&path).to_owned();
                let text = below.to_str();
                let inside = inside || text.is_some_and(|text| include.matches(text));
                if path != self.root {
                    if path.file_name().is_some_and(|name| name == REPOSITORY) {
                        continue;
                    }
                    if inside && !self.look(&path, &about) {
                        continue;
                    }
                }
                if about.is_dir() {
                    self.children(&path, inside, &mut open)?;
                } else if inside && let Some(text) = text {
                    self.add_parents(text);
                }
                self.still_fine()?;
                if self.lock().cut {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn children(
        &self,
        folder: &Path,
        inside: bool,
        open: &mut Vec<(PathBuf, bool)>,
    ) -> Result<(), ScanError> {
        let failed = |source| ScanError::Read { path: folder.to_owned(), source };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            open.push((entry.map_err(failed)?.path(), inside));
        }
        if open.len() > self.most {
            self.lock().cut = true;
        }
        Ok(())
    }

    /// Single files that travel in any case.
    fn also(&self, also: &BTreeSet<String>) -> Result<(), ScanError> {
        for text in also {
            if self.lock().found.contains_key(text) || check_path(text).is_err() || !self.is_real(text)? {
                continue;
            }
            let path = self.root.join(text);
            if let Some(about) = self.metadata(&path)?
                && !about.is_dir()
                && self.look(&path, &about)
            {
                self.add_parents(text);
            }
        }
        self.still_fine()
    }

    /// True when the path is there and no link is on the way to it: what lies behind one is not of this workspace,
    /// or travels under its own name.
    fn is_real(&self, text: &str) -> Result<bool, ScanError> {
        let mut path = self.root.to_owned();
        for (place, part) in text.split('/').enumerate() {
            if place > 0 {
                match self.metadata(&path)? {
                    Some(about) if about.is_dir() => {}
                    Some(_) | None => return Ok(false),
                }
            }
            path.push(part);
        }
        Ok(self.metadata(&path)?.is_some())
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>, ScanError> {
        match path.symlink_metadata() {
            Ok(about) => Ok(Some(about)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(source) => Err(ScanError::Read { path: path.to_owned(), source }),
        }
    }

    /// The folders that something is in travel with it.
    fn add_parents(&self, text: &str) {
        let mut seen = self.lock();
        for (end, _) in text.match_indices('/') {
            let folder = &text[..end];
            if !seen.found.contains_key(folder) {
                if let Err(rule) = check_path(folder) {
                    seen.named.push(Named { path: folder.to_owned(), rule });
                }
                seen.found.insert(folder.to_owned(), FoundKind::Folder);
            }
        }
    }

    fn still_fine(&self) -> Result<(), ScanError> {
        self.lock().error.take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path that an error of the walk is about.
fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(_)
        | ignore::Error::Io(_)
        | ignore::Error::Glob { .. }
        | ignore::Error::UnrecognizedFileType(_)
        | ignore::Error::InvalidDefinition => None,
    }
}

#[cfg(test)]
mod tests;
