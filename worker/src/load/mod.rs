//! What the machine has to give: how many CPUs, to which of them a group is held, how much something waited for one,
//! and whether memory is left.
//!
//! Nothing here decides what runs; it measures, and holds processes to what was decided. Start reading at [`Holds`].

mod cpus;
mod hold;
mod memory;
mod wait;

pub(crate) use cpus::{allowed, can_hold, held_to};
pub use cpus::{count as cpus, extra_slots};
pub(crate) use hold::{Hold, Holds};
pub(crate) use memory::{Guard, Reading};
pub(crate) use wait::CpuWait;
