//! Suites that are made up, with the habits of recorded ones: many short specs and a few long ones, durations that
//! wander from version to version, specs that come and go.

use crate::{Job, Rng, Suite};
use part_core::Millis;

/// How a made-up suite behaves over its versions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// Specs in a version.
    pub specs: usize,
    /// What is usual for a spec, in seconds.
    pub median: f64,
    /// How different specs are: the deviation of the logarithm.
    pub sigma: f64,
    /// How far a spec's duration is off its usual one in a run: the deviation of the logarithm.
    pub noise: f64,
    /// How far what is usual wanders from one version to the next: the deviation of the logarithm.
    pub drift: f64,
    /// The share of specs that are replaced by new ones from one version to the next.
    pub turnover: f64,
}

impl Habits {
    /// Versions a day or so apart, as most recorded suites have them.
    pub const FRESH: Habits =
        Habits { specs: 300, median: 4.0, sigma: 1.2, noise: 0.08, drift: 0.03, turnover: 0.01 };
    /// Versions weeks or months apart: much of the history is not true any more.
    pub const STALE: Habits = Habits { drift: 0.35, turnover: 0.12, ..Habits::FRESH };
}

/// A spec over the versions.
struct Grown {
    name: String,
    usual: f64,
    history: Vec<Millis>,
    size_bytes: u64,
}

/// Makes so many versions of a suite, each with the history of those before it.
pub fn versions(habits: Habits, count: usize, seed: u64) -> Vec<Suite> {
    let mut rng = Rng::new(seed);
    let mut born = 0;
    let mut specs: Vec<Grown> = (0..habits.specs).map(|_| grown(habits, &mut born, &mut rng)).collect();
    let mut versions = Vec::new();
    for number in 0..count {
        let mut jobs = Vec::new();
        for spec in &mut specs {
            let takes = rng.log_normal(spec.usual, habits.noise);
            let takes = Millis((takes * 1000.0).round().max(1.0) as u64);
            let (name, history) = (spec.name.clone(), spec.history.clone());
            jobs.push(Job { name, takes, history, size_bytes: spec.size_bytes, class: 0 });
            spec.history.push(takes);
            spec.usual = rng.log_normal(spec.usual, habits.drift);
        }
        versions.push(Suite { name: format!("version {}", number + 1), jobs });
        for spec in &mut specs {
            if rng.chance(habits.turnover) {
                *spec = grown(habits, &mut born, &mut rng);
            }
        }
    }
    versions
}

/// A suite with this history and these durations, of specs that know nothing of each other.
pub fn suite(habits: Habits, seed: u64) -> Suite {
    let mut versions = versions(habits, 6, seed);
    versions.pop().unwrap_or(Suite { name: String::new(), jobs: Vec::new() })
}

fn grown(habits: Habits, born: &mut usize, rng: &mut Rng) -> Grown {
    *born += 1;
    let usual = rng.log_normal(habits.median, habits.sigma);
    // Files of recorded suites say something about durations, but not much.
    let size_bytes = rng.log_normal(usual * 1000.0, 0.9).max(100.0) as u64;
    // Names in no order, as those of files are.
    let name = format!("spec {:08x} {born}", rng.bits() >> 32);
    Grown { name, usual, history: Vec::new(), size_bytes }
}
