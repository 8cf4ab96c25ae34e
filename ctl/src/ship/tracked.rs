//! Files that git keeps although its own rules ignore them: they belong to the repository, so they travel.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// Paths of such files, relative to the folder. None where it is in no repository, or git cannot say.
pub(super) fn tracked_but_ignored(root: &Path) -> BTreeSet<String> {
    if !root.ancestors().any(|place| place.join(".git").exists()) {
        return BTreeSet::new();
    }
    let asked = Command::new("git")
        .args(["-c", "core.quotepath=off", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked {
        Ok(output) if output.status.success() => {
            let paths = output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
            paths.filter_map(|path| String::from_utf8(path.to_vec()).ok()).collect()
        }
        Ok(output) => {
            tracing::debug!(status = %output.status, "git does not say which ignored files it keeps");
            BTreeSet::new()
        }
        Err(error) => {
            tracing::debug!(%error, "git cannot be asked which ignored files it keeps");
            BTreeSet::new()
        }
    }
}
