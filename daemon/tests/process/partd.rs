//! A daemon of its own for a test: own home, own port, gone with the test.

use crate::common::wait_until;
use part_proto::v1::run_service_client::RunServiceClient;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tonic::transport::Channel;

/// A running daemon. Dropping it kills it and everything that it started.
pub(crate) struct Partd {
    child: Child,
    pub(crate) home: PathBuf,
    pub(crate) address: String,
}

impl Partd {
    /// Starts a daemon with two slots on a free port and waits until it is ready.
    pub(crate) fn start(home: &Path) -> Partd {
        Partd::from(command(home), home)
    }

    /// Starts a command that uses this home, and waits until it is ready.
    pub(crate) fn from(mut command: Command, home: &Path) -> Partd {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("partd starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).expect("a log"), 0, "partd ended early:\n{said}");
            said.push_str(&line);
            let parsed: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
            if parsed["fields"]["message"] == "ready" {
                break parsed["fields"]["address"].as_str().expect("an address").to_owned();
            }
        };
        // Keeps the pipe from filling up; ends with the daemon.
        std::thread::spawn(move || log.lines().for_each(drop));
        Partd { child, home: home.to_owned(), address }
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).expect("an address").connect_lazy()
    }

    pub(crate) fn runs(&self) -> RunServiceClient<Channel> {
        RunServiceClient::new(self.channel())
    }

    /// As a crash would: no word to anybody.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("told");
    }

    /// Tells it to end and waits for that.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let mut status = None;
        wait_until("partd ends", || {
            status = self.child.try_wait().expect("asked");
            status.is_some()
        })
        .await;
        status.expect("an end")
    }
}

impl Drop for Partd {
    fn drop(&mut self) {
        // Already gone in most tests.
        drop(self.child.kill());
        drop(self.child.wait());
        let slots = self.home.join("worker/slots");
        for slot in std::fs::read_dir(slots).into_iter().flatten().flatten() {
            if let Err(error) = part_worker::shim::reap_orphans(&slot.path()) {
                tracing::warn!(%error, "left-over processes of a test");
            }
        }
    }
}

/// The daemon's command line for a home.
pub(crate) fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partd"));
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--slots",
            "2",
            "--extra-slots",
            "0",
            "--name",
            "here",
            "--log-json",
            "--home",
        ])
        .arg(home)
        .env_remove("PARTD_CONFIG")
        .env("PARTD_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}
