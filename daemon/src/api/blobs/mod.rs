//! Blobs in and out: one by one, and the many files of a workspace in bulk.

mod get_many;
mod known;
mod manifest;
mod put_many;
mod service;
#[cfg(test)]
mod tests;

pub(crate) use manifest::{ManifestTrouble, read_manifest};
pub(crate) use service::Blobs;
