//! Removing folders that specs have had their hands on.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a folder with all that is in it; one that is not there is fine. Folders that a spec made read-only (module
/// caches are) are removed, too.
///
/// # Errors
///
/// When something in it cannot be removed.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Gives the owner back all rights to the folders. Links are not followed.
fn open_up(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spec_made_read_only_is_removed_too() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("attempt");
        fs::create_dir_all(folder.join("cache/module")).expect("folders");
        fs::write(folder.join("cache/module/file"), "").expect("a file");
        for name in ["cache/module", "cache"] {
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o500)).expect("closed");
        }
        remove_folder(&folder).expect("removed");
        assert!(!folder.exists());
        remove_folder(&folder).expect("nothing to remove is fine");
        // Root may do everything anyway; what others need is looked at by itself.
        fs::create_dir_all(folder.join("deep/er")).expect("folders");
        fs::set_permissions(folder.join("deep"), fs::Permissions::from_mode(0o000)).expect("closed");
        open_up(&folder).expect("opened");
        let mode = fs::metadata(folder.join("deep")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
