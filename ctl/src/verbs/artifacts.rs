//! `partctl artifacts`.

use crate::app::App;
use crate::cli::ArtifactsArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::read_ledger;
use crate::mesh::{Mesh, Role, find_run};
use crate::report::artifacts;
use crate::view::Keep;

/// Writes the artifacts of a run.
pub(super) async fn run(app: &mut App, args: ArtifactsArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let written = async {
        let info = find_run(mesh.clients(), &args.run, clock::now()).await?;
        let view = read_ledger(mesh.clients(), &info, Keep::Failures).await?;
        let specs = super::logs::wanted(&view, args.spec.as_deref())?;
        artifacts::write(mesh.clients(), &view, &specs, &args.out, &mut app.out).await
    };
    let written = written.await;
    mesh.close(false).await;
    let told = artifacts::told(&written?, &args.out)?;
    app.note(&told);
    Ok(Exit::Passed)
}
