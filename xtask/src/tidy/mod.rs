//! `cargo xtask tidy`: formatting, lints, and the rules of this project that no other tool knows.
//!
//! The rules are in [`edges`] (which crate may know which), [`manifests`] (what every crate inherits), [`rust_files`]
//! (sizes, and where logic may live) and [`text_files`] (words that must not be left behind). Each is a function from
//! what it looks at to a list of complaints, so that each can be tested without a workspace.

mod complaint;
mod edges;
mod files;
mod manifests;
mod run;
mod rust_files;
mod text_files;

pub(crate) use run::run;
