//! What a workspace holds, as a blob of its own: the manifest. Its digest names the workspace.
//!
//! Canonical: equal workspaces have equal bytes. Entries are sorted by path, every folder stands for itself (so
//! empty ones are kept), and of a file's mode only the executable bit is kept: everything else (set-uid bits, who
//! may read) belongs to the machine that it is laid out on.

use crate::bounds;
use crate::digest::Digest;
use crate::names::{Rule, check_link, check_path, folded};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use thiserror::Error;

/// The only format there is.
const VERSION: u32 = 1;

/// Every file, link and folder of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
}

/// One file, link or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the root, its parts parted by `/`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Digest of its content.
        digest: Digest,
        /// Its size.
        bytes: u64,
        /// Whether it may be executed.
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// What it leads to, relative to the folder that it is in.
        target: String,
    },
    /// A folder.
    Folder,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files.
    pub files: u32,
    /// Links.
    pub links: u32,
    /// Folders.
    pub folders: u32,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Why something is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// It is too large to be read.
    #[error("a manifest has at most {} bytes, this one has {bytes}", bounds::MANIFEST_BYTES)]
    Size {
        /// Its size.
        bytes: u64,
    },
    /// It is not the JSON that is expected.
    #[error("the manifest cannot be read: {detail}")]
    Json {
        /// What the parser says.
        detail: String,
    },
    /// It is of another format.
    #[error("the manifest has format {version}, known is {VERSION}; update the older program")]
    Version {
        /// Its format.
        version: u32,
    },
    /// It has too many entries.
    #[error("a manifest names at most {} files, this one names {count}", bounds::MOST_FILES)]
    Count {
        /// How many.
        count: usize,
    },
    /// An entry breaks a rule.
    #[error("{path:?} is refused: {rule}")]
    Name {
        /// The entry.
        path: String,
        /// The rule.
        rule: Rule,
    },
    /// Entries are not sorted, or one comes twice.
    #[error("{path:?} is not in its place, or comes twice")]
    Order {
        /// The entry.
        path: String,
    },
    /// An entry's folder is none.
    #[error("{path:?} is in no folder of the manifest")]
    Parent {
        /// The entry.
        path: String,
    },
    /// It can be read, but is not written as it must be.
    #[error("the manifest is not in its canonical form")]
    Form,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    version: u32,
    #[serde(borrow)]
    entries: Vec<Line<'a>>,
}

/// An entry as it is written: a file has a digest, a link a target, a folder neither.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    executable: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    link: Option<std::borrow::Cow<'a, str>>,
}

