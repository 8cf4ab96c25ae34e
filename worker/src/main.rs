//! `part-worker`, for hosts that run specs without a daemon of their own: CI jobs, pods, machines that must not see etcd.

use clap::Parser;
use part_trust::Address;
use part_worker::join::{JoinOptions, Stop, work};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Runs specs for a mesh of partd daemons.
///
/// SIGTERM and SIGINT drain: no new work, running specs finish within the grace, the rest goes back to the mesh. A second
/// one, or SIGQUIT, gives everything back at once.
#[derive(Debug, Parser)]
#[command(name = "part-worker", version, about)]
struct Arguments {
    /// Daemons of the mesh; any of them will do, the others are for when it is gone.
    #[arg(long, value_name = "HOST:PORT,...", env = "PART_JOIN")]
    join: String,
    /// File with a join token (`partd token create --role worker`); needed until there is a certificate.
    #[arg(long, value_name = "FILE", env = "PART_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The mesh's certificate authority, PEM [default: the one that the token names].
    #[arg(long, value_name = "FILE", env = "PART_CA")]
    ca: Option<PathBuf>,
    /// Name in the mesh, like no other's [default: as before, else the host's].
    #[arg(long, value_name = "NAME", env = "PART_WORKER_NAME")]
    name: Option<String>,
    /// How many specs run here at a time; 0 means one per CPU.
    #[arg(long, value_name = "N", env = "PART_WORKER_SLOTS", default_value_t = 0)]
    slots: u32,
    /// Slots beyond those, for groups that may start more specs than there are CPUs; 0 for none [default: three for each
    /// slot, at most 64].
    #[arg(long, value_name = "N", env = "PART_WORKER_EXTRA_SLOTS")]
    extra_slots: Option<u32>,
    /// Label offered to specs that ask for it; may be given more than once.
    #[arg(long = "label", value_name = "NAME[=VALUE]", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Folder for the certificate and running attempts [default: part-worker in the platform's data folder].
    #[arg(long, value_name = "DIR", env = "PART_WORKER_HOME")]
    home: Option<PathBuf>,
    /// How long running specs may go on once it is told to stop, such as 90s, 10m or 1h.
    #[arg(long, value_name = "TIME", env = "PART_WORKER_DRAIN_GRACE", default_value = "10m", value_parser = duration)]
    drain_grace: Duration,
    /// Log lines as JSON.
    #[arg(long, env = "PART_WORKER_LOG_JSON")]
    log_json: bool,
}

/// Exit code for a wrong command line.
const USAGE: u8 = 2;
/// Exit code for a worker that could not join or go on.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|verb| verb == "shim") {
        return part_worker::shim::main(words);
    }
    let arguments = Arguments::parse();
    log_to_stderr(arguments.log_json);
    let options = match options(arguments) {
        Ok(options) => options,
        Err(error) => return complain(&error, USAGE),
    };
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => match runtime.block_on(run(options)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => complain(&error, FAILED),
        },
        Err(error) => complain(&error, FAILED),
    }
}

fn options(arguments: Arguments) -> Result<JoinOptions, part_trust::AddressError> {
    Ok(JoinOptions {
        addresses: Address::list(&arguments.join)?,
        token_file: arguments.token_file,
        ca: arguments.ca,
        name: arguments.name,
        slots: match arguments.slots {
            0 => std::thread::available_parallelism().map_or(1, |count| count.get() as u32),
            slots => slots,
        },
        extra_slots: arguments.extra_slots,
        labels: arguments.labels.into_iter().collect::<BTreeMap<_, _>>(),
        home: arguments.home.unwrap_or_else(default_home),
        drain_grace: arguments.drain_grace,
    })
}

async fn run(options: JoinOptions) -> Result<(), part_worker::join::JoinError> {
    let stop = Stop::default();
    tokio::spawn(listen_to_signals(stop.clone()));
    work(options, stop).await
}

async fn listen_to_signals(stop: Stop) {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut quit)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::quit()))
    else {
        tracing::error!("signals cannot be listened to; end this worker with SIGKILL, nothing is lost");
        return;
    };
    for token in [&stop.drain, &stop.hurry] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = quit.recv() => stop.hurry.cancel(),
        }
        token.cancel();
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match name.is_empty() {
        true => Err("a label has a name: NAME or NAME=VALUE".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}

/// `90s`, `10m`, `2h`, or plain seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let seconds = digits.parse::<u64>().ok().zip(unit).and_then(|(count, unit)| count.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or_else(|| "write it as 90s, 10m or 1h".to_owned())
}

/// The platform's folder for data of programs.
fn default_home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = set("HOME").unwrap_or_else(|| PathBuf::from("."));
    if cfg!(target_os = "macos") {
        return user.join("Library/Application Support/part-worker");
    }
    set("XDG_DATA_HOME").unwrap_or_else(|| user.join(".local/share")).join("part-worker")
}

fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PART_WORKER_LOG")
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
        let words = error.to_string();
        // A transparent wrapper repeats its source.
        if !text.ends_with(&words) {
            text.push_str(&format!("\n  because {words}"));
        }
        cause = error.source();
    }
    // Where standard error is closed, there is nobody to tell.
    drop(writeln!(std::io::stderr(), "{text}"));
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert!(["", "m", "1d", "-1s", "1.5h"].iter().all(|text| duration(text).is_err()));
        assert_eq!(label("gpu"), Ok(("gpu".to_owned(), String::new())));
        assert_eq!(label("rack=b=2"), Ok(("rack".to_owned(), "b=2".to_owned())));
        assert!(label("=x").is_err());
    }
}
