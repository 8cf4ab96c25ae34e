//! Laying a workspace out.
//!
//! Everything is made in a folder that is new and belongs to us alone, links come last, and the folder gets its
//! name only when all is there: nothing is ever written through a link, and nobody sees half a workspace.

use crate::bounds;
use crate::copy::{Copier, CopyError};
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::plan::{Item, What, of_manifest};
use crate::stamps::Stamps;
use crate::threads;
use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// Why a workspace is not laid out.
#[derive(Debug, Error)]
pub enum LayError {
    /// The content of a file is not in the cache, or cannot be read there.
    #[error("the content of {} is not at hand ({digest})", .path.display(), digest = named(.digest.as_ref()))]
    Missing {
        /// The file of the workspace.
        path: PathBuf,
        /// What it should hold.
        digest: Option<Digest>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What the cache holds is not what its name says: it was damaged.
    #[error("the cached content of {} is damaged ({digest})", .path.display())]
    Damaged {
        /// The file of the workspace.
        path: PathBuf,
        /// What it should hold.
        digest: Digest,
    },
    /// Something cannot be made.
    #[error("cannot lay out {}", .path.display())]
    Make {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn named(digest: Option<&Digest>) -> String {
    digest.map_or_else(|| "it is kept from an earlier setup".to_owned(), Digest::to_string)
}

impl LayError {
    pub(crate) fn make(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> LayError {
        let path = path.into();
        move |source| LayError::Make { path, source }
    }
}

thread_local! {
    /// What a thread copies through.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lays a workspace out as `target`, which must not be there; `store` names the cached file of each digest. Gives what
/// the files look like, for [`renew`](crate::renew).
///
/// # Errors
/// Names the file and why. Nothing is left then, as far as that can be removed.
pub fn lay_out(
    manifest: &Manifest,
    store: &dyn Fn(&Digest) -> PathBuf,
    target: &Path,
) -> Result<Stamps, LayError> {
    lay_new(&of_manifest(manifest, store), target)
}

/// Lays a plan out as a new folder.
pub(crate) fn lay_new(items: &[Item], target: &Path) -> Result<Stamps, LayError> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = target.with_file_name(name);
    clear(&fresh)?;
    fs::create_dir(&fresh).map_err(LayError::make(&fresh))?;
    let laid = lay_into(items, &fresh).and_then(|stamps| {
        // Where something is in the place already, only an empty folder would give way.
        match target.symlink_metadata() {
            Ok(_) => Err(LayError::make(target)(io::ErrorKind::AlreadyExists.into())),
            Err(_) => fs::rename(&fresh, target).map_err(LayError::make(target)).map(|()| stamps),
        }
    });
    if laid.is_err() {
        // The first error is the one to tell; what is left is cleared by the next try.
        drop(clear(&fresh));
    }
    laid
}

fn clear(folder: &Path) -> Result<(), LayError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LayError::make(folder)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes what the plan says in a folder where nothing of it is yet. Folders of the plan come before what is in them.
pub(crate) fn lay_into(items: &[Item], folder: &Path) -> Result<Stamps, LayError> {
    for item in items {
        if let What::Folder = item.what {
            let path = folder.join(&item.path);
            fs::create_dir(&path).map_err(LayError::make(&item.path))?;
        }
    }
    let files: Vec<&Item> = items.iter().filter(|item| matches!(item.what, What::File { .. })).collect();
    let copier = Copier::new();
    let stamps = Mutex::new(Vec::with_capacity(files.len()));
    threads::for_each(&files, threads::count(bounds::WRITERS), 32, |_, item| {
        let What::File { source, mode, digest } = &item.what else { return Ok(()) };
        let copied = BUFFER
            .with_borrow_mut(|buffer| copier.copy(source, &folder.join(&item.path), *mode, *digest, buffer));
        let stamp = copied.map_err(|error| copy_error(item, *digest, error))?;
        if let Some(path) = item.path.to_str() {
            let digest = digest.unwrap_or(Digest([0; 32]));
            stamps.lock().unwrap_or_else(PoisonError::into_inner).push((path.to_owned(), stamp, digest));
        }
        Ok(())
    })?;
    for item in items {
        if let What::Link { target } = &item.what {
            let path = folder.join(&item.path);
            std::os::unix::fs::symlink(target, &path).map_err(LayError::make(&item.path))?;
        }
    }
    let mut known = Stamps::now();
    let laid = stamps.into_inner().unwrap_or_else(PoisonError::into_inner);
    laid.into_iter().for_each(|(path, stamp, digest)| known.insert(path, stamp, digest));
    Ok(known)
}

fn copy_error(item: &Item, digest: Option<Digest>, error: CopyError) -> LayError {
    let path = item.path.clone();
    match (error, digest) {
        (CopyError::Source(source), digest) => LayError::Missing { path, digest, source },
        (CopyError::Content, Some(digest)) => LayError::Damaged { path, digest },
        (CopyError::Content, None) => LayError::Make { path, source: io::ErrorKind::InvalidData.into() },
        (CopyError::Target(source), _) => LayError::Make { path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Entry, Kind};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    /// A cache and a place to lay out in.
    struct Bench {
        place: tempfile::TempDir,
    }

    impl Bench {
        fn new(contents: &[&str]) -> Bench {
            let place = tempfile::tempdir().expect("a folder");
            fs::create_dir(place.path().join("cache")).expect("a folder");
            for content in contents {
                let name = Digest::of(content.as_bytes()).to_string();
                fs::write(place.path().join("cache").join(name), content).expect("a blob");
            }
            Bench { place }
        }

        fn lay(&self, manifest: &Manifest) -> Result<Stamps, LayError> {
            let cache = self.place.path().join("cache");
            lay_out(manifest, &|digest| cache.join(digest.to_string()), &self.target())
        }

        fn target(&self) -> PathBuf {
            self.place.path().join("target")
        }
    }

    fn entry(path: &str, content: &str, executable: bool) -> Entry {
        let kind =
            Kind::File { digest: Digest::of(content.as_bytes()), bytes: content.len() as u64, executable };
        Entry { path: path.to_owned(), kind }
    }

    fn manifest() -> Manifest {
        Manifest::new(vec![
            Entry { path: "a".to_owned(), kind: Kind::Folder },
            Entry { path: "a/empty".to_owned(), kind: Kind::Folder },
            entry("a/run.sh", "#!/bin/sh\n", true),
            entry("b", "text", false),
            Entry { path: "link".to_owned(), kind: Kind::Symlink { target: "a/run.sh".to_owned() } },
        ])
        .expect("a manifest")
    }

    #[test]
    fn a_workspace_is_laid_out_as_its_manifest_says() {
        let bench = Bench::new(&["#!/bin/sh\n", "text"]);
        let stamps = bench.lay(&manifest()).expect("laid out");
        assert_eq!(stamps.len(), 2);
        let target = bench.target();
        assert_eq!(fs::read_to_string(target.join("b")).expect("a file"), "text");
        assert_eq!(fs::read_link(target.join("link")).expect("a link"), Path::new("a/run.sh"));
        assert!(target.join("a/empty").is_dir());
        let mode = |path: &str| fs::metadata(target.join(path)).expect("there").permissions().mode() & 0o100;
        assert_eq!((mode("a/run.sh"), mode("b")), (0o100, 0));
        // Its own inode: whoever writes to it writes to nothing else.
        assert!(fs::metadata(target.join("b")).expect("there").nlink() == 1);
        fs::write(target.join("b"), "TEXT").expect("written in place");
        let blob = bench.place.path().join("cache").join(Digest::of(b"text").to_string());
        assert_eq!(fs::read_to_string(blob).expect("a blob"), "text");
        let error = bench.lay(&manifest()).expect_err("the place is taken");
        assert!(error.to_string().contains("cannot lay out") && bench.target().join("b").exists(), "{error}");
    }

    #[test]
    fn what_is_missing_or_damaged_is_named_and_nothing_is_left() {
        let bench = Bench::new(&["text"]);
        let error = bench.lay(&manifest()).expect_err("a blob is missing");
        assert!(error.to_string().starts_with("the content of a/run.sh is not at hand"), "{error}");
        let script = Digest::of(b"#!/bin/sh\n");
        fs::write(bench.place.path().join("cache").join(script.to_string()), "damaged").expect("a blob");
        let error = bench.lay(&manifest()).expect_err("a blob is damaged");
        assert!(matches!(&error, LayError::Damaged { digest, .. } if *digest == script), "{error}");
        let left: Vec<_> = fs::read_dir(bench.place.path()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "only the cache");
    }
}
