//! Joining where etcd was left out of the program.

use super::{ClusterError, Coordinator, EtcdOptions, Member};

/// Refuses: this program knows no etcd.
pub(crate) async fn join(_options: EtcdOptions, _me: Member) -> Result<Coordinator, ClusterError> {
    Err(ClusterError::WithoutEtcd)
}
