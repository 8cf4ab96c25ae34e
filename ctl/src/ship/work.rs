//! The whole of it: pack, check, send.

use super::parcel::Contents;
use super::programs;
use super::progress::Progress;
use super::send::{SendError, Sent, send};
use crate::app::App;
use crate::error::{CliError, Kind};
use crate::mesh::Clients;
use crate::out::Format;
use crate::render::json::{Line, ShippedLine};
use crate::text::{bytes, count};
use part_core::{GroupSubmission, SetupStep, Shipped, Workspace};
use part_workspace::{Counts, Snapshot};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often the live area is drawn.
const DRAW: Duration = Duration::from_millis(100);
/// Times that the workspace is packed, where a file changes while it is sent.
const PACKED: u32 = 2;

/// Looks at what would travel, without sending anything: one line for people, and checks.
pub(crate) async fn look(
    contents: &Contents,
    groups: &[GroupSubmission],
    setup: &[SetupStep],
) -> Result<Counts, CliError> {
    let snapshot = pack(contents).await?;
    programs::check(groups, setup, &snapshot.manifest)?;
    Ok(snapshot.manifest.counts())
}

/// A workspace that is on the mesh, with what is to be told of it.
pub(crate) struct Shipment {
    /// What the run is to be told.
    pub(crate) workspace: Workspace,
    manifest: String,
    counts: Counts,
    sent: Sent,
}

/// Ships the workspace.
pub(crate) async fn ship(
    app: &mut App,
    clients: &Clients,
    contents: &Contents,
    groups: &[GroupSubmission],
    setup: &[SetupStep],
) -> Result<Shipment, CliError> {
    let progress = Arc::new(Progress::default());
    let live = app.reporter().is_live();
    let shipping = pack_and_send(clients, contents, groups, setup, &progress);
    tokio::pin!(shipping);
    let mut tick = tokio::time::interval(DRAW);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let shipped = loop {
        tokio::select! {
            shipped = &mut shipping => break shipped,
            _ = tick.tick(), if live => app.out.draw(&[progress.line()]),
        }
    };
    app.out.hide_live();
    let (snapshot, sent) = shipped?;
    let counts = snapshot.manifest.counts();
    let manifest = snapshot.manifest.digest().to_string();
    let files = counts.files + counts.links + counts.folders;
    let shipped = Shipped { manifest: manifest.clone(), files, bytes: counts.bytes, setup: setup.to_vec() };
    Ok(Shipment { workspace: Workspace::Shipped(Box::new(shipped)), manifest, counts, sent })
}

impl Shipment {
    /// Says how much was sent.
    pub(crate) fn tell(&self, app: &mut App) {
        tell(app, &self.manifest, self.counts, self.sent);
    }
}

fn tell(app: &mut App, manifest: &str, counts: Counts, sent: Sent) {
    match app.out.format() {
        Format::Json => {
            let line = ShippedLine {
                manifest: manifest.to_owned(),
                files: counts.files,
                bytes: counts.bytes,
                sent_files: sent.files,
                sent_bytes: sent.bytes,
            };
            app.out.json(&Line::new("shipped", line));
        }
        Format::Human if sent == Sent::default() => {
            app.note(&format!("the mesh has all of {} already", count(counts.files, "file")));
        }
        Format::Human => {
            app.note(&format!(
                "sent {} of {}, {}",
                sent.files,
                count(counts.files, "file"),
                bytes(sent.bytes)
            ));
        }
    }
}

/// A file that changes while it is sent makes the workspace another one: that is looked at once more.
pub(super) async fn pack_and_send(
    clients: &Clients,
    contents: &Contents,
    groups: &[GroupSubmission],
    setup: &[SetupStep],
    progress: &Arc<Progress>,
) -> Result<(Arc<Snapshot>, Sent), CliError> {
    for packed in 1.. {
        let snapshot = Arc::new(pack(contents).await?);
        programs::check(groups, setup, &snapshot.manifest)?;
        match send(clients, contents.root(), &snapshot, progress).await {
            Ok(sent) => return Ok((snapshot, sent)),
            Err(SendError::Other(error)) => return Err(error),
            Err(SendError::Changed(file)) if packed >= PACKED => {
                return Err(CliError::new(
                    Kind::Local,
                    format!("{} changes while it is sent", file.display()),
                )
                .hint("end what writes to it, or leave it out with .partignore"));
            }
            Err(SendError::Changed(file)) => {
                tracing::debug!(file = %file.display(), "changed while it was sent; looking again");
            }
        }
    }
    Err(CliError::new(Kind::Local, "the workspace keeps changing"))
}

async fn pack(contents: &Contents) -> Result<Snapshot, CliError> {
    let contents = contents.clone();
    let packed = tokio::task::spawn_blocking(move || contents.pack()).await;
    packed.unwrap_or_else(|error| {
        Err(CliError::new(Kind::Local, "cannot look through the workspace").because(error))
    })
}
