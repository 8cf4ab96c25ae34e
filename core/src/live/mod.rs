//! The part of the core that is never stored: links, slots, timers. Rebuilt when workers introduce themselves.

mod backups;
mod conduct;
mod group;
mod index;
mod locks;
mod order;
mod run;
mod speed;
mod view;
mod worker;

pub(crate) use backups::Backups;
pub(crate) use conduct::{Conduct, Cordon, Doubt, Probation};
pub(crate) use group::LiveGroup;
pub(crate) use index::{Ended, IdlePlace, Kind, Live, Room, Timer, Trust, idle_place};
pub(crate) use locks::Locks;
pub(crate) use order::Order;
pub(crate) use run::{Barred, LiveRun};
pub(crate) use speed::{Speed, scaled};
pub use view::WorkerView;
pub use worker::LinkState;
pub(crate) use worker::{Running, Worker, WorkerKey};
