//! One attempt, from the order to the report.

mod artifacts;
mod blobs;
mod evaluate;
mod host;
mod prepare;
mod run;

pub(crate) use host::{Host, Job, ORDER_FILE, end_shim_in};
pub(crate) use run::{Begin, run};
