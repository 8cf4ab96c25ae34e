//! What only the store in a file must do: refuse what is not its own, survive its process, its disk and others.

mod blobs;
mod child;
mod disk;
mod processes;
pub(crate) mod refusals;
mod upgrades;
