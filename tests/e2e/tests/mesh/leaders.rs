//! The leader goes, in all the ways a leader can.

use crate::stage::{NEVER_LOST, Playing, play, seconds, stepping_down};
use part_e2e::{Expected, PATIENCE, Plan, SpecPlan, Trouble, nap, now_ms, wait_until};
use std::time::Duration;

/// From the leader's death to the next assignment: the lease, a fifth of it, and a second for the machine's other work.
fn longest_takeover(plan: &Plan) -> Duration {
    plan.lease_ttl.mul_f64(1.2) + Duration::from_secs(1)
}

#[test]
fn the_leader_is_killed() {
    let plan = Plan { workers: 1, ..Plan::default() };
    play("kill -9 of the leader", plan, |mesh| {
        let leader = mesh.leader()?;
        // Whoever watches has the leader first in its list, so that the watch has to find another daemon.
        mesh.client.servers.swap(0, leader);
        let playing = Playing::begin(mesh, SpecPlan::passing(60, Duration::from_millis(600)), NEVER_LOST)?;
        playing.until_ended(10)?;
        playing.until_busy(mesh.daemon(leader)?.name())?;
        let killed = now_ms();
        mesh.daemon(leader)?.kill()?;
        let next = playing.watching.wait_for("the next spec is assigned", PATIENCE, |events| {
            events.first_after("attempt_assigned", killed).map(|event| event.at)
        })?;
        let took = next.saturating_sub(killed);
        let elected = mesh.leader_other_than(leader)?;
        mesh.daemon_mut(leader)?.restart()?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        let ratio = Duration::from_millis(took).as_secs_f64() / plan.lease_ttl.as_secs_f64();
        let (old, new) = (mesh.daemon(leader)?.name(), mesh.daemon(elected)?.name());
        let figures =
            format!("{old} to {new}: next assignment after {} = {ratio:.2} TTL; {account}", seconds(took));
        match Duration::from_millis(took) <= longest_takeover(&plan) {
            true => Ok(figures),
            false => Err(Trouble(format!("too slow: {figures}"))),
        }
    });
}

#[test]
fn the_leader_is_frozen_past_its_lease_and_thawed() {
    let plan = Plan::default();
    play("SIGSTOP of the leader past its lease", plan, |mesh| {
        let leader = mesh.leader()?;
        // Whoever watches hangs on the one that says nothing any more, and has to notice.
        mesh.client.servers.swap(0, leader);
        let playing = Playing::begin(mesh, SpecPlan::passing(60, Duration::from_millis(600)), NEVER_LOST)?;
        playing.until_ended(10)?;
        let logged = mesh.daemon(leader)?.log().len();
        let frozen = now_ms();
        mesh.daemon(leader)?.freeze()?;
        // It will wake up without a word from etcd, and go on leading until the store refuses it.
        mesh.net.cut(&[mesh.daemon(leader)?.host()], &mesh.etcd.hosts())?;
        mesh.leader_other_than(leader)?;
        let next = playing.watching.wait_for("somebody else assigns", PATIENCE, |events| {
            events.first_after("attempt_assigned", frozen).map(|event| event.at)
        })?;
        playing.must_go_on()?;
        mesh.daemon(leader)?.thaw()?;
        let noticed = wait_until("it steps down", PATIENCE, || {
            let log = mesh.daemon(leader)?.log();
            Ok(stepping_down(log.get(logged..).unwrap_or_default()).map(str::to_owned))
        })?;
        mesh.net.heal()?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        mesh.wait_until_complete()?;
        let refused = mesh.logged("order of an older term refused");
        let took = seconds(next.saturating_sub(frozen));
        Ok(format!(
            "next assignment after {took}; thawed, it said {noticed:?}; {refused} orders refused; {account}"
        ))
    });
}

#[test]
fn every_daemon_is_restarted_in_turn() {
    play("rolling restart", Plan::default(), |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(120, Duration::from_millis(800)), NEVER_LOST)?;
        playing.until_ended(6)?;
        // The leader last: who leads meanwhile must not have to change twice.
        let leader = mesh.leader()?;
        let mut order: Vec<usize> = (0..mesh.daemons.len()).filter(|number| *number != leader).collect();
        order.push(leader);
        for (turn, number) in order.into_iter().enumerate() {
            let daemon = mesh.daemon_mut(number)?;
            // An upgrade asks politely; a crash does not.
            match turn {
                0 => daemon.kill()?,
                _ => {
                    let ended = daemon.terminate()?;
                    if ended.code != Some(0) {
                        return Err(Trouble(format!("{} ended with {ended:?} on SIGTERM", daemon.name())));
                    }
                }
            }
            daemon.restart()?;
            mesh.wait_until_complete()?;
            playing.must_go_on()?;
        }
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        Ok(account.to_string())
    });
}

#[test]
fn all_daemons_are_killed_at_once() {
    play("kill -9 of all daemons at once", Plan::default(), |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(36, Duration::from_millis(700)), NEVER_LOST)?;
        playing.until_ended(8)?;
        for daemon in &mesh.daemons {
            daemon.kill()?;
        }
        nap(Duration::from_millis(500));
        for daemon in &mut mesh.daemons {
            daemon.restart()?;
        }
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        mesh.wait_until_complete()?;
        Ok(account.to_string())
    });
}
