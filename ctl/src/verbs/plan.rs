//! `partctl plan`.

use super::project;
use crate::app::App;
use crate::cli::PlanArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::Signals;
use crate::mesh::{Clients, Mesh, Place, Role};
use crate::out::Format;
use crate::render::human::{self, PLAN_COLUMNS};
use crate::render::json::{Line, PlannedLine, ScheduleLine};
use part_core::Submission;
use part_proto::convert::submission_to_wire;
use part_proto::v1::{PlanOptions, PlanRequest, PlanResponse, plan_request::Part};

/// Prints the schedule that a submission would get. Nothing is recorded, and nothing runs.
pub(super) async fn run(app: &mut App, args: PlanArgs) -> Result<Exit, CliError> {
    let place = app.global.place();
    check(&args)?;
    super::submit::check(&place, &args.submit.report)?;
    let mut signals = Signals::listen()?;
    let local = matches!(place, Place::Local { .. });
    let (resolved, _) = tokio::select! {
        resolved = project::submission(app, &args.submit, local) => resolved?,
        exit = signals.next() => return Ok(exit),
    };
    // A local mesh has this machine as its only worker, with as many slots as a run would have.
    let role = Role::Worker {
        slots: args.submit.report.workers.or(resolved.workers),
        extra_slots: args.submit.report.extra_slots.or(resolved.extra_slots),
    };
    let mesh = tokio::select! {
        mesh = Mesh::open(&place, role) => mesh?,
        exit = signals.next() => return Ok(exit),
    };
    let planned = tokio::select! {
        planned = ask(mesh.clients(), args.slots, &resolved.submission) => planned,
        exit = signals.next() => {
            mesh.close(true).await;
            return Ok(exit);
        }
    };
    mesh.close(true).await;
    told(app, &resolved.submission, &planned?);
    Ok(Exit::Passed)
}

/// What makes no sense where nothing runs.
fn check(args: &PlanArgs) -> Result<(), CliError> {
    let report = &args.submit.report;
    let said = [
        (report.detach, "--detach"),
        (report.fail_on_flaky, "--fail-on-flaky"),
        (report.junit.is_some(), "--junit"),
        (report.artifacts.is_some(), "--artifacts"),
        (args.submit.dry_run, "--dry-run"),
    ];
    match said.into_iter().find(|(is, _)| *is) {
        Some((_, option)) => {
            Err(CliError::usage(format!("{option} makes no sense with plan, which runs nothing"))
                .hint("partctl submit takes it"))
        }
        None => Ok(()),
    }
}

async fn ask(
    clients: &Clients,
    slots: Option<u32>,
    submission: &Submission,
) -> Result<PlanResponse, CliError> {
    let options = Part::Options(PlanOptions { slots: slots.unwrap_or(0) });
    let submission = submission_to_wire(submission).into_iter().map(Part::Submit);
    let parts: Vec<PlanRequest> =
        std::iter::once(options).chain(submission).map(|part| PlanRequest { part: Some(part) }).collect();
    let response = clients.runs().plan(tokio_stream::iter(parts)).await;
    response.map(tonic::Response::into_inner).map_err(|status| clients.error("plan the run", &status))
}

fn told(app: &mut App, submission: &Submission, plan: &PlanResponse) {
    match app.out.format() {
        Format::Json => {
            plan.attempts.iter().enumerate().for_each(|(place, attempt)| {
                let line = PlannedLine::new(plan, place as u32, attempt);
                app.out.json(&Line::new("planned", line));
            });
            app.out.json(&Line::new("schedule", ScheduleLine::from(plan)));
        }
        Format::Human => {
            let palette = app.out.palette();
            let columns = if palette.terminal() { app.out.size().1 } else { PLAN_COLUMNS };
            let text = human::plan(plan, &submission.project, columns, palette);
            app.out.data(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::GlobalArgs;
    use crate::out::Capture;
    use crate::testing::{Scripted, submission};
    use crate::text::Palette;
    use part_proto::v1::{PlannedAttempt, WhatIf};
    use tonic::Status;

    fn planned() -> PlanResponse {
        let attempt = |spec: &str, slot, start_ms, end_ms| PlannedAttempt {
            group: "a".into(),
            spec: spec.into(),
            worker: "desk".into(),
            slot,
            start_ms,
            end_ms,
            ..PlannedAttempt::default()
        };
        PlanResponse {
            attempts: vec![attempt("a.sh", 0, 0, 4000), attempt("b.sh", 1, 0, 3000)],
            makespan_ms: 4000,
            bound_ms: 4000,
            slots: 2,
            critical: vec![0],
            what_if: vec![WhatIf { slots: 1, makespan_ms: 7000 }, WhatIf { slots: 2, makespan_ms: 4000 }],
            worth: Some(2),
            ..PlanResponse::default()
        }
    }

    #[tokio::test]
    async fn a_submission_is_sent_with_its_options_and_the_answer_is_told() {
        let (server, mesh) = Scripted::start(Vec::new(), Vec::new(), Vec::new()).await;
        server.plans(Ok(planned()));
        let submission = submission();
        let answer = ask(mesh.clients(), Some(2), &submission).await.expect("a plan");
        assert_eq!(server.planned(), [(2, submission.clone())]);

        let capture = Capture::default();
        let mut app = App {
            out: capture.out(Format::Human, Palette::PLAIN),
            global: GlobalArgs::default(),
            logs: false,
        };
        told(&mut app, &submission, &answer);
        let text = capture.stdout();
        assert!(
            text.starts_with("shop  2 attempts on 2 slots: 4.0s; no schedule takes less than 4.0s"),
            "{text}"
        );
        let mut app = App {
            out: capture.out(Format::Json, Palette::PLAIN),
            global: GlobalArgs::default(),
            logs: false,
        };
        told(&mut app, &submission, &answer);
        let lines: Vec<serde_json::Value> =
            capture.stdout().lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!((&lines[0]["event"], &lines[0]["critical"]), (&"planned".into(), &true.into()));
        assert_eq!((&lines[2]["event"], &lines[2]["makespan_ms"]), (&"schedule".into(), &4000.into()));
    }

    #[tokio::test]
    async fn a_daemon_that_cannot_plan_says_why() {
        let (server, mesh) = Scripted::start(Vec::new(), Vec::new(), Vec::new()).await;
        server.plans(Err(Status::failed_precondition("no worker is here that takes work")));
        let error = ask(mesh.clients(), None, &submission()).await.expect_err("no plan");
        assert!(error.render(Palette::PLAIN).contains("no worker is here that takes work"), "{error}");
    }
}
