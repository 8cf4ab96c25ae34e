//! What the mesh stands on goes away for a while.

use crate::stage::{NEVER_LOST, Playing, play, seconds};
use part_e2e::{Expected, PATIENCE, Plan, SpecPlan, Trouble, nap, now_ms};
use std::time::Duration;

/// How long etcd stays without a quorum, in seconds; by default three leases.
const QUORUM_SECONDS: &str = "PART_E2E_QUORUM_SECONDS";

#[test]
fn postgres_is_killed_and_comes_back() {
    play("kill -9 of PostgreSQL", Plan::default(), |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(36, Duration::from_millis(700)), NEVER_LOST)?;
        playing.until_ended(8)?;
        let killed = now_ms();
        mesh.postgres.kill()?;
        nap(Duration::from_secs(3));
        playing.must_go_on()?;
        mesh.postgres.restart()?;
        let back = now_ms();
        let next = playing.watching.wait_for("work goes on", PATIENCE, |events| {
            events.first_after("attempt_assigned", back).map(|event| event.at)
        })?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        let (away, after) = (seconds(back - killed), seconds(next.saturating_sub(back)));
        Ok(format!("away for {away}, next assignment {after} after its return; {account}"))
    });
}

#[test]
fn postgres_is_frozen_and_thawed() {
    play("SIGSTOP of PostgreSQL", Plan::default(), |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(36, Duration::from_millis(700)), NEVER_LOST)?;
        playing.until_ended(8)?;
        mesh.postgres.signal(nix::sys::signal::Signal::SIGSTOP)?;
        nap(mesh.plan.lease_ttl * 2);
        playing.must_go_on()?;
        mesh.postgres.signal(nix::sys::signal::Signal::SIGCONT)?;
        let back = now_ms();
        let next = playing.watching.wait_for("work goes on", PATIENCE, |events| {
            events.first_after("attempt_assigned", back).map(|event| event.at)
        })?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        Ok(format!("next assignment {} after it was thawed; {account}", seconds(next.saturating_sub(back))))
    });
}

#[test]
fn etcd_loses_its_quorum_and_gets_it_back() {
    let plan = Plan::default();
    let away = std::env::var(QUORUM_SECONDS).ok().and_then(|text| text.parse().ok());
    let away = away.map_or(plan.lease_ttl * 3, Duration::from_secs);
    play("loss of etcd's quorum", plan, |mesh| {
        // Enough work that slots become free while etcd is away, and some is left afterwards.
        let each = Duration::from_secs(1);
        let count = usize::try_from(away.as_secs()).unwrap_or(10) * 6 + 12;
        let playing = Playing::begin(mesh, SpecPlan::passing(count, each), NEVER_LOST)?;
        playing.until_ended(6)?;
        mesh.etcd.kill(0)?;
        mesh.etcd.kill(1)?;
        let lost = now_ms();
        nap(away);
        playing.must_go_on()?;
        let back = now_ms();
        mesh.etcd.restart(0)?;
        mesh.etcd.restart(1)?;
        mesh.etcd.wait_until_healthy(2)?;
        let (account, events) = playing.finish(mesh, Expected::NoRerun)?;
        // Whoever led goes on: the lease is over, the term is not.
        let lease_over = lost + u64::try_from(mesh.plan.lease_ttl.as_millis()).unwrap_or(u64::MAX);
        let meanwhile = events.named("attempt_assigned").filter(|e| e.at > lease_over && e.at < back).count();
        mesh.wait_until_complete()?;
        mesh.leader()?;
        match meanwhile {
            0 => Err(Trouble(format!("nothing was assigned without etcd; {account}"))),
            _ => Ok(format!(
                "{meanwhile} specs assigned while no lease could live, {away:?} in all; {account}"
            )),
        }
    });
}

#[test]
fn everything_is_restarted_at_once() {
    play("restart of daemons, etcd and PostgreSQL at once", Plan { workers: 1, ..Plan::default() }, |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(40, Duration::from_millis(900)), NEVER_LOST)?;
        playing.until_ended(8)?;
        for daemon in &mesh.daemons {
            daemon.kill()?;
        }
        for worker in &mesh.workers {
            worker.kill()?;
        }
        for member in 0..3 {
            mesh.etcd.kill(member)?;
        }
        mesh.postgres.kill()?;
        nap(Duration::from_millis(500));
        for daemon in &mut mesh.daemons {
            daemon.restart()?;
        }
        for worker in &mut mesh.workers {
            worker.restart()?;
        }
        for member in 0..3 {
            mesh.etcd.restart(member)?;
        }
        mesh.postgres.restart()?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        mesh.wait_until_complete()?;
        Ok(account.to_string())
    });
}
