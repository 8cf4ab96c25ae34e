//! What went wrong with etcd, in one sentence with the place and the remedy.

use crate::cluster::ClusterError;
use std::fmt;
use std::sync::Arc;

/// What a failure means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// This connection is of no use; another one, or a later one, may be.
    Connection,
    /// etcd is there, and did not do it this time.
    Passing,
    /// The lease that was named is not there.
    LeaseGone,
    /// This endpoint will never do as it is; others may.
    Endpoint,
    /// Trying again would not help, here or elsewhere, as long as nobody changes something.
    Final,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// Where.
    pub(super) endpoint: Arc<str>,
    /// What: a sentence that begins with its verb.
    pub(super) what: String,
    /// What to do about it.
    pub(super) remedy: Option<String>,
}

impl Trouble {
    pub(super) fn new(kind: Kind, endpoint: &Arc<str>, what: impl Into<String>) -> Trouble {
        Trouble { kind, endpoint: Arc::clone(endpoint), what: what.into(), remedy: None }
    }

    pub(super) fn with_remedy(self, remedy: impl Into<String>) -> Trouble {
        Trouble { remedy: Some(remedy.into()), ..self }
    }

    /// As a reason to give joining up.
    pub(super) fn refusal(&self) -> ClusterError {
        ClusterError::Refused { why: self.to_string() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "etcd at {} {}", self.endpoint, self.what)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}
