//! Which folders a workspace that is too large is made of.

use super::walk::{Found, FoundKind};
use crate::bounds;
use std::collections::BTreeMap;
use std::fmt;

/// A folder's share of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The folder, relative to the root; empty for the root itself.
    pub folder: String,
    /// Files, links and folders in it and below.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = if self.folder.is_empty() { "the root itself" } else { &self.folder };
        write!(f, "{folder} ({} files, {})", self.files, Bytes(self.bytes))
    }
}

/// Bytes for people.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while size >= 1024.0 && unit + 1 < UNITS.len() {
            size /= 1024.0;
            unit += 1;
        }
        let digits = usize::from(size < 10.0);
        write!(f, "{size:.digits$} {}", UNITS[unit])
    }
}

/// The folders with the most of `measure`, none inside another of them. A folder of which nearly all is in one
/// folder below is named as that.
pub(crate) fn largest(found: &[Found], measure: impl Fn(&Share) -> u64) -> Vec<Share> {
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    for one in found {
        let bytes = match &one.kind {
            FoundKind::File { stamp, .. } => stamp.bytes,
            FoundKind::Link { .. } | FoundKind::Folder => 0,
        };
        let inside = one.path.match_indices('/').map(|(at, _)| at);
        // A folder is a part of itself.
        let own = (one.kind == FoundKind::Folder).then_some(one.path.len());
        for end in [0].into_iter().chain(inside.chain(own).take(bounds::SHARE_DEPTH)) {
            let share = shares.entry(&one.path[..end]).or_default();
            share.files += 1;
            share.bytes += bytes;
        }
    }
    let mut below: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for folder in shares.keys().filter(|folder| !folder.is_empty()) {
        below.entry(folder.rsplit_once('/').map_or("", |(parent, _)| parent)).or_default().push(folder);
    }
    let mut named: Vec<Share> = Vec::new();
    let mut open: Vec<&str> = vec![""];
    while let Some(folder) = open.pop() {
        let children = below.remove(folder).unwrap_or_default();
        let whole = shares.get(folder).map_or(0, &measure);
        let most = children.iter().filter_map(|child| shares.get(child)).map(&measure).max().unwrap_or(0);
        // The root is always looked into; another folder only when one below is nearly all of it.
        if folder.is_empty() || most * 10 > whole * 9 {
            let inside: u64 = children.iter().filter_map(|child| shares.get(child)).map(&measure).sum();
            open.extend(&children);
            if folder.is_empty() && inside < whole {
                named.extend(own(&shares, &children));
            }
        } else if let Some(share) = shares.get(folder) {
            named.push(Share { folder: folder.to_owned(), ..share.clone() });
        }
    }
    named.sort_by_key(|share| std::cmp::Reverse(measure(share)));
    named.retain(|share| measure(share) > 0);
    named.truncate(bounds::SHARES_NAMED);
    named
}

/// What is in the root itself.
fn own(shares: &BTreeMap<&str, Share>, children: &[&str]) -> Option<Share> {
    let mut own = shares.get("")?.clone();
    for child in children.iter().filter_map(|child| shares.get(child)) {
        own.files = own.files.saturating_sub(child.files);
        own.bytes = own.bytes.saturating_sub(child.bytes);
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamps::Stamp;

    fn file(path: &str, bytes: u64) -> Found {
        let stamp = Stamp { bytes, ..Stamp::default() };
        Found { path: path.to_owned(), kind: FoundKind::File { stamp, executable: false } }
    }

    #[test]
    fn the_folders_that_matter_are_named() {
        let mut found =
            vec![file("a/b/data/1", 5000), file("a/b/data/2", 5000), file("a/x", 1), file("big", 3000)];
        found.extend((0..50).map(|number| file(&format!("many/{number}"), 1)));
        let text = |shares: Vec<Share>| shares.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            text(largest(&found, |share| share.bytes)),
            ["a/b/data (2 files, 9.8 KiB)", "the root itself (1 files, 2.9 KiB)", "many (50 files, 50 B)"]
        );
        assert_eq!(text(largest(&found, |share| share.files))[0], "many (50 files, 50 B)");
        assert_eq!(text(largest(&[], |share| share.files)), Vec::<String>::new());
        assert_eq!(Bytes(4 << 30).to_string(), "4.0 GiB");
    }
}
