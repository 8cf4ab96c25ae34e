//! The folder that an attempt runs in.

use super::{Host, Job};
use crate::workspace::InUse;
use part_core::{Finish, Workspace};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The workspace of an attempt.
pub(super) struct Located {
    /// Its folder.
    pub(super) tree: PathBuf,
    /// Folders with programs that setup steps made, to be looked into first.
    pub(super) programs: Vec<PathBuf>,
    /// As long as this lives, a shipped workspace is not taken away.
    pub(super) in_use: Option<InUse>,
}

/// Finds the workspace of an attempt, and makes it ready where it was shipped.
pub(super) async fn locate(host: &Host, job: &Job) -> Result<Located, Box<Finish>> {
    let shipped = match &job.workspace {
        Workspace::InPlace(folder) => {
            return Ok(Located { tree: folder.into(), programs: Vec::new(), in_use: None });
        }
        Workspace::Shipped(shipped) => shipped,
    };
    let run = job.order.attempt.run;
    let in_use = if job.found {
        let Some(in_use) = host.workspaces.found(run, shipped) else {
            // It ended in an earlier life, and its workspace is gone; its report is worth reading all the same.
            let tree = host.options.home.join("workspaces").join("gone");
            return Ok(Located { tree, programs: Vec::new(), in_use: None });
        };
        in_use
    } else {
        host.workspaces.get(run, shipped, job.reins.wish.clone()).await?
    };
    Ok(Located { tree: in_use.tree.clone(), programs: in_use.programs.clone(), in_use: Some(in_use) })
}

/// Lets programs in these folders be found before all others.
pub(crate) fn put_first_in_path(env: &mut BTreeMap<OsString, OsString>, folders: &[PathBuf]) {
    if folders.is_empty() {
        return;
    }
    let before = env.get(&OsString::from("PATH")).cloned().unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&before));
    // A folder with a colon in its name cannot be in a PATH: then all is as before.
    if let Ok(joined) = std::env::join_paths(all) {
        env.insert("PATH".into(), joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_the_workspace_come_first() {
        let mut env = BTreeMap::from([(OsString::from("PATH"), OsString::from("/usr/bin:/bin"))]);
        put_first_in_path(&mut env, &[]);
        assert_eq!(env[&OsString::from("PATH")], "/usr/bin:/bin");
        put_first_in_path(&mut env, &["/w/.venv/bin".into(), "/w/node_modules/.bin".into()]);
        assert_eq!(env[&OsString::from("PATH")], "/w/.venv/bin:/w/node_modules/.bin:/usr/bin:/bin");
        put_first_in_path(&mut env, &["/a:b".into()]);
        assert_eq!(env[&OsString::from("PATH")], "/w/.venv/bin:/w/node_modules/.bin:/usr/bin:/bin");
    }
}
