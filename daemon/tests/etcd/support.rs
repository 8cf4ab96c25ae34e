//! Hosts that join an etcd, and waiting for what they see.

use crate::cluster::{ClusterError, Coordinator, EtcdOptions, Member, View, join};
use crate::config::{ClusterConfig, EtcdConfig};
use crate::server::Etcd;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a crowded machine; a test that gets there has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
pub(crate) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a host's view is as expected; gives it.
pub(crate) async fn wait_for(
    what: &str,
    host: &Coordinator,
    holds: impl FnMut(&View) -> bool,
) -> std::sync::Arc<View> {
    let mut view = host.view();
    let mut holds = holds;
    let seen = tokio::time::timeout(PATIENCE, view.wait_for(|view| holds(view))).await;
    match seen {
        Ok(Ok(view)) => view.clone(),
        Ok(Err(_)) => panic!("{what}: the coordinator has ended"),
        Err(_) => panic!("{what}: not in time; last {:?}", host.now()),
    }
}

/// How to join this etcd with a lease of so many seconds.
pub(crate) fn options(etcd: &Etcd, ttl: u64) -> EtcdOptions {
    EtcdOptions {
        cluster: ClusterConfig {
            etcd: EtcdConfig {
                endpoints: etcd.endpoints(),
                user: None,
                password_file: None,
                ca: None,
                cert: None,
                key: None,
            },
            prefix: "part".to_owned(),
            lease_ttl: Duration::from_secs(ttl),
        },
        mesh: "the database".to_owned(),
        blobs: Some("the blobs".to_owned()),
    }
}

/// A host, with its name as identity.
pub(crate) fn member(name: &str) -> Member {
    Member {
        name: name.to_owned(),
        identity: name.to_owned(),
        address: format!("{name}.example:7433"),
        version: "0.1.0".to_owned(),
        protocol: 1,
        started_at: 1,
        capabilities: [("os".to_owned(), "linux".to_owned())].into(),
        slots: 2,
        draining: false,
    }
}

/// A host that has joined.
pub(crate) async fn host(etcd: &Etcd, name: &str, ttl: u64) -> Coordinator {
    join(options(etcd, ttl), member(name)).await.expect("joined")
}

/// Why joining was refused, and after how long.
pub(crate) async fn refusal(options: EtcdOptions, me: Member) -> (ClusterError, Duration) {
    let begun = Instant::now();
    match join(options, me).await {
        Ok(_) => panic!("joined"),
        Err(error) => (error, begun.elapsed()),
    }
}

/// Waits until one of these hosts is in office and all of them know; gives its index.
pub(crate) async fn leader_of(hosts: &[&Coordinator]) -> usize {
    let mut leader = None;
    wait_until("one leader that all know", || {
        let views: Vec<_> = hosts.iter().map(|host| host.now()).collect();
        let holders: Vec<usize> = (0..views.len()).filter(|index| views[*index].in_office).collect();
        assert!(holders.len() <= 1, "{holders:?} are in office at once");
        let known = views.iter().all(|view| view.leader.is_some() && view.leader == views[0].leader);
        leader = holders.first().copied().filter(|_| known);
        leader.is_some()
    })
    .await;
    leader.expect("a leader")
}
