//! The worker's folder: its lock, its key, its certificate.

use crate::WorkerError;
use crate::join::JoinError;
use part_trust::{Certified, FileError, Identity, certificates, certified, private_key, write_private};
use rcgen::{CertificateParams, KeyPair};
use rustix::fs::{FlockOperation, flock};
use rustls::pki_types::CertificateDer;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The folder, held for as long as this value lives.
pub(super) struct Home {
    folder: PathBuf,
    _lock: File,
}

/// A certificate that was kept.
pub(super) struct Kept {
    /// The worker's name in it.
    pub(super) name: String,
    /// When it ends.
    pub(super) not_after: SystemTime,
    /// The authorities that came with it.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PathBuf,
}

impl Home {
    /// Makes the folder, readable by its owner only, and takes it.
    pub(super) fn take(folder: &Path) -> Result<Home, JoinError> {
        let unusable = |doing| {
            let path = folder.to_owned();
            move |source| JoinError::Worker(WorkerError::Folder { doing, path, source })
        };
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(unusable("creating the folder"))?;
        let folder = folder.canonicalize().map_err(unusable("finding the folder"))?;
        let lock = folder.join("part-worker.lock");
        let opened = File::options().create(true).truncate(false).write(true).open(&lock);
        let opened = opened.map_err(unusable("locking the folder"))?;
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Home { folder, _lock: opened }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(JoinError::HomeTaken { home: folder }),
            Err(error) => Err(unusable("locking the folder")(error.into())),
        }
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The certificate that was kept, whatever its time; none when there is none, or it cannot be used any more.
    pub(super) fn kept(&self) -> Option<Kept> {
        match self.read() {
            Ok(kept) => kept,
            Err(why) => {
                tracing::warn!(folder = %self.folder.display(), why, "the certificate that was kept is not used");
                None
            }
        }
    }

    fn read(&self) -> Result<Option<Kept>, String> {
        if !self.certificate().exists() {
            return Ok(None);
        }
        let text = |error: FileError| error.to_string();
        let chain = certificates(&self.certificate()).map_err(text)?;
        let authorities = certificates(&self.authority()).map_err(text)?;
        let own = chain.first().ok_or("it is empty")?;
        let Certified { identity, not_after, .. } = certified(own).map_err(|error| error.to_string())?;
        let Some(Identity::Worker(name)) = identity else { return Err("it is not a worker's".to_owned()) };
        let ends = Duration::from_secs(u64::try_from(not_after).unwrap_or_default());
        Ok(Some(Kept { name, not_after: UNIX_EPOCH + ends, authorities, chain, key: self.key_file() }))
    }

    /// The worker's key; made when there is none. It is on the disk before it is shown to anybody, so that a worker that
    /// dies while it joins is the same one when it comes back.
    pub(super) fn key(&self) -> Result<KeyPair, JoinError> {
        let path = self.key_file();
        let failed = |error: rcgen::Error| JoinError::Key(error.to_string());
        if path.exists() {
            let read = std::fs::read_to_string(&path);
            let text = read.map_err(|source| FileError::Io { doing: "read", path: path.clone(), source })?;
            match KeyPair::from_pem(&text) {
                Ok(key) => return Ok(key),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the key that was kept is of no use; another is made")
                }
            }
        }
        let key = KeyPair::generate().map_err(failed)?;
        write_private(&path, key.serialize_pem().as_bytes())?;
        Ok(key)
    }

    /// Keeps what a daemon answered.
    pub(super) fn keep(&self, certificate: &str, authorities: &str) -> Result<(), JoinError> {
        // The authorities first: without them the certificate is of no use.
        write_private(&self.authority(), authorities.as_bytes())?;
        write_private(&self.certificate(), certificate.as_bytes())?;
        Ok(())
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("worker.pem")
    }

    fn key_file(&self) -> PathBuf {
        self.folder.join("worker.key")
    }

    fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}

impl Kept {
    /// What to show.
    pub(super) fn credentials(&self) -> Result<part_trust::Credentials, JoinError> {
        Ok(part_trust::Credentials { chain: self.chain.clone(), key: private_key(&self.key)? })
    }

    /// How long it still holds.
    pub(super) fn left(&self) -> Duration {
        self.not_after.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// What a daemon is to sign.
pub(super) fn signing_request(key: &KeyPair) -> Result<String, JoinError> {
    let failed = |error: rcgen::Error| JoinError::Key(error.to_string());
    CertificateParams::default().serialize_request(key).and_then(|request| request.pem()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::SanType;
    use std::os::unix::fs::PermissionsExt;

    fn certificate(key: &KeyPair, name: &str, year: i32) -> String {
        let mut params = CertificateParams::default();
        let uri = Identity::Worker(name.to_owned()).uri();
        params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().expect("ascii")));
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.self_signed(key).expect("signed").pem()
    }

    #[test]
    fn a_folder_has_one_worker() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("deep/home");
        let home = Home::take(&folder).expect("free");
        assert!(matches!(Home::take(&folder), Err(JoinError::HomeTaken { .. })));
        assert_eq!(std::fs::metadata(home.folder()).expect("there").permissions().mode() & 0o777, 0o700);
        drop(home);
        Home::take(&folder).expect("free again");
    }

    #[test]
    fn what_was_kept_is_found_again_and_what_is_broken_is_not() {
        let place = tempfile::tempdir().expect("a folder");
        let home = Home::take(place.path()).expect("free");
        assert!(home.kept().is_none());
        let key = home.key().expect("made");
        assert_eq!(home.key().expect("read").serialize_pem(), key.serialize_pem(), "the same key");
        signing_request(&key).expect("a request");
        let pem = certificate(&key, "w 1", 2090);
        home.keep(&pem, &pem).expect("kept");
        let kept = home.kept().expect("there");
        assert_eq!((kept.name.as_str(), kept.authorities.len()), ("w 1", 1));
        assert!(kept.left() > Duration::from_secs(86_400));
        kept.credentials().expect("usable");
        for name in ["worker.pem", "worker.key"] {
            let about = std::fs::metadata(home.folder().join(name)).expect("there");
            assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
        }
        let over = certificate(&key, "w 1", 2001);
        home.keep(&over, &pem).expect("kept");
        assert_eq!(home.kept().expect("there").left(), Duration::ZERO);
        home.keep("half a", &pem).expect("kept");
        assert!(home.kept().is_none());
    }
}
