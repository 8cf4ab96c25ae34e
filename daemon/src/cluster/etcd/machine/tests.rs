//! The machine against an etcd that is a map: scenarios, and histories by chance.

mod fake;
mod faults;

use super::Machine;
use crate::cluster::etcd::keys::{Key, Keys};
use crate::cluster::etcd::model::{Ask, Event, Expect, Then, Txn};
use crate::cluster::etcd::trouble::{Kind, Trouble};
use crate::cluster::{ClusterError, Member, MeshNote};
use fake::{Etcd, Player};
use std::collections::BTreeSet;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(3);

fn member(name: &str, identity: &str, started_at: u64) -> Member {
    Member {
        name: name.to_owned(),
        identity: identity.to_owned(),
        address: format!("{name}:1"),
        version: "1".to_owned(),
        protocol: 1,
        started_at,
        capabilities: Default::default(),
        slots: 2,
        draining: false,
    }
}

fn machine(me: Member) -> Machine {
    let mesh = MeshNote { id: me.identity.clone(), created_at: 1, store: "db".to_owned(), blobs: None };
    Machine::new(Keys::new("p"), TTL, me, mesh)
}

fn player(name: &str) -> Player {
    Player::new(machine(member(name, name, 1)))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn trouble(kind: Kind) -> Trouble {
    Trouble::new(kind, &"http://e".into(), "fails")
}

fn workers(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_first_daemon_makes_the_mesh_and_takes_the_office() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    assert!(a.view(&etcd).degraded.is_none() && !a.view(&etcd).in_office);
    a.settle(&mut etcd);
    let view = a.view(&etcd);
    assert!(a.machine.joined() && view.in_office, "{view:?}");
    assert_eq!(view.leader.expect("a leader").name, "a");
    assert_eq!(view.members.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(view.mesh.expect("a mesh").store, "db");
    assert_eq!(view.degraded, None);
    let lasting: Vec<_> = etcd.entries().filter(|(_, entry)| entry.lease == 0).collect();
    assert_eq!(lasting.len(), 1, "only the mesh outlives its daemons: {lasting:?}");
}

#[test]
fn the_office_moves_when_it_is_given_back_and_stays_away_for_as_long_as_asked() {
    let (mut etcd, mut a, mut b) = (Etcd::default(), player("a"), player("b"));
    a.settle(&mut etcd);
    b.settle(&mut etcd);
    assert!(a.view(&etcd).in_office && !b.view(&etcd).in_office);
    a.machine.resign(ms(5_000), etcd.now);
    assert!(!a.view(&etcd).in_office, "at once, before etcd has been asked");
    a.settle(&mut etcd);
    b.settle(&mut etcd);
    assert_eq!(b.view(&etcd).leader, None, "not at once: others may try as well");
    etcd.pass(ms(300), &mut [&mut a, &mut b]);
    assert!(b.view(&etcd).in_office);
    b.machine.resign(ms(1_000), etcd.now);
    etcd.pass(ms(2_500), &mut [&mut a, &mut b]);
    assert!(b.view(&etcd).in_office && !a.view(&etcd).in_office, "a is not back yet");
    b.machine.resign(ms(10_000), etcd.now);
    etcd.pass(ms(3_000), &mut [&mut a, &mut b]);
    assert!(a.view(&etcd).in_office);
}

#[test]
fn an_office_that_is_won_after_it_was_resigned_is_not_taken_up() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    let campaign = loop {
        match a.machine.next(etcd.now).expect("something to ask") {
            Ask::Change(txn) if txn.key == Key::Leader => break Ask::Change(txn),
            ask @ (Ask::List | Ask::Grant { .. } | Ask::Look { .. } | Ask::Change(_)) => {
                a.answer(&mut etcd, ask)
            }
        }
    };
    a.machine.resign(ms(1_000), etcd.now);
    a.answer(&mut etcd, campaign);
    assert!(!a.view(&etcd).in_office);
    a.settle(&mut etcd);
    assert_eq!(a.view(&etcd).leader, None, "given back");
}

#[test]
fn who_drains_does_not_try_while_others_can() {
    let (mut etcd, mut a, mut b) = (Etcd::default(), player("a"), player("b"));
    b.machine.register(Member { draining: true, ..member("b", "b", 1) }).expect("registered");
    b.settle(&mut etcd);
    assert!(b.view(&etcd).in_office, "nobody else is there");
    a.settle(&mut etcd);
    b.machine.resign(ms(1_000), etcd.now);
    etcd.pass(ms(100), &mut [&mut b]);
    etcd.pass(ms(2_000), &mut [&mut b]);
    assert!(!b.view(&etcd).in_office, "a could");
    etcd.pass(ms(400), &mut [&mut a, &mut b]);
    assert!(a.view(&etcd).in_office);
    assert!(a.view(&etcd).members["b"].draining);
}

#[test]
fn a_silent_etcd_costs_the_office_before_the_lease_ends_and_a_transaction_brings_it_back() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    a.settle(&mut etcd);
    let lease = a.machine.lease().expect("a lease");
    etcd.now += ms(2_249);
    a.machine.tick(etcd.now);
    assert!(a.view(&etcd).in_office);
    etcd.now += ms(1);
    a.machine.tick(etcd.now);
    let view = a.view(&etcd);
    assert!(!view.in_office && view.degraded.is_some_and(|why| why.contains("lease")));
    assert_eq!(a.machine.next(etcd.now), Some(Ask::List));
    let acked = Event::Acked { lease, ttl: TTL, sent: etcd.now };
    a.machine.handle(acked, etcd.now, 0);
    assert!(!a.view(&etcd).in_office, "a lease that lives does not say whose the key is");
    a.settle(&mut etcd);
    assert!(a.view(&etcd).in_office && a.view(&etcd).degraded.is_none());
    let asked = a.asked.iter().rev().find_map(|ask| match ask {
        Ask::Change(txn) => Some(txn.clone()),
        Ask::List | Ask::Grant { .. } | Ask::Look { .. } => None,
    });
    let confirm = Txn { key: Key::Leader, expect: Expect::Lease(lease), then: Then::Nothing };
    assert_eq!(asked, Some(confirm));
}

