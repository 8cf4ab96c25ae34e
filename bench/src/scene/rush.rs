//! Many runs at a time, from runs of one spec to runs of a whole suite.

use crate::generate::{self, Habits};
use crate::mesh::{Mesh, Terms, workers};
use crate::rush::{Arrival, Order, RushPlan, serve};
use crate::{BenchError, Job, Rng, Spread, Suite, Table};
use part_core::rehearse::Act;
use part_core::{Millis, Timestamp};

/// Slots of the mesh.
pub const SLOTS: u32 = 16;
/// Loads that are tried.
pub const LOADS: [f64; 3] = [0.5, 0.8, 0.95];
/// What the runs are taken from: four hundred specs.
pub const HABITS: Habits = Habits { specs: 400, ..Habits::FRESH };

/// One hundred and twenty runs of a made-up suite.
pub fn arrivals(load: f64, projects: usize, seed: u64) -> Vec<Arrival> {
    let plan = RushPlan { runs: 120, slots: SLOTS as usize, load, projects, error: 0.2 };
    let mut rng = Rng::new(seed);
    let suite = generate::suite(HABITS, seed);
    let durations: Vec<Millis> = suite.jobs.iter().map(|job| job.takes).collect();
    plan.arrivals(&durations, &mut rng)
}

/// How long each run took in Part, from its submission to its end.
pub fn part(arrivals: &[Arrival]) -> Result<Vec<Millis>, BenchError> {
    let suites = arrivals.iter().enumerate().map(|(number, arrival)| {
        let jobs = arrival.specs.iter().enumerate().map(|(spec, (forecast, takes))| Job {
            history: vec![*forecast],
            ..Job::new(format!("spec {spec}"), *takes)
        });
        let suite = Suite { name: format!("run {number}"), jobs: jobs.collect() };
        (Timestamp(arrival.at.0), suite, Terms { project: arrival.project, ..Terms::default() })
    });
    let mesh = Mesh { workers: workers(SLOTS), suites: suites.collect(), bounds: None };
    let played = mesh.play(|_, job| Act::passes(job.takes))?;
    // Runs are numbered in the order of the submissions, which come in that order too.
    Ok(played.runs.iter().map(|run| run.response()).collect())
}

/// How many times as long each run took as it would have with the mesh for itself.
pub fn slow_downs(arrivals: &[Arrival], took: &[Millis]) -> Vec<f64> {
    let alone = arrivals.iter().map(|arrival| arrival.alone(SLOTS as usize).as_seconds());
    took.iter().zip(alone).map(|(took, alone)| took.as_seconds() / alone).collect()
}

/// The tables: for runs of one project and of six.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    [(1, "one project"), (6, "six projects")]
        .into_iter()
        .map(|(projects, name)| table(projects, name))
        .collect()
}

/// Loads that are played for each cell.
const SEEDS: u64 = 8;

/// Says how long each run took from its arrival to its end.
type Serve<'a> = dyn Fn(&[Arrival]) -> Result<Vec<Millis>, BenchError> + 'a;

fn table(projects: usize, name: &str) -> Result<Table, BenchError> {
    let mut table = Table::new(
        &format!("Many runs at a time, of {name}: slow-downs"),
        "A hundred and twenty runs that come at random to sixteen slots: half of them of one to five specs, three in ten of a tenth to a fifth of a suite of four hundred, a fifth of all of it. The slow-down is the time from submission to end over the time with the mesh to itself. Mean (95th percentile, mean of the worst) over eight such loads.",
        ["order between runs", "load 0.5", "load 0.8", "load 0.95"],
    );
    let cells = |serve: &Serve<'_>| -> Result<Vec<String>, BenchError> {
        LOADS.iter().map(|load| cell(*load, projects, serve)).collect()
    };
    table.row("**Part**", cells(&part)?);
    for order in Order::ALL {
        table.row(order.name(), cells(&|arrivals| Ok(serve(arrivals, SLOTS as usize, order)))?);
    }
    Ok(table)
}

fn cell(load: f64, projects: usize, serve: &Serve<'_>) -> Result<String, BenchError> {
    let (mut all, mut worst) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let arrivals = arrivals(load, projects, seed);
        let slow = slow_downs(&arrivals, &serve(&arrivals)?);
        worst.push(Spread::of(&slow).max);
        all.extend(slow);
    }
    let spread = Spread::of(&all);
    Ok(format!("{:.2} ({:.1}, {:.0})", spread.mean, spread.p95, crate::mean(&worst)))
}
