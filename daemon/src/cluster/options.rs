//! What joining needs to know.

use crate::config::ClusterConfig;
use serde::{Deserialize, Serialize};

/// How to join, and what.
#[derive(Clone, Debug)]
pub(crate) struct EtcdOptions {
    /// Where etcd is, what the keys begin with, and how long the lease lives.
    pub(crate) cluster: ClusterConfig,
    /// What tells this mesh's shared store from another one's: the same text on all of its daemons. Anybody who can
    /// read etcd sees it, so no passwords.
    pub(crate) mesh: String,
    /// What tells the shared blob place from another one, where the store's text does not say it.
    pub(crate) blobs: Option<String>,
}

/// What is stored under the key `mesh`: which mesh the keys belong to. Written once, by the first daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MeshNote {
    /// Random.
    pub(crate) id: String,
    /// When it was written, Unix milliseconds, for people to read.
    pub(crate) created_at: u64,
    /// As [`EtcdOptions::mesh`].
    pub(crate) store: String,
    /// As [`EtcdOptions::blobs`].
    #[serde(default)]
    pub(crate) blobs: Option<String>,
}

impl MeshNote {
    /// True when both speak of the same mesh: one store, and one blob place as far as both name one.
    pub(crate) fn same_mesh(&self, other: &MeshNote) -> bool {
        let blobs = match (&self.blobs, &other.blobs) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        };
        self.store == other.store && blobs
    }

    /// What it stands for, for people to read.
    pub(crate) fn place(&self) -> String {
        match &self.blobs {
            Some(blobs) => format!("{} with blobs in {blobs}", self.store),
            None => self.store.clone(),
        }
    }
}
