//! The worker's side of the link, as a pure state machine.
//!
//! A worker's process owns channels, slots and timing; what it must *remember and refuse* is here: the highest term
//! that it has obeyed, the attempts that it holds, the numbered reports that are not acknowledged yet, and the attempts
//! whose end is nobody's business any more. The agent in `worker/src/agent.rs` drives it, and so does the simulation of
//! the whole mesh, so that both run the same guards.
//!
//! Deliberately not here: slots and whether one is taken (a slot answers an order it cannot take, see
//! [`Desk::refuse`]), heartbeats, when to open a link. Nothing here waits or looks at a clock.
//!
//! Start reading at [`Desk::hear`].

mod spool;
mod worker;

pub use worker::{Act, Desk, Identity};
