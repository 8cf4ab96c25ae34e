//! The cache on disk: manifests and the files that they name, by content.

use part_workspace::{Digest, Manifest};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Where everything is that runs share.
pub(crate) struct Cache {
    root: PathBuf,
    next: AtomicU64,
}

/// A blob that is being written.
pub(crate) struct Partial {
    digest: Digest,
    hasher: blake3::Hasher,
    file: fs::File,
    path: PathBuf,
}

impl Cache {
    pub(crate) fn new(home: &Path) -> Cache {
        Cache { root: home.join("cache"), next: AtomicU64::new(0) }
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join("blobs").join(&name[..2]).join(name)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn manifests(&self) -> PathBuf {
        self.root.join("manifests")
    }

    pub(crate) fn setups(&self) -> PathBuf {
        self.root.join("setup")
    }

    fn manifest_file(&self, digest: &Digest) -> PathBuf {
        self.manifests().join(digest.to_string())
    }

    /// A path for something that is being made; nobody else uses it.
    pub(crate) fn fresh(&self) -> io::Result<PathBuf> {
        let folder = self.root.join("tmp");
        fs::create_dir_all(&folder)?;
        Ok(folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string()))
    }

    /// Removes what an earlier life was making.
    pub(crate) fn clear_fresh(&self) -> io::Result<()> {
        crate::folder::remove_folder(&self.root.join("tmp"))
    }

    /// A manifest that is here, marked as used now. One that is damaged is removed, and not here.
    pub(crate) fn manifest(&self, digest: &Digest) -> io::Result<Option<Manifest>> {
        let file = self.manifest_file(digest);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match Manifest::from_bytes(&bytes) {
            Ok(manifest) if Digest::of(&bytes) == *digest => {
                fs::File::options().append(true).open(&file)?.set_modified(SystemTime::now())?;
                Ok(Some(manifest))
            }
            Ok(_) | Err(_) => {
                tracing::warn!(%digest, "a cached manifest is damaged; fetching it again");
                fs::remove_file(&file)?;
                Ok(None)
            }
        }
    }

    /// Keeps a manifest.
    pub(crate) fn put_manifest(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let fresh = self.fresh()?;
        fs::write(&fresh, bytes)?;
        fs::create_dir_all(self.manifests())?;
        fs::rename(fresh, self.manifest_file(digest))
    }

    /// The blobs of a manifest that are not here.
    pub(crate) fn missing(&self, manifest: &Manifest) -> Vec<Digest> {
        manifest.digests().filter(|digest| !self.blob(digest).exists()).collect()
    }

    /// Begins to write a blob.
    pub(crate) fn begin(&self, digest: Digest) -> io::Result<Partial> {
        let path = self.fresh()?;
        let file = fs::File::create(&path)?;
        Ok(Partial { digest, hasher: blake3::Hasher::new(), file, path })
    }

    /// Ends a blob: it gets its name, if that is what it holds. False when it holds something else.
    pub(crate) fn end(&self, partial: Partial) -> io::Result<bool> {
        if Digest(*partial.hasher.finalize().as_bytes()) != partial.digest {
            fs::remove_file(&partial.path)?;
            return Ok(false);
        }
        let target = self.blob(&partial.digest);
        match fs::rename(&partial.path, &target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
                fs::rename(&partial.path, &target)?;
            }
            renamed => renamed?,
        }
        Ok(true)
    }

    /// Removes a blob that turned out to be damaged.
    pub(crate) fn forget(&self, digest: &Digest) -> io::Result<()> {
        match fs::remove_file(self.blob(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Partial {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_gets_its_name() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(home.path());
        let digest = Digest::of(b"content");
        let mut partial = cache.begin(digest).expect("begun");
        partial.write(b"con").expect("written");
        assert!(!cache.end(partial).expect("ended") && !cache.blob(&digest).exists());
        let mut partial = cache.begin(digest).expect("begun");
        partial.write(b"con").expect("written");
        partial.write(b"tent").expect("written");
        assert!(cache.end(partial).expect("ended"));
        assert_eq!(fs::read(cache.blob(&digest)).expect("there"), b"content");
        cache.forget(&digest).expect("forgotten");
        cache.forget(&digest).expect("forgetting twice is fine");
        let manifest = Manifest::new(Vec::new()).expect("an empty one");
        let (bytes, digest) = (manifest.to_bytes(), manifest.digest());
        assert_eq!(cache.manifest(&digest).expect("looked"), None);
        cache.put_manifest(&digest, &bytes).expect("kept");
        assert_eq!(cache.manifest(&digest).expect("looked"), Some(manifest));
        cache.put_manifest(&digest, b"{}").expect("damaged");
        assert_eq!(cache.manifest(&digest).expect("looked"), None);
        cache.clear_fresh().expect("cleared");
    }
}