/// Only to see the format before anything else is looked at.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl Manifest {
    /// A manifest of these entries, in any order.
    ///
    /// # Errors
    /// When they break a rule.
    pub fn new(mut entries: Vec<Entry>) -> Result<Manifest, ManifestError> {
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        let manifest = Manifest { entries };
        manifest.check()?;
        Ok(manifest)
    }

    /// Reads a manifest, whoever wrote it.
    ///
    /// # Errors
    /// When it is malformed, breaks a rule, or is not in the one form that such a manifest has.
    pub fn from_bytes(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let size = bytes.len() as u64;
        if size > bounds::MANIFEST_BYTES {
            return Err(ManifestError::Size { bytes: size });
        }
        let unreadable = |error: serde_json::Error| ManifestError::Json { detail: error.to_string() };
        let document: Document<'_> = match serde_json::from_slice(bytes) {
            Ok(document) => document,
            Err(error) => match serde_json::from_slice(bytes) {
                Ok(Head { version }) if version != VERSION => return Err(ManifestError::Version { version }),
                Ok(_) | Err(_) => return Err(unreadable(error)),
            },
        };
        if document.version != VERSION {
            return Err(ManifestError::Version { version: document.version });
        }
        let entries: Result<Vec<Entry>, ManifestError> = document.entries.into_iter().map(entry).collect();
        let manifest = Manifest { entries: entries? };
        manifest.check()?;
        if manifest.to_bytes() != bytes {
            return Err(ManifestError::Form);
        }
        Ok(manifest)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let document = Document { version: VERSION, entries: self.entries.iter().map(line).collect() };
        // Strings and numbers have a JSON form; nothing here can fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// The digest of the canonical bytes: names the workspace.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry at a path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        let place = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(place)
    }

    /// The digests of all files, each once, sorted.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let digests: BTreeSet<Digest> = self.files().map(|(_, digest, _)| digest).collect();
        digests.into_iter()
    }

    /// The files: path, digest and size.
    pub fn files(&self) -> impl Iterator<Item = (&str, Digest, u64)> {
        self.entries.iter().filter_map(|entry| match &entry.kind {
            Kind::File { digest, bytes, .. } => Some((entry.path.as_str(), *digest, *bytes)),
            Kind::Symlink { .. } | Kind::Folder => None,
        })
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.entries {
            match &entry.kind {
                Kind::File { bytes, .. } => {
                    counts.files += 1;
                    counts.bytes = counts.bytes.saturating_add(*bytes);
                }
                Kind::Symlink { .. } => counts.links += 1,
                Kind::Folder => counts.folders += 1,
            }
        }
        counts
    }

    fn check(&self) -> Result<(), ManifestError> {
        let count = self.entries.len();
        if count > bounds::MOST_FILES as usize {
            return Err(ManifestError::Count { count });
        }
        let refused = |entry: &Entry, rule| ManifestError::Name { path: entry.path.clone(), rule };
        let folders: BTreeSet<&str> = self
            .entries
            .iter()
            .filter(|entry| entry.kind == Kind::Folder)
            .map(|entry| entry.path.as_str())
            .collect();
        let mut seen = HashMap::with_capacity(count);
        let mut before = "";
        for entry in &self.entries {
            check_path(&entry.path).map_err(|rule| refused(entry, rule))?;
            if entry.path.as_str() <= before {
                return Err(ManifestError::Order { path: entry.path.clone() });
            }
            before = &entry.path;
            if let Some((parent, _)) = entry.path.rsplit_once('/')
                && !folders.contains(parent)
            {
                return Err(ManifestError::Parent { path: entry.path.clone() });
            }
            if let Some(other) = seen.insert(folded(&entry.path), &entry.path) {
                return Err(refused(entry, Rule::Collision(other.clone())));
            }
            match &entry.kind {
                Kind::Symlink { target } => {
                    check_link(&entry.path, target, &folders).map_err(|rule| refused(entry, rule))?;
                }
                Kind::File { bytes, .. } if *bytes > bounds::MAX_FILE_BYTES => {
                    let rule = Rule::LargeFile { bytes: *bytes, limit: bounds::MAX_FILE_BYTES };
                    return Err(refused(entry, rule));
                }
                Kind::File { .. } | Kind::Folder => {}
            }
        }
        Ok(())
    }
}

fn entry(line: Line<'_>) -> Result<Entry, ManifestError> {
    let kind = match (&line.digest, line.bytes, line.executable, line.link) {
        (Some(digest), Some(bytes), executable, None) => {
            let wrong = |error: crate::DigestError| ManifestError::Json { detail: error.to_string() };
            Kind::File { digest: digest.parse().map_err(wrong)?, bytes, executable }
        }
        (None, None, false, Some(target)) => Kind::Symlink { target: target.into_owned() },
        (None, None, false, None) => Kind::Folder,
        _ => {
            let detail = format!("{:?} is neither a file nor a link nor a folder", line.path);
            return Err(ManifestError::Json { detail });
        }
    };
    Ok(Entry { path: line.path.into_owned(), kind })
}

