//! `partctl drain` and `partctl undrain`.

use crate::app::App;
use crate::cli::{DrainArgs, UndrainArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::Signals;
use crate::mesh::{Clients, Mesh, Place, Role, is_passing};
use crate::text::count;
use part_proto::v1::{DrainRequest, DrainResponse, ListWorkersRequest};
use std::time::Duration;

/// Between two looks whether something still runs.
const LOOK: Duration = Duration::from_millis(500);
/// Looks in a row that may fail while the mesh changes its leader.
const PATIENCE: u32 = 120;

/// Lets a worker take no new work.
pub(super) async fn drain(app: &mut App, args: DrainArgs) -> Result<Exit, CliError> {
    let mesh = open(app).await?;
    let mut signals = Signals::listen()?;
    let answer = ask(mesh.clients(), &args.host, true).await?;
    if !answer.known {
        app.note(&format!(
            "no worker {:?} is here now; should it come, it gets no work until partctl undrain {}",
            args.host, args.host
        ));
    }
    if args.wait && answer.running > 0 {
        app.note(&format!("{} still run on {}", count(u64::from(answer.running), "attempt"), args.host));
        tokio::select! {
            waited = wait(mesh.clients(), &args.host) => waited?,
            exit = signals.next() => return Ok(exit),
        }
    }
    app.note(&match (answer.running, args.wait) {
        (0, _) | (_, true) => format!("{} is drained; nothing runs on it", args.host),
        (running, false) => {
            format!("{} gets no new work; {} still run", args.host, count(u64::from(running), "attempt"))
        }
    });
    mesh.close(false).await;
    Ok(Exit::Passed)
}

/// Lets it take work again.
pub(super) async fn undrain(app: &mut App, args: UndrainArgs) -> Result<Exit, CliError> {
    let mesh = open(app).await?;
    let answer = ask(mesh.clients(), &args.host, false).await?;
    mesh.close(false).await;
    app.note(&match answer.known {
        true => format!("{} takes work again", args.host),
        false => format!("{} may take work again; it is not here now", args.host),
    });
    Ok(Exit::Passed)
}

async fn open(app: &App) -> Result<Mesh, CliError> {
    match app.global.place() {
        Place::Local { .. } => Err(CliError::usage("a mesh in this process has no worker to drain")
            .hint("name a daemon with --server HOST:PORT")),
        place => Mesh::open(&place, Role::Viewer).await,
    }
}

async fn ask(clients: &Clients, host: &str, drain: bool) -> Result<DrainResponse, CliError> {
    let request = DrainRequest { worker: host.to_owned(), drain, by: super::finish::me() };
    let answer = clients.mesh().drain(request).await;
    Ok(answer.map_err(|status| clients.error("drain the worker", &status))?.into_inner())
}

async fn wait(clients: &Clients, host: &str) -> Result<(), CliError> {
    let mut failures = 0;
    loop {
        match clients.mesh().list_workers(ListWorkersRequest {}).await {
            Ok(listed) => {
                failures = 0;
                let workers = listed.into_inner().workers;
                let mut own = workers.iter().filter(|worker| worker.worker == host);
                if own.all(|worker| worker.slots.iter().all(|slot| slot.run.is_empty())) {
                    return Ok(());
                }
            }
            Err(status) if is_passing(status.code()) && failures < PATIENCE => failures += 1,
            Err(status) => return Err(clients.error("list workers", &status)),
        }
        tokio::time::sleep(LOOK).await;
    }
}
