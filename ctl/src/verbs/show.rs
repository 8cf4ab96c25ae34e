//! `partctl show`.

use crate::app::App;
use crate::cli::ShowArgs;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::read_ledger;
use crate::mesh::{Clients, Mesh, Role, TAIL_PATIENCE, find_run, read_tail};
use crate::out::Format;
use crate::render::human::{Tail, asked_for, failure, run_page};
use crate::render::json::{Line, RunLine, SpecLine};
use crate::view::{Keep, RunView, SpecView};
use part_core::{AttemptVerdict, SpecVerdict};
use part_proto::v1::RunInfo;

/// Failures that are shown in full; all of them where one spec is asked for.
const FAILURES: usize = 20;

/// Shows a run.
pub(super) async fn run(app: &mut App, args: ShowArgs) -> Result<Exit, CliError> {
    let mesh = Mesh::open(&app.global.place(), Role::Viewer).await?;
    let shown = show(app, mesh.clients(), &args).await;
    mesh.close(false).await;
    shown
}

async fn show(app: &mut App, clients: &Clients, args: &ShowArgs) -> Result<Exit, CliError> {
    let info = find_run(clients, &args.run, clock::now()).await?;
    let view = read_ledger(clients, &info, Keep::Failures).await?;
    let specs = super::logs::wanted(&view, args.spec.as_deref())?;
    match app.out.format() {
        Format::Json => {
            app.out.json(&Line::new("run", RunLine::from(&info)));
            for whole in asked_for(&view, &specs) {
                app.out.json(&Line::new("spec", SpecLine::new(&view, &whole)));
            }
        }
        Format::Human => {
            let page = run_page(&view, &info, &specs, clock::now(), app.out.palette());
            app.out.data(&page);
            failures(app, clients, &view, &info, &specs, args.spec.is_some()).await;
        }
    }
    Ok(Exit::Passed)
}

async fn failures(
    app: &mut App,
    clients: &Clients,
    view: &RunView,
    info: &RunInfo,
    specs: &[&SpecView],
    all: bool,
) {
    let commands = app.commands();
    let palette = app.out.palette();
    let limit = if all { usize::MAX } else { FAILURES };
    let counts = |spec: &SpecView| !view.group_of(spec).dropped;
    let failed: Vec<&&SpecView> = specs.iter().filter(|spec| counts(spec) && is_told(spec)).collect();
    for spec in failed.iter().take(limit) {
        let Some(attempt) = spec.last_ended() else { continue };
        let tail = match attempt.finish() {
            Some(finish) => read_tail(clients, finish.output.clone(), TAIL_PATIENCE).await,
            None => Tail::Empty,
        };
        let line = crate::render::human::ended(view, spec, attempt, palette);
        let text = failure(view, spec, attempt, &tail, palette, &commands);
        app.out.data(&format!("\n{line}{}", text.trim_end_matches('\n')));
        app.out.data("\n");
        if app.out.reader_gone() {
            return;
        }
    }
    let short = view.short();
    let mut next = Vec::new();
    if failed.len() > limit {
        next.push(format!(
            "{} more failures: {}",
            failed.len() - limit,
            commands.line(&["show", &short, "--spec", "NAME"])
        ));
    }
    if info.finished_at.is_none() && !info.abandoned {
        next.push(commands.line(&["watch", &short]));
    } else if view.wholes().any(|whole| !whole.is_pass() && !whole.quarantined()) {
        next.push(commands.line(&["rerun", &short, "--failed"]));
    }
    if !next.is_empty() {
        app.out.data(&format!("\nnext: {}\n", next.join("\n      ")));
    }
}

/// True for a spec whose newest attempt says why it is red.
fn is_told(spec: &SpecView) -> bool {
    match spec.verdict {
        Some(SpecVerdict::NotPassed(_)) => true,
        Some(SpecVerdict::Passed { .. } | SpecVerdict::Carried | SpecVerdict::Cancelled) => false,
        // Undecided: an attempt that failed and is to be tried again.
        None => spec.last_finish().is_some_and(|finish| match finish.verdict {
            AttemptVerdict::Failed
            | AttemptVerdict::TimedOut
            | AttemptVerdict::Crashed
            | AttemptVerdict::SetupFailed
            | AttemptVerdict::Invalid(_) => true,
            AttemptVerdict::Passed | AttemptVerdict::Lost | AttemptVerdict::Cancelled => false,
        }),
    }
}
