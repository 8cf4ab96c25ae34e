//! An embedded mesh's own folder in its home: its lock, its socket, its worker's attempts. Gone with the mesh; what a
//! killed one left is removed by the next that starts.

use crate::error::chain;
use crate::lock::Lock;
use crate::{DaemonError, bounds};
use part_worker::shim;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;
use uuid::Uuid;

/// The folder.
pub(crate) struct Nest {
    name: String,
    folder: PathBuf,
    lock: PathBuf,
    socket: PathBuf,
    /// Until it is removed.
    _held: Lock,
}

impl Nest {
    /// Makes the folder, takes its lock and listens on its socket. First everything is ended and removed that killed
    /// meshes left: their slots may be taken only after that.
    pub(crate) async fn build(home: &Path) -> Result<(Nest, UnixListener), DaemonError> {
        let all = home.join("local");
        // Held by whoever makes or removes a folder in there, so that nobody takes a new one for a left-over.
        let path = home.join("local.lock");
        let Some(gate) = Lock::take(&path, bounds::GATE).await? else {
            return Err(DaemonError::Gate { path, waited: bounds::GATE });
        };
        let swept = all.clone();
        let sweeping = tokio::task::spawn_blocking(move || sweep(&swept)).await;
        sweeping.map_err(|error| DaemonError::Panicked { part: "clearing up", what: error.to_string() })?;
        let unique = Uuid::now_v7().simple().to_string();
        let name = unique[unique.len() - 12..].to_owned();
        let folder = all.join(&name);
        std::fs::create_dir_all(&folder).map_err(DaemonError::folder("creating the folder", &folder))?;
        let lock = folder.join("lock");
        let held = Lock::try_take(&lock)?
            .ok_or_else(|| DaemonError::Gate { path: lock.clone(), waited: std::time::Duration::ZERO })?;
        drop(gate);
        let (socket, listener) = listen(&folder, &name)?;
        Ok((Nest { name, folder, lock, socket, _held: held }, listener))
    }

    /// Its name, like no other's.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that is locked while it is used.
    pub(crate) fn lock(&self) -> &Path {
        &self.lock
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Removes it with all that is in it.
    pub(crate) fn remove(self) {
        remove(&self.folder);
    }
}

/// Listens on a socket that only this user can reach. The path of a socket is bounded by the kernel at about a hundred
/// bytes; where the home is too deep, the socket lives in the folder for temporary files.
fn listen(folder: &Path, name: &str) -> Result<(PathBuf, UnixListener), DaemonError> {
    const LONGEST: usize = 100;
    let mut socket = folder.join("sock");
    if socket.as_os_str().len() > LONGEST {
        let short = std::env::temp_dir().join(format!("part-{name}"));
        std::fs::create_dir(&short).map_err(DaemonError::folder("creating the folder", &short))?;
        std::os::unix::fs::symlink(&short, folder.join("socket-folder"))
            .map_err(DaemonError::folder("linking", &short))?;
        socket = short.join("sock");
    }
    let private = socket.parent().unwrap_or(folder);
    std::fs::set_permissions(private, std::fs::Permissions::from_mode(0o700))
        .map_err(DaemonError::folder("protecting the folder", private))?;
    let listener = UnixListener::bind(&socket).map_err(DaemonError::folder("listening on", &socket))?;
    Ok((socket, listener))
}

fn remove(folder: &Path) {
    // Only what was made by the name of this folder: whoever can write here could have changed the link.
    let named = folder.file_name().map(|name| format!("part-{}", name.to_string_lossy()));
    if let Ok(short) = std::fs::read_link(folder.join("socket-folder"))
        && short.file_name().is_some_and(|name| named.is_some_and(|named| name == named.as_str()))
        && let Err(error) = std::fs::remove_dir_all(&short)
    {
        tracing::debug!(folder = %short.display(), %error, "a left-over folder could not be removed");
    }
    if let Err(error) = part_worker::remove_temp_folders(folder) {
        tracing::debug!(folder = %folder.display(), %error, "temporary files of a mesh that is gone stay");
    }
    if let Err(error) = part_worker::remove_folder(folder) {
        tracing::warn!(folder = %folder.display(), %error, "a left-over folder could not be removed");
    }
}

/// Ends and removes what meshes left behind that are gone. Call with the gate held: then every folder has its lock.
fn sweep(all: &Path) {
    let Ok(entries) = std::fs::read_dir(all) else { return };
    for entry in entries.flatten() {
        let folder = entry.path();
        match Lock::is_held(&folder.join("lock")) {
            Ok(true) => {}
            Ok(false) => {
                end_shims(&folder.join("slots"));
                remove(&folder);
            }
            Err(error) => tracing::debug!(error = chain(&error), "a left-over folder was not looked at"),
        }
    }
}

fn end_shims(slots: &Path) {
    let Ok(entries) = std::fs::read_dir(slots) else { return };
    for entry in entries.flatten() {
        if let Err(error) = shim::reap_orphans(&entry.path()) {
            tracing::warn!(folder = %entry.path().display(), error = chain(&error), "left-over processes were not ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_killed_mesh_left_goes_and_what_lives_stays() {
        let home = tempfile::tempdir().expect("a home");
        let (living, _listener) = Nest::build(home.path()).await.expect("built");
        let dead = home.path().join("local/dead");
        std::fs::create_dir_all(dead.join("attempts/x")).expect("folders");
        std::fs::write(dead.join("lock"), "").expect("a file");
        std::fs::create_dir_all(home.path().join("local/never-got-its-lock")).expect("folders");
        let (second, _listener) = Nest::build(home.path()).await.expect("built");
        let mut names: Vec<_> = std::fs::read_dir(home.path().join("local"))
            .expect("there")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        let mut wanted = [living.name().to_owned(), second.name().to_owned()];
        wanted.sort();
        assert_eq!(names, wanted);
        living.remove();
        second.remove();
        assert_eq!(std::fs::read_dir(home.path().join("local")).expect("there").count(), 0);
    }

    #[tokio::test]
    async fn a_home_deeper_than_a_socket_path_works_and_leaves_nothing() {
        let place = tempfile::tempdir().expect("a folder");
        let home = place.path().join("d".repeat(200));
        let (nest, _listener) = Nest::build(&home).await.expect("built");
        let socket = nest.socket().to_owned();
        assert!(socket.exists() && !socket.starts_with(&home));
        nest.remove();
        assert!(!socket.parent().expect("a parent").exists());
    }
}
