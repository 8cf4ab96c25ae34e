//! The folder of the embedded mesh's data.

use crate::env;
use crate::error::{CliError, Kind};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where the data is when nobody says otherwise: the platform's data folder.
pub(crate) fn default_home() -> Result<PathBuf, CliError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let place = of(set(env::PART_HOME), set(env::XDG_DATA_HOME), set(env::HOME), cfg!(target_os = "macos"));
    place.ok_or_else(|| {
        CliError::new(Kind::Config, "no folder for the mesh's data: neither PART_HOME nor HOME is set")
            .hint("name one with --home DIR")
    })
}

fn of(part: Option<OsString>, xdg: Option<OsString>, home: Option<OsString>, macos: bool) -> Option<PathBuf> {
    if let Some(part) = part {
        return Some(PathBuf::from(part));
    }
    // The XDG specification wants relative paths ignored.
    let xdg = xdg.map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = home.map(PathBuf::from);
    match (macos, xdg) {
        (true, _) => home.map(|home| home.join("Library/Application Support/part")),
        (false, Some(xdg)) => Some(xdg.join("part")),
        (false, None) => home.map(|home| home.join(".local/share/part")),
    }
}

/// Where things are remembered that can be found out again: the platform's cache folder. None where there is none.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let xdg = set(env::XDG_CACHE_HOME).filter(|folder| folder.is_absolute());
    match (cfg!(target_os = "macos"), xdg) {
        (true, _) => set(env::HOME).map(|home| home.join("Library/Caches/part")),
        (false, Some(xdg)) => Some(xdg.join("part")),
        (false, None) => set(env::HOME).map(|home| home.join(".cache/part")),
    }
}

/// Makes the folder where it is missing, readable by its owner only: output of tests may hold secrets.
pub(crate) fn prepare_home(home: &Path) -> Result<PathBuf, CliError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home);
    let unusable = |error| {
        CliError::file("use the data folder", home, error)
            .hint("choose another one with --home DIR or PART_HOME")
    };
    made.and_then(|()| std::path::absolute(home)).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_decides_unless_told() {
        let some = |text: &str| Some(OsString::from(text));
        let table = [
            (some("/p"), some("/x"), some("/h"), false, Some("/p")),
            (None, some("/x"), some("/h"), false, Some("/x/part")),
            (None, some("relative"), some("/h"), false, Some("/h/.local/share/part")),
            (None, None, some("/h"), false, Some("/h/.local/share/part")),
            (None, some("/x"), some("/h"), true, Some("/h/Library/Application Support/part")),
            (None, None, None, false, None),
        ];
        for (part, xdg, home, macos, expected) in table {
            let case = format!("{part:?} {xdg:?} {home:?} {macos}");
            assert_eq!(of(part, xdg, home, macos), expected.map(PathBuf::from), "{case}");
        }
    }
}
