//! Runs of all sizes that come at random.

use crate::Rng;
use part_core::Millis;

/// A run that comes at some moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// When.
    pub at: Millis,
    /// Whose it is, from 0.
    pub project: usize,
    /// Its specs: what is expected of each, and what it really takes.
    pub specs: Vec<(Millis, Millis)>,
}

/// What comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RushPlan {
    /// Runs.
    pub runs: usize,
    /// Slots of the mesh.
    pub slots: usize,
    /// The share of the mesh's slot time that the runs need on average, from 0 to 1.
    pub load: f64,
    /// Projects that the runs belong to, by turns of chance.
    pub projects: usize,
    /// How far forecasts are off: the deviation of the logarithm.
    pub error: f64,
}

impl Arrival {
    /// Slot time of all its specs.
    pub fn work(&self) -> Millis {
        Millis(self.specs.iter().map(|(_, takes)| takes.0).sum())
    }

    /// How long it takes when it has the whole mesh for itself and starts the longest spec first.
    pub fn alone(&self, slots: usize) -> Millis {
        let mut specs = self.specs.clone();
        specs.sort_by_key(|(forecast, _)| std::cmp::Reverse(*forecast));
        let mut free = vec![0u64; slots.max(1)];
        for (_, takes) in specs {
            if let Some(first) = free.iter_mut().min() {
                *first += takes.0;
            }
        }
        Millis(free.into_iter().max().unwrap_or(0))
    }
}

impl RushPlan {
    /// Runs of specs of a suite: half of them tiny (one to five specs), three in ten medium (a tenth to a fifth of the
    /// suite), a fifth all of it; so far apart, at random, that the load is met.
    pub fn arrivals(&self, suite: &[Millis], rng: &mut Rng) -> Vec<Arrival> {
        let all = suite.len() as u64;
        let mut arrivals: Vec<Arrival> = Vec::new();
        for _ in 0..self.runs {
            let count = match rng.below(10) {
                0..5 => rng.between(1, 5),
                5..8 => rng.between(all / 10, all / 5),
                _ => all,
            };
            let mut picked: Vec<Millis> = suite.to_vec();
            rng.shuffle(&mut picked);
            picked.truncate(count.max(1) as usize);
            let specs = picked.into_iter().map(|usual| {
                let forecast = rng.log_normal(usual.0 as f64, self.error).max(1.0);
                (Millis(forecast.round() as u64), usual)
            });
            let specs = specs.collect();
            arrivals.push(Arrival {
                at: Millis::ZERO,
                project: rng.below(self.projects as u64) as usize,
                specs,
            });
        }
        let work: u64 = arrivals.iter().map(|arrival| arrival.work().0).sum();
        let apart = work as f64 / self.runs as f64 / (self.slots as f64 * self.load);
        let mut now = 0.0;
        for arrival in &mut arrivals {
            now += rng.exponential(apart);
            arrival.at = Millis(now.round() as u64);
        }
        arrivals
    }
}
