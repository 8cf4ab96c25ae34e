//! `partctl watch`.

use super::finish::{Target, Wishes, to_the_end};
use crate::app::App;
use crate::cli::WatchArgs;
use crate::clock;
use crate::config;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::{OnInterrupt, Signals};
use crate::mesh::{Build, Mesh, Role, find_build, find_run};
use crate::view::Submitted;

/// Follows a run that somebody else submitted.
pub(super) async fn run(app: &mut App, args: WatchArgs) -> Result<Exit, CliError> {
    let wishes = Wishes {
        fail_on_flaky: args.fail_on_flaky,
        junit: args.junit.clone(),
        artifacts: args.artifacts.clone(),
    };
    wishes.check()?;
    let signals = Signals::listen()?;
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let found = match &args.ci_build_id {
        Some(build) => find_build(mesh.clients(), &wanted(build, &args)).await,
        None => find_run(mesh.clients(), &args.run, clock::now()).await,
    };
    let info = match found {
        Ok(info) => info,
        Err(error) => {
            mesh.close(false).await;
            return Err(error);
        }
    };
    if info.abandoned {
        app.note("the partctl that ran it is gone; this is what is recorded");
    }
    let target = Target {
        run: info.run,
        leader: mesh.clients().clone(),
        submitted: Submitted::Unknown,
        own: None,
        until: info.abandoned.then_some(info.last_number),
        live_after: info.last_number,
        on_interrupt: OnInterrupt::Leave,
    };
    to_the_end(app, mesh, signals, target, &wishes).await
}

/// The build that is asked for. Without a project that of the nearest part.toml, where there is a sound one.
fn wanted<'a>(build: &'a str, args: &WatchArgs) -> Build<'a> {
    let here = || {
        let cwd = std::env::current_dir().ok()?;
        config::load(None, &cwd).ok().map(|(project, _)| project.name)
    };
    Build { id: build, project: args.project.clone().or_else(here), attempt: args.attempt }
}
