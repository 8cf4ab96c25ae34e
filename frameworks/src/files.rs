//! Small helpers for looking into a workspace.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// `folder` of `root` and every folder above it, up to `root`.
pub(crate) fn upwards(root: &Path, folder: &str) -> Vec<PathBuf> {
    let mut places = vec![root.to_owned()];
    for part in Path::new(folder).components() {
        if let Component::Normal(name) = part {
            let next = places.last().map_or_else(|| root.join(name), |last| last.join(name));
            places.push(next);
        }
    }
    places.reverse();
    places
}

/// The first `bound` bytes of a file as text, or none where there is no such file.
pub(crate) fn read_text(path: &Path, bound: u64) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(bound).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
