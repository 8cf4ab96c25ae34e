//! A small simulation of a mesh with one kind of slot that serves runs by an [`Order`].

use super::{Arrival, Order};
use part_core::Millis;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A run in the simulation.
struct Run<'a> {
    arrival: &'a Arrival,
    /// Specs that wait, the longest forecast last.
    waiting: Vec<(Millis, Millis)>,
    /// Forecast milliseconds that wait.
    left: u64,
    /// Slot time given, as forecast, corrected when specs end.
    served: f64,
    running: usize,
    end: u64,
}

struct Mesh<'a> {
    order: Order,
    runs: Vec<Run<'a>>,
    /// Runs that came and have something waiting.
    open: Vec<usize>,
    /// Slot time that projects were given.
    projects: Vec<f64>,
    /// The most that a project had been given when it was served: where one that comes back starts.
    clock: f64,
    turns: u32,
}

/// Serves the runs by the rule and says how long each took from its arrival to its end.
pub fn serve(arrivals: &[Arrival], slots: usize, order: Order) -> Vec<Millis> {
    let mut mesh = Mesh::new(arrivals, order);
    let mut ends: BinaryHeap<Reverse<(u64, usize, u64, u64)>> = BinaryHeap::new();
    let mut coming: Vec<usize> = (0..arrivals.len()).collect();
    coming.sort_by_key(|run| (Reverse(arrivals[*run].at), Reverse(*run)));
    let mut free = slots;
    loop {
        let arrives = coming.last().map(|run| arrivals[*run].at.0);
        let ends_at = ends.peek().map(|Reverse((at, ..))| *at);
        let now = match (arrives, ends_at) {
            (None, None) => break,
            (Some(at), None) | (None, Some(at)) => at,
            (Some(one), Some(other)) => one.min(other),
        };
        while ends.peek().is_some_and(|Reverse((at, ..))| *at == now) {
            let Some(Reverse((_, run, forecast, takes))) = ends.pop() else { break };
            mesh.ended(run, forecast, takes, now);
            free += 1;
        }
        while coming.last().is_some_and(|run| arrivals[*run].at.0 == now) {
            if let Some(run) = coming.pop() {
                mesh.arrived(run);
            }
        }
        while free > 0
            && let Some((run, forecast, takes)) = mesh.next()
        {
            free -= 1;
            ends.push(Reverse((now + takes.0, run, forecast.0, takes.0)));
        }
    }
    mesh.runs.iter().map(|run| Millis(run.end - run.arrival.at.0)).collect()
}

impl<'a> Mesh<'a> {
    fn new(arrivals: &'a [Arrival], order: Order) -> Self {
        let runs = arrivals.iter().map(|arrival| {
            let mut waiting = arrival.specs.clone();
            waiting.sort_by_key(|(forecast, _)| *forecast);
            let left = waiting.iter().map(|(forecast, _)| forecast.0).sum();
            Run { arrival, waiting, left, served: 0.0, running: 0, end: 0 }
        });
        let projects = arrivals.iter().map(|arrival| arrival.project + 1).max().unwrap_or(0);
        Mesh {
            order,
            runs: runs.collect(),
            open: Vec::new(),
            projects: vec![0.0; projects],
            clock: 0.0,
            turns: 0,
        }
    }

    fn arrived(&mut self, run: usize) {
        let least = |served: &mut dyn Iterator<Item = f64>| served.fold(f64::INFINITY, f64::min);
        let level = least(&mut self.open.iter().map(|open| self.runs[*open].served));
        if level.is_finite() {
            self.runs[run].served = level;
        } else {
            self.runs[run].served = self.runs.iter().map(|run| run.served).fold(0.0, f64::max);
        }
        let project = self.runs[run].arrival.project;
        let is_new = !self.open.iter().any(|open| self.runs[*open].arrival.project == project);
        if is_new {
            self.projects[project] = self.projects[project].max(self.clock);
        }
        self.open.push(run);
    }