#[test]
fn a_lost_lease_and_a_wiped_etcd_are_registered_anew() {
    let (mut etcd, mut a, mut b) = (Etcd::default(), player("a"), player("b"));
    a.machine.link(workers(&["w"]));
    a.settle(&mut etcd);
    b.settle(&mut etcd);
    let lease = a.machine.lease().expect("a lease");
    etcd.end_lease(lease);
    a.machine.handle(Event::LeaseGone { lease }, etcd.now, 0);
    assert!(!a.view(&etcd).in_office);
    etcd.pass(ms(1_000), &mut [&mut b, &mut a]);
    assert!(b.view(&etcd).in_office && !a.view(&etcd).in_office);
    assert_eq!(b.view(&etcd).members.len(), 2);
    assert_eq!(b.view(&etcd).workers["w"], "a");

    etcd.wipe();
    for player in [&mut a, &mut b] {
        player.cut(&etcd);
    }
    etcd.pass(ms(4_000), &mut [&mut a, &mut b]);
    for player in [&a, &b] {
        let view = player.view(&etcd);
        assert_eq!((view.members.len(), view.workers.len()), (2, 1), "{view:?}");
        assert!(view.degraded.is_none() && view.mesh.is_some());
    }
    assert_eq!(1, [&a, &b].iter().filter(|player| player.view(&etcd).in_office).count());
}

#[test]
fn a_lost_answer_is_found_again() {
    for key in [Key::Mesh, Key::Host("a".to_owned()), Key::Leader] {
        let (mut etcd, mut a) = (Etcd::default(), player("a"));
        let lost = loop {
            match a.machine.next(etcd.now) {
                Some(Ask::Change(txn)) if txn.key == key => break txn,
                Some(ask) => a.answer(&mut etcd, ask),
                None => panic!("{key:?} was never written"),
            }
        };
        etcd.change(&lost).expect("done, but nobody hears of it");
        a.machine.handle(Event::Failed { trouble: trouble(Kind::Connection) }, etcd.now, 0);
        etcd.pass(ms(500), &mut [&mut a]);
        assert!(a.view(&etcd).in_office, "after the answer about {key:?} was lost");
    }
}

