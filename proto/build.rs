//! Compiles `part/v1/*.proto` with protox, so that building Part's own wire needs no protoc.

use std::path::PathBuf;

const FILES: [&str; 7] = [
    "part/v1/blob.proto",
    "part/v1/events.proto",
    "part/v1/mesh.proto",
    "part/v1/recipe.proto",
    "part/v1/run.proto",
    "part/v1/trust.proto",
    "part/v1/worker.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed={}", root.join("part").display());
    let descriptors = protox::compile(FILES, [&root])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    // The same bytes feed the reflection service.
    std::fs::write(out.join("part_v1.bin"), prost::Message::encode_to_vec(&descriptors))?;
    // Strings that a peer chose are cloned into core types anyway; boxing keeps the event's size even.
    tonic_prost_build::configure()
        // In order, so that the same submission always has the same bytes.
        .btree_map(".part.v1.Recipe.env")
        .btree_map(".part.v1.SetupStep.env")
        // Many small blobs share a message; copying each out of it would double the work.
        .bytes(".part.v1.BlobPiece.data")
        .boxed(".part.v1.Event.fact.attempt_finished")
        .boxed(".part.v1.Event.fact.group_added")
        .boxed(".part.v1.Event.fact.run_finished")
        .compile_fds(descriptors)?;
    Ok(())
}
