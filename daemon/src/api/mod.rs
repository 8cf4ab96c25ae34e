//! The gRPC services.

mod blobs;
mod carry;
mod critical;
mod doctor;
mod explain;
mod forecast;
mod history;
mod join;
mod lookup;
mod mesh;
mod output;
mod plan;
mod rehearsal;
#[cfg(test)]
mod rehearsed;
mod report;
mod rerun;
mod route;
mod runs;
mod services;
mod submit;
mod times;
mod workers;

pub(crate) use blobs::{ManifestTrouble, read_manifest};
pub(crate) use join::Joins;
pub(crate) use lookup::store_failed;
pub(crate) use output::Outputs;
pub(crate) use services::{Services, Shared};
