//! `partctl rerun`.

use super::finish::to_the_end;
use super::submit::{check, detached, new_run, wishes};
use crate::app::App;
use crate::cli::RerunArgs;
use crate::clock;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::follow::Signals;
use crate::mesh::{Clients, Mesh, Role, find_run};
use crate::out::Format;
use crate::render::json::{Line, SubmittedLine};
use crate::view::{Submitted, short_id};
use part_proto::convert::submission_id_to_wire;
use part_proto::v1::{RerunRequest, RunInfo, SubmitResponse};

/// Runs a finished run again.
pub(super) async fn run(app: &mut App, args: RerunArgs) -> Result<Exit, CliError> {
    let place = app.global.place();
    check(&place, &args.report)?;
    let wishes = wishes(&args.report);
    wishes.check()?;
    let mut signals = Signals::listen()?;
    let role = Role::Worker { slots: args.report.workers, extra_slots: args.report.extra_slots };
    let mesh = tokio::select! {
        mesh = Mesh::open(&place, role) => mesh?,
        exit = signals.next() => return Ok(exit),
    };
    let sent = tokio::select! {
        sent = send(mesh.clients(), &args) => sent,
        exit = signals.next() => {
            mesh.close(true).await;
            return Ok(exit);
        }
    };
    let sent = match sent {
        Ok(sent) => sent,
        Err(error) => {
            mesh.close(true).await;
            return Err(error);
        }
    };
    if app.out.format() == Format::Json {
        app.out.json(&Line::new("submitted", SubmittedLine::from(&sent)));
    }
    if args.report.detach {
        detached(app, &sent);
        return Ok(Exit::Passed);
    }
    let submitted = Submitted::Count(sent.specs + sent.carried);
    let target = new_run(&mesh, sent, submitted);
    to_the_end(app, mesh, signals, target, &wishes).await
}

async fn send(clients: &Clients, args: &RerunArgs) -> Result<SubmitResponse, CliError> {
    let info = find_run(clients, &args.run, clock::now()).await?;
    if args.failed && all_passed(&info) {
        let short = short_id(&info.run);
        let message =
            format!("nothing of run {short} failed or is missing, so there is nothing to run again");
        return Err(CliError::new(Kind::NothingToRun, message).hint("without --failed all of it runs again"));
    }
    let request = RerunRequest {
        run: info.run,
        failed_only: args.failed,
        submission_id: submission_id_to_wire(part_core::SubmissionId(uuid::Uuid::now_v7().as_u128())),
        build: args.ci_build_id.clone().unwrap_or_default(),
    };
    let response = clients.runs().rerun(request).await;
    Ok(response.map_err(|status| clients.error("run it again", &status))?.into_inner())
}

fn all_passed(info: &RunInfo) -> bool {
    let summary = info.summary.as_ref();
    info.finished_at.is_some()
        && summary.is_some_and(|summary| summary.specs > 0 && summary.passed == summary.specs)
}
