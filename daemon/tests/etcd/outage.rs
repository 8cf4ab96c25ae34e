//! etcd is away, frozen, or has forgotten everything.

use crate::server::Etcd;
use crate::support::{host, leader_of, wait_for};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_restart_with_its_data_changes_nothing() {
    let Some(mut etcd) = Etcd::one().await else { return };
    let (a, b) = (host(&etcd, "a", 3).await, host(&etcd, "b", 3).await);
    leader_of(&[&a, &b]).await;
    etcd.restart(false).await;
    wait_for("well again", &a, |view| view.degraded.is_none() && view.members.len() == 2).await;
    wait_for("well again", &b, |view| view.degraded.is_none() && view.members.len() == 2).await;
    leader_of(&[&a, &b]).await;
}

#[tokio::test]
async fn a_wiped_etcd_is_filled_again() {
    let Some(mut etcd) = Etcd::one().await else { return };
    let (a, b) = (host(&etcd, "a", 3).await, host(&etcd, "b", 3).await);
    leader_of(&[&a, &b]).await;
    a.wish(crate::cluster::Wish::Workers(["w".to_owned()].into())).await;
    wait_for("a worker", &b, |view| view.workers.contains_key("w")).await;
    etcd.restart(true).await;
    let keys = ["part/hosts/a", "part/hosts/b", "part/leader", "part/mesh", "part/workers/w"];
    crate::support::wait_until("all keys", || etcd.keys("part/") == keys).await;
    wait_for("well again", &a, |view| view.degraded.is_none() && view.members.len() == 2).await;
    wait_for("well again", &b, |view| view.degraded.is_none() && view.workers.contains_key("w")).await;
    leader_of(&[&a, &b]).await;
}

#[tokio::test]
async fn a_frozen_etcd_costs_the_office_by_our_own_deadline_and_heals() {
    const TTL: u64 = 3;
    let Some(mut etcd) = Etcd::one().await else { return };
    let a = host(&etcd, "a", TTL).await;
    wait_for("the office", &a, |view| view.in_office).await;
    let begun = Instant::now();
    etcd.freeze(0, true);
    let view = wait_for("out of office", &a, |view| !view.in_office).await;
    let after = begun.elapsed();
    println!("out of office {after:?} after etcd froze, with a lease of {TTL} s");
    assert!(after < Duration::from_secs(TTL), "{after:?}: before anybody else could be");
    assert!(view.degraded.as_ref().is_some_and(|why| why.contains("etcd at ")), "{view:?}");
    assert_eq!(view.members.len(), 1, "the last picture stays");
    // What is tested is a freeze of this length.
    tokio::time::sleep(Duration::from_secs(8).saturating_sub(begun.elapsed())).await;
    etcd.freeze(0, false);
    wait_for("in office again", &a, |view| view.in_office && view.degraded.is_none()).await;
    assert_eq!(etcd.keys("part/"), ["part/hosts/a", "part/leader", "part/mesh"]);
}
