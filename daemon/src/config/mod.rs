//! The daemon's configuration: default, file, environment, flag, in rising order; each value remembers its layer.

mod load;
mod model;
mod place;
mod tests;

pub(crate) use load::duration;
pub use load::{DEFAULT, Given, load};
pub use model::{BlobPlace, ClusterConfig, DaemonConfig, DatabasePlace, EtcdConfig, Retention, TlsFiles};
pub use place::default_home;
pub(crate) use place::{cpus, host_name};
