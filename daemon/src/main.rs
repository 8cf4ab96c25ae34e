//! `partd`, the daemon.

use clap::Parser;
use partd::commands::Command;
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
    /// What to do instead of being a daemon.
    #[command(subcommand)]
    command: Option<Command>,
    /// Configuration file; `--print-default-config` shows every key.
    #[arg(long, global = true, value_name = "FILE", env = "PARTD_CONFIG")]
    config: Option<PathBuf>,
    /// Address for gRPC and HTTP [default: 127.0.0.1:7433].
    #[arg(long, value_name = "ADDR", env = "PARTD_LISTEN")]
    listen: Option<String>,
    /// How other hosts reach this daemon [default: the address that it listens on].
    #[arg(long, value_name = "HOST:PORT", env = "PARTD_ADVERTISE")]
    advertise: Option<String>,
    /// Folder for the database, blobs and running attempts.
    #[arg(long, global = true, value_name = "DIR", env = "PARTD_HOME")]
    home: Option<String>,
    /// How many specs run here at a time; 0 means one per CPU.
    #[arg(long, value_name = "N", env = "PARTD_SLOTS")]
    slots: Option<u32>,
    /// Slots beyond those, for groups that may start more specs than there are CPUs; 0 for none [default: auto, three for
    /// each slot, at most 64].
    #[arg(long, value_name = "N|auto", env = "PARTD_EXTRA_SLOTS")]
    extra_slots: Option<String>,
    /// Name of this host in the mesh.
    #[arg(long, value_name = "NAME", env = "PARTD_NAME")]
    name: Option<String>,
    /// PostgreSQL database that all daemons of the mesh share [default: SQLite in the home folder].
    #[arg(long, global = true, value_name = "URL", env = "PARTD_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// S3 bucket or folder that all daemons of the mesh share [default: a folder in the home folder].
    #[arg(long, value_name = "s3://BUCKET/PREFIX|DIR", env = "PARTD_BLOBS")]
    blobs: Option<String>,
    /// Endpoints of etcd, separated by commas: makes this daemon one of several.
    #[arg(long, value_name = "URL,...", env = "PARTD_ETCD")]
    etcd: Option<String>,
    /// What the mesh's keys in etcd begin with [default: part].
    #[arg(long, value_name = "TEXT", env = "PARTD_ETCD_PREFIX")]
    etcd_prefix: Option<String>,
    /// How long a dead leader stays in office at most [default: 10s].
    #[arg(long, value_name = "TIME", env = "PARTD_LEASE_TTL")]
    lease_ttl: Option<String>,
    /// The mesh's certificate authority, PEM.
    #[arg(long, global = true, value_name = "FILE", env = "PARTD_TLS_CA")]
    tls_ca: Option<String>,
    /// The authority's key, to admit workers by token, PEM.
    #[arg(long, value_name = "FILE", env = "PARTD_TLS_CA_KEY")]
    tls_ca_key: Option<String>,
    /// This daemon's certificate, PEM.
    #[arg(long, global = true, value_name = "FILE", env = "PARTD_TLS_CERT")]
    tls_cert: Option<String>,
    /// Its key, PEM.
    #[arg(long, global = true, value_name = "FILE", env = "PARTD_TLS_KEY")]
    tls_key: Option<String>,
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
    let tokens = match arguments.command {
        None => None,
        // Works without any configuration.
        Some(Command::Certs(certs)) => return finish(certs.run()),
        Some(Command::Token(tokens)) => Some(tokens),
    };
    // Who only makes a token does not listen.
    let insecure_listen = arguments.insecure_listen || tokens.is_some();
    let given = Given { insecure_listen, ..Given::default() }
        .with("listen", arguments.listen)
        .with("advertise", arguments.advertise)
        .with("home", arguments.home)
        .with("slots", arguments.slots)
        .with("extra-slots", arguments.extra_slots)
        .with("name", arguments.name)
        .with("store.database", arguments.database)
        .with("store.blobs", arguments.blobs)
        .with("cluster.etcd", arguments.etcd)
        .with("cluster.prefix", arguments.etcd_prefix)
        .with("cluster.lease-ttl", arguments.lease_ttl)
        .with("tls.ca", arguments.tls_ca)
        .with("tls.ca-key", arguments.tls_ca_key)
        .with("tls.cert", arguments.tls_cert)
        .with("tls.key", arguments.tls_key);
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
        Ok(runtime) => finish(match tokens {
            Some(tokens) => runtime.block_on(tokens.run(&config)),
            None => runtime.block_on(run(config)),
        }),
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

fn finish(result: Result<(), DaemonError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, FAILED),
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
