//! Any daemon is as good as the leader to whoever asks.

use crate::stage::{NEVER_LOST, Playing, play};
use part_e2e::{Expected, PATIENCE, Plan, SpecPlan, Trouble, wait_until};
use std::time::Duration;

#[test]
fn a_follower_takes_what_clients_ask() {
    play("submit, watch, workers and cancel by way of a follower", Plan::default(), |mesh| {
        let leader = mesh.leader()?;
        let follower = (leader + 1) % mesh.daemons.len();
        mesh.client = mesh.client.at([mesh.daemon(follower)?.address()]);
        mesh.wait_until_complete()?;
        let playing = Playing::begin(mesh, SpecPlan::passing(12, Duration::from_millis(200)), NEVER_LOST)?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;

        let playing = Playing::begin(mesh, SpecPlan::passing(12, PATIENCE), NEVER_LOST)?;
        wait_until("six specs run", PATIENCE, || Ok((playing.witness()?.started() >= 6).then_some(())))?;
        mesh.client.ask(&["cancel", "--kill", &playing.run])?;
        let events = playing.watching.wait_for("the run is over", PATIENCE, |events| {
            events.named("run_finished").next().map(|event| event.text("verdict").to_owned())
        })?;
        wait_until("the cancelled specs are gone", PATIENCE, || {
            Ok(playing.project.alive().is_empty().then_some(()))
        })?;
        match events.as_str() {
            "cancelled" => Ok(format!("{account}; and one run cancelled")),
            other => Err(Trouble(format!("the cancelled run is {other}"))),
        }
    });
}

#[test]
fn the_second_host_of_a_name_is_refused() {
    play("two hosts of one name", Plan { daemons: 2, ..Plan::default() }, |mesh| {
        let impostor = mesh.impostor("h2")?;
        let ended = impostor.process().wait(PATIENCE)?;
        let log = impostor.log();
        let said = log.find("error:").and_then(|at| log.get(at..)).unwrap_or_default().replace('\n', "");
        if ended.code != Some(1) || !said.contains("h2") {
            return Err(Trouble(format!("it ended with {ended:?} and said:\n{log}")));
        }
        mesh.wait_until_complete()?;
        let playing = Playing::begin(mesh, SpecPlan::passing(8, Duration::from_millis(100)), NEVER_LOST)?;
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        Ok(format!("{said:?}; {account}"))
    });
}