    fn ended(&mut self, run: usize, forecast: u64, takes: u64, now: u64) {
        let run = &mut self.runs[run];
        run.running -= 1;
        run.served += takes as f64 - forecast as f64;
        run.end = now;
        self.projects[run.arrival.project] += takes as f64 - forecast as f64;
    }

    /// Takes the next spec: its run, forecast and duration.
    fn next(&mut self) -> Option<(usize, Millis, Millis)> {
        let chosen = self.choose()?;
        self.turns += 1;
        let run = &mut self.runs[chosen];
        let (forecast, takes) = run.waiting.pop()?;
        run.left -= forecast.0;
        run.served += forecast.0 as f64;
        run.running += 1;
        let project = &mut self.projects[run.arrival.project];
        self.clock = self.clock.max(*project);
        *project += forecast.0 as f64;
        if run.waiting.is_empty() {
            self.open.retain(|open| *open != chosen);
        }
        Some((chosen, forecast, takes))
    }

    fn choose(&self) -> Option<usize> {
        let by = |key: &dyn Fn(&Run) -> f64| -> Option<usize> {
            let least = self.open.iter().map(|open| (key(&self.runs[*open]), *open));
            least.min_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))).map(|(_, run)| run)
        };
        let at = |run: &Run| run.arrival.at.0 as f64;
        match self.order {
            Order::FirstCome => by(&at),
            Order::LongestSpec => {
                by(&|run| run.waiting.last().map_or(0.0, |(forecast, _)| -(forecast.0 as f64)))
            }
            Order::EqualSlots => by(&|run| run.running as f64),
            Order::LeastServed => by(&|run| run.served),
            Order::Shortest => by(&|run| run.left as f64),
            Order::Blend { aging, turn } => {
                let projects = self.open.iter().map(|open| self.runs[*open].arrival.project);
                let project = projects.min_by(|one, other| {
                    self.projects[*one].total_cmp(&self.projects[*other]).then(one.cmp(other))
                })?;
                let guaranteed = turn > 0 && self.turns % turn == turn - 1;
                by(&|run| match run.arrival.project == project {
                    false => f64::INFINITY,
                    true if guaranteed => run.served,
                    true => run.left as f64 + aging * at(run),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::RushPlan;

    #[test]
    fn a_small_run_does_not_wait_for_a_large_one() {
        let specs = |count: usize| vec![(Millis(1000), Millis(1000)); count];
        let arrivals = [
            Arrival { at: Millis(0), project: 0, specs: specs(100) },
            Arrival { at: Millis(100), project: 0, specs: specs(1) },
            Arrival { at: Millis(200), project: 1, specs: specs(2) },
        ];
        let took =
            |order: Order| serve(&arrivals, 2, order).into_iter().map(|took| took.0).collect::<Vec<_>>();
        assert_eq!(took(Order::FirstCome), [50_000, 50_900, 51_800]);
        assert_eq!(took(Order::Shortest), [52_000, 1900, 2800]);
        // A slot for the other project, which was given less, and one for the small run of this one.
        assert_eq!(took(Order::Blend { aging: 0.25, turn: 8 }), [52_000, 1900, 2800]);
    }

    #[test]
    fn everything_is_served_whatever_the_order() {
        let suite: Vec<Millis> = (1..50).map(|number| Millis(number * 100)).collect();
        let plan = RushPlan { runs: 40, slots: 4, load: 0.9, projects: 3, error: 0.3 };
        let arrivals = plan.arrivals(&suite, &mut crate::Rng::new(1));
        for order in Order::ALL {
            let took = serve(&arrivals, 4, order);
            let alone = arrivals.iter().map(|arrival| arrival.specs.iter().map(|(_, takes)| *takes).max());
            assert!(took.iter().zip(alone).all(|(took, longest)| Some(*took) >= longest), "{order:?}");
        }
    }
}
