//! Keeping the cache below its size: what was not used for longest goes first, and nothing that is in use.

use super::cache::Cache;
use super::kept;
use crate::bounds;
use crate::folder::remove_folder;
use part_workspace::{Digest, Manifest};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Something that can go as a whole.
enum Thing {
    /// A workspace: its manifest, and the files that no other one names.
    Manifest(Digest),
    /// What a setup step made.
    Setup { folder: PathBuf, bytes: u64 },
}

/// The size that the cache may have where nobody says: a fixed one, and on small disks a part of them.
pub(crate) fn default_limit(home: &Path) -> u64 {
    let disk =
        rustix::fs::statvfs(home).map_or(u64::MAX, |about| about.f_blocks.saturating_mul(about.f_frsize));
    bounds::CACHE_BYTES.min(disk / bounds::CACHE_PART)
}

/// Brings the cache below `limit`, without the manifests and setup keys in use. Nobody may be fetching meanwhile.
/// Gives the bytes that were removed.
pub(crate) fn evict(
    cache: &Cache,
    limit: u64,
    manifests: &BTreeSet<Digest>,
    keys: &BTreeSet<String>,
) -> io::Result<u64> {
    let blobs = blobs(cache)?;
    let mut total: u64 = blobs.values().sum();
    let (mut things, setups) = things(cache)?;
    total = total.saturating_add(setups);
    if total <= limit {
        return Ok(0);
    }
    let before = total;
    things.sort_by_key(|(used, _)| *used);
    let mut named: HashMap<Digest, u32> = HashMap::new();
    let mut contents: HashMap<Digest, Vec<Digest>> = HashMap::new();
    for (_, thing) in &things {
        if let Thing::Manifest(digest) = thing {
            let inside = contents_of(cache, digest);
            inside.iter().for_each(|blob| *named.entry(*blob).or_default() += 1);
            contents.insert(*digest, inside);
        }
    }
    // What nobody names is left of a fetch that broke off.
    for (digest, bytes) in blobs.iter().filter(|(digest, _)| !named.contains_key(digest)) {
        cache.forget(digest)?;
        total = total.saturating_sub(*bytes);
    }
    for (_, thing) in things {
        if total <= limit {
            break;
        }
        match thing {
            Thing::Manifest(digest) if !manifests.contains(&digest) => {
                // The manifest first: without it nobody expects the files.
                fs::remove_file(cache.manifests().join(digest.to_string()))?;
                for blob in contents.remove(&digest).unwrap_or_default() {
                    let others = named.entry(blob).or_insert(1);
                    *others -= 1;
                    if *others == 0 {
                        cache.forget(&blob)?;
                        total = total.saturating_sub(blobs.get(&blob).copied().unwrap_or(0));
                    }
                }
            }
            Thing::Setup { folder, bytes } => {
                let used =
                    folder.file_name().and_then(|name| name.to_str()).is_some_and(|key| keys.contains(key));
                if !used {
                    remove_folder(&folder)?;
                    total = total.saturating_sub(bytes);
                }
            }
            Thing::Manifest(_) => {}
        }
    }
    Ok(before - total)
}

/// All blobs with their sizes.
fn blobs(cache: &Cache) -> io::Result<HashMap<Digest, u64>> {
    let mut blobs = HashMap::new();
    for folder in entries(&cache.blobs())? {
        for entry in entries(&folder.path())? {
            if let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                blobs.insert(digest, entry.metadata()?.len());
            }
        }
    }
    Ok(blobs)
}

/// What can go, with the time of its last use, and the bytes of all setups.
fn things(cache: &Cache) -> io::Result<(Vec<(SystemTime, Thing)>, u64)> {
    let mut things = Vec::new();
    for entry in entries(&cache.manifests())? {
        if let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            things.push((entry.metadata()?.modified()?, Thing::Manifest(digest)));
        }
    }
    let mut total = 0_u64;
    for entry in entries(&cache.setups())? {
        let folder = entry.path();
        let (used, bytes) = kept::used_and_size(&folder);
        total = total.saturating_add(bytes);
        things.push((used, Thing::Setup { folder, bytes }));
    }
    Ok((things, total))
}

/// What a manifest names; nothing where it is damaged.
fn contents_of(cache: &Cache, digest: &Digest) -> Vec<Digest> {
    let bytes = fs::read(cache.manifests().join(digest.to_string())).unwrap_or_default();
    Manifest::from_bytes(&bytes).map(|manifest| manifest.digests().collect()).unwrap_or_default()
}

/// What is in a folder; nothing where it is not there.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_workspace::{Entry, Kind};
    use std::time::Duration;

    fn blob(cache: &Cache, content: &str) -> Entry {
        let digest = Digest::of(content.as_bytes());
        let mut partial = cache.begin(digest).expect("begun");
        partial.write(content.as_bytes()).expect("written");
        assert!(cache.end(partial).expect("ended"));
        let kind = Kind::File { digest, bytes: content.len() as u64, executable: false };
        Entry { path: content[..1].to_owned(), kind }
    }

    /// A manifest of these contents, last used so many seconds ago.
    fn manifest(cache: &Cache, contents: &[&str], ago: u64) -> Digest {
        let entries = contents.iter().map(|content| blob(cache, content)).collect();
        let manifest = Manifest::new(entries).expect("a manifest");
        let digest = manifest.digest();
        cache.put_manifest(&digest, &manifest.to_bytes()).expect("kept");
        let file =
            fs::File::options().append(true).open(cache.manifests().join(digest.to_string())).expect("open");
        file.set_modified(SystemTime::now() - Duration::from_secs(ago)).expect("a time");
        digest
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_and_what_is_in_use_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(home.path());
        let (old, shared, new) = ("o".repeat(1000), "s".repeat(1000), "n".repeat(1000));
        let oldest = manifest(&cache, &[&old, &shared], 300);
        let middle = manifest(&cache, &[&shared], 200);
        let newest = manifest(&cache, &[&new], 100);
        blob(&cache, &"x".repeat(1000));
        let there = |content: &str| cache.blob(&Digest::of(content.as_bytes())).exists();
        let none = BTreeSet::new();
        assert_eq!(evict(&cache, 4000, &none, &none_keys()).expect("evicted"), 0);
        assert_eq!(evict(&cache, 3000, &none, &none_keys()).expect("evicted"), 1000, "what nobody names");
        assert_eq!(
            evict(&cache, 2500, &none, &none_keys()).expect("evicted"),
            1000,
            "but not what is shared"
        );
        assert_eq!((there(&old), there(&shared), there(&new)), (false, true, true));
        assert!(!cache.manifests().join(oldest.to_string()).exists());
        let used = BTreeSet::from([middle]);
        assert_eq!(evict(&cache, 0, &used, &none_keys()).expect("evicted"), 1000);
        assert_eq!((there(&shared), there(&new)), (true, false));
        assert!(!cache.manifests().join(newest.to_string()).exists());
    }

    fn none_keys() -> BTreeSet<String> {
        BTreeSet::new()
    }
}