#[test]
fn an_earlier_life_is_replaced_at_once() {
    let (mut etcd, mut old) = (Etcd::default(), player("a"));
    old.settle(&mut etcd);
    let mut new = Player::new(machine(member("a", "a", 2)));
    new.settle(&mut etcd);
    assert!(new.machine.joined());
    assert_eq!(new.view(&etcd).leader.expect("not over yet").started_at, 1);
    etcd.pass(TTL + ms(1_000), &mut [&mut new]);
    assert!(new.view(&etcd).in_office, "once the lease of the old life has ended");
}

#[test]
fn a_copy_of_a_home_is_refused_whoever_looks_first() {
    // At the same address, as on two networks: taken for an earlier life, until that writes again.
    let (mut etcd, mut first) = (Etcd::default(), player("a"));
    first.settle(&mut etcd);
    let mut second = Player::new(machine(member("a", "a", 2)));
    second.settle(&mut etcd);
    etcd.pass(ms(500), &mut [&mut first, &mut second]);
    assert!(matches!(second.machine.fatal(), Some(ClusterError::Twin { .. })));
    assert!(second.view(&etcd).fatal.is_some());
    assert!(first.machine.fatal().is_none() && first.view(&etcd).in_office);

    // At another address: watched, and seen to be alive.
    let moved = Member { address: "b:1".to_owned(), ..member("a", "a", 3) };
    let mut third = Player::new(machine(moved));
    etcd.pass(TTL * 2, &mut [&mut first, &mut third]);
    assert!(matches!(third.machine.fatal(), Some(ClusterError::Twin { .. })));
    assert!(!third.machine.joined());

    // Under another name.
    let mut fourth = Player::new(machine(member("d", "a", 3)));
    etcd.pass(TTL * 2, &mut [&mut first, &mut fourth]);
    assert!(matches!(fourth.machine.fatal(), Some(ClusterError::Twin { .. })));
    assert!(first.machine.fatal().is_none());
}

#[test]
fn a_dead_life_at_another_address_is_waited_for() {
    let (mut etcd, mut old) = (Etcd::default(), player("a"));
    old.settle(&mut etcd);
    let moved = Member { address: "b:1".to_owned(), ..member("a", "a", 2) };
    let mut new = Player::new(machine(moved));
    etcd.pass(ms(1_000), &mut [&mut new]);
    assert!(!new.machine.joined());
    assert!(new.view(&etcd).degraded.is_some_and(|why| why.contains("somebody else")));
    etcd.pass(TTL, &mut [&mut new]);
    assert!(new.machine.joined() && new.view(&etcd).in_office);
}

#[test]
fn another_host_of_our_name_is_refused() {
    let (mut etcd, mut first) = (Etcd::default(), player("a"));
    first.settle(&mut etcd);
    let stranger = Member { address: "x:9".to_owned(), ..member("a", "other", 2) };
    let mut second = Player::new(machine(stranger));
    second.settle(&mut etcd);
    let Some(ClusterError::NameTaken { ours, theirs, .. }) = second.machine.fatal() else {
        panic!("{:?}", second.machine.fatal())
    };
    assert_eq!((ours.as_str(), theirs.as_str()), ("x:9", "a:1"));
    assert_eq!(second.machine.next(etcd.now), None, "nothing more is asked");
}

#[test]
fn who_is_written_over_writes_again_but_not_for_ever() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    a.settle(&mut etcd);
    let stranger = serde_json::to_vec(&member("a", "other", 2)).expect("JSON");
    for round in 0..4 {
        assert!(a.machine.fatal().is_none(), "round {round}");
        let lease = etcd.grant(TTL);
        let then = Then::Put { value: stranger.clone(), lease };
        etcd.change(&Txn { key: Key::Host("a".to_owned()), expect: Expect::Anything, then }).expect("done");
        a.settle(&mut etcd);
    }
    assert!(matches!(a.machine.fatal(), Some(ClusterError::NameTaken { .. })));
    assert!(!a.view(&etcd).in_office);
}

