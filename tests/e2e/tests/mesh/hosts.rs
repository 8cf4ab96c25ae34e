//! Whole hosts go, with everything that runs on them.

use crate::stage::{Playing, play, seconds};
use part_e2e::{Expected, PATIENCE, Plan, SpecPlan, Trouble, nap, now_ms};
use std::time::Duration;

/// Silence after which attempts are lost, here: beyond the six seconds of suspicion.
const LOST_AFTER: Duration = Duration::from_secs(8);

/// How long after that moment it may be noticed: the last sign of life was a heartbeat earlier, and the machine is
/// crowded.
const NOTICED: Duration = Duration::from_secs(4);

#[test]
fn a_host_dies_with_its_shims() {
    play("death of a whole host", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        let victim = (leader + 1) % mesh.daemons.len();
        let plan = SpecPlan { count: 24, each: Duration::from_millis(1200), failing: 2 };
        let playing = Playing::begin(mesh, plan, LOST_AFTER)?;
        playing.until_ended(6)?;
        let name = mesh.daemon(victim)?.name().to_owned();
        let held = playing.until_busy(&name)?;
        let died = now_ms();
        mesh.daemon(victim)?.host().kill_all()?;
        let lost = playing.watching.wait_for("its attempts are lost", PATIENCE, |events| {
            let lost = events.named("attempt_finished").find(|e| e.text("verdict") == "lost");
            lost.map(|event| event.at)
        })?;
        let (account, _) = playing.finish(mesh, Expected::Reruns)?;
        if account.lost == 0 || account.lost > 2 {
            return Err(Trouble(format!("{} attempts were held, but: {account}", held.len())));
        }
        let took = Duration::from_millis(lost.saturating_sub(died));
        // A heartbeat may have come just before the end, but not after it.
        let is_in_time = took + Duration::from_secs(3) >= LOST_AFTER && took <= LOST_AFTER + NOTICED;
        // What a dead host has already told is there.
        let spec = playing.witness()?.specs.into_iter().find_map(|(spec, marks)| {
            marks.values().any(|mark| mark.worker == name && mark.ends.len() == 1).then_some(spec)
        });
        if let Some(spec) = spec {
            let said =
                mesh.client.run(&["logs", &playing.run, &spec], PATIENCE)?.expect("partctl logs", 0)?;
            if !said.out.contains("is tried for the") {
                return Err(Trouble(format!("the output of {spec} is not there: {}", said.out)));
            }
        }
        mesh.daemon_mut(victim)?.restart()?;
        mesh.wait_until_complete()?;
        let figures = format!("lost after {} (allowed {LOST_AFTER:?}); {account}", seconds(lost - died));
        if is_in_time { Ok(figures) } else { Err(Trouble(format!("not in time: {figures}"))) }
    });
}

#[test]
fn the_power_fails_everywhere() {
    play("power failure of every host", Plan::default(), |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(24, Duration::from_millis(900)), LOST_AFTER)?;
        playing.until_ended(8)?;
        for daemon in &mesh.daemons {
            daemon.host().kill_all()?;
        }
        mesh.postgres.kill()?;
        for member in 0..3 {
            mesh.etcd.kill(member)?;
        }
        nap(Duration::from_secs(1));
        // In an order in which nothing finds what it needs at first.
        for daemon in &mut mesh.daemons {
            daemon.restart()?;
        }
        for member in 0..3 {
            mesh.etcd.restart(member)?;
        }
        mesh.postgres.restart()?;
        let (account, _) = playing.finish(mesh, Expected::Reruns)?;
        mesh.wait_until_complete()?;
        Ok(account.to_string())
    });
}
