//! Recorded durations of real suites, where they are at hand: they are not part of the repository.

use crate::{BenchError, Job, Suite};
use flate2::read::GzDecoder;
use part_core::Millis;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The variable that says where recorded durations are.
pub const DATA_VARIABLE: &str = "PART_BENCH_DATA";

/// A recorded suite.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Trace {
    /// Its name.
    pub suite: String,
    /// Its versions, oldest first.
    pub versions: Vec<Version>,
}

/// What was recorded at one date.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Version {
    /// Seconds by spec.
    pub specs: BTreeMap<String, f64>,
}

/// How many durations of a spec count: older ones weigh nothing any more.
const REMEMBERED: usize = 20;

/// The folder that traces are read from: what the variable says, else `data/traces` in a folder beside the repository;
/// none where there is no such folder.
pub fn folder() -> Option<PathBuf> {
    let named = env::var_os(DATA_VARIABLE).filter(|named| !named.is_empty()).map(PathBuf::from);
    named.or_else(beside).filter(|folder| folder.is_dir())
}

fn beside() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    // A parent that cannot be listed has no traces for us.
    let neighbours = fs::read_dir(repository.parent()?).ok()?;
    let mut folders: Vec<PathBuf> =
        neighbours.flatten().map(|entry| entry.path().join("data/traces")).collect();
    folders.sort();
    folders.into_iter().find(|folder| folder.is_dir())
}

/// All traces that are at hand, by name; none where the folder is not there.
pub fn all() -> Result<Vec<Trace>, BenchError> {
    let Some(folder) = folder() else { return Ok(Vec::new()) };
    let unreadable = |source| BenchError::Folder { path: folder.clone(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.to_string_lossy().ends_with(".json.gz") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Result<Trace, BenchError> {
    let file = File::open(&path).map_err(|source| BenchError::File { path: path.clone(), source })?;
    serde_json::from_reader(GzDecoder::new(file)).map_err(|source| BenchError::Trace { path, source })
}

impl Trace {
    /// The versions as they would have been run: each with the durations of the versions before it as history, and never
    /// its own. The first is left out: it has none.
    pub fn replays(&self) -> Vec<Suite> {
        let mut known: BTreeMap<&str, Vec<Millis>> = BTreeMap::new();
        let mut replays = Vec::new();
        for (number, version) in self.versions.iter().enumerate() {
            let mut jobs = Vec::new();
            for (name, seconds) in &version.specs {
                let takes = Millis((seconds * 1000.0).round().max(1.0) as u64);
                let history = known.entry(name).or_default();
                jobs.push(Job { history: history.clone(), ..Job::new(name.clone(), takes) });
                history.push(takes);
                if history.len() > REMEMBERED {
                    history.remove(0);
                }
            }
            if number > 0 {
                replays.push(Suite { name: self.suite.clone(), jobs });
            }
        }
        replays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_knows_only_what_came_before() {
        let version = |specs: &[(&str, f64)]| Version {
            specs: specs.iter().map(|(name, seconds)| ((*name).to_owned(), *seconds)).collect(),
        };
        let versions =
            vec![version(&[("a", 1.0)]), version(&[("a", 2.0), ("b", 0.0)]), version(&[("a", 3.0)])];
        let replays = Trace { suite: "s".to_owned(), versions }.replays();
        let seen: Vec<Vec<_>> = replays
            .iter()
            .map(|suite| suite.jobs.iter().map(|job| (job.takes.0, job.history.clone())).collect())
            .collect();
        assert_eq!(seen[0], [(2000, vec![Millis(1000)]), (1, vec![])]);
        assert_eq!(seen[1], [(3000, vec![Millis(1000), Millis(2000)])]);
    }
}
