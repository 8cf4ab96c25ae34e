//! Suites: what there is to run, how long it took before, and how long it takes this time.

use part_core::{Estimate, Millis, Sample, Timestamp};

/// A spec of a suite.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name, unique in the suite.
    pub name: String,
    /// How long it takes this time, on a machine of usual speed.
    pub takes: Millis,
    /// How long it took before, oldest first; never this time's duration.
    pub history: Vec<Millis>,
    /// Size of its file in bytes; 0 where that is not known.
    pub size_bytes: u64,
    /// What it needs: a number that means something where a suite is given classes, else 0.
    pub class: usize,
}

/// What is run at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Its name, for tables.
    pub name: String,
    /// Its specs, in submission order.
    pub jobs: Vec<Job>,
}

impl Job {
    /// One without history, size or class.
    pub fn new(name: impl Into<String>, takes: Millis) -> Job {
        Job { name: name.into(), takes, history: Vec::new(), size_bytes: 0, class: 0 }
    }

    /// Its history as the core takes it: a day between two samples.
    pub fn samples(&self) -> Vec<Sample> {
        const DAY: u64 = 24 * 3600 * 1000;
        let sample = |(day, duration): (u64, &Millis)| Sample {
            at: Timestamp(day * DAY),
            duration: (*duration).max(Millis(1)),
            tests: None,
        };
        (0..).zip(&self.history).map(sample).collect()
    }

    /// The forecast that the core would make of its history; none where there is none.
    pub fn forecast(&self) -> Option<Millis> {
        Estimate::from_samples(&self.samples()).map(|estimate| estimate.expected())
    }
}

impl Suite {
    /// Slot time of all specs together.
    pub fn work(&self) -> Millis {
        Millis(self.jobs.iter().map(|job| job.takes.0).sum())
    }

    /// The longest spec; zero where there is none.
    pub fn longest(&self) -> Millis {
        self.jobs.iter().map(|job| job.takes).max().unwrap_or_default()
    }

    /// No schedule is shorter on so many slots of usual speed: the longest spec, or everything shared among the slots.
    pub fn bound(&self, slots: u32) -> Millis {
        Millis(self.work().0.div_ceil(u64::from(slots.max(1)))).max(self.longest())
    }

    /// The same work in specs none of which is longer than this share of all: longer ones are cut into equal pieces, so
    /// that a replay tests the schedule and not the longest file.
    pub fn in_pieces(&self, share: f64) -> Suite {
        let largest = (self.work().0 as f64 * share).max(1.0);
        let mut jobs = Vec::new();
        for job in &self.jobs {
            let pieces = (job.takes.0 as f64 / largest).ceil().max(1.0) as u64;
            for piece in 0..pieces {
                let part = |whole: &Millis| Millis((whole.0 / pieces).max(1));
                let name = match pieces {
                    1 => job.name.clone(),
                    _ => format!("{} {}", job.name, piece + 1),
                };
                let history = job.history.iter().map(part).collect();
                jobs.push(Job { name, takes: part(&job.takes), history, ..job.clone() });
            }
        }
        Suite { name: self.name.clone(), jobs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_pieces() {
        let jobs = [("a", 900), ("b", 100), ("c", 200)];
        let jobs =
            jobs.map(|(name, takes)| Job { history: vec![Millis(takes)], ..Job::new(name, Millis(takes)) });
        let suite = Suite { name: "three".to_owned(), jobs: jobs.to_vec() };
        assert_eq!((suite.bound(2), suite.bound(1)), (Millis(900), Millis(1200)));
        let cut = suite.in_pieces(0.25);
        assert_eq!((cut.jobs.len(), cut.longest(), cut.work()), (5, Millis(300), suite.work()));
        assert_eq!(cut.jobs[0].forecast(), Some(Millis(300)));
    }
}
