//! Who the other end of a connection is.

use crate::trust::policy::role_name;
use part_core::WorkerId;
use part_proto::status;
use part_store::TokenRole;
use part_trust::{Identity, IdentityError, certified};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tonic::{Request, Status};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody on this host, or anybody where there is no TLS: may do everything.
    Trusted,
    /// Another daemon of the mesh. It has authorised the clients whose calls it passes on.
    Daemon {
        /// Its host's name.
        name: String,
    },
    /// A stand-alone worker.
    Worker {
        /// Its name.
        name: String,
    },
    /// The holder of a token.
    Client {
        /// The token's public name.
        id: String,
        /// What it allows.
        role: TokenRole,
        /// What it is for.
        label: String,
    },
    /// Nobody knows.
    Anonymous,
}

impl Peer {
    /// Whom a certificate of the mesh belongs to, and for how long it still holds.
    pub(crate) fn of_certificate(der: &[u8]) -> Result<(Peer, Duration), IdentityError> {
        let certified = certified(der)?;
        let peer = match certified.identity {
            Some(Identity::Daemon(name)) => Peer::Daemon { name },
            Some(Identity::Worker(name)) => Peer::Worker { name },
            None => Peer::Anonymous,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let end = Duration::from_secs(u64::try_from(certified.not_after).unwrap_or_default());
        Ok((peer, end.saturating_sub(now)))
    }

    /// Refuses a worker that introduces itself by a name that is not its own.
    pub(crate) fn may_be_worker(&self, worker: &WorkerId) -> Result<(), Status> {
        match self {
            Peer::Trusted => Ok(()),
            Peer::Daemon { name } | Peer::Worker { name } if *name == worker.0 => Ok(()),
            Peer::Daemon { .. } | Peer::Worker { .. } => {
                Err(status::denied(format!("{self} introduces itself as {:?}", worker.0)))
            }
            Peer::Client { .. } | Peer::Anonymous => Err(status::denied(format!("{self} is no worker"))),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Trusted => f.write_str("a trusted peer"),
            Peer::Daemon { name } => write!(f, "daemon {name:?}"),
            Peer::Worker { name } => write!(f, "worker {name:?}"),
            Peer::Client { id, role, label } if label.is_empty() => {
                write!(f, "the holder of token {id} ({})", role_name(*role))
            }
            Peer::Client { id, role, label } => {
                write!(f, "the holder of token {id} ({}, {label:?})", role_name(*role))
            }
            Peer::Anonymous => f.write_str("somebody unknown"),
        }
    }
}

/// Who sent a request. Where no guard stood in its way nobody is known.
pub(crate) fn peer_of<T>(request: &Request<T>) -> Peer {
    request.extensions().get::<Peer>().cloned().unwrap_or(Peer::Anonymous)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn nobody_takes_a_name_that_is_not_its_own() {
        let named = |name: &str| name.to_owned();
        let client = Peer::Client { id: named("1"), role: TokenRole::Admin, label: String::new() };
        let table = [
            (Peer::Trusted, true),
            (Peer::Daemon { name: named("w") }, true),
            (Peer::Worker { name: named("w") }, true),
            (Peer::Daemon { name: named("v") }, false),
            (Peer::Worker { name: named("W") }, false),
            (client, false),
            (Peer::Anonymous, false),
        ];
        for (peer, may) in table {
            let answer = peer.may_be_worker(&WorkerId(named("w")));
            assert_eq!(
                answer.map_err(|status| status.code()),
                may.then_some(()).ok_or(Code::PermissionDenied),
                "{peer}"
            );
        }
        assert_eq!(peer_of(&Request::new(())), Peer::Anonymous);
    }
}
