//! `partd certs`: everything that TLS needs, in one folder.

use super::output::{data, note};
use crate::DaemonError;
use crate::trust::{Authority, TrustFailure};
use part_trust::{FileError, write_private};
use rustls::pki_types::ServerName;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Arguments of `partd certs`.
#[derive(Debug, clap::Args)]
pub struct CertsArgs {
    /// Folder for the files; the authority (ca.pem and ca.key) is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Name of the daemon's host in the mesh, as its configuration has it
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Names and IP addresses under which the daemon is reached, separated by commas
    #[arg(long = "host", value_name = "HOST,...", value_delimiter = ',', required = true)]
    pub hosts: Vec<String>,
    /// Replace the daemon's certificate if there is one; the authority is never replaced
    #[arg(long)]
    pub force: bool,
}

/// The ways of reaching a daemon from its own host; its certificate is always for them too.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl CertsArgs {
    /// Makes the files, and prints what to write into the configuration.
    ///
    /// # Errors
    ///
    /// When a file is there already or cannot be written, or the names make no sense.
    pub fn run(self) -> Result<(), DaemonError> {
        run(&self)
    }
}

/// What was made, in words and for the configuration.
pub(crate) struct MadeFiles {
    notes: Vec<String>,
    lines: String,
}

fn run(args: &CertsArgs) -> Result<(), DaemonError> {
    let made = make(args)?;
    made.notes.iter().for_each(|text| note(text));
    data(&made.lines)
}

/// Makes the files.
pub(crate) fn make(args: &CertsArgs) -> Result<MadeFiles, DaemonError> {
    let hosts = hosts(&args.hosts)?;
    if args.name.is_empty() || args.name.len() > 200 || args.name.chars().any(|c| c.is_control() || c == '/')
    {
        return Err(DaemonError::command(
            "--name: must have 1 to 200 bytes, no slash and no control characters",
        ));
    }
    if args.name == "ca" || args.name.starts_with('.') {
        return Err(DaemonError::command(format!("--name: {:?} cannot be the name of its files", args.name)));
    }
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&args.dir);
    made.map_err(DaemonError::folder("creating the folder", &args.dir))?;
    let dir = args.dir.canonicalize().map_err(DaemonError::folder("finding the folder", &args.dir))?;
    let (certificate, key) = (dir.join(format!("{}.pem", args.name)), dir.join(format!("{}.key", args.name)));
    if let Some(there) = [&certificate, &key].into_iter().find(|path| path.exists())
        && !args.force
    {
        let there = there.display();
        return Err(DaemonError::command(format!("{there} is there already; replace it with --force")));
    }
    let mut notes = Vec::new();
    let authority = authority(&dir, &mut notes)?;
    let (made, private) = authority.daemon(&args.name, &hosts).map_err(DaemonError::Trust)?;
    let write = |path: &Path, text: &str| {
        write_private(path, text.as_bytes()).map_err(|error: FileError| DaemonError::Trust(error.into()))
    };
    write(&key, &private)?;
    write(&certificate, &made.pem)?;
    notes.push(format!("the certificate of {} is for {} and good for a year", args.name, hosts.join(", ")));
    notes.push(
        "a daemon that has ca-key can admit workers by token; keep ca.key from all other hosts".to_owned(),
    );
    Ok(MadeFiles { notes, lines: lines(&dir, &certificate, &key) })
}

/// What to write into partd.toml.
fn lines(dir: &Path, certificate: &Path, key: &Path) -> String {
    let quoted = |path: &Path| format!("{:?}", path.display().to_string());
    format!(
        "[tls]\nca = {}\ncert = {}\nkey = {}\nca-key = {}\n",
        quoted(&dir.join("ca.pem")),
        quoted(certificate),
        quoted(key),
        quoted(&dir.join("ca.key"))
    )
}

fn authority(dir: &Path, notes: &mut Vec<String>) -> Result<Authority, DaemonError> {
    let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
    let authority = match (certificate.exists(), key.exists()) {
        (false, false) => {
            notes.push(format!("a new certificate authority is in {}", dir.display()));
            Authority::create(&certificate, &key)
        }
        (true, true) => Authority::load(&certificate, &key),
        (true, false) => {
            return Err(DaemonError::command(format!(
                "{} is missing: make certificates where the authority's key is, and copy them here",
                key.display()
            )));
        }
        (false, true) => {
            return Err(DaemonError::command(format!(
                "{} is there but {} is not: bring it back, or remove the key for a new authority",
                key.display(),
                certificate.display()
            )));
        }
    };
    authority.map_err(|error: TrustFailure| DaemonError::Trust(error))
}

