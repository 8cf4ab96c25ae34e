//! Output on disk, bounded: the first bytes, the last bytes, and a line that says what is missing.
//!
//! While an attempt runs, `output` grows up to the head's size; what follows goes round and round in
//! `output.tail`, a file of fixed size. At the end the two are put together. Disk use is at most the
//! head and twice the tail, memory one read buffer.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::ShimError;
use super::protocol::{OutputRecord, StdoutRecord, TailChunk};

/// The common output of one attempt.
pub(crate) struct Capture {
    path: PathBuf,
    head: File,
    head_limit: u64,
    ring: Ring,
    total: u64,
    /// Set once the disk refused something; from then on bytes are only counted.
    broken: Option<String>,
}

impl Capture {
    /// Starts a new file; one that exists belongs to an attempt that already ran.
    pub(crate) fn create(path: PathBuf, head_limit: u64, tail_limit: u64) -> Result<Capture, ShimError> {
        let head = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(ShimError::io("creating", &path))?;
        let mut ring_path = path.clone().into_os_string();
        ring_path.push(".tail");
        let ring = Ring { path: ring_path.into(), file: None, size: tail_limit, written: 0 };
        Ok(Capture { path, head, head_limit, ring, total: 0, broken: None })
    }

    /// Bytes seen so far.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Takes more output.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ShimError> {
        let room = self.head_limit.saturating_sub(self.total);
        let (head, rest) = bytes.split_at(usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len()));
        self.total = self.total.saturating_add(len(bytes));
        if self.broken.is_some() {
            return Ok(());
        }
        let written = self.head.write_all(head).map_err(ShimError::io("writing", &self.path));
        let written = written.and_then(|()| self.ring.write(rest));
        if let Err(error) = &written {
            self.broken = Some(ShimError::chain(error));
        }
        written
    }

    /// Output from `from` on, as far as it is still there.
    pub(crate) fn read(&self, from: u64, max_bytes: usize) -> Result<TailChunk, ShimError> {
        let kept_head = self.total.min(self.head_limit);
        let oldest_in_ring = self.total - self.ring.kept();
        let offset = if from < kept_head { from } else { from.clamp(oldest_in_ring, self.total) };
        let end = if offset < kept_head { kept_head } else { self.total };
        let wanted = usize::try_from(end - offset).unwrap_or(usize::MAX).min(max_bytes);
        let mut data = vec![0; wanted];
        if offset < kept_head {
            self.head.read_exact_at(&mut data, offset).map_err(ShimError::io("reading", &self.path))?;
        } else {
            self.ring.read(offset - oldest_in_ring, &mut data)?;
        }
        Ok(TailChunk { offset, data, total_bytes: self.total })
    }

    /// Puts head, marker and tail together.
    pub(crate) fn finish(mut self) -> OutputRecord {
        let kept_head = self.total.min(self.head_limit);
        let mut record = OutputRecord {
            file: self.path.clone(),
            total_bytes: self.total,
            kept_head,
            kept_tail: self.ring.kept(),
            dropped_bytes: self.ring.written - self.ring.kept(),
            error: self.broken.take(),
        };
        if record.error.is_none() {
            record.error = self.assemble(record.dropped_bytes).err().map(|error| ShimError::chain(&error));
        }
        if record.error.is_some() {
            // What the file really holds, after a full disk.
            let on_disk = fs::metadata(&self.path).map_or(0, |meta| meta.len());
            record.kept_head = kept_head.min(on_disk);
            record.kept_tail = 0;
            record.dropped_bytes = self.total - record.kept_head;
        }
        record
    }

    fn assemble(&mut self, dropped: u64) -> Result<(), ShimError> {
        if self.ring.written == 0 {
            return Ok(());
        }
        let end = self.head.seek(SeekFrom::End(0)).map_err(ShimError::io("writing", &self.path))?;
        let appended = self.append_tail(dropped);
        if appended.is_err() {
            // Better a whole head than a head with part of a tail.
            self.head.set_len(end).map_err(ShimError::io("cutting", &self.path))?;
        }
        self.ring.remove()?;
        appended
    }

    fn append_tail(&mut self, dropped: u64) -> Result<(), ShimError> {
        if dropped > 0 {
            self.head.write_all(marker(dropped).as_bytes()).map_err(ShimError::io("writing", &self.path))?;
        }
        self.ring.copy_to(&mut self.head, &self.path)
    }
}

