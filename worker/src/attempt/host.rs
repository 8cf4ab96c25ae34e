//! What all attempts of a worker share, and what each one is.

use super::live::Listener;
use super::temp::TempFolders;
use crate::directory::Directory;
use crate::load::{Holds, allowed, can_hold};
use crate::shim::reap_orphans;
use crate::workspace::Workspaces;
use crate::{WorkerError, WorkerOptions};
use part_core::{AttemptId, AttemptOrder, CancelMode, SlotId, Workspace};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// The order of an attempt, in its folder.
pub(crate) const ORDER_FILE: &str = "order.bin";

/// The CPUs that an attempt is held to, in its folder.
pub(crate) const CPUS_FILE: &str = "cpus.json";

/// What all attempts of a worker share.
pub(crate) struct Host {
    pub(crate) options: WorkerOptions,
    /// Where output and artifacts go.
    pub(crate) directory: Directory,
    /// Workspaces that were shipped.
    pub(crate) workspaces: Workspaces,
    /// The CPUs that groups are held to.
    pub(crate) holds: Holds,
    /// Where attempts put temporary files.
    pub(crate) temp: TempFolders,
}

/// One attempt to run.
pub(crate) struct Job {
    pub(crate) slot: SlotId,
    /// The attempt, or the first of several; its name and its folder are those of the process.
    pub(crate) order: AttemptOrder,
    /// Further attempts that share its process.
    pub(crate) others: Vec<AttemptOrder>,
    pub(crate) workspace: Workspace,
    /// How many CPUs all attempts of its group may use here together; none for all that there are.
    pub(crate) cpus: Option<u32>,
    /// Whether it is to stop, and who looks at its output.
    pub(crate) reins: Reins,
    /// True when an earlier life of the worker began it.
    pub(crate) found: bool,
}

/// An attempt's ends of what the agent holds of it.
pub(crate) struct Reins {
    /// Whether it is to stop.
    pub(crate) wish: watch::Receiver<Option<CancelMode>>,
    /// Which of its attempts somebody asked to stop.
    pub(crate) asked: Asked,
    /// Those who want to see its output.
    pub(crate) listeners: mpsc::Receiver<Listener>,
}

/// Attempts that are to stop.
pub(crate) type Asked = Arc<Mutex<BTreeSet<AttemptId>>>;

impl Job {
    pub(crate) fn new(slot: SlotId, order: AttemptOrder, workspace: Workspace, reins: Reins) -> Job {
        Job { slot, order, others: Vec::new(), workspace, cpus: None, reins, found: false }
    }

    /// With a limit on the CPUs that its group uses.
    pub(crate) fn held_to(self, cpus: Option<u32>) -> Job {
        Job { cpus, ..self }
    }

    pub(crate) fn found(slot: SlotId, order: AttemptOrder, workspace: Workspace, reins: Reins) -> Job {
        Job { found: true, ..Job::new(slot, order, workspace, reins) }
    }

    /// With further attempts in the same process.
    pub(crate) fn with(self, others: Vec<AttemptOrder>) -> Job {
        Job { others, ..self }
    }

    /// All attempts of its process.
    pub(crate) fn orders(&self) -> impl Iterator<Item = &AttemptOrder> {
        std::iter::once(&self.order).chain(&self.others)
    }

    /// True when somebody asked for this attempt to stop.
    pub(crate) fn is_asked(&self, attempt: AttemptId) -> bool {
        self.reins.asked.lock().unwrap_or_else(PoisonError::into_inner).contains(&attempt)
    }

    /// Its name for the shim.
    pub(crate) fn name(&self) -> String {
        self.order.attempt.to_string()
    }
}

impl Host {
    pub(crate) fn new(options: &WorkerOptions, directory: Directory) -> Result<Host, WorkerError> {
        let workspaces = Workspaces::open(options, directory.clone())?;
        let holds = Holds::of(if can_hold() { allowed() } else { None });
        std::fs::create_dir_all(&options.home)
            .map_err(WorkerError::folder("creating the folder", &options.home))?;
        let temp = TempFolders::of(&options.home)
            .map_err(WorkerError::folder("making a folder for temporary files of", &options.home))?;
        let host = Host { options: options.clone(), directory, workspaces, holds, temp };
        for folder in [host.slots_folder(), host.attempts_folder()] {
            std::fs::create_dir_all(&folder).map_err(WorkerError::folder("creating the folder", &folder))?;
        }
        Ok(host)
    }

    pub(crate) fn slots_folder(&self) -> PathBuf {
        self.options.home.join("slots")
    }

    pub(crate) fn slot_folder(&self, slot: SlotId) -> PathBuf {
        self.slots_folder().join(slot.0.to_string())
    }

    pub(crate) fn attempts_folder(&self) -> PathBuf {
        self.options.home.join("attempts")
    }

    /// An attempt's own folder: short, because some tools put sockets below it.
    pub(crate) fn attempt_folder(&self, id: AttemptId) -> PathBuf {
        let run = id.run.short();
        self.attempts_folder().join(format!("{}-{}-{}", run.trim_start_matches("run_"), id.spec.0, id.number))
    }

    /// Ends a slot's shim, where there is one, and everything that it ran.
    pub(crate) async fn end_shim(&self, slot: SlotId) {
        end_shim_in(self.slot_folder(slot)).await;
    }
}

/// Ends the shim of a folder, where there is one, and everything that it ran.
pub(crate) async fn end_shim_in(folder: PathBuf) {
    let name = folder.display().to_string();
    match tokio::task::spawn_blocking(move || reap_orphans(&folder)).await {
        Ok(Ok(reaped)) if reaped.killed.is_empty() && reaped.survivors.is_empty() => {}
        Ok(Ok(reaped)) => {
            tracing::warn!(folder = name, killed = reaped.killed.len(), survivors = ?reaped.survivors,
                "ended processes that a shim left");
        }
        Ok(Err(error)) => tracing::warn!(folder = name, %error, "cannot look for left-over processes"),
        Err(error) => tracing::warn!(folder = name, %error, "looking for left-over processes failed"),
    }
}
