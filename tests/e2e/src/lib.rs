//! The whole mesh as processes.
