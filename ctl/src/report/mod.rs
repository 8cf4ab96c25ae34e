//! Results as files: JUnit XML and artifacts.

pub(crate) mod artifacts;
pub(crate) mod junit;