/// The line that stands for dropped output.
pub(crate) fn marker(dropped: u64) -> String {
    format!("\n[part: {dropped} bytes of output dropped here]\n")
}

/// The last bytes of a stream, in a file of fixed size.
struct Ring {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    written: u64,
}

impl Ring {
    fn kept(&self) -> u64 {
        self.written.min(self.size)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ShimError> {
        if bytes.is_empty() {
            return Ok(());
        }
        // Of a piece larger than the ring only the end will stay.
        let skipped = len(bytes).saturating_sub(self.size);
        let start = self.written.saturating_add(skipped);
        let mut rest = &bytes[usize::try_from(skipped).unwrap_or(bytes.len())..];
        self.written = self.written.saturating_add(len(bytes));
        let mut position = start.checked_rem(self.size).unwrap_or(0);
        while !rest.is_empty() {
            let room = usize::try_from(self.size - position).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            let (size, path) = (self.size, &self.path);
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(open_ring(path)?),
            };
            file.write_all_at(now, position).map_err(ShimError::io("writing", path))?;
            position = (position + len(now)) % size;
            rest = later;
        }
        Ok(())
    }

    /// The kept bytes lie in two pieces: from the oldest to the end of the file, then from its start.
    fn pieces(&self) -> [(u64, u64); 2] {
        if self.written <= self.size {
            return [(0, self.written), (0, 0)];
        }
        let oldest = self.written.checked_rem(self.size).unwrap_or(0);
        [(oldest, self.size - oldest), (0, oldest)]
    }

    /// Fills `data` from the `skip`-th kept byte on.
    fn read(&self, mut skip: u64, mut data: &mut [u8]) -> Result<(), ShimError> {
        let Some(file) = &self.file else { return Ok(()) };
        for (start, length) in self.pieces() {
            if skip >= length {
                skip -= length;
                continue;
            }
            let here = usize::try_from(length - skip).unwrap_or(usize::MAX).min(data.len());
            let (now, later) = data.split_at_mut(here);
            file.read_exact_at(now, start + skip).map_err(ShimError::io("reading", &self.path))?;
            data = later;
            skip = 0;
        }
        Ok(())
    }

    fn copy_to(&mut self, target: &mut File, target_path: &Path) -> Result<(), ShimError> {
        let pieces = self.pieces();
        let Some(file) = &mut self.file else { return Ok(()) };
        for (start, length) in pieces {
            file.seek(SeekFrom::Start(start)).map_err(ShimError::io("reading", &self.path))?;
            let copied = io::copy(&mut file.take(length), target)
                .map_err(ShimError::io("copying the tail to", target_path))?;
            if copied != length {
                let source = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(ShimError::Io { doing: "reading", path: self.path.clone(), source });
            }
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<(), ShimError> {
        match self.file.take() {
            Some(_) => fs::remove_file(&self.path).map_err(ShimError::io("removing", &self.path)),
            None => Ok(()),
        }
    }
}

fn open_ring(path: &Path) -> Result<File, ShimError> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(ShimError::io("creating", path))
}

/// The separate standard output of one attempt: the start, up to a bound.
pub(crate) struct StdoutCapture {
    path: PathBuf,
    file: File,
    limit: u64,
    total: u64,
    kept: u64,
}

impl StdoutCapture {
    /// Starts the file, replacing one that is there.
    pub(crate) fn create(path: PathBuf, limit: u64) -> Result<StdoutCapture, ShimError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(ShimError::io("creating", parent))?;
        }
        let file = File::create(&path).map_err(ShimError::io("creating", &path))?;
        Ok(StdoutCapture { path, file, limit, total: 0, kept: 0 })
    }

    /// Takes more output. After an error nothing more is kept.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ShimError> {
        self.total = self.total.saturating_add(len(bytes));
        let room = usize::try_from(self.limit - self.kept).unwrap_or(usize::MAX).min(bytes.len());
        let written = self.file.write_all(&bytes[..room]).map_err(ShimError::io("writing", &self.path));
        match written {
            Ok(()) => self.kept += len(&bytes[..room]),
            Err(_) => self.limit = self.kept,
        }
        written
    }

    pub(crate) fn finish(self) -> StdoutRecord {
        StdoutRecord {
            file: self.path,
            total_bytes: self.total,
            kept_bytes: self.kept,
            truncated: self.kept < self.total,
        }
    }
}

