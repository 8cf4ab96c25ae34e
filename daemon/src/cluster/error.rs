//! Why a daemon cannot be one of several.

use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// A mesh that could not be joined, or had to be left.
#[derive(Clone, Debug, Error)]
pub enum ClusterError {
    /// The program was built for hosts of their own.
    #[error(
        "this partd was built without the feature etcd, so it can only be a mesh of its own; use one that has it, or \
         remove cluster.etcd from the configuration"
    )]
    WithoutEtcd,
    /// No etcd could be used for as long as joining may take.
    #[error("could not join within {waited:?}: {why}")]
    Unreachable {
        /// How long was tried.
        waited: Duration,
        /// The last failure, with the endpoint.
        why: String,
    },
    /// Trying again would not help.
    #[error("{why}")]
    Refused {
        /// What is wrong, with the endpoint and the remedy.
        why: String,
    },
    /// A file that the configuration names cannot be used.
    #[error("cannot read {} ({key} in the configuration): {why}", path.display())]
    File {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Another host has this host's name.
    #[error(
        "the name {name:?} belongs to another host of the mesh: it is reached at {theirs}, this one at {ours}. Give this \
         one a name of its own with --name"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Where this daemon is reached.
        ours: String,
        /// Where the other one is.
        theirs: String,
    },
    /// Another daemon that is alive has this one's identity.
    #[error(
        "another daemon with this one's identity is alive: {their_name:?}, reached at {theirs}; this one is {name:?}, \
         reached at {ours}. One home folder was copied from the other: remove the file `identity` from the home folder \
         of the one that shall be a host of its own, and give it its own --name"
    )]
    Twin {
        /// This host's name.
        name: String,
        /// Where this daemon is reached.
        ours: String,
        /// The other host's name.
        their_name: String,
        /// Where the other one is reached.
        theirs: String,
    },
    /// The key of this host holds something that no daemon wrote.
    #[error("the key {key} in etcd is in the way: {why}. Remove it with `etcdctl del {key}`")]
    InTheWay {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The keys belong to a mesh with another store.
    #[error(
        "the keys under {prefix:?} in etcd belong to another mesh, whose store is {theirs}; this daemon's is {ours}. Give \
         each mesh a prefix of its own (cluster.prefix), or the same store to all daemons"
    )]
    OtherMesh {
        /// The prefix.
        prefix: String,
        /// This daemon's store.
        ours: String,
        /// The store of the mesh that is there.
        theirs: String,
    },
    /// The daemon's entry does not fit.
    #[error(
        "what this host says about itself takes {bytes} bytes, but at most {limit} fit into etcd; give it fewer labels"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What fits.
        limit: usize,
    },
}
