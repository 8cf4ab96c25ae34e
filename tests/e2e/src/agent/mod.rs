//! The first process of a host: starts what it is told, collects the dead, and takes everything with it.
//!
//! `part-e2e-host host NAME` makes the namespaces ([`outer`](mod@outer)) and starts `part-e2e-host inside NAME` in
//! them ([`inside`](mod@inside)), which talks to the test in lines of JSON ([`Order`], [`Answer`]).
//! `part-e2e-host guard FOLDER` removes a folder once its standard input closes.
//!
//! Not here: wires and cuts. Those are made from outside, by the test.

mod inside;
mod outer;
mod talk;
mod verbs;

pub use talk::{Answer, Order};
pub use verbs::main;
