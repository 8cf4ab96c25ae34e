//! Real daemons as processes, with real specs: what must hold when one is killed, stopped or started twice.

#[path = "../common/mod.rs"]
mod common;
mod partd;
mod restart;
mod surface;
