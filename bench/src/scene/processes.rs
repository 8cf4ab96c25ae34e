//! What a process costs: specs that share one, and specs that share CPUs.

use crate::generate::{self, Habits};
use crate::mesh::{Mesh, Terms, capabilities, workers};
use crate::{BenchError, Suite, Table, mean, ratio, seconds};
use part_core::rehearse::{Act, Rehearsed, VirtualWorker};
use part_core::{Algorithm, GroupPolicy, Millis, Timestamp};

/// Hundreds of specs of a third of a second each.
pub const SHORT: Habits = Habits { specs: 400, median: 0.3, sigma: 0.8, ..Habits::FRESH };
/// What a process of such a suite costs beside them.
pub const START_UP: Millis = Millis(1500);

/// Plays a suite of many short specs on so many slots, in processes of their own or sharing some.
pub fn short_specs(suite: &Suite, slots: u32, batches: bool) -> Result<Rehearsed, BenchError> {
    let mut workers = workers(slots);
    workers.iter_mut().for_each(|worker| worker.capabilities = capabilities(&[]));
    let terms = Terms { overhead: START_UP, batches, ..Terms::default() };
    let mesh = Mesh { workers, suites: vec![(Timestamp(0), suite.clone(), terms)], bounds: None };
    mesh.play(|_, job| Act::passes(job.takes))
}

/// Plays a suite on two machines of four CPUs whose specs compute for this share of their time.
pub fn on_cpus(suite: &Suite, cpu: f64, algorithm: Algorithm) -> Result<Rehearsed, BenchError> {
    let machine = |number| VirtualWorker {
        cpus: CPUS,
        extra_slots: EXTRA,
        ..VirtualWorker::new(format!("machine {number}"), CPUS)
    };
    let policy = GroupPolicy { algorithm, ..GroupPolicy::default() };
    let terms = Terms { policy, ..Terms::default() };
    let mesh = Mesh {
        workers: (0..MACHINES).map(machine).collect(),
        suites: vec![(Timestamp(0), suite.clone(), terms)],
        bounds: None,
    };
    mesh.play(|_, job| Act { cpu, ..Act::passes(job.takes) })
}

/// Machines, and CPUs and extra slots of each.
const MACHINES: u32 = 2;
const CPUS: u32 = 4;
const EXTRA: u32 = 12;
/// The share of its time in which a spec computes.
const KINDS: [(&str, f64); 3] = [("waits mostly", 0.15), ("half and half", 0.5), ("computes", 0.95)];

/// The tables.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    Ok(vec![batches()?, algorithms()?])
}

fn batches() -> Result<Table, BenchError> {
    let mut table = Table::new(
        "Short specs that share processes (model)",
        "Four hundred specs of about a third of a second, 1.5 s for each process. The bound is that of the specs alone, with one process per slot.",
        ["slots", "a process per spec", "shared processes", "times faster", "over the bound", "processes"],
    );
    let suite = generate::suite(SHORT, 3);
    for slots in [1, 2, 4, 8, 16] {
        let (alone, shared) = (short_specs(&suite, slots, false)?, short_specs(&suite, slots, true)?);
        let bound = suite.bound(slots) + START_UP;
        let first = |placement: &&part_core::rehearse::Placement| {
            placement.batch.is_none_or(|first| first == placement.attempt.spec)
        };
        let cells = [
            seconds(alone.makespan()),
            seconds(shared.makespan()),
            format!("{:.1}", alone.makespan().as_seconds() / shared.makespan().as_seconds()),
            ratio(shared.makespan().as_seconds() / bound.as_seconds()),
            shared.placements.iter().filter(first).count().to_string(),
        ];
        table.row(slots.to_string(), cells);
    }
    Ok(table)
}

fn algorithms() -> Result<Table, BenchError> {
    let mut table = Table::new(
        "Conservative and aggressive groups (model)",
        "Two machines of four CPUs, four slots and twelve extra ones. A model, not a measurement: CPUs are shared evenly among what computes, waiting costs nothing, memory is no limit. The makespan is given over that of the conservative group, the stretch is the mean of how much longer a spec took than by itself.",
        ["specs", "conservative: stretch", "aggressive: makespan", "aggressive: stretch"],
    );
    let suite = generate::suite(Habits { specs: 200, ..Habits::FRESH }, 4).in_pieces(1.0 / 200.0);
    for (name, cpu) in KINDS {
        let conservative = on_cpus(&suite, cpu, Algorithm::Conservative)?;
        let aggressive = on_cpus(&suite, cpu, Algorithm::Aggressive)?;
        let cells = [
            ratio(stretch(&suite, &conservative)),
            ratio(aggressive.makespan().as_seconds() / conservative.makespan().as_seconds()),
            ratio(stretch(&suite, &aggressive)),
        ];
        table.row(format!("{name} ({:.0} % CPU)", cpu * 100.0), cells);
    }
    Ok(table)
}

/// How much longer specs took than by themselves, on average.
pub fn stretch(suite: &Suite, played: &Rehearsed) -> f64 {
    let alone =
        |name: &str| suite.jobs.iter().find(|job| job.name == name).map_or(Millis(1), |job| job.takes);
    let stretches = played
        .placements
        .iter()
        .map(|placement| placement.took().as_seconds() / alone(&placement.spec).max(Millis(1)).as_seconds());
    mean(&stretches.collect::<Vec<f64>>())
}
