//! The gRPC services.

mod blobs;
mod doctor;
mod lookup;
mod mesh;
mod rerun;
mod runs;
mod services;
mod workers;

pub(crate) use lookup::store_failed;
pub(crate) use services::{Services, Shared};
