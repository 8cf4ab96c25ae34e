//! The gRPC services.

mod blobs;
mod doctor;
mod lookup;
mod mesh;
mod rerun;
mod runs;
mod services;
mod workers;

pub(crate) use services::{Services, Shared};
