//! What lies in a shim's folder, and how its socket is reached however long the folder's name is.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::bounds;
use super::error::ShimError;
use super::protocol::Mode;

/// The socket; bound by its bare name from inside the folder.
pub(crate) const SOCKET: &str = "shim.sock";
const LOCK: &str = "shim.lock";
const NOTE: &str = "shim.json";
const LOG: &str = "shim.log";

/// What a shim writes down before it starts anything, so that its processes can be found without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) pid: u32,
    pub(crate) tag: String,
    pub(crate) mode: Mode,
    pub(crate) started_at_ms: u64,
}

/// A shim's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Result<Folder, ShimError> {
        let path = std::path::absolute(path).map_err(ShimError::io("resolving", path))?;
        Ok(Folder { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// Makes the folder, or takes it over, for our user alone: who can open the socket can run programs.
    pub(crate) fn create(&self) -> Result<(), ShimError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(ShimError::io("creating", &self.path))?;
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o700))
            .map_err(ShimError::io("setting permissions of", &self.path))
    }

    /// Takes the lock that a shim holds for its whole life; `None` when another process has it. The
    /// kernel releases it, so it never lies about a shim that was killed.
    pub(crate) fn lock(&self) -> Result<Option<File>, ShimError> {
        let path = self.path.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ShimError::io("opening", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(source)) => Err(ShimError::Io { doing: "locking", path, source }),
        }
    }

    pub(crate) fn write_note(&self, note: &Note) -> Result<(), ShimError> {
        let path = self.path.join(NOTE);
        let text =
            serde_json::to_vec(note).map_err(|source| ShimError::Damaged { path: path.clone(), source })?;
        let draft = self.path.join("shim.json.new");
        fs::write(&draft, text).map_err(ShimError::io("writing", &draft))?;
        fs::rename(&draft, &path).map_err(ShimError::io("writing", &path))
    }

    /// The note of the shim that is, or was, here.
    pub(crate) fn read_note(&self) -> Result<Option<Note>, ShimError> {
        let path = self.path.join(NOTE);
        match fs::read(&path) {
            // Cut short by a power cut, which no process outlived.
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => {
                serde_json::from_slice(&text).map(Some).map_err(|source| ShimError::Damaged { path, source })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ShimError::Io { doing: "reading", path, source }),
        }
    }

    /// Removes socket and note, once nothing of the shim is left.
    pub(crate) fn clear(&self) -> Result<(), ShimError> {
        for name in [SOCKET, NOTE] {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(ShimError::Io { doing: "removing", path, source }),
            }
        }
        Ok(())
    }

    /// A path to the socket that is short enough for a socket address.
    pub(crate) fn socket(&self) -> Result<SocketPath, ShimError> {
        let direct = self.path.join(SOCKET);
        if direct.as_os_str().len() <= bounds::SOCKET_PATH_BYTES {
            return Ok(SocketPath { path: direct, _keep: None });
        }
        let detour = Detour::to(&self.path).map_err(ShimError::io("opening", &self.path))?;
        Ok(SocketPath { path: detour.path().join(SOCKET), _keep: Some(detour) })
    }
}

/// A usable path to a socket, valid while this lives.
pub(crate) struct SocketPath {
    path: PathBuf,
    _keep: Option<Detour>,
}

impl SocketPath {
    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// A short name for a folder: through `/proc/self/fd`, which needs no file.
#[cfg(target_os = "linux")]
struct Detour(File);

#[cfg(target_os = "linux")]
impl Detour {
    fn to(folder: &Path) -> io::Result<Detour> {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        File::options().read(true).custom_flags(flags).open(folder).map(Detour)
    }

    fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

/// A short name for a folder: a symbolic link in the folder for temporary files.
#[cfg(not(target_os = "linux"))]
struct Detour(PathBuf);

#[cfg(not(target_os = "linux"))]
impl Detour {
    fn to(folder: &Path) -> io::Result<Detour> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let link = std::env::temp_dir().join(format!("part-{}-{number}", std::process::id()));
        std::os::unix::fs::symlink(folder, &link)?;
        Ok(Detour(link))
    }

    fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

#[cfg(not(target_os = "linux"))]
impl Drop for Detour {
    fn drop(&mut self) {
        // A link that stays behind in the temporary folder harms nobody.
        drop(fs::remove_file(&self.0));
    }
}
