//! What an earlier life of this worker left behind: attempts to adopt, results to report, processes to end.
//!
//! An attempt's folder is the worker's memory of it: the order is written there before the attempt starts, and the
//! folder is removed only once the leader has acknowledged its end.

use crate::attempt::{Host, ORDER_FILE};
use crate::shim::{self, ExitRecord, Mode, ShimHandle, reap_orphans};
use crate::{WorkerError, WorkerOptions};
use part_core::{AttemptOrder, SlotId, StartOrder, Workspace};
use part_proto::convert::{LeaderSays, command_from_wire};
use part_proto::v1;
use prost::Message;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An attempt of an earlier life.
pub(crate) struct Found {
    pub(crate) attempt: part_core::AttemptId,
    pub(crate) order: AttemptOrder,
    pub(crate) workspace: PathBuf,
    pub(crate) slot: SlotId,
    /// The slot's shim, handed over with the first attempt of the slot.
    pub(crate) shim: Option<ShimHandle>,
    pub(crate) running: bool,
    pub(crate) ended: bool,
    pub(crate) record: Option<Arc<ExitRecord>>,
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
            Ok(_) | Err(_) => end_what_is_left(folder).await,
        }
    }
    let mut found = Vec::new();
    for folder in folders(&host.attempts_folder())? {
        let kept = match read_order(&folder) {
            Ok(Some(order)) if options.slots.contains(&order.slot) => {
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
                let remove = std::fs::remove_dir_all(&folder);
                remove.map_err(WorkerError::folder("removing the folder of an attempt that is gone", &folder))?;
            }
        }
    }
    // A shim without an attempt is idle; its slot starts it anew when needed.
    for (folder, shim) in shims {
        if let Err(error) = shim.exit().await {
            tracing::warn!(folder = %folder.display(), %error, "a left-over shim did not leave; ending it");
            end_what_is_left(folder).await;
        }
    }
    Ok(found)
}

async fn end_what_is_left(folder: PathBuf) {
    let name = folder.display().to_string();
    match tokio::task::spawn_blocking(move || reap_orphans(&folder)).await {
        Ok(Ok(reaped)) if reaped.killed.is_empty() && reaped.survivors.is_empty() => {}
        Ok(Ok(reaped)) => {
            tracing::warn!(folder = name, killed = reaped.killed.len(), survivors = ?reaped.survivors,
                "ended processes that an earlier worker left");
        }
        Ok(Err(error)) => tracing::warn!(folder = name, %error, "cannot look for left-over processes"),
        Err(error) => tracing::warn!(folder = name, %error, "looking for left-over processes failed"),
    }
}

async fn adopt(
    folder: &Path,
    mut order: StartOrder,
    host: &Host,
    shims: &mut BTreeMap<PathBuf, ShimHandle>,
) -> Option<Found> {
    let slot_folder = host.slot_folder(order.slot);
    let Workspace::InPlace(workspace) = order.workspace;
    let attempt = order.attempts.pop()?;
    let id = attempt.attempt;
    let mut found = Found {
        attempt: id,
        order: attempt,
        workspace: workspace.into(),
        slot: order.slot,
        shim: None,
        running: false,
        ended: false,
        record: None,
    };
    if let Some(shim) = shims.get(&slot_folder) {
        let status = shim.status().await.ok()?;
        if status.running.is_some_and(|running| running.attempt == id.to_string()) {
            found.running = true;
            found.shim = shims.remove(&slot_folder);
            return Some(found);
        }
    }
    match shim::read_record(folder) {
        Ok(record) => {
            found.ended = true;
            found.record = record.map(Arc::new);
            found.record.is_some().then_some(found)
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
        (_, LeaderSays::Command(_) | LeaderSays::Heartbeat) => Err("it holds something else".to_owned()),
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