#[test]
fn another_mesh_under_our_prefix_is_refused() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    a.settle(&mut etcd);
    let mesh = MeshNote { id: "m".to_owned(), created_at: 2, store: "other".to_owned(), blobs: None };
    let mut b = Player::new(Machine::new(Keys::new("p"), TTL, member("b", "b", 1), mesh));
    b.settle(&mut etcd);
    let Some(ClusterError::OtherMesh { prefix, ours, theirs }) = b.machine.fatal() else {
        panic!("{:?}", b.machine.fatal())
    };
    assert_eq!((prefix.as_str(), ours.as_str(), theirs.as_str()), ("p", "other", "db"));
    assert_eq!(b.machine.lease(), None, "it never got so far as to ask for a lease");
}

#[test]
fn workers_follow_the_last_daemon_that_has_them() {
    let (mut etcd, mut a, mut b) = (Etcd::default(), player("a"), player("b"));
    a.machine.link(workers(&["v", "w"]));
    a.settle(&mut etcd);
    b.settle(&mut etcd);
    b.machine.link(workers(&["w"]));
    etcd.pass(ms(100), &mut [&mut b, &mut a]);
    let owners: Vec<_> = b.view(&etcd).workers.into_iter().collect();
    assert_eq!(owners, [("v".to_owned(), "a".to_owned()), ("w".to_owned(), "b".to_owned())]);
    a.machine.link(workers(&[]));
    etcd.pass(ms(100), &mut [&mut a, &mut b]);
    let owners: Vec<_> = a.view(&etcd).workers.into_iter().collect();
    assert_eq!(owners, [("w".to_owned(), "b".to_owned())], "what another daemon has is not removed");
}

#[test]
fn a_listing_that_the_watch_has_overtaken_is_left_out() {
    let (mut etcd, mut a, mut b) = (Etcd::default(), player("a"), player("b"));
    a.settle(&mut etcd);
    let old = etcd.listing();
    b.settle(&mut etcd);
    a.hear(&etcd);
    assert_eq!(a.view(&etcd).members.len(), 2);
    a.machine.handle(Event::Listed(old.clone()), etcd.now, 0);
    assert_eq!(a.view(&etcd).members.len(), 2);
    for _ in 0..3 {
        a.machine.handle(Event::Listed(old.clone()), etcd.now, 0);
    }
    assert_eq!(
        a.view(&etcd).members.len(),
        1,
        "an etcd that goes on saying so has been restored from a copy"
    );
}

#[test]
fn failures_make_one_complaint_that_ends_with_them() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    a.settle(&mut etcd);
    a.cut(&etcd);
    assert_eq!(a.view(&etcd).degraded, None, "a watch may end");
    for _ in 0..5 {
        etcd.now += ms(400);
        let lease = a.machine.lease().expect("a lease");
        a.machine.handle(Event::Acked { lease, ttl: TTL, sent: etcd.now }, etcd.now, 0);
        a.machine.handle(Event::Failed { trouble: trouble(Kind::Passing) }, etcd.now, 0);
    }
    etcd.now += ms(500);
    a.machine.tick(etcd.now);
    let why = a.view(&etcd).degraded.expect("a complaint");
    assert!(why.contains("etcd at http://e fails"), "{why}");
    etcd.pass(ms(2_000), &mut [&mut a]);
    assert_eq!(a.view(&etcd).degraded, None);
    assert_eq!(a.machine.trouble(), None);
}

#[test]
fn a_document_that_is_too_large_is_refused_and_the_earlier_one_stays() {
    let (mut etcd, mut a) = (Etcd::default(), player("a"));
    a.settle(&mut etcd);
    let mut large = member("a", "a", 1);
    large.capabilities.insert("label.x".to_owned(), "y".repeat(5_000));
    assert!(matches!(a.machine.register(large), Err(ClusterError::TooLarge { .. })));
    let other = Member { slots: 7, ..member("renamed", "stolen", 9) };
    a.machine.register(other).expect("registered");
    a.settle(&mut etcd);
    let view = a.view(&etcd);
    let me = &view.members["a"];
    assert_eq!((me.slots, me.identity.as_str(), me.started_at), (7, "a", 1), "only what may change has");
    let leader = view.leader.expect("a leader");
    assert_eq!(leader.address, "renamed:1", "the leader key follows the address");
    assert!(view.in_office);
}
