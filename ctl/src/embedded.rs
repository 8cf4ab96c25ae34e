//! The embedded mode's one door: nothing else in this crate knows the daemon.

use crate::error::{CliError, Kind};
use crate::mesh::Role;
use std::path::PathBuf;
use std::process::ExitCode;
use tonic::transport::Channel;

/// A whole mesh in this process.
pub(crate) struct Embedded(partd::embedded::Embedded);

impl Embedded {
    /// Starts it with its data in `home`.
    pub(crate) async fn start(home: PathBuf, role: Role) -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(|error| {
            CliError::new(Kind::Local, "cannot find this program's own file").because(error)
        })?;
        let (worker, slots, extra_slots) = match role {
            Role::Viewer => (false, None, None),
            Role::Worker { slots, extra_slots } => (true, slots, extra_slots),
        };
        let options =
            partd::embedded::EmbeddedOptions { home: home.clone(), slots, extra_slots, worker, program };
        let started = partd::embedded::Embedded::start(options).await;
        started.map(Embedded).map_err(|error| {
            CliError::mesh("cannot start the mesh in this process")
                .because(error)
                .hint(format!("its data is in {}; choose another folder with --home DIR", home.display()))
        })
    }

    /// The way to its services.
    pub(crate) fn channel(&self) -> Channel {
        self.0.channel()
    }

    /// Why its leader ended; never returns while it leads, or when it only reads.
    pub(crate) async fn failure(&mut self) -> CliError {
        CliError::mesh("the mesh in this process cannot go on").because(self.0.failure().await)
    }

    /// Ends it; what it still runs is stopped, politely or not.
    pub(crate) async fn stop(self, kill: bool) {
        self.0.stop(kill).await;
    }
}

/// The way to the embedded mesh of another process of this user.
pub(crate) fn channel_to(socket: PathBuf) -> Channel {
    partd::embedded::connect(socket)
}

/// The hidden verb that the worker starts this program with, one per slot.
pub(crate) fn shim(args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    partd::shim_main(args)
}
