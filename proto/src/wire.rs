//! The generated code.

/// `part.v1`, as generated from `part/v1/*.proto`; the documentation is there.
#[expect(
    missing_docs,
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("part.v1");
}

/// All `.proto` files as a descriptor set, for the reflection service.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/part_v1.bin"));
