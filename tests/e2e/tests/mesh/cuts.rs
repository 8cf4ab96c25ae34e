//! The leader is cut off from one thing at a time.

use crate::stage::{NEVER_LOST, Playing, play, stepping_down};
use part_e2e::{Daemon, Expected, Host, Mesh, Plan, SpecPlan, Trouble, nap};

/// Cuts, waits for two leases, heals, and draws up the account. Gives also who leads afterwards.
fn cut_leader(
    mesh: &mut Mesh,
    leader: usize,
    cut: impl FnOnce(&Mesh, &Host) -> Result<(), Trouble>,
) -> Result<String, Trouble> {
    let playing =
        Playing::begin(mesh, SpecPlan::passing(60, std::time::Duration::from_millis(900)), NEVER_LOST)?;
    playing.until_ended(8)?;
    cut(mesh, mesh.daemon(leader)?.host())?;
    nap(mesh.plan.lease_ttl * 2);
    playing.must_go_on()?;
    let meanwhile = mesh.leader()?;
    mesh.net.heal()?;
    let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
    mesh.wait_until_complete()?;
    let name = |number: usize| mesh.daemon(number).map(|daemon| daemon.name().to_owned());
    let leaders = format!("{} led, then {}, then {}", name(leader)?, name(meanwhile)?, name(mesh.leader()?)?);
    let log = mesh.daemon(leader)?.log();
    match stepping_down(&log) {
        None if meanwhile != leader => Err(Trouble(format!("{leaders}, but the first never stepped down"))),
        why => Ok(format!("{leaders} ({}); {account}", why.unwrap_or("nobody stepped down"))),
    }
}

#[test]
fn the_leader_is_cut_off_from_etcd() {
    play("cut between the leader and etcd", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        cut_leader(mesh, leader, |mesh, host| mesh.net.cut(&[host], &mesh.etcd.hosts()))
    });
}

#[test]
fn the_leader_is_cut_off_from_the_workers() {
    play("cut between the leader and all other hosts", Plan { workers: 1, ..Plan::default() }, |mesh| {
        let leader = mesh.leader()?;
        cut_leader(mesh, leader, |mesh, host| {
            let others = mesh.daemons.iter().map(Daemon::host).filter(|other| other.name() != host.name());
            let others: Vec<&Host> = others.chain(mesh.workers.iter().map(|worker| worker.host())).collect();
            mesh.net.cut(&[host], &others)
        })
    });
}

#[test]
fn the_leader_hears_nothing_from_the_workers() {
    play("cut one way, from all other hosts to the leader", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        cut_leader(mesh, leader, |mesh, host| {
            let others = mesh.daemons.iter().map(Daemon::host).filter(|other| other.name() != host.name());
            mesh.net.cut_one_way(&others.collect::<Vec<_>>(), &[host])
        })
    });
}

#[test]
fn the_leader_is_cut_off_from_postgres() {
    play("cut between the leader and PostgreSQL", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        cut_leader(mesh, leader, |mesh, host| mesh.net.cut(&[host], &[mesh.postgres.host()]))
    });
}