/// Each once, without ports, and the host's own.
fn hosts(given: &[String]) -> Result<Vec<String>, DaemonError> {
    let mut all: Vec<String> = Vec::new();
    for text in given.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let host = match text.parse::<part_trust::Address>() {
            Ok(address) => address.host().to_owned(),
            Err(_) => text.trim_start_matches('[').trim_end_matches(']').to_owned(),
        };
        if let Err(error) = ServerName::try_from(host.as_str()) {
            return Err(DaemonError::command(format!(
                "--host: {text:?} is no name or address of a host: {error}"
            )));
        }
        all.push(host);
    }
    if all.is_empty() {
        return Err(DaemonError::command("--host: name at least one host"));
    }
    all.extend(LOCAL.map(str::to_owned));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|host| seen.insert(host.clone()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsFiles;
    use crate::trust::Certificates;
    use std::os::unix::fs::PermissionsExt;

    fn args(dir: &Path, name: &str, force: bool) -> CertsArgs {
        CertsArgs {
            dir: dir.to_owned(),
            name: name.to_owned(),
            hosts: vec!["10.1.2.3:7433".to_owned()],
            force,
        }
    }

    fn files(dir: &Path, name: &str) -> TlsFiles {
        TlsFiles {
            ca: dir.join("ca.pem"),
            ca_key: Some(dir.join("ca.key")),
            cert: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}.key")),
        }
    }

    #[test]
    fn what_is_made_can_be_used_and_is_not_overwritten() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path().join("tls");
        make(&args(&dir, "a", false)).expect("made");
        let authority = std::fs::read(dir.join("ca.pem")).expect("there");
        make(&args(&dir, "b", false)).expect("made with the same authority");
        assert_eq!(std::fs::read(dir.join("ca.pem")).expect("there"), authority);
        for name in ["ca.key", "a.key", "b.key"] {
            let about = std::fs::metadata(dir.join(name)).expect("there");
            assert_eq!(about.permissions().mode() & 0o777, 0o600, "{name}");
        }
        let before = std::fs::read(dir.join("a.pem")).expect("there");
        let refusal = make(&args(&dir, "a", false)).map(drop).expect_err("it is there").to_string();
        assert!(refusal.contains("--force"), "{refusal}");
        assert_eq!(std::fs::read(dir.join("a.pem")).expect("there"), before);
        make(&args(&dir, "a", true)).expect("replaced");
        for name in ["a", "b"] {
            Certificates::load(files(&dir, name), name).map(drop).expect("usable");
        }
    }

    #[test]
    fn files_that_do_not_go_together_are_refused_by_name() {
        let place = tempfile::tempdir().expect("a folder");
        let (ours, other) = (place.path().join("ours"), place.path().join("other"));
        make(&args(&ours, "a", false)).expect("made");
        make(&args(&other, "a", false)).expect("made");
        let good = files(&ours, "a");
        let strange = files(&other, "a");
        let table = [
            (TlsFiles { ca: strange.ca.clone(), ca_key: None, ..good.clone() }, "a", "does not go with"),
            (TlsFiles { key: strange.key.clone(), ..good.clone() }, "a", "does not go with"),
            (TlsFiles { ca_key: strange.ca_key.clone(), ..good.clone() }, "a", "is not the key of"),
            (
                TlsFiles { cert: good.ca.clone(), key: ours.join("ca.key"), ..good.clone() },
                "a",
                "no certificate of a mesh",
            ),
            (TlsFiles { cert: ours.join("nothing.pem"), ..good.clone() }, "a", "nothing.pem"),
            (good, "b", "is the certificate of daemon a, but this host is \"b\""),
        ];
        for (files, name, wanted) in table {
            let error = Certificates::load(files, name).map(drop).expect_err("refused").to_string();
            assert!(error.contains(wanted), "{error:?} without {wanted:?}");
        }
    }

    #[test]
    fn half_an_authority_and_bad_names_are_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path();
        make(&args(dir, "a", false)).expect("made");
        std::fs::rename(dir.join("ca.key"), dir.join("elsewhere")).expect("moved");
        let refusal = make(&args(dir, "b", false)).map(drop).expect_err("no key").to_string();
        assert!(refusal.contains("ca.key is missing"), "{refusal}");
        std::fs::rename(dir.join("elsewhere"), dir.join("ca.key")).expect("moved");
        std::fs::remove_file(dir.join("ca.pem")).expect("removed");
        assert!(make(&args(dir, "b", false)).is_err());
        for name in ["", "ca", ".hidden", "a/b", "a\nb"] {
            assert!(make(&args(&dir.join("new"), name, false)).is_err(), "{name:?}");
        }
        for host in ["", "under score host", "a b"] {
            assert!(hosts(&[host.to_owned()]).is_err(), "{host:?}");
        }
        assert_eq!(
            hosts(&["[::1]:7433".to_owned(), "ci.example".to_owned()]).expect("hosts")[..2],
            ["::1", "ci.example"]
        );
    }
}