fn len(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    type Checked = Result<(), Box<dyn std::error::Error>>;

    /// What must be on disk after `pieces` with these limits.
    fn expected(all: &[u8], head: usize, tail: usize) -> Vec<u8> {
        if all.len() <= head + tail {
            return all.to_vec();
        }
        let dropped = all.len() - head - tail;
        [&all[..head], marker(dropped as u64).as_bytes(), &all[all.len() - tail..]].concat()
    }

    fn check(pieces: &[Vec<u8>], head: usize, tail: usize) -> Checked {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("output");
        let mut capture = Capture::create(path.clone(), head as u64, tail as u64)?;
        let mut all = Vec::new();
        for piece in pieces {
            capture.write(piece)?;
            all.extend_from_slice(piece);
            // A reader that follows sees head and tail, and is told where it was put.
            for from in [0, all.len() / 2, all.len()] {
                let chunk = capture.read(from as u64, 7)?;
                let start = usize::try_from(chunk.offset)?;
                assert!(start >= from && chunk.data == all[start..start + chunk.data.len()]);
                let kept = head + tail > 0;
                assert!(!chunk.data.is_empty() || from == all.len() || !kept || tail == 0);
            }
        }
        let record = capture.finish();
        assert_eq!(record.error, None);
        assert_eq!(record.total_bytes, all.len() as u64);
        assert_eq!(record.kept_head + record.dropped_bytes + record.kept_tail, record.total_bytes);
        assert_eq!(fs::read(&path)?, expected(&all, head, tail), "head {head} tail {tail}");
        assert_eq!(fs::read_dir(dir.path())?.count(), 1, "the ring is gone");
        Ok(())
    }

    #[test]
    fn every_split_keeps_head_and_tail() -> Checked {
        let bytes: Vec<u8> = (0..100).collect();
        for piece in [1, 3, 10, 16, 33, 100] {
            let pieces: Vec<Vec<u8>> = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
            for (head, tail) in [(0, 0), (0, 16), (16, 0), (10, 10), (16, 33), (50, 50), (99, 1), (200, 200)]
            {
                check(&pieces, head, tail)?;
            }
        }
        check(&[], 10, 10)
    }

    #[test]
    fn an_attempt_folder_is_used_once() -> Checked {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("output");
        Capture::create(path.clone(), 1, 1)?;
        let again = Capture::create(path, 1, 1).err().map(|error| ShimError::chain(&error));
        assert!(again.is_some_and(|text| text.contains("output") && text.contains("exists")));
        Ok(())
    }

    #[test]
    fn separate_output_keeps_the_start() -> Checked {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("deep/report.json");
        let mut capture = StdoutCapture::create(path.clone(), 5)?;
        capture.write(b"abc")?;
        capture.write(b"defg")?;
        capture.write(b"h")?;
        let record = capture.finish();
        assert_eq!(fs::read(path)?, b"abcde");
        assert_eq!((record.total_bytes, record.kept_bytes, record.truncated), (8, 5, true));
        Ok(())
    }

    #[test]
    fn a_full_disk_is_told_and_later_bytes_are_counted() -> Checked {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return Ok(());
        }
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("output");
        let mut capture = Capture::create(path, 4, 100)?;
        std::os::unix::fs::symlink(full, dir.path().join("output.tail"))?;
        capture.write(b"head")?;
        let error = capture.write(b"more").err().map(|error| ShimError::chain(&error));
        assert!(error.is_some_and(|text| text.contains("output.tail")));
        capture.write(b"and more")?;
        let record = capture.finish();
        assert_eq!((record.total_bytes, record.kept_head, record.dropped_bytes), (16, 4, 12));
        assert!(record.error.is_some());
        Ok(())
    }
}
