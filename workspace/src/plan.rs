//! What is to be laid out: paths, and where their content comes from.

use crate::digest::Digest;
use crate::manifest::{Kind, Manifest};
use std::path::PathBuf;

/// Permissions of a file that may be executed, before the process's mask.
const EXECUTABLE: u32 = 0o777;
/// Those of one that may not.
const PLAIN: u32 = 0o666;

/// One thing to be laid out.
pub(crate) struct Item {
    /// Path relative to the target.
    pub(crate) path: PathBuf,
    pub(crate) what: What,
}

/// What it is to be.
pub(crate) enum What {
    File {
        /// Where its content is.
        source: PathBuf,
        /// Permissions, before the process's mask.
        mode: u32,
        /// What it must hold; none where that is not known.
        digest: Option<Digest>,
    },
    Link {
        target: PathBuf,
    },
    Folder,
}

/// Everything of a manifest, in its order.
pub(crate) fn of_manifest(manifest: &Manifest, store: &dyn Fn(&Digest) -> PathBuf) -> Vec<Item> {
    let item = |entry: &crate::manifest::Entry| {
        let what = match &entry.kind {
            Kind::File { digest, executable, .. } => What::File {
                source: store(digest),
                mode: if *executable { EXECUTABLE } else { PLAIN },
                digest: Some(*digest),
            },
            Kind::Symlink { target } => What::Link { target: target.into() },
            Kind::Folder => What::Folder,
        };
        Item { path: PathBuf::from(&entry.path), what }
    };
    manifest.entries().iter().map(item).collect()
}
