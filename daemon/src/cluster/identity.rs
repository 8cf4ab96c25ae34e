//! Who a host is, whatever its name: a random text in its home folder, made once.

use crate::DaemonError;
use std::io::{ErrorKind, Write};
use std::path::Path;

const FILE: &str = "identity";
/// Digits of an identity, hexadecimal.
const DIGITS: usize = 32;

/// Gives the identity that is kept in this home folder; makes it on the first start. Whoever calls this holds the
/// home's lock.
pub(crate) fn identity(home: &Path) -> Result<String, DaemonError> {
    let path = home.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => checked(&text).ok_or_else(|| folder("reading", &path, damaged())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let identity = uuid::Uuid::new_v4().simple().to_string();
            keep(home, &path, &identity)?;
            Ok(identity)
        }
        Err(error) => Err(folder("reading", &path, error)),
    }
}

fn checked(text: &str) -> Option<String> {
    let text = text.trim();
    (text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.to_owned())
}

/// Whole or not at all, also when the power fails.
fn keep(home: &Path, path: &Path, identity: &str) -> Result<(), DaemonError> {
    let draft = home.join(format!("{FILE}.new"));
    let written = std::fs::File::create(&draft)
        .and_then(|mut file| writeln!(file, "{identity}").and_then(|()| file.sync_all()));
    written.map_err(|error| folder("writing", &draft, error))?;
    std::fs::rename(&draft, path).map_err(|error| folder("writing", path, error))?;
    let synced = std::fs::File::open(home).and_then(|folder| folder.sync_all());
    synced.map_err(|error| folder("writing to", home, error))
}

fn damaged() -> std::io::Error {
    let remedy = "it does not hold an identity; remove it, and this host becomes a new one";
    std::io::Error::new(ErrorKind::InvalidData, remedy)
}

fn folder(doing: &'static str, path: &Path, source: std::io::Error) -> DaemonError {
    DaemonError::Folder { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::{DIGITS, identity};

    #[test]
    fn is_made_once_and_kept() {
        let home = tempfile::tempdir().expect("a folder");
        let first = identity(home.path()).expect("made");
        assert_eq!(first.len(), DIGITS);
        assert_eq!(identity(home.path()).expect("read"), first);
        let other = tempfile::tempdir().expect("a folder");
        assert_ne!(identity(other.path()).expect("made"), first);
        let names: Vec<_> = std::fs::read_dir(home.path()).expect("listed").flatten().collect();
        assert_eq!(names.len(), 1, "no draft is left behind");
    }

    #[test]
    fn a_damaged_one_is_named_with_the_remedy() {
        for text in ["", "short", "zz000000000000000000000000000000"] {
            let home = tempfile::tempdir().expect("a folder");
            std::fs::write(home.path().join("identity"), text).expect("written");
            let error = identity(home.path()).expect_err("refused");
            assert!(format!("{error:?}").contains("remove it"), "{error:?}");
        }
    }
}
