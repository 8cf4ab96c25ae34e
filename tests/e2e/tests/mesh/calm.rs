//! Nothing happens: what the other scenarios are measured against, and the proof that the account can find fault.

use crate::stage::{NEVER_LOST, Playing, play};
use part_e2e::{Expected, Plan, SpecPlan, Trouble, check};
use std::time::Duration;

#[test]
fn nothing_happens() {
    play("an undisturbed run", Plan { workers: 1, ..Plan::default() }, |mesh| {
        let plan = SpecPlan { count: 40, each: Duration::from_millis(300), failing: 3 };
        let playing = Playing::begin(mesh, plan, NEVER_LOST)?;
        let (account, events) = playing.finish(mesh, Expected::NoRerun)?;
        let idle = mesh
            .names()
            .into_iter()
            .filter(|name| events.named("attempt_assigned").all(|event| event.text("worker") != *name));
        let idle: Vec<&str> = idle.collect();
        if !idle.is_empty() {
            return Err(Trouble(format!("{idle:?} got nothing to do; {account}")));
        }
        // A spec that ran once more than anybody knows, and one that never came to its end, must be noticed.
        let fault = |spec: &str, text: &str| std::fs::write(playing.project.witness.join(spec), text);
        let noticed = |word: &str| match check(&mesh.client, &playing.project, &playing.run, Expected::Reruns)
        {
            Err(trouble) if trouble.0.contains(word) => Ok(()),
            other => Err(Trouble(format!("a forged witness was not noticed as {word:?}: {other:?}"))),
        };
        fault("039.txt", "1 h1 start 1\n1 h1 end 2\n2 h1 start 3\n")
            .map_err(|error| Trouble(error.to_string()))?;
        noticed("is not in the store")?;
        fault("039.txt", "1 nobody start 1\n").map_err(|error| Trouble(error.to_string()))?;
        noticed("never came to its end")?;
        Ok(account.to_string())
    });
}
