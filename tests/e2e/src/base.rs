//! The folder of one test: made by it, removed with it, however it ends.

use crate::{During, Trouble};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What the names of the folders begin with; the number of the process that made it follows.
const PREFIX: &str = "part-e2e-";

/// Set to 1, the folder stays, with all logs and data in it.
const KEEP: &str = "PART_E2E_KEEP";

/// A folder that is gone when the test is.
#[derive(Debug)]
pub struct Base {
    folder: Option<TempDir>,
    path: PathBuf,
    guard: Option<Child>,
}

impl Base {
    /// Makes a folder, and sweeps away those of tests that are no more.
    pub fn new(agent: &Path) -> Result<Base, Trouble> {
        sweep(&std::env::temp_dir());
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            // PostgreSQL runs as somebody else, below it.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .during("making the test's folder")?;
        let path = folder.path().to_owned();
        if std::env::var(KEEP).is_ok_and(|value| value == "1") {
            return Ok(Base { path: folder.keep(), folder: None, guard: None });
        }
        let guard = Command::new(agent)
            .arg("guard")
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .during("starting the guard of the test's folder")?;
        Ok(Base { folder: Some(folder), path, guard: Some(guard) })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder in it, made if needed.
    pub fn folder(&self, name: &str) -> Result<PathBuf, Trouble> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).during(format!("making {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // Both try; the guard is patient where something is still being written.
        drop(self.folder.take());
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            drop(guard.wait());
        }
    }
}

/// Removes what tests left behind that were killed together with their guards.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let is_left = owner
            .and_then(|pid| pid.parse::<u32>().ok())
            .is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists());
        if is_left {
            // Another test may be sweeping, too; what stays is swept next time.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}
