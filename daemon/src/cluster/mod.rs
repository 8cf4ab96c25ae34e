//! Who is there and who should lead: a view that the rest of the daemon watches, kept true by a coordinator.
//!
//! On a host of its own the coordinator is [`Coordinator::alone`]: it is always in office. Several daemons are
//! coordinated through etcd, behind the feature `etcd`: [`join`]. The store's term is what makes leadership real; the
//! view only says who should try.

mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod identity;
mod options;
mod view;
#[cfg(not(feature = "etcd"))]
mod without_etcd;

pub use error::ClusterError;
#[cfg(feature = "etcd")]
pub(crate) use etcd::join;
pub(crate) use identity::identity;
pub(crate) use options::{EtcdOptions, MeshNote};
pub(crate) use view::{Coordinator, LeaderNote, Member, View, Wish};
#[cfg(not(feature = "etcd"))]
pub(crate) use without_etcd::join;
