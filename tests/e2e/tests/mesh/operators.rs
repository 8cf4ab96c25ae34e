//! What operators do on purpose.

use crate::stage::{NEVER_LOST, Playing, play};
use part_e2e::{Expected, PATIENCE, Plan, SpecPlan, Trouble, now_ms};
use std::time::Duration;

#[test]
fn a_drained_host_gets_nothing_until_it_is_wanted_again() {
    play("drain and undrain", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        let name = mesh.daemon((leader + 1) % mesh.daemons.len())?.name().to_owned();
        let playing = Playing::begin(mesh, SpecPlan::passing(60, Duration::from_millis(600)), NEVER_LOST)?;
        playing.until_busy(&name)?;
        mesh.client.ask(&["drain", &name, "--wait"])?;
        let drained = now_ms();
        let running = playing.witness()?.running_on(&name);
        if !running.is_empty() {
            return Err(Trouble(format!("drained, {name} still runs {running:?}")));
        }
        let ended = playing.witness()?.ended();
        playing.until_ended(ended + 8)?;
        let wanted = now_ms();
        mesh.client.ask(&["undrain", &name])?;
        playing.watching.wait_for("it gets work again", PATIENCE, |events| {
            events.named("attempt_assigned").find(|e| e.at > wanted && e.text("worker") == name).map(drop)
        })?;
        let (account, events) = playing.finish(mesh, Expected::NoRerun)?;
        let assigned = events.named("attempt_assigned").filter(|e| e.at > drained && e.at < wanted);
        match assigned.filter(|e| e.text("worker") == name).count() {
            0 => Ok(account.to_string()),
            count => Err(Trouble(format!("{count} specs were assigned to {name} while it was drained"))),
        }
    });
}
