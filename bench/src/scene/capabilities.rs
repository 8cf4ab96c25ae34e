//! Workers that differ in what they can do, and suites that ask for it.

use super::one_run::generated;
use crate::generate::Habits;
use crate::mesh::{Mesh, Terms, capabilities, requirements};
use crate::{BenchError, Rng, Suite, Table, bound, mean_and_p95, traces};
use part_core::rehearse::{Act, VirtualWorker};
use part_core::{Requirements, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many of a hundred specs need which class: an everyday browser, one that fewer machines have, one that few have, and
/// a graphics card. The second asks for about as much of each as there is, the third for more of the scarce ones.
pub const DEMANDS: [[u64; 4]; 3] = [[60, 25, 12, 3], [45, 30, 19, 6], [30, 40, 25, 5]];
/// The largest spec, as a share of all work.
pub const LARGEST: f64 = 1.0 / 60.0;

const CLASSES: [&str; 4] = ["browser.chrome", "browser.firefox", "browser.safari", "label.gpu"];

/// The classes as requirements.
pub fn classes() -> Result<Vec<Requirements>, BenchError> {
    CLASSES.iter().map(|class| requirements(&[class])).collect()
}

/// Sixteen workers of one slot: eight with one browser, four with two, three with all, and one with a graphics card. Where
/// speeds differ, they are up to three tenths off.
pub fn workers(speeds: Option<&mut Rng>) -> Vec<VirtualWorker> {
    let mut workers = Vec::new();
    for (count, facts) in
        [(8, &CLASSES[..1]), (4, &CLASSES[..2]), (3, &CLASSES[..3]), (1, &["browser.chrome", "label.gpu"])]
    {
        for _ in 0..count {
            let worker = VirtualWorker::new(format!("w{:02}", workers.len()), 1);
            workers.push(VirtualWorker { capabilities: capabilities(facts), ..worker });
        }
    }
    if let Some(rng) = speeds {
        for worker in &mut workers {
            worker.speed = 0.7 + 0.6 * rng.unit();
        }
    }
    workers
}

/// A suite cut into pieces that are no larger than [`LARGEST`], with classes by chance.
pub fn demanding(suite: &Suite, demand: [u64; 4], rng: &mut Rng) -> Suite {
    let mut suite = suite.in_pieces(LARGEST);
    for job in &mut suite.jobs {
        let mut drawn = rng.below(demand.iter().sum());
        job.class = 0;
        while drawn >= demand[job.class] {
            drawn -= demand[job.class];
            job.class += 1;
        }
    }
    suite
}

/// A rule for what a free slot takes of what it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The first in submission order.
    First,
    /// The longest by forecast, whatever it needs.
    Longest,
}

/// Makespans over the bound, one per suite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratios {
    /// Of Part.
    pub part: Vec<f64>,
    /// Of [`Rule::First`].
    pub first: Vec<f64>,
    /// Of [`Rule::Longest`].
    pub longest: Vec<f64>,
}

/// Plays every suite with one demand.
pub fn ratios(suites: &[Suite], demand: [u64; 4], speeds: bool) -> Result<Ratios, BenchError> {
    let classes = classes()?;
    let mut ratios = Ratios::default();
    for (seed, suite) in suites.iter().enumerate() {
        let mut rng = Rng::new(seed as u64);
        let workers = workers(speeds.then_some(&mut rng));
        let suite = demanding(suite, demand, &mut rng);
        let bound = bound(&suite, &classes, &workers).as_seconds();
        let by_rule = |rule| pull(&suite, &classes, &workers, rule) as f64 / 1000.0 / bound;
        ratios.first.push(by_rule(Rule::First));
        ratios.longest.push(by_rule(Rule::Longest));
        let terms = Terms { classes: classes.clone(), ..Terms::default() };
        let mesh = Mesh { workers, suites: vec![(Timestamp(0), suite, terms)], bounds: None };
        let played = mesh.play(|_, job| Act::passes(job.takes))?;
        ratios.part.push(played.makespan().as_seconds() / bound);
    }
    Ok(ratios)
}

/// What a rule without an eye for scarcity makes of it, in milliseconds.
fn pull(suite: &Suite, classes: &[Requirements], workers: &[VirtualWorker], rule: Rule) -> u64 {
    let mut waiting: Vec<usize> = (0..suite.jobs.len()).collect();
    if rule == Rule::Longest {
        let forecast = |job: &usize| suite.jobs[*job].forecast();
        waiting.sort_by_key(|job| (forecast(job).is_some(), Reverse(forecast(job))));
    }
    let able = |worker: &VirtualWorker| -> Vec<bool> {
        classes.iter().map(|class| class.unmet(&worker.capabilities).is_none()).collect()
    };
    let able: Vec<Vec<bool>> = workers.iter().map(able).collect();
    let mut free: BinaryHeap<Reverse<(u64, usize)>> =
        (0..workers.len()).map(|worker| Reverse((0, worker))).collect();
    let mut end = 0;
    while let Some(Reverse((now, worker))) = free.pop() {
        let worker_is = &workers[worker];
        let can = |job: &usize| able[worker].get(suite.jobs[*job].class).is_none_or(|able| *able);
        // A worker that can do nothing of what waits is done: nothing that it can do comes later.
        let Some(place) = waiting.iter().position(can) else { continue };
        let job = waiting.remove(place);
        let until = now + (suite.jobs[job].takes.0 as f64 / worker_is.speed).ceil() as u64;
        end = end.max(until);
        free.push(Reverse((until, worker)));
    }
    end
}

/// Suites for the tables: recorded ones where they are at hand, else made up.
fn suites() -> Result<Vec<Suite>, BenchError> {
    let recorded =
        traces::all()?.into_iter().flat_map(|trace| trace.replays().into_iter().rev().step_by(4).take(8));
    let mut suites: Vec<Suite> = recorded.collect();
    suites.extend(generated(Habits::FRESH, 20, 1));
    Ok(suites)
}

/// The table.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    let mut table = Table::new(
        "Capabilities: makespan over the bound",
        "Sixteen workers of one slot: eight with an everyday browser, four with a second, three with a third as well, one with a graphics card. No spec is longer than a sixtieth of all work. The bound is the best over all sets of capabilities. Mean (95th percentile).",
        ["specs per hundred that need each", "**Part**", "longest that it can run", "first that it can run"],
    );
    let suites = suites()?;
    for (speeds, suffix) in [(false, ""), (true, ", speeds ±30 %")] {
        for demand in DEMANDS {
            let ratios = ratios(&suites, demand, speeds)?;
            let cells = [&ratios.part, &ratios.longest, &ratios.first].map(|numbers| mean_and_p95(numbers));
            let [all, two, three, gpu] = demand;
            table.row(format!("{all} / {two} / {three} / {gpu}{suffix}"), cells);
        }
    }
    table.note = format!("{} suites each.", suites.len());
    Ok(vec![table])
}
