//! The wire of Part: `part.v1`, and the only conversions between it and the core's types.
//!
//! The `.proto` files in `part/v1` are the documentation of the wire, field by field. Nothing else in the project
//! turns wire messages into core types or makes gRPC statuses ([`status`]).

pub mod convert;
pub mod pieces;
pub mod status;
mod wire;

pub use convert::WireError;
pub use wire::{FILE_DESCRIPTOR_SET, v1};

/// The newest version of the link's protocol that this build speaks. Two ends use the newest that both speak.
///
/// 1: one host. 2: shipped workspaces, health, live output.
pub const LINK_PROTOCOL: u32 = 2;

/// The oldest version that it still speaks: that of the minor version before.
pub const LINK_PROTOCOL_OLDEST: u32 = 1;

/// Bytes of one chunk of a blob, and of one message that a sender builds freely: senders stay at a quarter of
/// [`MESSAGE_LIMIT`].
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Largest message that is accepted. A sender never comes near it; a breach ends the stream.
pub const MESSAGE_LIMIT: usize = 4 * 1024 * 1024;
