//! Workers go and come back, and their specs do not notice.

use crate::stage::{NEVER_LOST, Playing, play, seconds};
use part_e2e::{Client, Expected, PATIENCE, Plan, SpecPlan, Trouble, Watching, now_ms, wait_until};
use std::time::{Duration, Instant};

/// A daemon or worker that comes back has to be linked again, with what it holds, this soon.
const ADOPTION: Duration = Duration::from_secs(5);

/// Waits until a worker that has just been started again is linked; gives how long that took.
fn until_linked(client: &Client, name: &str) -> Result<Duration, Trouble> {
    let begun = Instant::now();
    wait_until(&format!("{name} is linked again"), PATIENCE, || {
        let present = client.workers("present").unwrap_or_default();
        Ok(present.iter().any(|worker| worker == name).then_some(()))
    })?;
    let took = begun.elapsed();
    match took <= ADOPTION {
        true => Ok(took),
        false => Err(Trouble(format!("{name} was linked again only after {took:?}"))),
    }
}

/// The attempts that must have survived have ended well, as first attempts.
fn must_have_passed(watching: &Watching, held: &[(String, u32)]) -> Result<(), Trouble> {
    for (spec, attempt) in held {
        watching.wait_for(&format!("{spec} ends"), PATIENCE, |events| {
            let mut finished = events.named("attempt_finished");
            finished
                .find(|e| e.spec() == spec && e.attempt() == *attempt && e.text("verdict") == "passed")
                .map(drop)
        })?;
    }
    Ok(())
}

#[test]
fn a_follower_is_killed_and_started_again() {
    play("kill -9 of a follower that runs specs", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        let follower = (leader + 1) % mesh.daemons.len();
        let playing = Playing::begin(mesh, SpecPlan::passing(24, Duration::from_millis(1500)), NEVER_LOST)?;
        let name = mesh.daemon(follower)?.name().to_owned();
        let held = playing.until_busy(&name)?;
        mesh.daemon(follower)?.kill()?;
        mesh.daemon_mut(follower)?.restart()?;
        let took = until_linked(&mesh.client, &name)?;
        must_have_passed(&playing.watching, &held)?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        Ok(format!("{name} held {} specs, linked again after {took:.1?}; {account}", held.len()))
    });
}

#[test]
fn a_part_worker_is_killed_and_started_again() {
    let plan = Plan { workers: 1, ..Plan::default() };
    play("kill -9 of a part-worker", plan, |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(24, Duration::from_millis(1500)), NEVER_LOST)?;
        let held = playing.until_busy("w1")?;
        let worker = mesh.workers.first_mut().ok_or_else(|| Trouble::new("no worker"))?;
        worker.kill()?;
        worker.restart()?;
        let took = until_linked(&mesh.client, "w1")?;
        must_have_passed(&playing.watching, &held)?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        Ok(format!("w1 held {} specs, linked again after {took:.1?}; {account}", held.len()))
    });
}

#[test]
fn a_part_worker_drains_on_sigterm() {
    let plan = Plan { workers: 1, ..Plan::default() };
    play("SIGTERM of a part-worker", plan, |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(32, Duration::from_millis(1200)), NEVER_LOST)?;
        let held = playing.until_busy("w1")?;
        let worker = mesh.workers.first().ok_or_else(|| Trouble::new("no worker"))?;
        let told = now_ms();
        let ended = worker.terminate()?;
        let took = now_ms().saturating_sub(told);
        if ended.code != Some(0) {
            return Err(Trouble(format!("w1 ended with {ended:?}")));
        }
        let (account, events) = playing.finish(mesh, Expected::NoRerun)?;
        // What was assigned while the word was on its way is given back or finished; later there is nothing more.
        let ended_at = told + took;
        let late =
            events.named("attempt_assigned").filter(|e| e.at > ended_at && e.text("worker") == "w1").count();
        match late {
            0 => Ok(format!(
                "ended {} after SIGTERM with {} specs running; {account}",
                seconds(took),
                held.len()
            )),
            _ => Err(Trouble(format!("{late} specs were assigned to w1 after its end"))),
        }
    });
}

#[test]
fn a_part_worker_goes_to_another_daemon_when_its_own_dies() {
    let plan = Plan { workers: 1, ..Plan::default() };
    play("kill -9 of the daemon that a part-worker is linked to", plan, |mesh| {
        let playing = Playing::begin(mesh, SpecPlan::passing(48, Duration::from_millis(800)), NEVER_LOST)?;
        let held = playing.until_busy("w1")?;
        // Workers are linked to the leader.
        let leader = mesh.leader()?;
        let killed = now_ms();
        mesh.daemon(leader)?.kill()?;
        must_have_passed(&playing.watching, &held)?;
        let next = playing.watching.wait_for("w1 gets work from somebody else", PATIENCE, |events| {
            let mut assigned = events.named("attempt_assigned");
            assigned.find(|e| e.at > killed && e.text("worker") == "w1").map(|e| e.at)
        })?;
        mesh.daemon_mut(leader)?.restart()?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        Ok(format!("w1 got its next spec {} after; {account}", seconds(next.saturating_sub(killed))))
    });
}
