//! The files that belong to the project: what git keeps, and what it would keep.

use xshell::cmd;

use crate::failure::Failure;
use crate::project::Project;

/// A file, by its path from the root.
pub(super) struct KeptFile(String);

impl KeptFile {
    /// The path from the root, with `/`.
    pub(super) fn path(&self) -> &str {
        &self.0
    }

    /// What is in it, or nothing if that is not text, or if the file was just removed.
    pub(super) fn text(&self, project: &Project) -> Result<Option<String>, Failure> {
        let path = project.root().join(&self.0);
        if !path.is_file() {
            return Ok(None);
        }
        Ok(String::from_utf8(project.shell().read_binary_file(path)?).ok())
    }
}

/// Tracked files and new ones that are not ignored, in the order of their paths.
pub(super) fn kept(project: &Project) -> Result<Vec<KeptFile>, Failure> {
    let sh = project.shell();
    let list =
        cmd!(sh, "git ls-files -z --cached --others --exclude-standard").quiet().read().map_err(|error| {
            Failure::with_remedy(
                format!("cannot tell which files belong to the project: {error}"),
                "tidy needs git and a clone of the repository.",
            )
        })?;
    let mut paths: Vec<&str> = list.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    Ok(paths.into_iter().map(|path| KeptFile(path.to_owned())).collect())
}
