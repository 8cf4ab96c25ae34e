//! Placeholder while the rest of the worker is being connected (agent, attempt, slot).
pub mod shim;
