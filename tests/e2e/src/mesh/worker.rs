//! A stand-alone worker on a host.

use crate::process::Ended;
use crate::{Host, Launch, PATIENCE, Process, Trouble};
use nix::sys::signal::Signal;
use std::path::Path;
use std::sync::Arc;

/// `part-worker` on a host of its own. It may be down; its home stays.
#[derive(Debug)]
pub struct StandaloneWorker {
    host: Arc<Host>,
    name: String,
    launch: Launch,
    process: Process,
}

impl StandaloneWorker {
    /// Starts a worker that joins through these daemons.
    pub(super) fn start(
        host: Arc<Host>,
        program: &Path,
        name: &str,
        home: &Path,
        join: &str,
        slots: u32,
    ) -> Result<StandaloneWorker, Trouble> {
        let home = home.display().to_string();
        let log = std::env::var("PART_E2E_LOG").unwrap_or_else(|_| "info".to_owned());
        let launch = Launch::of(program)
            .log(format!("part-worker-{name}"))
            .args(["--join", join, "--name", name, "--home", &home, "--slots", &slots.to_string()])
            .env("HOME", home)
            .env("NO_COLOR", "1")
            .env("PART_WORKER_LOG", log);
        let process = host.start(launch.clone())?;
        Ok(StandaloneWorker { host, name: name.to_owned(), launch, process })
    }

    /// Its name in the mesh.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// kill -9 of the worker; its shims and specs go on.
    pub fn kill(&self) -> Result<(), Trouble> {
        self.process.kill()
    }

    /// SIGTERM, and waits for its end.
    pub fn terminate(&self) -> Result<Ended, Trouble> {
        self.process.signal(Signal::SIGTERM)?;
        self.process.wait(PATIENCE)
    }

    /// Starts it again with the same home.
    pub fn restart(&mut self) -> Result<(), Trouble> {
        self.process = self.host.start(self.launch.clone())?;
        Ok(())
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.process.stderr()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
