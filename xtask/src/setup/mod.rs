//! Installs what the demo and the tests need, asking nothing; quick when nothing is missing.
//!
//! In this order: packages of the system ([`system`]), a Python environment with pytest ([`python`]), Node.js and the
//! packages of the JavaScript suites ([`node`]), a browser ([`browser`]), cargo-nextest ([`nextest`]). Everything but
//! the packages of the system lands in `target/part-tools` and in `node_modules` beside each lock file. What was
//! installed leaves a copy of its lock file behind ([`stamp`]); where that still matches, nothing is done.

mod browser;
mod nextest;
mod node;
mod purpose;
mod python;
mod stamp;
mod steps;
mod system;

pub(crate) use purpose::Purpose;
pub(crate) use steps::run;
