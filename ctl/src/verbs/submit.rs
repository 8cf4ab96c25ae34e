//! `partctl submit`.

use super::finish::{Target, Wishes, me, to_the_end};
use super::joining::{accepted, settle};
use super::local;
use super::project;
use crate::app::App;
use crate::ci::Identity;
use crate::cli::{JoinArgs, ReportArgs, SubmitArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::{OnInterrupt, Signals};
use crate::mesh::{Clients, Mesh, Place, Role};
use crate::out::{Format, Out};
use crate::render::human::by_hand;
use crate::render::json::{Line, PlanLine};
use crate::resolve::Resolved;
use crate::ship::{self, Contents, Shipment};
use crate::text::{bytes, clean, count};
use crate::view::{Own, Submitted, short_id};
use part_core::{GroupSubmission, Joining, Millis, SetupStep, Submission};
use part_proto::convert::submission_to_wire;
use part_proto::v1::SubmitResponse;
use std::time::Duration;
use tonic::Code;

/// Sending a submission again is harmless; after so many tries the daemon is taken for gone.
const TRIES: u32 = 8;
/// Before the second try; doubled for each further one.
const PAUSE: Duration = Duration::from_millis(200);

/// Submits groups and follows the run.
pub(super) async fn run(app: &mut App, args: SubmitArgs) -> Result<Exit, CliError> {
    let place = app.global.place();
    check(&place, &args.report)?;
    let mut signals = Signals::listen()?;
    let local = matches!(place, Place::Local { .. });
    if local {
        check_company(&args.join)?;
    }
    let (mut resolved, project) = tokio::select! {
        resolved = project::submission(app, &args, local) => resolved?,
        exit = signals.next() => return Ok(exit),
    };
    let contents = Contents::new(&project, &resolved.submission);
    let setup = project.setup_of(resolved.submission.groups.iter().map(|group| group.suite.as_str()));
    if args.dry_run {
        if !local {
            let counts = ship::look(&contents, &resolved.submission.groups, &setup).await?;
            app.note(&format!("{} would travel, {}", count(counts.files, "file"), bytes(counts.bytes)));
        }
        plan(&mut app.out, &resolved.submission, &resolved.identity);
        return Ok(Exit::Passed);
    }
    let wishes = wishes(&args.report);
    wishes.check()?;
    let role = Role::Worker {
        slots: args.report.workers.or(resolved.workers),
        extra_slots: args.report.extra_slots.or(resolved.extra_slots),
    };
    let mesh = tokio::select! {
        mesh = Mesh::open(&place, role) => mesh?,
        exit = signals.next() => return Ok(exit),
    };
    let sent = tokio::select! {
        sent = ship_and_send(app, &mesh, &mut resolved, &contents, &setup) => sent,
        exit = signals.next() => {
            mesh.close(true).await;
            return Ok(exit);
        }
    };
    let (sent, shipment) = match sent {
        Ok(sent) => sent,
        Err(error) => {
            mesh.close(true).await;
            return Err(error);
        }
    };
    // Which build it is comes first.
    accepted(app, &resolved.submission, &resolved.identity, &sent);
    if let Some(shipment) = shipment {
        shipment.tell(app);
    }
    if args.report.detach {
        detached(app, &sent);
        return Ok(Exit::Passed);
    }
    let submitted = Submitted::of(&resolved.submission);
    let own = own_groups(&resolved.submission);
    let target = Target { own, ..new_run(&mesh, sent, submitted) };
    to_the_end(app, mesh, signals, target, &wishes).await
}

/// What cannot be asked for in this place.
pub(super) fn check(place: &Place, args: &ReportArgs) -> Result<(), CliError> {
    match place {
        Place::Local { .. } if args.detach => {
            Err(CliError::usage("a run in this process cannot be detached from")
                .hint("--detach needs a daemon: name one with --server HOST:PORT"))
        }
        Place::Server { address, .. } if args.extra_slots.is_some() => Err(CliError::usage(format!(
            "--extra-slots sets those of a local mesh, but {address} has its own"
        ))
        .hint("leave it out, or use --local")),
        Place::Server { address, .. } if args.workers.is_some() => Err(CliError::usage(format!(
            "--workers sets the slots of a local mesh, but {address} has its own"
        ))
        .hint("leave it out, or use --local")),
        Place::Local { .. } | Place::Server { .. } => Ok(()),
    }
}

/// What makes no sense where nobody else can come.
fn check_company(args: &JoinArgs) -> Result<(), CliError> {
    let waits = args.completion_delay.is_some_and(|delay| delay > Millis::ZERO);
    let asked = [
        (args.expect_groups.is_some(), "--expect-groups"),
        (waits, "--completion-delay"),
        (args.attempt.is_some(), "--attempt"),
    ];
    match asked.iter().find(|(asked, _)| *asked) {
        None => Ok(()),
        Some((_, flag)) => Err(CliError::usage(format!(
            "{flag} is about runs that others join, and nobody can join one in this process"
        ))
        .hint("leave it out, or name a daemon with --server HOST:PORT")),
    }
}

/// What is wanted of the run.
pub(super) fn wishes(args: &ReportArgs) -> Wishes {
    Wishes { fail_on_flaky: args.fail_on_flaky, junit: args.junit.clone(), artifacts: args.artifacts.clone() }
}

/// The groups of a submission whose run others may submit to as well.
fn own_groups(submission: &Submission) -> Option<Own> {
    match submission.joining {
        Joining::Never => None,
        Joining::Current | Joining::Attempt(_) => {
            Some(Own::of(submission.groups.iter().map(|group| group.label.clone())))
        }
    }
}

/// A run that this client has just made.
pub(super) fn new_run(mesh: &Mesh, sent: SubmitResponse, submitted: Submitted) -> Target {
    Target {
        run: sent.run,
        leader: mesh.clients().clone(),
        submitted,
        own: None,
        until: None,
        live_after: 0,
        on_interrupt: OnInterrupt::Cancel { by: me() },
    }
}

/// Names the run that goes on without this client.
pub(super) fn detached(app: &mut App, sent: &SubmitResponse) {
    match app.out.format() {
        Format::Human => app.out.data(&format!("{}\n", sent.run)),
        // The line about what was submitted says it.
        Format::Json => {}
    }
    let watch = app.commands().line(&["watch", &short_id(&sent.run)]);
    app.note(&format!("{} submitted; {watch} follows the run", count(sent.specs, "spec")));
}

/// Sends the workspace, where the mesh is elsewhere, and then the submission.
async fn ship_and_send(
    app: &mut App,
    mesh: &Mesh,
    resolved: &mut Resolved,
    contents: &Contents,
    setup: &[SetupStep],
) -> Result<(SubmitResponse, Option<Shipment>), CliError> {
    let submission = &mut resolved.submission;
    let mut shipment = None;
    if !mesh.is_embedded() {
        let shipped = ship::ship(app, mesh.clients(), contents, &submission.groups, setup).await?;
        submission.workspace = shipped.workspace.clone();
        shipment = Some(shipped);
    }
    if mesh.is_embedded() {
        local::prepare(app, mesh, submission).await?;
    }
    settle(mesh.clients(), submission, &resolved.identity).await?;
    Ok((send(mesh.clients(), submission).await?, shipment))
}

/// Sends a submission, again where the connection broke: its number makes sure that there is one run only.
pub(super) async fn send(clients: &Clients, submission: &Submission) -> Result<SubmitResponse, CliError> {
    let mut pause = PAUSE;
    for tries in 1.. {
        let messages = submission_to_wire(submission);
        match clients.runs().submit(tokio_stream::iter(messages)).await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) if status.code() == Code::Unavailable && tries < TRIES => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(status) => return Err(clients.error("submit the run", &status)),
        }
    }
    Err(CliError::mesh("cannot submit the run"))
}

