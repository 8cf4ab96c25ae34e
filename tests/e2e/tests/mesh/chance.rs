//! Kills in an order that nobody chose, but that a seed repeats.

use crate::stage::{NEVER_LOST, Playing, play};
use part_e2e::{Expected, Plan, SpecPlan, nap, now_ms};
use std::time::Duration;

/// How many daemons and workers are killed.
const KILLS: &str = "PART_E2E_KILLS";

/// The seed; by default another one each time, which is printed.
const SEED: &str = "PART_E2E_SEED";

/// Kills unless [`KILLS`] says otherwise: what fits into an ordinary test run.
const FEW: u64 = 8;

/// xorshift: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn daemons_and_workers_are_killed_at_random() {
    let (kills, seed) = (number(KILLS).unwrap_or(FEW), number(SEED).unwrap_or_else(now_ms));
    let name = format!("{kills} random kills, {SEED}={seed}");
    play(&name, Plan { workers: 1, ..Plan::default() }, |mesh| {
        let mut dice = Dice(seed | 1);
        // About three seconds pass per kill, and eight slots finish about six specs in a second.
        let count = usize::try_from(kills).unwrap_or(8) * 18 + 20;
        let playing = Playing::begin(mesh, SpecPlan::passing(count, Duration::from_secs(1)), NEVER_LOST)?;
        playing.until_ended(6)?;
        let (mut done, mut leaders) = (0, 0);
        while done < kills && playing.must_go_on().is_ok() {
            let victims = u64::try_from(mesh.daemons.len() + mesh.workers.len()).unwrap_or(1);
            let victim = usize::try_from(dice.below(victims)).unwrap_or(0);
            let (down, up) =
                (Duration::from_millis(dice.below(2000)), Duration::from_millis(dice.below(4000)));
            match mesh.daemons.get_mut(victim) {
                Some(daemon) => {
                    daemon.kill()?;
                    nap(down);
                    daemon.restart()?;
                }
                None => {
                    for worker in &mut mesh.workers {
                        worker.kill()?;
                        nap(down);
                        worker.restart()?;
                    }
                }
            }
            done += 1;
            nap(up);
            leaders += usize::from(mesh.leader()? == victim);
        }
        let (account, _) = playing.finish(mesh, Expected::NoRerun)?;
        mesh.wait_until_complete()?;
        Ok(format!("{done} kills, {leaders} survived by the one who leads; {account}"))
    });
}
