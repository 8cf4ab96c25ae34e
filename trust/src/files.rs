//! Certificates and keys in PEM, and files that only their owner may read.

use crate::bounds;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A file with a certificate, key or token that cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{place} holds no {wanted} in PEM: {why}")]
    Content {
        /// The file, or what the text is.
        place: String,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// All certificates of a file, in order; at least one.
///
/// # Errors
///
/// When it cannot be read, or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    certificates_of(&read(path)?, &path.display().to_string())
}

/// All certificates of a text, in order; at least one. `place` is for messages.
///
/// # Errors
///
/// When it holds none, or is malformed.
pub fn certificates_of(pem: &[u8], place: &str) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let wrong = |why: String| FileError::Content { place: place.to_owned(), wanted: "certificate", why };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    match found.is_empty() {
        true => Err(wrong("there is none in it".to_owned())),
        false => Ok(found),
    }
}

/// The private key of a file.
///
/// # Errors
///
/// When it cannot be read, or holds none.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    private_key_of(&read(path)?, &path.display().to_string())
}

/// The private key of a text. `place` is for messages.
///
/// # Errors
///
/// When it holds none.
pub fn private_key_of(pem: &[u8], place: &str) -> Result<PrivateKeyDer<'static>, FileError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| FileError::Content {
        place: place.to_owned(),
        wanted: "private key",
        why: error.to_string(),
    })
}

/// Writes a file that only its owner may read, whole or not at all: what was there stays until all is on the disk.
///
/// # Errors
///
/// When the folder or the disk does not take it.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let failed = |doing| move |source| FileError::Io { doing, path: path.to_owned(), source };
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    // One that a crash left behind may be readable by others.
    match std::fs::remove_file(&temporary) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("replace")(error)),
    }
    let opened = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&temporary);
    let mut file = opened.map_err(failed("write"))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write"))?;
    std::fs::rename(&temporary, path).map_err(failed("replace"))
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(bounds::FILE_BYTES).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|source| FileError::Io { doing: "read", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_private_file_is_replaced_whole_and_stays_private() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("key");
        std::fs::write(place.path().join("key.new"), "left by a crash").expect("written");
        for content in ["one", "another, longer"] {
            write_private(&path, content.as_bytes()).expect("written");
            assert_eq!(std::fs::read_to_string(&path).expect("read"), content);
            assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), 1);
        assert!(write_private(&place.path().join("no/key"), b"").is_err());
    }

    #[test]
    fn what_is_no_certificate_or_key_is_named() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("x.pem");
        let error = certificates(&path).expect_err("not there");
        assert!(error.to_string().contains("x.pem"), "{error}");
        for text in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, text).expect("written");
            let errors = [certificates(&path).err(), private_key(&path).err()];
            for error in errors {
                assert!(error.is_some_and(|error| error.to_string().contains("x.pem")), "{text:?}");
            }
        }
    }
}
