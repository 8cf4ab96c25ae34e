//! A worker with its leader, and workspaces for them.

use crate::leader::{Leader, PATIENCE};
use part_core::{
    AttemptId, AttemptOrder, Capabilities, Incarnation, Millis, Recipe, RunId, SetupStep, Shipped, SlotId,
    SpecIndex, Workspace,
};
use part_worker::shim::{Mode, reap_orphans};
use part_worker::{Directory, Worker, WorkerOptions};
use part_workspace::{Entry, Kind, Manifest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// A leader, a home, and the worker that runs there now.
pub(crate) struct World {
    pub(crate) leader: Leader,
    channel: Channel,
    home: tempfile::TempDir,
    life: u64,
    worker: Option<(JoinHandle<()>, CancellationToken, watch::Sender<bool>)>,
}

impl Drop for World {
    fn drop(&mut self) {
        // Also when a test fails, nothing that it started outlives it.
        let slots = std::fs::read_dir(self.home().join("slots")).into_iter().flatten();
        for slot in slots.filter_map(Result::ok) {
            drop(reap_orphans(&slot.path()));
        }
        drop(part_worker::remove_temp_folders(self.home()));
    }
}

impl World {
    /// A worker of two slots.
    pub(crate) async fn new() -> World {
        let (leader, channel) = Leader::start().await;
        let home = tempfile::tempdir().expect("a folder");
        let mut world = World { leader, channel, home, life: 0, worker: None };
        world.start().await;
        world
    }

    /// Starts the worker, again.
    pub(crate) async fn start(&mut self) {
        self.life += 1;
        let options = WorkerOptions {
            name: "w".to_owned(),
            host: "h".to_owned(),
            slots: vec![SlotId(0), SlotId(1)],
            extra_slots: (2..6).map(SlotId).collect(),
            home: self.home().to_owned(),
            shim: (env!("CARGO_BIN_EXE_part-worker").into(), vec!["shim".into()]),
            mode: Mode::Detached,
            inherit_env: false,
            capabilities: Capabilities::default(),
            incarnation: Incarnation(self.life),
            cache_bytes: None,
        };
        let (drain, draining) = watch::channel(false);
        let directory = Directory::fixed(self.channel.clone(), self.channel.clone());
        let worker = Worker::start(options, directory, draining).await.expect("a worker");
        let stop = CancellationToken::new();
        let running = tokio::spawn(worker.run(stop.clone(), CancellationToken::new()));
        self.worker = Some((running, stop, drain));
    }

    /// Ends the worker; what runs under its shims goes on.
    pub(crate) async fn stop(&mut self) {
        if let Some((running, stop, _drain)) = self.worker.take() {
            stop.cancel();
            tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file that specs and steps can write to, wherever they run.
    pub(crate) fn witness(&self) -> PathBuf {
        self.home().join("witness")
    }

    /// What was written there, sorted.
    pub(crate) fn seen(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.witness()).unwrap_or_default();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// A shipped workspace of these files; the leader keeps it.
    pub(crate) fn workspace(&self, files: &[(&str, &str)], setup: Vec<SetupStep>) -> Workspace {
        let mut entries: BTreeMap<String, Kind> = BTreeMap::new();
        for (path, content) in files {
            for (end, _) in path.match_indices('/') {
                entries.insert(path[..end].to_owned(), Kind::Folder);
            }
            let digest = self.leader.keep(content.as_bytes());
            let kind = Kind::File { digest, bytes: content.len() as u64, executable: false };
            entries.insert((*path).to_owned(), kind);
        }
        let manifest = Manifest::new(entries.into_iter().map(|(path, kind)| Entry { path, kind }).collect())
            .expect("a manifest");
        let digest = self.leader.keep(&manifest.to_bytes());
        Workspace::Shipped(Box::new(Shipped { manifest: digest.to_string(), files: 0, bytes: 0, setup }))
    }

    /// An order to run a shell script; `WITNESS` is the file to write to.
    pub(crate) fn script(&self, run: u128, spec: u32, script: &str) -> AttemptOrder {
        let mut recipe = Recipe::of_command(["sh", "-c", script].map(str::to_owned).to_vec());
        recipe.env.insert("WITNESS".to_owned(), self.witness().display().to_string());
        AttemptOrder {
            attempt: attempt(run, spec),
            project: "p".into(),
            group: "g".into(),
            spec: "s".into(),
            recipe: Arc::new(recipe),
            expected_tests: None,
            only: None,
            timeout: None,
        }
    }

    /// A step that runs a shell script.
    pub(crate) fn step(&self, name: &str, script: &str, key: &[&str], keep: &[&str]) -> SetupStep {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        SetupStep {
            name: name.to_owned(),
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            folder: String::new(),
            key: texts(key),
            keep: texts(keep),
            env: BTreeMap::from([("WITNESS".to_owned(), self.witness().display().to_string())]),
            timeout: Millis::seconds(60),
        }
    }

    /// A workspace is free for another run only when nobody has used it for a moment.
    pub(crate) async fn rest(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    }
}

pub(crate) fn attempt(run: u128, spec: u32) -> AttemptId {
    AttemptId { run: RunId(run << 64), spec: SpecIndex(spec), number: 1 }
}
