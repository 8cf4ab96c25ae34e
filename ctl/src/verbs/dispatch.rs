//! From a command to its verb.

use super::{
    artifacts, cancel, doctor, drain, explain, history, init, logs, manual, plan, report, rerun, runs, show,
    submit, version, watch, workers,
};
use crate::app::App;
use crate::cli::Command;
use crate::error::CliError;
use crate::exit::Exit;

/// Does what was asked.
pub(crate) async fn run(app: &mut App, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Submit(args) => submit::run(app, *args).await,
        Command::Plan(args) => plan::run(app, *args).await,
        Command::Runs(args) => runs::run(app, args).await,
        Command::Show(args) => show::run(app, args).await,
        Command::Watch(args) => watch::run(app, args).await,
        Command::Logs(args) => logs::run(app, args).await,
        Command::Artifacts(args) => artifacts::run(app, args).await,
        Command::Rerun(args) => rerun::run(app, args).await,
        Command::Cancel(args) => cancel::run(app, args).await,
        Command::Workers => workers::run(app).await,
        Command::Drain(args) => drain::drain(app, args).await,
        Command::Undrain(args) => drain::undrain(app, args).await,
        Command::Explain(args) => explain::run(app, args).await,
        Command::Report(args) => report::run(app, args).await,
        Command::History(args) => history::run(app, args).await,
        Command::Doctor(args) => doctor::run(app, args).await,
        Command::Init(args) => init::run(app, &args),
        Command::Completions(args) => manual::completions(app, &args),
        Command::Man(args) => manual::man(app, &args),
        Command::Version => version::run(app),
    }
}
