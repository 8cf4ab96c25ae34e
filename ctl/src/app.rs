//! From the process's start to its exit code.

use crate::cli::{Cli, GlobalArgs};
use crate::embedded;
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::out::{Format, Out, When};
use crate::render::human::Commands;
use crate::render::json::{ErrorLine, Line};
use crate::render::{Reporter, Verbosity};
use crate::verbs;
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Tasks that are still busy when everything is written are not waited for any longer.
const LINGER: Duration = Duration::from_secs(1);

/// What every verb works with.
pub(crate) struct App {
    /// Where everything is written.
    pub(crate) out: Out,
    /// The options of every verb.
    pub(crate) global: GlobalArgs,
    /// A diagnostic log goes to stderr, so that nothing may be drawn there.
    pub(crate) logs: bool,
}

impl App {
    /// Makes the commands that people are told to type next.
    pub(crate) fn commands(&self) -> Commands {
        Commands::with_options(&self.global.mesh_options())
    }

    /// What tells a run.
    pub(crate) fn reporter(&self) -> Reporter {
        let dumb = crate::env::get(crate::env::TERM).as_deref() == Some("dumb");
        Reporter::new(&self.out, self.global.verbosity(), self.commands(), !self.logs && !dumb)
    }

    /// Tells something worth knowing.
    pub(crate) fn note(&mut self, text: &str) {
        if self.global.verbosity() > Verbosity::Quiet {
            self.reporter().note(&mut self.out, text);
        }
    }

    /// Tells an error that does not end the command.
    pub(crate) fn complain(&mut self, error: &CliError) {
        if self.out.format() == Format::Json {
            self.out.json(&Line::new("error", ErrorLine::from(error)));
        }
        let text = error.render(self.out.talk_palette());
        self.out.talk(&text);
    }
}

/// The program.
pub fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|verb| verb == "shim") {
        return embedded::shim(args);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let logs = start_log(&cli.global);
    let mut app = App { out: Out::standard(cli.global.output, cli.global.color), global: cli.global, logs };
    let exit = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let result = runtime.block_on(verbs::run(&mut app, cli.command));
            runtime.shutdown_timeout(LINGER);
            settle(&mut app, result)
        }
        Err(error) => {
            let error = CliError::new(Kind::Local, "cannot start the runtime").because(error);
            settle(&mut app, Err(error))
        }
    };
    ExitCode::from(exit)
}

/// Tells what is left to tell, and names the exit code. What stdout did not take is never a success.
fn settle(app: &mut App, result: Result<Exit, CliError>) -> Exit {
    let exit = result.unwrap_or_else(|error| {
        app.complain(&error);
        error.kind().exit()
    });
    match app.out.finish() {
        Ok(()) => exit,
        Err(error) => {
            let text = error.render(app.out.talk_palette());
            app.out.talk(&text);
            if exit == Exit::Passed { error.kind().exit() } else { exit }
        }
    }
}

/// Help, the version, or what is wrong with the command line.
fn unparsed(error: &clap::Error) -> ExitCode {
    let mut out = Out::standard(Format::Human, When::Auto);
    let (palette, wrong) = match error.use_stderr() {
        true => (out.talk_palette(), true),
        false => (out.palette(), false),
    };
    let text = match palette.colour() {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if wrong {
        out.talk(&text)
    } else {
        out.data(&text)
    }
    let written = out.finish();
    let exit = match (wrong, written) {
        (true, _) => Exit::Usage,
        (false, Ok(())) => Exit::Passed,
        (false, Err(error)) => error.kind().exit(),
    };
    ExitCode::from(exit)
}

/// Starts the diagnostic log where one is wanted.
fn start_log(global: &GlobalArgs) -> bool {
    let Some(filter) = global.log_filter() else { return false };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .finish();
    // Only a second start can fail, and there is none.
    tracing::subscriber::set_global_default(subscriber).is_ok()
}
