//! Finding part.toml and reading it whole.

use super::error::ConfigError;
use super::file::parse;
use super::model::Project;
use super::source::Problem;
use std::path::{Path, PathBuf};

/// The name of the file.
pub const FILE_NAME: &str = "part.toml";

/// No part.toml that people write comes near; a file above is not one.
const LARGEST_FILE_BYTES: u64 = 4 << 20;

/// Something in part.toml that works but is probably not meant.
pub type Warning = Problem;

/// Reads the part.toml that applies in `cwd`: `named`, a file or a folder with one in it, else the nearest from
/// `cwd` upwards, up to the root of the repository that `cwd` is in.
///
/// Fails where there is none, where it cannot be read, or with all problems of the file at once.
pub fn load(named: Option<&Path>, cwd: &Path) -> Result<(Project, Vec<Warning>), ConfigError> {
    let file = match named {
        Some(path) => {
            let path = cwd.join(path);
            if path.is_dir() { path.join(FILE_NAME) } else { path }
        }
        None => discover(cwd).ok_or_else(|| ConfigError::none_found(cwd))?,
    };
    let text = read(&file)?;
    let root = root_of(&file)?;
    let shown = file.strip_prefix(cwd).unwrap_or(&file);
    parse(&text, shown, &file, &root)
}

/// The nearest part.toml from a folder upwards. The search ends at a folder with a `.git`: what lies above belongs
/// to somebody else.
pub fn discover(from: &Path) -> Option<PathBuf> {
    for folder in from.ancestors() {
        let file = folder.join(FILE_NAME);
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

fn read(file: &Path) -> Result<String, ConfigError> {
    let reading = |source| ConfigError::Read { file: file.to_owned(), source };
    let size = std::fs::metadata(file).map_err(reading)?.len();
    if size > LARGEST_FILE_BYTES {
        return Err(ConfigError::TooLarge { file: file.to_owned(), size, limit: LARGEST_FILE_BYTES });
    }
    let bytes = std::fs::read(file).map_err(reading)?;
    String::from_utf8(bytes).map_err(|error| ConfigError::NotText {
        file: file.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

fn root_of(file: &Path) -> Result<PathBuf, ConfigError> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let root =
        folder.canonicalize().map_err(|source| ConfigError::Read { file: folder.to_owned(), source })?;
    match root.to_str() {
        Some(_) => Ok(root),
        None => Err(ConfigError::RootNotText { root }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn workspace(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        // The search never leaves the test's own folder.
        fs::create_dir(folder.path().join(".git")).expect("a folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    const GOOD: &[u8] = b"[suites.x]\nframework = \"go\"\n";

    #[test]
    fn the_nearest_file_counts_up_to_the_repositorys_root() {
        let folder =
            workspace(&[("part.toml", GOOD), ("a/b/x", b""), ("a/part.toml", GOOD), ("inner/.git", b"")]);
        let root = folder.path().canonicalize().expect("the folder");
        let found = |cwd: &str, named: Option<&str>| {
            let (project, _) = load(named.map(Path::new), &root.join(cwd)).expect("it loads");
            project.root.strip_prefix(&root).expect("below").to_string_lossy().into_owned()
        };
        assert_eq!(found("", None), "");
        assert_eq!(found("a/b", None), "a");
        assert_eq!(found("a/b", Some("../..")), "");
        assert_eq!(found("", Some("a/part.toml")), "a");
        let error = load(None, &root.join("inner")).expect_err("another repository");
        assert!(matches!(error, ConfigError::NotFound { .. }), "{error}");
    }

    #[test]
    fn what_is_missing_or_no_text_is_said() {
        let folder = workspace(&[
            ("latin.toml", b"# gr\xfc\xdfe\n"),
            ("pytest.ini", b"[pytest]\n"),
            ("test_a.py", b""),
        ]);
        let root = folder.path().canonicalize().expect("the folder");
        let told = |named: Option<&str>| {
            let error = load(named.map(Path::new), &root).expect_err("no part.toml");
            error.to_string().replace(&root.display().to_string(), "ROOT")
        };
        assert_eq!(
            told(None),
            "there is no part.toml in ROOT or above; the folder seems to use pytest, which `partctl init` would set up"
        );
        assert_eq!(told(Some("gone.toml")), "cannot read ROOT/gone.toml");
        assert_eq!(
            told(Some("latin.toml")),
            "ROOT/latin.toml is not UTF-8 text: the byte at offset 4 is wrong"
        );
    }
}
