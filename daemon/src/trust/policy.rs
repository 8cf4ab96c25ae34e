//! The one table of who may call what. A test walks the wire's description and fails when a call has no entry.

use crate::trust::Peer;
use part_store::TokenRole;

/// Who may call something, besides other daemons and trusted peers, who may call everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody: it gives nothing away, or checks for itself.
    Anyone,
    /// Holders of a token with at least this role.
    Clients(TokenRole),
    /// Those, and workers.
    ClientsAndWorkers(TokenRole),
    /// Workers.
    Workers,
}

/// What the table says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// Nobody knows who asks.
    Unknown(Who),
    /// Who asks is known, and may not.
    Denied(Who),
}

use TokenRole::{Operate, Submit, View};
use Who::{Anyone, Clients, ClientsAndWorkers, Workers};

/// By path of the call. One that is missing here is for administrators.
const TABLE: &[(&str, Who)] = &[
    ("/part.v1.RunService/Submit", Clients(Submit)),
    ("/part.v1.RunService/Rerun", Clients(Submit)),
    ("/part.v1.RunService/Cancel", Clients(Submit)),
    ("/part.v1.RunService/Watch", Clients(View)),
    ("/part.v1.RunService/ListRuns", Clients(View)),
    ("/part.v1.RunService/GetRun", Clients(View)),
    ("/part.v1.RunService/Explain", Clients(View)),
    ("/part.v1.RunService/History", Clients(View)),
    ("/part.v1.RunService/Plan", Clients(View)),
    ("/part.v1.RunService/Report", Clients(View)),
    ("/part.v1.RunService/FollowOutput", Clients(View)),
    ("/part.v1.MeshService/ListWorkers", Clients(View)),
    ("/part.v1.MeshService/Status", Clients(View)),
    ("/part.v1.MeshService/Doctor", Clients(View)),
    ("/part.v1.MeshService/Drain", Clients(Operate)),
    ("/part.v1.BlobService/Get", ClientsAndWorkers(View)),
    ("/part.v1.BlobService/Put", ClientsAndWorkers(Submit)),
    ("/part.v1.BlobService/Missing", ClientsAndWorkers(Submit)),
    ("/part.v1.BlobService/PutMany", ClientsAndWorkers(Submit)),
    ("/part.v1.BlobService/GetMany", ClientsAndWorkers(View)),
    ("/part.v1.BlobService/PutManifest", Clients(Submit)),
    ("/part.v1.BlobService/FindManifest", Clients(Submit)),
    ("/part.v1.WorkerService/Link", Workers),
    ("/part.v1.WorkerService/FindLeader", Workers),
    ("/part.v1.WorkerService/SendOutput", Workers),
    // Checks its token for itself.
    ("/part.v1.TrustService/Join", Anyone),
    ("/grpc.health.v1.Health/Check", Anyone),
    ("/grpc.health.v1.Health/Watch", Anyone),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ClientsAndWorkers(View)),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ClientsAndWorkers(View)),
];

/// Who may call this path.
pub(crate) fn who_may(path: &str) -> Who {
    let entry = TABLE.iter().find(|(named, _)| *named == path);
    entry.map_or(Clients(TokenRole::Admin), |(_, who)| *who)
}

/// Whether this peer may call this path.
pub(crate) fn decide(path: &str, peer: &Peer) -> Decision {
    let who = who_may(path);
    let allowed = match peer {
        Peer::Trusted | Peer::Daemon { .. } => true,
        Peer::Worker { .. } => match who {
            Anyone | Workers | ClientsAndWorkers(_) => true,
            Clients(_) => false,
        },
        Peer::Client { role, .. } => match who {
            Anyone => true,
            // A join token is no client's; its role is below all of theirs.
            Clients(least) | ClientsAndWorkers(least) => *role >= least,
            Workers => false,
        },
        Peer::Anonymous => match who {
            Anyone => true,
            Clients(_) | ClientsAndWorkers(_) | Workers => false,
        },
    };
    match (allowed, peer) {
        (true, _) => Decision::Allowed,
        (false, Peer::Anonymous) => Decision::Unknown(who),
        (false, _) => Decision::Denied(who),
    }
}

/// A role's name, as it is written on the command line.
pub(crate) fn role_name(role: TokenRole) -> &'static str {
    match role {
        TokenRole::Worker => "worker",
        TokenRole::View => "view",
        TokenRole::Submit => "submit",
        TokenRole::Operate => "operate",
        TokenRole::Admin => "admin",
    }
}

impl Who {
    /// The least role of a client that may; none when no client may.
    pub(crate) fn least_role(self) -> Option<TokenRole> {
        match self {
            Clients(role) | ClientsAndWorkers(role) => Some(role),
            Anyone | Workers => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_proto::FILE_DESCRIPTOR_SET;
    use prost::Message;
    use prost_types::FileDescriptorSet;
    use std::collections::BTreeSet;

    /// The paths of all calls in a description of the wire.
    fn paths(description: &[u8]) -> BTreeSet<String> {
        let set = FileDescriptorSet::decode(description).expect("a description");
        let mut paths = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    paths.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
                }
            }
        }
        paths
    }

    #[test]
    fn every_call_has_an_entry_and_every_entry_a_call() {
        let mut known = paths(FILE_DESCRIPTOR_SET);
        known.extend(paths(tonic_health::pb::FILE_DESCRIPTOR_SET));
        known.extend(paths(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET));
        known.extend(paths(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET));
        assert!(known.len() > 15, "{known:?}");
        let listed: BTreeSet<String> = TABLE.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed.len(), TABLE.len(), "an entry is there twice");
        let (missing, idle): (Vec<_>, Vec<_>) =
            (known.difference(&listed).collect(), listed.difference(&known).collect());
        assert!(missing.is_empty(), "add to the policy table: {missing:?}");
        assert!(idle.is_empty(), "in the policy table, but not on the wire: {idle:?}");
    }

    #[test]
    fn each_sort_of_peer_may_do_its_own_and_no_more() {
        let client = |role| Peer::Client { id: "1".to_owned(), role, label: String::new() };
        let peers = [
            (Peer::Trusted, "vsocwaj"),
            (Peer::Daemon { name: "d".to_owned() }, "vsocwaj"),
            (Peer::Worker { name: "w".to_owned() }, "gwj"),
            (client(TokenRole::Worker), "j"),
            (client(TokenRole::View), "vgj"),
            (client(TokenRole::Submit), "vgscj"),
            (client(TokenRole::Operate), "vgscoj"),
            (client(TokenRole::Admin), "vgscoaj"),
            (Peer::Anonymous, "j"),
        ];
        let calls = [
            ('v', "/part.v1.RunService/Watch"),
            ('g', "/part.v1.BlobService/Get"),
            ('s', "/part.v1.RunService/Submit"),
            ('c', "/part.v1.RunService/Cancel"),
            ('o', "/part.v1.MeshService/Drain"),
            ('w', "/part.v1.WorkerService/Link"),
            ('a', "/part.v1.NewService/NotInTheTable"),
            ('j', "/part.v1.TrustService/Join"),
        ];
        for (peer, may) in peers {
            for (letter, path) in calls {
                let all = matches!(peer, Peer::Trusted | Peer::Daemon { .. });
                let wanted = match (all || may.contains(letter), &peer) {
                    (true, _) => Decision::Allowed,
                    (false, Peer::Anonymous) => Decision::Unknown(who_may(path)),
                    (false, _) => Decision::Denied(who_may(path)),
                };
                assert_eq!(decide(path, &peer), wanted, "{peer}: {path}");
            }
        }
    }
}
