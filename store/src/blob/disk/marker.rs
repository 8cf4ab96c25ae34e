//! The id of a folder that several hosts mount.

use super::store::OPENING;
use crate::blob::BlobError;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use uuid::Uuid;

const MARKER: &str = "part-blobs.id";

/// Refuses a folder that does not exist: most likely its mount is missing.
pub(super) fn check_folder(root: &Path) -> Result<(), BlobError> {
    let about = fs::metadata(root).and_then(|about| match about.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    about.map_err(|error| {
        let hint =
            format!("{error}; mount the shared folder there first, or make it once on the file server");
        BlobError::io(OPENING, root, io::Error::new(error.kind(), hint))
    })
}

/// The id of a folder; made up when nobody did so before, by whoever is first.
pub(super) fn folder_id(root: &Path) -> Result<String, BlobError> {
    let marker = root.join(MARKER);
    let failed = |error| BlobError::io(OPENING, &marker, error);
    if !marker.try_exists().map_err(failed)? {
        propose(root, &marker).map_err(failed)?;
    }
    let text = fs::read_to_string(&marker).map_err(failed)?;
    let id = Uuid::try_parse(text.trim()).map_err(|_| {
        let what = "it does not hold an id; if no daemon uses the folder, remove the file";
        failed(io::Error::new(io::ErrorKind::InvalidData, what))
    })?;
    Ok(id.simple().to_string())
}

/// Linking is the one way to make a file with its content at once, and only where there is none.
fn propose(root: &Path, marker: &Path) -> io::Result<()> {
    let id = Uuid::new_v4().simple().to_string();
    let proposal = root.join("tmp").join(format!("id-{id}"));
    let mut file = File::options().write(true).create_new(true).open(&proposal)?;
    let linked = file.write_all(id.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        match fs::hard_link(&proposal, marker) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    // Whatever became of it; a leftover would be swept later.
    let removed = fs::remove_file(&proposal);
    linked.and(removed)
}
