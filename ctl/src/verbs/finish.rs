//! From a run's start to the exit code: follow it, conclude, write the reports, end the mesh.

use crate::app::App;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::{Follow, Followed, OnInterrupt, Patience, Signals, StillOpen, follow};
use crate::mesh::{Clients, Mesh};
use crate::report::{artifacts, junit};
use crate::view::verdict::{Circumstances, Outcome, conclude};
use crate::view::{Conclusion, Keep, Own, RunView, Submitted};
use part_core::RunVerdict;
use std::path::PathBuf;

/// What is wanted of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    /// A spec that passed only on a retry fails the run.
    pub(super) fail_on_flaky: bool,
    /// Write JUnit XML here.
    pub(super) junit: Option<PathBuf>,
    /// Write artifacts here.
    pub(super) artifacts: Option<PathBuf>,
}

/// The run and how to follow it.
pub(super) struct Target {
    /// The run's full id.
    pub(super) run: String,
    /// The daemon that leads it.
    pub(super) leader: Clients,
    /// What was submitted.
    pub(super) submitted: Submitted,
    /// The groups of this client, where others may submit to the run as well.
    pub(super) own: Option<Own>,
    /// Stop after this event, because no more will come.
    pub(super) until: Option<u64>,
    /// Events after this one are sent as they happen.
    pub(super) live_after: u64,
    /// What Ctrl-C does.
    pub(super) on_interrupt: OnInterrupt,
}

impl Wishes {
    /// Fails now if a report could not be written later.
    pub(super) fn check(&self) -> Result<(), CliError> {
        if let Some(file) = &self.junit {
            junit::prepare(file)?;
        }
        if let Some(folder) = &self.artifacts {
            std::fs::create_dir_all(folder)
                .map_err(|error| CliError::file("make the folder", folder, error))?;
        }
        Ok(())
    }

    fn keep(&self) -> Keep {
        if self.junit.is_some() { Keep::Everything } else { Keep::Failures }
    }
}

/// Who asks, for display.
pub(super) fn me() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match crate::env::get(crate::env::USER) {
        Some(user) => format!("{user} on {host}"),
        None => host,
    }
}

/// Follows a run to its end, or to that of the own groups, and does what is wanted. The mesh is ended in any case.
pub(super) async fn to_the_end(
    app: &mut App,
    mut mesh: Mesh,
    mut signals: Signals,
    target: Target,
    wishes: &Wishes,
) -> Result<Exit, CliError> {
    let watching = target.on_interrupt == OnInterrupt::Leave;
    let what = Follow {
        clients: mesh.clients().clone(),
        leader: target.leader,
        run: target.run,
        until: target.until,
        live_after: target.live_after,
        own: target.own,
        on_interrupt: target.on_interrupt,
        keep: wishes.keep(),
        patience: Patience::default(),
        clock: clock::now,
    };
    let mut reporter = app.reporter();
    let followed = follow(what, &mut mesh, &mut signals, &mut app.out, &mut reporter).await;
    let Followed { mut view, interrupted, left, trouble, own, open } = followed;
    let whole = view.finished.as_ref().map(|finished| finished.verdict);
    if let Some(own) = &own {
        own.narrow(&mut view);
    }
    let goes_on = left && (watching || !mesh.is_embedded());
    let circumstances = Circumstances { interrupted, fail_on_flaky: wishes.fail_on_flaky, goes_on };
    let mut conclusion = conclude(&view, &target.submitted, circumstances);
    if let Some(error) = &trouble {
        app.complain(error);
        conclusion = after_trouble(conclusion, error);
    }
    let company = own.as_ref().is_some_and(Own::has_company);
    if conclusion.result == Outcome::Left {
        let stop = app.commands().line(&["cancel", &view.short()]);
        let how = if company { format!("; {stop} stops all of its groups") } else { String::new() };
        app.note(&format!("stopped watching; the run goes on{how}"));
    }
    reporter.conclude(&mut app.out, &view, &conclusion);
    told_of_others(app, &view, whole.filter(|_| company), open.as_ref());
    let hurry = left && !watching;
    let exit = if hurry {
        conclusion.exit
    } else {
        let clients = mesh.clients().clone();
        tokio::select! {
            exit = reports(app, &clients, &view, wishes, conclusion.exit) => exit,
            exit = signals.next() => exit,
        }
    };
    let kill = hurry || trouble.is_some();
    tokio::select! {
        () = mesh.close(kill) => {}
        // Whoever asks again does not want to wait for a polite end.
        _ = signals.next() => {}
    }
    Ok(exit)
}

/// What there is to say about the rest of a run after the own groups: what it waits for, or what it came to.
fn told_of_others(app: &mut App, view: &RunView, whole: Option<RunVerdict>, open: Option<&StillOpen>) {
    let run = view.short();
    if let Some(open) = open {
        let watch = app.commands().line(&["watch", &run]);
        app.note(&format!("run {run} is still open: {}; {watch} follows all of it", open.words()));
    } else if let Some(verdict) = whole {
        let show = app.commands().line(&["show", &run]);
        app.note(&format!("run {run} with the groups of others: {verdict}; {show} shows all of it"));
    }
}

/// What broke the watch decides, unless the run was seen to its end before, or the user wanted out.
fn after_trouble(conclusion: Conclusion, error: &CliError) -> Conclusion {
    match conclusion.result {
        Outcome::Cancelled | Outcome::Left => conclusion,
        Outcome::Passed
        | Outcome::Flaky
        | Outcome::FlakyRefused
        | Outcome::Failed
        | Outcome::Incomplete
        | Outcome::NothingRan => {
            Conclusion { exit: error.kind().exit(), result: Outcome::Incomplete, ..conclusion }
        }
    }
}

/// Writes the reports. One that cannot be written turns a pass into an error, and changes no other end.
async fn reports(app: &mut App, clients: &Clients, view: &RunView, wishes: &Wishes, exit: Exit) -> Exit {
    let mut failed = None;
    if let Some(file) = &wishes.junit {
        match junit::write(view, file) {
            Ok(()) => app.note(&format!("wrote {}", file.display())),
            Err(error) => failed = Some(error),
        }
    }
    if let Some(folder) = &wishes.artifacts {
        let specs: Vec<_> = view.specs.iter().collect();
        let written = artifacts::write(clients, view, &specs, folder, &mut app.out).await;
        match written.and_then(|written| artifacts::told(&written, folder)) {
            Ok(told) => app.note(&told),
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    app.complain(&earlier);
                }
            }
        }
    }
    match failed {
        None => exit,
        Some(error) => {
            app.complain(&error);
            if exit == Exit::Passed { error.kind().exit() } else { exit }
        }
    }
}
