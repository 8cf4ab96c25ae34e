//! The daemon's configuration: default, file, environment, flag, in rising order; each value remembers its layer.

use crate::DaemonError;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The commented default file, which is also the reference.
pub const DEFAULT: &str = include_str!("../partd.toml");

/// What was given on the command line and in the environment; a flag wins over the environment before it gets here.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--listen` or `PARTD_LISTEN`.
    pub listen: Option<String>,
    /// `--home`, `PARTD_HOME` or `PART_HOME`.
    pub home: Option<PathBuf>,
    /// `--slots` or `PARTD_SLOTS`.
    pub slots: Option<u32>,
    /// `--name` or `PARTD_NAME`.
    pub name: Option<String>,
    /// `--insecure-listen`.
    pub insecure_listen: bool,
}

/// A configuration that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// Address for gRPC and HTTP.
    pub listen: SocketAddr,
    /// Folder of the daemon's data.
    pub home: PathBuf,
    /// Name of this host.
    pub name: String,
    /// Slots, at least one.
    pub slots: u32,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// How long running specs may go on after SIGTERM.
    pub drain_grace: Duration,
    /// Where each value came from, for `--check-config`.
    pub origins: Vec<(&'static str, String, &'static str)>,
    /// Keys that mean nothing, with their place.
    pub warnings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    listen: Option<String>,
    home: Option<PathBuf>,
    name: Option<String>,
    slots: Option<u32>,
    labels: BTreeMap<String, String>,
    drain: Drain,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Drain {
    grace: Option<String>,
}

/// Puts the layers together. All problems are reported at once, each with its layer.
pub fn load(file: Option<&Path>, given: Given) -> Result<DaemonConfig, DaemonError> {
    let (mut problems, mut warnings, mut origins) = (Vec::new(), Vec::new(), Vec::new());
    let read = match file {
        Some(path) => read(path, &mut problems, &mut warnings),
        None => File::default(),
    };
    let mut choose = |key, given: Option<String>, file: Option<String>, default: &str| {
        let (value, layer) = match (given, file) {
            (Some(value), _) => (value, "flag or environment"),
            (None, Some(value)) => (value, "file"),
            (None, None) => (default.to_owned(), "default"),
        };
        origins.push((key, value.clone(), layer));
        value
    };
    let listen = choose("listen", given.listen, read.listen, "127.0.0.1:7433");
    let home = choose(
        "home",
        given.home.map(|path| path.display().to_string()),
        read.home.map(|path| path.display().to_string()),
        &default_home().display().to_string(),
    );
    let name = choose("name", given.name, read.name, &host_name());
    let slots = choose("slots", given.slots.map(|n| n.to_string()), read.slots.map(|n| n.to_string()), "0");
    let grace = choose("drain.grace", None, read.drain.grace, "10m");

    let listen = listen.parse::<SocketAddr>().map_err(|_| {
        problems.push(format!("listen: {listen:?} is not an address and port, such as 127.0.0.1:7433"));
    });
    let grace = duration(&grace).ok_or_else(|| {
        problems.push(format!("drain.grace: {grace:?} is not a duration, such as 90s or 10m"))
    });
    let slots = slots.parse::<u32>().map_err(|_| problems.push(format!("slots: {slots:?} is not a number")));
    if name.is_empty() || name.len() > 255 {
        problems.push("name: must have 1 to 255 bytes".to_owned());
    }
    let most = part_core::Bounds::DEFAULT.slots_per_worker as u32;
    if let Ok(slots) = slots
        && slots > most
    {
        problems.push(format!("slots: {slots} is more than {most}"));
    }
    if let Ok(address) = listen
        && !address.ip().is_loopback()
        && !given.insecure_listen
        && problems.is_empty()
    {
        return Err(DaemonError::Exposed { address });
    }
    let (Ok(listen), Ok(drain_grace), Ok(slots), true) = (listen, grace, slots, problems.is_empty()) else {
        return Err(DaemonError::Config { problems });
    };
    let slots = if slots == 0 { cpus() } else { slots };
    let labels = read.labels;
    Ok(DaemonConfig { listen, home: home.into(), name, slots, labels, drain_grace, origins, warnings })
}

fn read(path: &Path, problems: &mut Vec<String>, warnings: &mut Vec<String>) -> File {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("{}: {error}", path.display()));
            return File::default();
        }
    };
    let parsed = toml::Deserializer::parse(&text).and_then(|deserializer| {
        serde_ignored::deserialize(deserializer, |key| {
            warnings.push(format!("{}: unknown key `{key}` is ignored", path.display()));
        })
    });
    // In the order of the file or of the alphabet, as the parser likes; so always in the latter.
    warnings.sort();
    parsed.unwrap_or_else(|error| {
        problems.push(format!("{}: {}", path.display(), error.to_string().trim_end()));
        File::default()
    })
}

/// `90s`, `10m`, `2h`, or plain seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// One per CPU that this process may use.
pub(crate) fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

/// This host's name.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The platform's folder for data of programs, or `$PART_HOME`.
pub fn default_home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(home) = set("PART_HOME") {
        return home;
    }
    let user = set("HOME").unwrap_or_else(|| PathBuf::from("."));
    if cfg!(target_os = "macos") {
        return user.join("Library/Application Support/part");
    }
    set("XDG_DATA_HOME").unwrap_or_else(|| user.join(".local/share")).join("part")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str, given: Given) -> Result<DaemonConfig, DaemonError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("partd.toml");
        std::fs::write(&path, text).expect("written");
        load(Some(&path), given)
    }

    #[test]
    fn the_default_file_is_the_default() {
        let home = Some(PathBuf::from("h"));
        let given = || Given { home: home.clone(), name: Some("n".to_owned()), ..Given::default() };
        let from_file = from_text(DEFAULT, given()).expect("valid");
        let bare = load(None, given()).expect("valid");
        assert_eq!(from_file.warnings, Vec::<String>::new());
        assert_eq!(
            (from_file.listen, from_file.slots, from_file.drain_grace, from_file.labels),
            (bare.listen, bare.slots, bare.drain_grace, bare.labels)
        );
    }

    #[test]
    fn all_problems_come_at_once() {
        let error =
            from_text("listen = \"nowhere\"\nslots = 99999\n[drain]\ngrace = \"soon\"\n", Given::default());
        let text = error.expect_err("wrong").to_string();
        for part in ["listen: \"nowhere\"", "slots: 99999", "drain.grace: \"soon\""] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_syntax_error_points_at_its_line() {
        let text = from_text("listen = \"127.0.0.1:1\"\nslots = = 3\n", Given::default())
            .expect_err("wrong")
            .to_string();
        assert!(text.contains("line 2"), "{text}");
    }

    #[test]
    fn unknown_keys_are_named() {
        let config = from_text("slotz = 3\n[drain]\ngrase = \"1m\"\n", Given::default()).expect("valid");
        assert!(config.warnings[0].contains("`drain.grase`") && config.warnings[1].contains("`slotz`"));
    }

    #[test]
    fn other_machines_are_kept_out_unless_told_otherwise() {
        let given = |insecure_listen| Given {
            listen: Some("0.0.0.0:7433".to_owned()),
            insecure_listen,
            ..Given::default()
        };
        assert!(matches!(load(None, given(false)), Err(DaemonError::Exposed { .. })));
        assert!(load(None, given(true)).is_ok());
    }
}
