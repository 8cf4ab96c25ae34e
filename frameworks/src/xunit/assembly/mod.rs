//! What a built assembly declares about its collections, read from its metadata (ECMA-335) without running it.
//!
//! The listings of xUnit.net name classes and tests but no collection, so this is where collections come from. Read
//! [`declared`] first; below it are the tables of the metadata, the image that they are in, and the values of
//! attributes. Nothing is trusted: every offset is checked, and a broken file is an error.

mod blob;
mod declared;
mod image;
mod tables;

pub use declared::{AssemblyError, Declared, declared};
