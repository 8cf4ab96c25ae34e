//! What this machine can do: found by looking, each probe with its own limit, none able to block the rest.

use crate::bounds;
use part_core::Capabilities;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Browsers by capability key, with the programs that they are known as.
const BROWSERS: [(&str, &[&str]); 4] = [
    ("browser.chromium", &["chromium", "chromium-browser", "chromium-headless-shell"]),
    ("browser.chrome", &["google-chrome", "google-chrome-stable"]),
    ("browser.edge", &["microsoft-edge", "microsoft-edge-stable"]),
    ("browser.firefox", &["firefox", "firefox-esr"]),
];

/// Looks at the machine. `cache` is a folder where versions are remembered by program, size and time of change, so
/// that browsers are not started each time; where it cannot be used, they are.
pub async fn probe(cache: &Path) -> Capabilities {
    let mut facts = BTreeMap::new();
    facts.insert("os".to_owned(), std::env::consts::OS.to_owned());
    facts.insert("arch".to_owned(), std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    facts.insert("cores".to_owned(), cores.to_string());
    let known = Known::load(cache.join("probes.json"));
    let probes = BROWSERS.iter().filter_map(|(key, names)| Some((*key, find(names)?)));
    let probed = futures::future::join_all(probes.map(async |(key, program)| {
        let version = match known.version(&program) {
            Some(version) => Some(version),
            None => ask_version(&program).await,
        };
        (key, program, version)
    }))
    .await;
    let mut remembered = BTreeMap::new();
    for (key, program, version) in probed {
        let Some(version) = version else {
            tracing::warn!(program = %program.display(), "is there, but does not tell its version; not offered");
            continue;
        };
        if let Some(stamp) = stamp(&program) {
            remembered.insert(stamp, version.clone());
        }
        facts.insert(key.to_owned(), version);
    }
    known.save(remembered);
    Capabilities(facts)
}

fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// The first word of `PROGRAM --version` that looks like a version.
async fn ask_version(program: &Path) -> Option<String> {
    let asked = Command::new(program).arg("--version").kill_on_drop(true).output();
    let output = match tokio::time::timeout(bounds::PROBE, asked).await {
        Ok(Ok(output)) => output.stdout,
        Ok(Err(error)) => {
            tracing::warn!(program = %program.display(), %error, "cannot be asked for its version");
            return None;
        }
        Err(_) => {
            tracing::warn!(program = %program.display(), limit = ?bounds::PROBE, "did not tell its version in time");
            return None;
        }
    };
    version_in(&String::from_utf8_lossy(&output[..output.len().min(bounds::PROBE_OUTPUT)]))
}

fn version_in(text: &str) -> Option<String> {
    let looks_right = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    text.split_whitespace().find(looks_right).map(str::to_owned)
}

/// Versions remembered from earlier probes.
struct Known {
    file: PathBuf,
    versions: BTreeMap<String, String>,
}

impl Known {
    fn load(file: PathBuf) -> Known {
        let text = std::fs::read(&file).unwrap_or_default();
        Known { file, versions: serde_json::from_slice(&text).unwrap_or_default() }
    }

    fn version(&self, program: &Path) -> Option<String> {
        self.versions.get(&stamp(program)?).cloned()
    }

    fn save(&self, remembered: BTreeMap<String, String>) {
        if remembered == self.versions {
            return;
        }
        let stored = self
            .file
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| Ok(serde_json::to_vec(&remembered)?))
            .and_then(|text| std::fs::write(&self.file, text));
        if let Err(error) = stored {
            tracing::debug!(file = %self.file.display(), %error, "versions are not remembered");
        }
    }
}

/// A program's identity: another version has another size or time of change.
fn stamp(program: &Path) -> Option<String> {
    let real = program.canonicalize().ok()?;
    let about = real.metadata().ok()?;
    let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    Some(format!("{} {} {changed}", real.display(), about.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_browsers_say() {
        let table = [
            ("Chromium 156.0.8078.73 built on Debian 12.9, running on Debian 12.9", Some("156.0.8078.73")),
            ("Mozilla Firefox 153.4.0esr", Some("153.4.0esr")),
            ("Google Chrome 140.0.1 ", Some("140.0.1")),
            ("cannot open display", None),
        ];
        for (text, version) in table {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }
}
