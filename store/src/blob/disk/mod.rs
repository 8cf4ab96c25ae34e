//! Blobs in a folder: `ab/cdef…` by the digits of the digest, `retired/ab/cdef…` for those that wait to be deleted,
//! and `tmp` for those being written.
//!
//! Every change of a final name is one rename, so any number of processes may use one folder at once; where it is
//! mounted by several hosts ([`DiskBlobs::open_shared`]), they may, too.

mod batch;
mod marker;
mod read;
mod shelf;
mod store;
mod write;

pub use store::DiskBlobs;
