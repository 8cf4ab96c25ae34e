//! Who is there.

use crate::cluster::{ClusterError, Member, Wish, join};
use crate::server::Etcd;
use crate::support::{host, member, options, refusal, wait_for, wait_until};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[tokio::test]
async fn hosts_see_each_other_come_change_and_go() {
    let Some(etcd) = Etcd::one().await else { return };
    let (a, b) = (host(&etcd, "a", 3).await, host(&etcd, "b", 3).await);
    for one in [&a, &b] {
        let view = wait_for("two members", one, |view| view.members.len() == 2).await;
        assert_eq!(view.members["b"], member("b"));
        assert_eq!(view.mesh, a.now().mesh);
        assert_eq!(view.mesh.as_ref().expect("a mesh").store, "the database");
    }
    let draining = Member { draining: true, slots: 5, ..member("b") };
    b.wish(Wish::Register(Box::new(draining.clone()))).await;
    wait_for("the change", &a, |view| view.members["b"] == draining).await;

    b.wish(Wish::Workers(BTreeSet::from(["ci-1".to_owned(), "ci-2".to_owned()]))).await;
    wait_for("two workers", &a, |view| view.workers.len() == 2 && view.workers["ci-1"] == "b").await;
    b.wish(Wish::Workers(BTreeSet::from(["ci-2".to_owned()]))).await;
    wait_for("one worker", &a, |view| view.workers.keys().eq(["ci-2"])).await;

    let begun = Instant::now();
    b.leave(Duration::from_secs(5)).await;
    assert_eq!(etcd.keys("part/"), ["part/hosts/a", "part/leader", "part/mesh"], "nothing of b is left");
    wait_for("b gone", &a, |view| view.members.len() == 1 && view.workers.is_empty()).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "leaving waits for nothing");
    a.leave(Duration::from_secs(5)).await;
    assert_eq!(etcd.keys("part/"), ["part/mesh"]);
    assert!(!a.now().in_office, "who has left holds no office");
}

#[tokio::test]
async fn a_dead_host_is_gone_with_its_lease_and_may_come_back_at_once() {
    let Some(etcd) = Etcd::one().await else { return };
    let (a, b) = (host(&etcd, "a", 2).await, host(&etcd, "b", 2).await);
    wait_for("two members", &a, |view| view.members.len() == 2).await;
    // As after a kill: no word to anybody.
    drop(b);
    let begun = Instant::now();
    let again = Member { started_at: 2, ..member("b") };
    let b = join(options(&etcd, 2), again.clone()).await.expect("joined");
    assert!(begun.elapsed() < Duration::from_secs(1), "the earlier life is not waited for");
    wait_for("the new life", &a, |view| view.members.get("b") == Some(&again)).await;
    drop(b);
    wait_for("b gone", &a, |view| view.members.len() == 1).await;
    assert!(a.now().degraded.is_none());
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_naming_both() {
    let Some(etcd) = Etcd::one().await else { return };
    let a = host(&etcd, "a", 2).await;
    let stranger = Member { identity: "x".into(), address: "x.example:7433".into(), ..member("a") };
    let (error, after) = refusal(options(&etcd, 2), stranger).await;
    let text = error.to_string();
    assert!(matches!(error, ClusterError::NameTaken { .. }), "{error:?}");
    for part in ["a.example:7433", "x.example:7433", "--name"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(after < Duration::from_secs(1), "at once: its address says that it is another one");
    assert_eq!(etcd.keys("part/hosts/"), ["part/hosts/a"]);

    // At the same address it might be what a removed home left; its lease says that it lives.
    let stranger = Member { identity: "x".into(), ..member("a") };
    let (error, _) = refusal(options(&etcd, 2), stranger.clone()).await;
    assert!(matches!(error, ClusterError::NameTaken { .. }), "{error:?}");
    drop(a);
    join(options(&etcd, 2), stranger).await.expect("joined once the lease has run out");
}

#[tokio::test]
async fn the_second_of_two_copies_of_a_home_is_refused() {
    let Some(etcd) = Etcd::one().await else { return };
    let a = host(&etcd, "a", 2).await;
    let copies = [
        Member { address: "b.example:7433".into(), started_at: 2, ..member("a") },
        Member { name: "b".into(), address: "b.example:7433".into(), started_at: 2, ..member("a") },
    ];
    for copy in copies {
        let (error, _) = refusal(options(&etcd, 2), copy).await;
        assert!(matches!(error, ClusterError::Twin { .. }), "{error:?}");
        assert!(error.to_string().contains("identity"), "{error}");
    }
    // At one address on two networks it gets in first, and is found out then.
    let copy = Member { started_at: 2, ..member("a") };
    let second = match join(options(&etcd, 2), copy).await {
        Ok(second) => second.failed().await,
        Err(error) => error.to_string(),
    };
    assert!(second.contains("was copied"), "{second}");
    wait_until("the first one's entry", || etcd.ctl(&["get", "part/hosts/a"]).contains("\"started_at\":1"))
        .await;
    assert!(a.now().fatal.is_none());
}

#[tokio::test]
async fn what_is_removed_or_written_over_by_hand_comes_back() {
    let Some(etcd) = Etcd::one().await else { return };
    let a = host(&etcd, "a", 3).await;
    wait_for("the office", &a, |view| view.in_office).await;
    etcd.ctl(&["del", "--prefix", "part/"]);
    wait_until("all keys", || etcd.keys("part/").len() == 3).await;
    wait_for("the office", &a, |view| view.in_office).await;
    for _ in 0..20 {
        etcd.ctl(&["put", "part/hosts/a", "{}"]);
        if a.now().fatal.is_some() {
            break;
        }
    }
    let why = a.failed().await;
    assert!(why.contains("etcdctl del part/hosts/a"), "{why}");
}

#[tokio::test]
async fn compaction_heals() {
    let Some(etcd) = Etcd::one().await else { return };
    let (a, b) = (host(&etcd, "a", 3).await, host(&etcd, "b", 3).await);
    for round in 0..5u32 {
        let next = Member { slots: 10 + round, ..member("b") };
        b.wish(Wish::Register(Box::new(next.clone()))).await;
        wait_for("the change", &a, |view| view.members.get("b") == Some(&next)).await;
        let status: serde_json::Value =
            serde_json::from_str(&etcd.ctl(&["endpoint", "status", "-w", "json"])).expect("JSON");
        let revision = status[0]["Status"]["header"]["revision"].as_i64().expect("a revision");
        etcd.ctl(&["compact", &revision.to_string()]);
    }
    assert!(a.now().degraded.is_none() && a.now().fatal.is_none());
}
