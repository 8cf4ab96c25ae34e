//! The part of a host that runs specs: it probes what the machine can do, keeps slots, runs attempts under
//! shims, reads what frameworks report, and tells the leader over one link.
//!
//! Nothing here decides what runs where; that is the core's. The worker keeps running its attempts while the link
//! is down, and a detached worker's attempts outlive it.
//!
//! Start reading at [`Worker::run`] (`agent`), then `slot`, then `attempt`.

mod agent;
mod attempt;
mod bounds;
mod control;
mod detect;
mod directory;
mod error;
mod folder;
mod health;
mod held;
pub mod join;
mod load;
pub mod shim;
mod slot;
mod workspace;

pub use agent::{Worker, WorkerOptions};
pub use attempt::remove_temp_folders;
pub use control::Control;
pub use detect::probe;
pub use directory::{Connect, Directory};
pub use error::WorkerError;
pub use folder::remove_folder;
pub use health::disk_floor;
pub use load::{cpus, extra_slots};
