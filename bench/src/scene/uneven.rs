//! What is not as it should be: a slow machine, one that comes late, a history that is wrong.

use super::one_run::generated;
use crate::generate::Habits;
use crate::mesh::{Mesh, Terms, workers};
use crate::{BenchError, Policy, Rng, Slot, Suite, Table, mean_and_p95};
use part_core::rehearse::{Act, VirtualWorker};
use part_core::{Millis, Timestamp};

/// What is uneven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uneven {
    /// One of four machines is three times slower than usual.
    SlowMachine,
    /// Half of the machines come when two fifths of the time have passed that the others would need alone.
    LateJoiners,
    /// A tenth of the forecasts are eight times too long or too short.
    PoisonedHistory,
}

impl Uneven {
    /// All of them.
    pub const ALL: [Uneven; 3] = [Uneven::SlowMachine, Uneven::LateJoiners, Uneven::PoisonedHistory];

    fn name(self) -> &'static str {
        match self {
            Uneven::SlowMachine => "one machine of four three times slower",
            Uneven::LateJoiners => "half of the slots come late",
            Uneven::PoisonedHistory => "a tenth of the forecasts 8 × too long or short",
        }
    }
}

/// Workers of four slots each, what they have to do, and what no schedule beats.
struct Setting {
    workers: Vec<VirtualWorker>,
    suite: Suite,
    bound: f64,
}

const SLOTS: u32 = 16;

fn setting(uneven: Uneven, suite: &Suite, seed: u64) -> Setting {
    let (mut workers, mut suite) = (workers(SLOTS), suite.in_pieces(1.0 / 150.0));
    let work = suite.work().0 as f64;
    let mut shared = work / f64::from(SLOTS);
    match uneven {
        Uneven::SlowMachine => {
            if let Some(slow) = workers.first_mut() {
                slow.speed = 1.0 / 3.0;
            }
            let speeds = workers.iter().map(|worker| worker.speed * f64::from(worker.slots));
            shared = work / speeds.sum::<f64>();
        }
        Uneven::LateJoiners => {
            let late = 0.4 * work / f64::from(SLOTS / 2);
            for worker in workers.iter_mut().skip(2) {
                worker.joins = Timestamp(late.round() as u64);
            }
            shared = (work + late * f64::from(SLOTS / 2)) / f64::from(SLOTS);
        }
        Uneven::PoisonedHistory => {
            let mut rng = Rng::new(seed);
            for job in &mut suite.jobs {
                if rng.chance(0.1) {
                    let longer = rng.chance(0.5);
                    let wrong =
                        |right: &Millis| Millis(if longer { right.0 * 8 } else { (right.0 / 8).max(1) });
                    job.history = job.history.iter().map(wrong).collect();
                }
            }
        }
    }
    let bound = shared.max(suite.longest().0 as f64) / 1000.0;
    Setting { workers, suite, bound }
}

/// Makespans over the bound: of Part, then of each policy as in [`Policy::ALL`].
pub fn ratios(uneven: Uneven, suites: &[Suite]) -> Result<Vec<Vec<f64>>, BenchError> {
    let mut ratios = vec![Vec::new(); Policy::ALL.len() + 1];
    for (seed, suite) in suites.iter().enumerate() {
        let Setting { workers, suite, bound } = setting(uneven, suite, seed as u64);
        let slot = |worker: &VirtualWorker| {
            let slot = Slot { speed: worker.speed, from: Millis(worker.joins.0) };
            std::iter::repeat_n(slot, worker.slots as usize)
        };
        let slots: Vec<Slot> = workers.iter().flat_map(slot).collect();
        for (place, policy) in (1..).zip(Policy::ALL) {
            ratios[place].push(policy.makespan(&suite, &slots).as_seconds() / bound);
        }
        let mesh = Mesh { workers, suites: vec![(Timestamp(0), suite, Terms::default())], bounds: None };
        let played = mesh.play(|_, job| Act::passes(job.takes))?;
        ratios[0].push(played.makespan().as_seconds() / bound);
    }
    Ok(ratios)
}

/// The table.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    let mut table = Table::new(
        "Uneven machines and wrong forecasts: makespan over the bound",
        "Sixteen slots on four machines, no spec longer than a hundred-and-fiftieth of all work. Mean (95th percentile).",
        ["policy"],
    );
    table.columns.extend(Uneven::ALL.map(|uneven| uneven.name().to_owned()));
    let suites = generated(Habits::FRESH, 20, 1);
    let columns: Vec<_> =
        Uneven::ALL.iter().map(|uneven| ratios(*uneven, &suites)).collect::<Result<_, _>>()?;
    let names = std::iter::once("**Part**").chain(Policy::ALL.map(Policy::name));
    for (place, name) in names.enumerate() {
        table.row(name, columns.iter().map(|column| mean_and_p95(&column[place])));
    }
    Ok(vec![table])
}