/// Says what would run.
fn plan(out: &mut Out, submission: &Submission, identity: &Identity) {
    if out.format() == Format::Json {
        for group in &submission.groups {
            plan_lines(out, group);
        }
        return;
    }
    let palette = out.palette();
    let clean = |text: &str| clean::line(text, palette.into());
    let specs: usize = submission.groups.iter().map(|group| group.specs.len()).sum();
    let mut text = format!(
        "{}  build {} ({})  {} in {} would run\n",
        palette.name(&clean(&submission.project)),
        clean(&submission.build),
        clean(&identity.origin.words()),
        count(specs as u64, "spec"),
        count(submission.groups.len() as u64, "group"),
    );
    for group in &submission.groups {
        let requirements = group.requirements.to_string();
        text.push_str(&format!(
            "\n{}  suite {}, {}, needs {}, {}\n",
            palette.note(&clean(&group.label)),
            clean(&group.suite),
            clean(&group.recipe.framework),
            clean(&requirements),
            match group.policy.retries {
                0 => "no retries".to_owned(),
                1 => "1 retry".to_owned(),
                retries => format!("{retries} retries"),
            },
        ));
        for spec in &group.specs {
            let tests = match &spec.expected_tests {
                Some(tests) => format!("  {}", palette.dim(&count(tests.len() as u64, "test"))),
                None => String::new(),
            };
            text.push_str(&format!("    {}{tests}\n", clean(&spec.name)));
        }
        if let Some(spec) = group.specs.first() {
            let command = by_hand(&group.recipe, &spec.name);
            text.push_str(&format!("    {} {}\n", palette.dim("by hand:"), clean(&command)));
        }
    }
    out.data(&text);
}

fn plan_lines(out: &mut Out, group: &GroupSubmission) {
    for spec in &group.specs {
        let line = PlanLine {
            group: &group.label,
            suite: &group.suite,
            framework: &group.recipe.framework,
            spec: &spec.name,
            size_bytes: spec.size_bytes,
            expected_tests: spec.expected_tests.as_ref().map(Vec::len),
            reproduce: by_hand(&group.recipe, &spec.name),
        };
        out.json(&Line::new("plan", line));
    }
}
