//! What an earlier life of this worker left behind: attempts to adopt, results to report, processes to end.
//!
//! An attempt's folder is the worker's memory of it: the order is written there before the attempt starts, and the
//! folder is removed only once the leader has acknowledged its end.

use crate::attempt::{Begin, Host, ORDER_FILE, end_shim_in};
use crate::folder::remove_folder;
use crate::shim::{self, Mode, ShimHandle};
use crate::workspace::InUse;
use crate::{WorkerError, WorkerOptions};
use part_core::{AttemptId, AttemptOrder, SlotId, StartOrder, Workspace};
use part_proto::convert::{LeaderSays, command_from_wire};
use part_proto::v1;
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An attempt of an earlier life, or several that share a process.
pub(crate) struct Found {
    pub(crate) order: AttemptOrder,
    /// The others of its process.
    pub(crate) others: Vec<AttemptOrder>,
    pub(crate) workspace: Workspace,
    pub(crate) slot: SlotId,
    /// The slot's shim, handed over with the attempt that it runs.
    pub(crate) shim: Option<ShimHandle>,
    pub(crate) begin: Begin,
    /// Keeps its workspace until its end is evaluated.
    pub(crate) in_use: Option<InUse>,
}

impl Found {
    /// All attempts of the process, the one first whose folder it has.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = AttemptId> {
        std::iter::once(&self.order).chain(&self.others).map(|order| order.attempt)
    }
}

/// Looks through the worker's folder. Attempts that neither run nor ended are dropped: the leader learns from the
/// introduction that they are gone.
pub(crate) async fn find(options: &WorkerOptions, host: &Host) -> Result<Vec<Found>, WorkerError> {
    let mut shims = BTreeMap::new();
    for folder in folders(&host.slots_folder())? {
        match ShimHandle::attach(&folder).await {
            Ok(shim) if options.mode == Mode::Detached => {
                shims.insert(folder, shim);
            }
            Ok(_) | Err(_) => end_shim_in(folder).await,
        }
    }
    let mut found = Vec::new();
    for folder in folders(&host.attempts_folder())? {
        let kept = match read_order(&folder) {
            Ok(Some(order))
                if options.slots.iter().chain(&options.extra_slots).any(|slot| *slot == order.slot) =>
            {
                adopt(&folder, order, host, &mut shims).await
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "an attempt's order cannot be read; dropped");
                None
            }
        };
        match kept {
            Some(kept) => found.push(kept),
            None => {
                // It takes room and nothing else; a spec must not be able to keep a worker from starting.
                if let Err(error) = remove_folder(&folder) {
                    tracing::warn!(folder = %folder.display(), %error, "the folder of an attempt that is gone stays");
                }
            }
        }
    }
    // A shim without an attempt is idle; its slot starts it anew when needed.
    for (folder, shim) in shims {
        if let Err(error) = shim.exit().await {
            tracing::warn!(folder = %folder.display(), %error, "a left-over shim did not leave; ending it");
            end_shim_in(folder).await;
        }
    }
    // What ended is reported before the slot waits for what still runs.
    found.sort_by_key(|found| matches!(found.begin, Begin::Running));
    Ok(found)
}

async fn adopt(
    folder: &Path,
    order: StartOrder,
    host: &Host,
    shims: &mut BTreeMap<PathBuf, ShimHandle>,
) -> Option<Found> {
    let slot_folder = host.slot_folder(order.slot);
    let workspace = order.workspace;
    let mut attempts = order.attempts.into_iter();
    let attempt = attempts.next()?;
    let name = attempt.attempt.to_string();
    let in_use = match &workspace {
        Workspace::InPlace(_) => None,
        Workspace::Shipped(shipped) => host.workspaces.found(attempt.attempt.run, shipped),
    };
    let found = Found {
        order: attempt,
        others: attempts.collect(),
        workspace,
        slot: order.slot,
        shim: None,
        begin: Begin::Afresh,
        in_use,
    };
    let mut remembered = None;
    if let Some(shim) = shims.get(&slot_folder) {
        let status = match shim.status().await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(folder = %slot_folder.display(), %error, "a shim does not answer; its attempt is dropped");
                return None;
            }
        };
        if status.running.is_some_and(|running| running.attempt == name) {
            return Some(Found { shim: shims.remove(&slot_folder), begin: Begin::Running, ..found });
        }
        // Where the disk was full, the shim alone knows how its last attempt ended.
        remembered = status.last.filter(|last| last.attempt == name);
    }
    match shim::read_record(folder) {
        Ok(record) => {
            let record = record.or(remembered)?;
            Some(Found { begin: Begin::Ended(Arc::new(record)), ..found })
        }
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "an attempt's exit record cannot be read; dropped");
            None
        }
    }
}

fn read_order(folder: &Path) -> Result<Option<StartOrder>, String> {
    let bytes = match std::fs::read(folder.join(ORDER_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let message = v1::LeaderMessage::decode(bytes.as_slice()).map_err(|error| error.to_string())?;
    match command_from_wire(message).map_err(|error| error.to_string())? {
        (_, LeaderSays::Command(part_core::Command::Start(order))) => Ok(Some(order)),
        (_, LeaderSays::Command(_) | LeaderSays::Heartbeat { .. } | LeaderSays::Output { .. }) => {
            Err("it holds something else".to_owned())
        }
    }
}

/// The folders inside a folder; none when it does not exist.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, WorkerError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(WorkerError::folder("reading the folder", folder)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(WorkerError::folder("reading the folder", folder))?;
        if entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
