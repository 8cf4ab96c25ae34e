//! Who leads.

use crate::cluster::Wish;
use crate::server::{Etcd, Protection};
use crate::support::{host, leader_of, wait_for, wait_until};
use std::time::{Duration, Instant};

#[tokio::test]
async fn one_of_three_leads_and_the_office_moves() {
    let Some(etcd) = Etcd::one().await else { return };
    let (a, b, c) = tokio::join!(host(&etcd, "a", 2), host(&etcd, "b", 2), host(&etcd, "c", 2));
    let mut hosts = vec![a, b, c];

    // Given back.
    let first = leader_of(&hosts.iter().collect::<Vec<_>>()).await;
    let begun = Instant::now();
    hosts[first].wish(Wish::Resign(Duration::from_secs(60))).await;
    wait_until("another leader", || (0..3).any(|index| index != first && hosts[index].now().in_office)).await;
    let handover = begun.elapsed();
    assert!(handover < Duration::from_secs(1), "a handover takes {handover:?}");
    let second = leader_of(&hosts.iter().collect::<Vec<_>>()).await;
    assert_ne!(first, second);

    // Gone without a word: within its time to live, and what etcd and the others take.
    let begun = Instant::now();
    drop(hosts.remove(second));
    let third = leader_of_rest(&hosts).await;
    let takeover = begun.elapsed();
    assert!(takeover < Duration::from_secs(2 + 3), "a takeover takes {takeover:?}");
    println!("handover {handover:?}, takeover from a dead leader with a lease of 2 s {takeover:?}");
    assert_ne!(
        hosts[third].now().leader.as_ref().expect("a leader").name,
        ["a", "b", "c"][first],
        "it resigned"
    );
}

/// Once the dead one's key has gone.
async fn leader_of_rest(hosts: &[crate::cluster::Coordinator]) -> usize {
    wait_until("a leader among the rest", || hosts.iter().any(|host| host.now().in_office)).await;
    leader_of(&hosts.iter().collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_revoked_lease_moves_the_office_and_its_holder_registers_again() {
    let Some(etcd) = Etcd::one().await else { return };
    let a = host(&etcd, "a", 3).await;
    wait_for("the office", &a, |view| view.in_office).await;
    let b = host(&etcd, "b", 3).await;
    let entry: serde_json::Value =
        serde_json::from_str(&etcd.ctl(&["get", "part/leader", "-w", "json"])).expect("JSON");
    let lease = entry["kvs"][0]["lease"].as_i64().expect("a lease");
    etcd.ctl(&["lease", "revoke", &format!("{lease:x}")]);
    wait_for("out of office", &a, |view| !view.in_office).await;
    wait_for("registered again", &b, |view| view.members.len() == 2).await;
    leader_of(&[&a, &b]).await;
    wait_for("well", &a, |view| view.degraded.is_none()).await;
}

#[tokio::test]
async fn three_members_of_which_one_dies_and_one_hangs() {
    let Some(mut etcd) = Etcd::start(3, Protection::default()).await else { return };
    let (a, b) = tokio::join!(host(&etcd, "a", 3), host(&etcd, "b", 3));
    leader_of(&[&a, &b]).await;
    // Both use the first endpoint.
    etcd.freeze(0, true);
    wait_for("a member hangs: a is well", &a, |view| view.members.len() == 2).await;
    a.wish(Wish::Workers(["w".to_owned()].into())).await;
    wait_for("news by way of the others", &b, |view| view.workers.contains_key("w")).await;
    etcd.freeze(0, false);
    etcd.kill_one(0);
    a.wish(Wish::Workers(["v".to_owned()].into())).await;
    wait_for("a member is dead: news by way of the others", &b, |view| view.workers.contains_key("v")).await;
    // Without a majority nobody can lead, and both say why.
    etcd.kill_one(1);
    for one in [&a, &b] {
        let view = wait_for("no majority", one, |view| !view.in_office && view.degraded.is_some()).await;
        assert_eq!(view.members.len(), 2, "the last picture stays");
    }
}
