//! `partctl cancel`.

use crate::app::App;
use crate::cli::CancelArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Clients, Mesh, Role, find_run};
use crate::view::short_id;
use part_proto::v1::CancelRequest;

/// Stops a run.
pub(super) async fn run(app: &mut App, args: CancelArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let cancelled = cancel(mesh.clients(), &args).await;
    mesh.close(false).await;
    let run = cancelled?;
    app.note(&format!("run {run} is being stopped; {} follows it", app.commands().line(&["watch", &run])));
    Ok(Exit::Passed)
}

async fn cancel(clients: &Clients, args: &CancelArgs) -> Result<String, CliError> {
    let info = find_run(clients, &args.run, clock::now()).await?;
    let short = short_id(&info.run);
    if info.finished_at.is_some() {
        return Err(CliError::usage(format!("run {short} is finished; there is nothing to stop")));
    }
    if info.abandoned {
        return Err(CliError::usage(format!("run {short} was interrupted; nothing of it runs any more")));
    }
    let leader = clients.leader_of(&info).await?;
    let request = CancelRequest { run: info.run, kill: args.kill, by: super::finish::me() };
    leader.runs().cancel(request).await.map_err(|status| leader.error("stop the run", &status))?;
    Ok(short)
}
