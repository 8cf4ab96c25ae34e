//! What a stand-alone worker is told.

use part_trust::Address;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a stand-alone worker is told.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// Daemons of the mesh; at least one.
    pub addresses: Vec<Address>,
    /// File with a join token; needed while there is no certificate.
    pub token_file: Option<PathBuf>,
    /// The mesh's authority, PEM; else what the token says, or what was kept.
    pub ca: Option<PathBuf>,
    /// Its name in the mesh; else that of its certificate, or of the host.
    pub name: Option<String>,
    /// Slots, at least one.
    pub slots: u32,
    /// Slots beyond those, for groups that may start more than there are CPUs; none for what suits the slots.
    pub extra_slots: Option<u32>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// Folder of its certificate and its attempts; two workers never share one.
    pub home: PathBuf,
    /// How long running specs may go on once it is told to stop.
    pub drain_grace: Duration,
}
