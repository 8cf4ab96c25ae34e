//! The part of the core that is never stored: links, slots, timers. Rebuilt when workers introduce themselves.

mod conduct;
mod index;
mod run;
mod view;
mod worker;

pub(crate) use conduct::{Conduct, Cordon, Doubt, Probation};
pub(crate) use index::{Ended, Kind, Live, Timer, Trust};
pub(crate) use run::{Barred, LiveRun};
pub use view::WorkerView;
pub use worker::LinkState;
pub(crate) use worker::{Running, Worker, WorkerKey};
