//! Whole trees, such as what a setup step made: any names, any links.

use crate::lay::{LayError, lay_new};
use crate::plan::{Item, What};
use crate::stamps::Stamps;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bits of a mode that are kept: never set-uid and its like.
const PERMISSIONS: u32 = 0o777;

/// How much is in a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeSize {
    /// Files, links and folders.
    pub entries: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Copies the file or folder `from` as `to`, which must not be there. Links stay as they are; sockets, FIFOs and
/// devices are left out. Gives what the files look like, for [`renew_tree`](crate::renew_tree).
///
/// # Errors
/// Names the file and why. Nothing is left then, as far as that can be removed.
pub fn copy_tree(from: &Path, to: &Path) -> Result<Stamps, LayError> {
    lay_new(&plan_of_tree(from)?, to)
}

/// What is in a folder, each folder before what is in it.
pub(crate) fn plan_of_tree(root: &Path) -> Result<Vec<Item>, LayError> {
    let mut items = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let place = root.join(&folder);
        for entry in fs::read_dir(&place).map_err(LayError::make(&place))? {
            let entry = entry.map_err(LayError::make(&place))?;
            let path = folder.join(entry.file_name());
            let about = match entry.metadata() {
                Ok(about) => about,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(LayError::make(&path)(error)),
            };
            let kind = about.file_type();
            let what = if kind.is_dir() {
                open.push(path.clone());
                What::Folder
            } else if kind.is_symlink() {
                What::Link { target: fs::read_link(entry.path()).map_err(LayError::make(&path))? }
            } else if kind.is_file() {
                What::File { source: entry.path(), mode: about.mode() & PERMISSIONS, digest: None }
            } else {
                continue;
            };
            items.push(Item { path, what });
        }
    }
    Ok(items)
}

/// How much is in a file or folder; links are not followed.
///
/// # Errors
/// When it cannot be looked through.
pub fn tree_size(root: &Path) -> io::Result<TreeSize> {
    let mut size = TreeSize::default();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let about = match path.symlink_metadata() {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        size.entries += 1;
        // In blocks of 512 bytes, whatever the file system's own are.
        size.bytes += about.blocks() * 512;
        if about.is_dir() {
            for entry in fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        }
    }
    Ok(size)
}
