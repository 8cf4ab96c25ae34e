//! `partd`, the daemon.

use clap::Parser;
use partd::config::{self, Given};
use partd::{DaemonError, daemon};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The daemon of Part: leads runs, runs specs, answers partctl.
#[derive(Debug, Parser)]
#[command(name = "partd", version, about)]
struct Arguments {
    /// Configuration file; `--print-default-config` shows every key.
    #[arg(long, value_name = "FILE", env = "PARTD_CONFIG")]
    config: Option<PathBuf>,
    /// Address for gRPC and HTTP [default: 127.0.0.1:7433].
    #[arg(long, value_name = "ADDR", env = "PARTD_LISTEN")]
    listen: Option<String>,
    /// Folder for the database, blobs and running attempts.
    #[arg(long, value_name = "DIR", env = "PARTD_HOME")]
    home: Option<PathBuf>,
    /// How many specs run here at a time; 0 means one per CPU.
    #[arg(long, value_name = "N", env = "PARTD_SLOTS")]
    slots: Option<u32>,
    /// Name of this host in the mesh.
    #[arg(long, value_name = "NAME", env = "PARTD_NAME")]
    name: Option<String>,
    /// Listen beyond loopback without protection: anyone who can reach the port can run commands here.
    #[arg(long)]
    insecure_listen: bool,
    /// Check the configuration, print each value with where it came from, and end.
    #[arg(long)]
    check_config: bool,
    /// Print the commented default configuration and end.
    #[arg(long)]
    print_default_config: bool,
    /// Log lines as JSON.
    #[arg(long, env = "PARTD_LOG_JSON")]
    log_json: bool,
}

/// Exit code for a wrong command line or configuration.
const USAGE: u8 = 2;
/// Exit code for a daemon that could not start or go on.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|verb| verb == "shim") {
        return partd::shim_main(words);
    }
    let arguments = Arguments::parse();
    if arguments.print_default_config {
        return print(config::DEFAULT);
    }
    let given = Given {
        listen: arguments.listen,
        home: arguments.home,
        slots: arguments.slots,
        name: arguments.name,
        insecure_listen: arguments.insecure_listen,
    };
    let config = match config::load(arguments.config.as_deref(), given) {
        Ok(config) => config,
        Err(error) => return complain(&error, USAGE),
    };
    for warning in &config.warnings {
        say(&format!("warning: {warning}"));
    }
    if arguments.check_config {
        let lines = config.origins.iter().map(|(key, value, layer)| format!("{key} = {value}  ({layer})\n"));
        return print(&lines.collect::<String>());
    }
    log_to_stderr(arguments.log_json);
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => match runtime.block_on(run(config)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, FAILED),
        },
        Err(error) => complain(&error, FAILED),
    }
}

async fn run(config: config::DaemonConfig) -> Result<(), DaemonError> {
    let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
    tokio::spawn(listen_to_signals(stop.clone(), hurry.clone()));
    let slots = config.slots;
    daemon::serve(config, stop, hurry, |address| {
        tracing::info!(%address, slots, "ready");
    })
    .await
}

/// SIGTERM and SIGINT drain; a second one ends at once.
async fn listen_to_signals(stop: CancellationToken, hurry: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be listened to; end this daemon with SIGKILL, nothing is lost");
        return;
    };
    for token in [stop, hurry] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    }
}

fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PARTD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    match json {
        true => subscriber.json().init(),
        false => subscriber.init(),
    }
}

fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  because {error}"));
        cause = error.source();
    }
    say(&text);
    ExitCode::from(code)
}

/// One line of talk. Where standard error is closed, there is nobody to tell.
fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}
