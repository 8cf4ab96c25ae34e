//! The process tree of an attempt: who is in it, and how it is ended.

mod kill;
mod kin;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
mod process;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(not(target_os = "linux"))]
use portable as platform;

pub(crate) use kill::{kill_all, onward, signal_each, signal_process};
pub(crate) use kin::{Kin, left_over};
pub(crate) use platform::{host_threads, tagged};
use process::visited;
pub(crate) use process::{Process, Visit};
