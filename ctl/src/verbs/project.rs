//! part.toml and what follows from it, with errors as people see them.

use crate::app::App;
use crate::ci::{Company, join};
use crate::cli::{ProjectArgs, SubmitArgs};
use crate::config::{self, ConfigError, Project, Warning};
use crate::error::{CliError, Kind};
use crate::resolve::{Overrides, ProcessLister, ResolveError, Resolved, Selection, Surroundings, resolve};
use std::path::PathBuf;

/// The folder that the command works in.
pub(super) fn folder(args: Option<&PathBuf>) -> Result<PathBuf, CliError> {
    let here = std::env::current_dir()
        .map_err(|error| CliError::new(Kind::Local, "cannot find the current folder").because(error))?;
    let Some(wanted) = args else { return Ok(here) };
    let folder = here.join(wanted);
    folder.canonicalize().map_err(|error| {
        CliError::new(Kind::Usage, format!("cannot work in the folder {}", wanted.display())).because(error)
    })
}

/// part.toml as it applies here.
pub(super) fn load(args: &ProjectArgs) -> Result<(Project, Vec<Warning>, PathBuf), CliError> {
    let cwd = folder(args.directory.as_ref())?;
    let (project, warnings) = config::load(args.config.as_deref(), &cwd).map_err(unusable)?;
    Ok((project, warnings, cwd))
}

/// What is to be submitted, and the project it is of. `inherits`: specs will run with this process's environment.
pub(super) async fn submission(
    app: &mut App,
    args: &SubmitArgs,
    inherits: bool,
) -> Result<(Resolved, Project), CliError> {
    let (project, warnings, cwd) = load(&args.project)?;
    for warning in &warnings {
        app.note(&warning.to_string());
    }
    let selection =
        Selection { groups: args.group.clone(), suite: args.suite.clone(), specs: args.spec.clone() };
    let overrides = Overrides {
        browser: args.browser.clone(),
        env: args.env.clone(),
        timeout: args.timeout,
        idle_timeout: args.idle_timeout,
        retries: args.retries,
        max_failures: args.max_failures,
        build_id: args.join.ci_build_id.clone(),
        attempt: args.join.attempt,
        completion_delay: args.join.completion_delay,
        expect: args.join.expect_groups.clone(),
        weight: args.join.weight,
        priority: args.join.priority,
        retry_budget: args.join.retry_budget,
        wait_for_workers: args.join.wait_for_workers,
        failed_first: args.join.failed_first(),
        require: args.require.clone(),
        list_tests: args.listing(),
        lost_after: None,
        balance: args.balance.balance(),
        locks: args.balance.lock.clone(),
    };
    let surroundings = Surroundings::of_this_process(cwd, inherits);
    let resolved = resolve(&project, &selection, &overrides, &surroundings, &ProcessLister).await;
    let mut resolved = resolved.map_err(unresolved)?;
    let waits = args.join.completion_delay.is_some() || args.join.expect_groups.is_some();
    let company = Company { alone: inherits, waits };
    join(&mut resolved.submission, &resolved.identity, company);
    resolved.submission.run_all = args.join.all;
    for note in &resolved.notes {
        app.note(note);
    }
    Ok((resolved, project))
}

fn unusable(error: ConfigError) -> CliError {
    let hints = error.hints();
    with_hints(CliError::of(Kind::Config, error), hints)
}

fn unresolved(error: ResolveError) -> CliError {
    let kind = if error.nothing_to_run() { Kind::NothingToRun } else { Kind::Config };
    let hints = error.hints();
    with_hints(CliError::of(kind, error), hints)
}

fn with_hints(error: CliError, hints: Vec<String>) -> CliError {
    hints.into_iter().fold(error, CliError::hint)
}
