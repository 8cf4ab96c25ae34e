//! What files looked like when their content was last known: by it an unchanged file need not be read again.
//!
//! A file counts as unchanged when size, times, inode and device are what they were. The time of the inode's last
//! change cannot be set by programs, so a write that hides behind an old modification time is seen all the same.
//! Only a change so shortly after the look that the clock of the file system did not move could be missed: entries
//! that had changed within the last two seconds of the look are therefore never trusted.

use crate::bounds;
use crate::digest::Digest;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// First bytes of the file: what it is, and its format.
const MAGIC: &[u8; 16] = b"part stamps   1\n";
const NANOS: i64 = 1_000_000_000;

/// What a file looks like from outside. Times in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last write.
    pub modified: i64,
    /// Time of the last change of content, mode, owner or name.
    pub changed: i64,
    /// Inode.
    pub inode: u64,
    /// Device.
    pub device: u64,
}

impl Stamp {
    pub(crate) fn of(about: &Metadata) -> Stamp {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(NANOS).saturating_add(nanos);
        Stamp {
            bytes: about.size(),
            modified: nanos(about.mtime(), about.mtime_nsec()),
            changed: nanos(about.ctime(), about.ctime_nsec()),
            inode: about.ino(),
            device: about.dev(),
        }
    }
}

/// What many files looked like at one moment, with the digests of their content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// Nanoseconds since 1970 before which a change can be told from the look.
    looked: i64,
    files: BTreeMap<String, (Stamp, Digest)>,
}

impl Stamps {
    /// Nothing yet, looked at now.
    pub fn now() -> Stamps {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Stamps { looked: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX), files: BTreeMap::new() }
    }

    /// What the files of a folder look like now, for [`renew_tree`](crate::renew_tree). Nobody may be writing to it.
    ///
    /// # Errors
    /// When it cannot be looked through.
    pub fn of_tree(root: &Path) -> io::Result<Stamps> {
        let mut stamps = Stamps::now();
        let mut open = vec![std::path::PathBuf::new()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let (path, about) = (folder.join(entry.file_name()), entry.metadata()?);
                if about.is_dir() {
                    open.push(path);
                } else if let (true, Some(text)) = (about.is_file(), path.to_str()) {
                    stamps.insert(text.to_owned(), Stamp::of(&about), Digest([0; 32]));
                }
            }
        }
        Ok(stamps)
    }

    /// Remembers a file.
    pub(crate) fn insert(&mut self, path: String, stamp: Stamp, digest: Digest) {
        self.files.insert(path, (stamp, digest));
    }

    /// The digest of the file at `path`, if it is certain that it has not changed.
    pub fn digest(&self, path: &str, stamp: &Stamp) -> Option<Digest> {
        let (known, digest) = self.files.get(path)?;
        (known == stamp && !self.is_racy(stamp)).then_some(*digest)
    }

    /// The same, as if they had been taken so much later: for whoever knows that nothing was written since.
    pub fn looked_later(mut self, by: std::time::Duration) -> Stamps {
        self.looked = self.looked.saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX));
        self
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// How many files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn is_racy(&self, stamp: &Stamp) -> bool {
        let window = i64::try_from(bounds::RACY.as_nanos()).unwrap_or(i64::MAX);
        stamp.changed.max(stamp.modified) > self.looked.saturating_sub(window)
    }

    /// Reads what [`Stamps::save`] wrote. A file that is not there, damaged or of another format holds nothing:
    /// everything is then looked at anew.
    pub fn load(file: &Path) -> Stamps {
        read(file).ok().and_then(|bytes| decode(&bytes)).unwrap_or_default()
    }

    /// Writes them; readers see the old ones or the new ones.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let fresh = file.with_file_name(name);
        let mut writer = std::fs::File::create(&fresh)?;
        let written = writer.write_all(&self.encode()).and_then(|()| std::fs::rename(&fresh, file));
        if written.is_err() {
            // What is half written is of no use to anybody; the error is the first one.
            drop(std::fs::remove_file(&fresh));
        }
        written
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.files.len() * 128);
        body.extend(self.looked.to_le_bytes());
        for (path, (stamp, digest)) in &self.files {
            // Paths of a workspace are far shorter; a longer one is just not remembered.
            let Ok(length) = u16::try_from(path.len()) else { continue };
            body.extend(length.to_le_bytes());
            body.extend(path.as_bytes());
            for number in [stamp.bytes, stamp.inode, stamp.device] {
                body.extend(number.to_le_bytes());
            }
            for time in [stamp.modified, stamp.changed] {
                body.extend(time.to_le_bytes());
            }
            body.extend(digest.0);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(Digest::of(&body).0);
        bytes.extend(body);
        bytes
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(bounds::STAT_CACHE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bounds::STAT_CACHE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<Stamps> {
    let (magic, rest) = bytes.split_first_chunk::<16>()?;
    let (digest, body) = rest.split_first_chunk::<32>()?;
    if magic != MAGIC || Digest::of(body).0 != *digest {
        return None;
    }
    let mut reader = Reader(body);
    let mut stamps = Stamps { looked: reader.time()?, files: BTreeMap::new() };
    while !reader.0.is_empty() {
        let length = u16::from_le_bytes(reader.take()?);
        let (path, rest) = reader.0.split_at_checked(usize::from(length))?;
        reader.0 = rest;
        let path = String::from_utf8(path.to_vec()).ok()?;
        let (bytes, inode, device) = (reader.number()?, reader.number()?, reader.number()?);
        let (modified, changed) = (reader.time()?, reader.time()?);
        stamps.insert(path, Stamp { bytes, modified, changed, inode, device }, Digest(reader.take()?));
    }
    Some(stamps)
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(changed: i64) -> Stamp {
        Stamp { bytes: 5, modified: 7, changed, inode: 8, device: 9 }
    }

    #[test]
    fn what_is_saved_comes_back_and_what_is_damaged_is_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("stamps");
        assert!(Stamps::load(&file).is_empty());
        let mut stamps = Stamps::now();
        stamps.insert("a/ä".to_owned(), stamp(1), Digest::of(b"x"));
        stamps.insert("b".to_owned(), stamp(-1), Digest::of(b"y"));
        stamps.save(&file).expect("saved");
        assert_eq!(Stamps::load(&file), stamps);
        let bytes = std::fs::read(&file).expect("bytes");
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {place}");
            assert_eq!(decode(&bytes[..place]), None, "cut at {place}");
        }
        assert_eq!(
            std::fs::read_dir(place.path()).expect("a folder").count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn only_what_surely_did_not_change_is_known() {
        let mut stamps = Stamps::now();
        let recent = stamps.looked - 1_900_000_000;
        stamps.insert("old".to_owned(), stamp(1000), Digest::of(b"x"));
        stamps.insert("new".to_owned(), stamp(recent), Digest::of(b"x"));
        let later = stamp(stamps.looked + NANOS);
        stamps.insert("future".to_owned(), later, Digest::of(b"x"));
        assert_eq!(stamps.digest("old", &stamp(1000)), Some(Digest::of(b"x")));
        assert_eq!(stamps.digest("old", &stamp(1001)), None);
        assert_eq!(stamps.digest("old", &Stamp { inode: 1, ..stamp(1000) }), None);
        assert_eq!(stamps.digest("new", &stamp(recent)), None);
        assert_eq!(stamps.digest("future", &later), None);
        assert_eq!(stamps.digest("other", &stamp(1000)), None);
    }
}
