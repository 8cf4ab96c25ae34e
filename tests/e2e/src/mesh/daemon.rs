//! A daemon on a host.

use crate::process::Ended;
use crate::{Host, Launch, PATIENCE, Process, Trouble};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The port of every daemon.
pub(super) const PORT: u16 = 7433;

/// `partd` on a host of its own. It may be down; its home stays.
#[derive(Debug)]
pub struct Daemon {
    host: Arc<Host>,
    name: String,
    launch: Launch,
    process: Process,
}

/// What all daemons of a mesh are told alike.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub(super) partd: PathBuf,
    pub(super) etcd: String,
    pub(super) lease_ttl: String,
    pub(super) database: String,
    pub(super) blobs: PathBuf,
    pub(super) slots: u32,
}

impl Daemon {
    /// Starts a daemon of this name, with this home, on a host.
    pub(super) fn start(
        host: Arc<Host>,
        name: &str,
        home: &Path,
        common: &Common,
    ) -> Result<Daemon, Trouble> {
        let address = format!("{}:{PORT}", host.address());
        let (home, blobs) = (home.display().to_string(), common.blobs.display().to_string());
        let log = std::env::var("PART_E2E_LOG").unwrap_or_else(|_| "info".to_owned());
        let launch = Launch::of(&common.partd)
            .log(format!("partd-{name}"))
            .args(["--name", name, "--home", &home, "--listen", &address, "--advertise", &address])
            .args(["--etcd", &common.etcd, "--etcd-prefix", super::assembly::PREFIX])
            .args(["--lease-ttl", &common.lease_ttl, "--database", &common.database, "--blobs", &blobs])
            .args(["--slots", &common.slots.to_string(), "--insecure-listen"])
            .env("HOME", home)
            .env("NO_COLOR", "1")
            .env("PARTD_LOG", log);
        let process = host.start(launch.clone())?;
        Ok(Daemon { host, name: name.to_owned(), launch, process })
    }

    /// Its name in the mesh.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// `HOST:PORT` of it.
    pub fn address(&self) -> String {
        format!("{}:{PORT}", self.host.address())
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// kill -9 of the daemon; its shims and specs go on.
    pub fn kill(&self) -> Result<(), Trouble> {
        self.process.kill()
    }

    /// SIGTERM, and waits for its end.
    pub fn terminate(&self) -> Result<Ended, Trouble> {
        self.process.signal(Signal::SIGTERM)?;
        self.process.wait(PATIENCE)
    }

    /// SIGSTOP of the daemon alone.
    pub fn freeze(&self) -> Result<(), Trouble> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<(), Trouble> {
        self.process.signal(Signal::SIGCONT)
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
