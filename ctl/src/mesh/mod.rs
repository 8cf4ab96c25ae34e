//! The mesh as this client reaches it: a daemon at an address, or one inside this process. After [`Mesh::open`]
//! there is one code path, over gRPC.

mod access;
mod blobs;
mod build;
mod connect;
mod find;
mod home;
mod line;
mod status;

pub(crate) use access::{Access, Secret, TokenSource};
pub(crate) use blobs::{BlobError, TAIL_PATIENCE, fetch, fetch_from, read_tail, tail_at_hand};
pub(crate) use build::{Build, find_build, runs_of};
pub(crate) use connect::{Clients, Mesh, Place, Role};
pub(crate) use find::find_run;
pub(crate) use home::{cache_folder, default_home, prepare_home};
pub(crate) use line::Line;
pub(crate) use status::{from_status, is_passing};