fn line(entry: &Entry) -> Line<'_> {
    let path = entry.path.as_str().into();
    let folder = Line { path, digest: None, bytes: None, executable: false, link: None };
    match &entry.kind {
        Kind::File { digest, bytes, executable } => {
            Line { digest: Some(digest.to_string()), bytes: Some(*bytes), executable: *executable, ..folder }
        }
        Kind::Symlink { target } => Line { link: Some(target.as_str().into()), ..folder },
        Kind::Folder => folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(path: &str, content: &str) -> Entry {
        let kind = Kind::File {
            digest: Digest::of(content.as_bytes()),
            bytes: content.len() as u64,
            executable: false,
        };
        Entry { path: path.to_owned(), kind }
    }

    fn folder(path: &str) -> Entry {
        Entry { path: path.to_owned(), kind: Kind::Folder }
    }

    fn link(path: &str, target: &str) -> Entry {
        Entry { path: path.to_owned(), kind: Kind::Symlink { target: target.to_owned() } }
    }

    #[test]
    fn the_form_is_fixed() {
        let run = Entry {
            kind: Kind::File { digest: Digest::of(b"x"), bytes: 1, executable: true },
            ..file("run.sh", "x")
        };
        let manifest =
            Manifest::new(vec![run, link("l", "a/b"), folder("a"), file("a/b", "x")]).expect("fine");
        let hash = Digest::of(b"x");
        let text = format!(
            r#"{{"version":1,"entries":[{{"path":"a"}},{{"path":"a/b","digest":"{hash}","bytes":1}},{{"path":"l","link":"a/b"}},{{"path":"run.sh","digest":"{hash}","bytes":1,"executable":true}}]}}"#
        );
        assert_eq!(String::from_utf8(manifest.to_bytes()).expect("text"), text);
        assert_eq!(Manifest::from_bytes(text.as_bytes()), Ok(manifest.clone()));
        assert_eq!(manifest.counts(), Counts { files: 2, links: 1, folders: 1, bytes: 2 });
        assert_eq!(manifest.digests().count(), 1);
        assert_eq!(manifest.get("l"), Some(&link("l", "a/b")));
        assert_eq!(manifest.get("x"), None);
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        let hash = Digest::of(b"x");
        let entry = |path: &str| format!(r#"{{"path":"{path}"}}"#);
        let of = |entries: &[String]| format!(r#"{{"version":1,"entries":[{}]}}"#, entries.join(","));
        let blank = of(&[entry("a")]).replace(":1,", ": 1,");
        let table = [
            ("{}".to_owned(), "cannot be read"),
            ("[".repeat(100_000), "cannot be read"),
            (r#"{"version":2,"entries":[],"more":1}"#.to_owned(), "has format 2"),
            (r#"{"version":1,"entries":[],"more":1}"#.to_owned(), "cannot be read"),
            (of(&[entry("b"), entry("a")]), "\"a\" is not in its place"),
            (of(&[entry("a"), entry("a")]), "comes twice"),
            (of(&[entry("a/b")]), "in no folder"),
            (of(&[entry("A"), entry("a")]), "differs only by case"),
            (of(&[entry("../a")]), "no path below the workspace"),
            (of(&[r#"{"path":"a","link":"/etc"}"#.to_owned()]), "absolute path"),
            (of(&[r#"{"path":"a","link":"x","bytes":1}"#.to_owned()]), "neither a file"),
            (of(&[r#"{"path":"a","digest":"00","bytes":1}"#.to_owned()]), "not a digest"),
            (of(&[format!(r#"{{"path":"a","digest":"{hash}","bytes":9999999999}}"#)]), "one file may have"),
            (of(&[format!(r#"{{"path":"a","digest":"{hash}","bytes":1,"executable":false}}"#)]), "canonical"),
            (blank, "canonical"),
        ];
        for (text, says) in table {
            let error = Manifest::from_bytes(text.as_bytes()).expect_err(says).to_string();
            assert!(error.contains(says), "{error} does not say {says:?}");
        }
        // A link is no folder, so nothing can be laid out through it.
        let error = Manifest::new(vec![link("a", "b"), file("a/x", "")]).expect_err("through a link");
        assert_eq!(error, ManifestError::Parent { path: "a/x".to_owned() });
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let name = prop::sample::select(vec!["a", "b", "A", "ä", "x.rs", "c d", "-", "\u{1f600}"]);
        let kind = prop_oneof![
            Just(Kind::Folder),
            (any::<[u8; 32]>(), 0..1000_u64, any::<bool>()).prop_map(|(digest, bytes, executable)| {
                Kind::File { digest: Digest(digest), bytes, executable }
            }),
            "[ab./]{0,6}".prop_map(|target| Kind::Symlink { target }),
        ];
        let path = prop::collection::vec(name, 1..3).prop_map(|names| names.join("/"));
        prop::collection::vec((path, kind).prop_map(|(path, kind)| Entry { path, kind }), 0..12)
    }

    proptest! {
        #[test]
        fn what_is_accepted_comes_back_equal_in_any_order(entries in entries(), turn in 0..12_usize) {
            if let Ok(manifest) = Manifest::new(entries.clone()) {
                let bytes = manifest.to_bytes();
                prop_assert_eq!(Manifest::from_bytes(&bytes), Ok(manifest.clone()));
                let mut turned = entries;
                let place = turn % turned.len().max(1);
                turned.rotate_left(place);
                prop_assert_eq!(Manifest::new(turned).map(|other| other.digest()), Ok(manifest.digest()));
            }
        }

        #[test]
        fn no_bytes_make_it_fall_over(mut bytes in Just(br#"{"version":1,"entries":[{"path":"a"},{"path":"a/b","link":"../c"}]}"#.to_vec()), at in 0..60_usize, with in any::<u8>()) {
            bytes[at] = with;
            if let Ok(manifest) = Manifest::from_bytes(&bytes) {
                prop_assert_eq!(manifest.to_bytes(), bytes);
            }
        }
    }
}
