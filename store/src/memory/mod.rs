//! A store in memory, for tests. Handles made by cloning share what they hold.

mod contract;
mod shared;
mod upkeep;

pub use shared::MemoryStore;
