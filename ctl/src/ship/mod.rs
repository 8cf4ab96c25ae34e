//! Shipping the workspace: what a submit to a daemon does before it sends the run.
//!
//! The folder is looked through and hashed (`parcel`; what did not change since the last time is not read), recipes
//! are checked for programs that do not travel (`programs`), and what the mesh lacks is sent (`send`). A workspace that
//! the mesh knows costs one question.

mod parcel;
mod programs;
mod progress;
mod send;
#[cfg(test)]
mod tests;
mod tracked;
mod work;

pub(crate) use parcel::Contents;
pub(crate) use work::{Shipment, look, ship};
