//! How fast a worker is beside the others, from how long specs with a history take on it.

use crate::Millis;

/// Smoothed logarithm of actual over expected durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Speed {
    log: f64,
    samples: u32,
}

/// Weight of the newest sample of a worker; of the whole mesh it is a third of that.
const NEWEST_WEIGHT: f64 = 0.15;
/// Samples before a worker's speed is believed.
const SAMPLES: u32 = 5;
/// A worker this little off is as fast as the others.
const DEAD_BAND: f64 = 0.1;
/// A single sample counts for no more than this: a hanging spec says nothing about its worker.
const MOST: f64 = 1.5;

impl Speed {
    pub(crate) fn learn(&mut self, expected: Millis, actual: Millis) {
        self.add(expected, actual, NEWEST_WEIGHT);
    }

    /// The mesh as a whole: if everything takes longer, no worker is to blame.
    pub(crate) fn learn_slowly(&mut self, expected: Millis, actual: Millis) {
        self.add(expected, actual, NEWEST_WEIGHT / 3.0);
    }

    fn add(&mut self, expected: Millis, actual: Millis, weight: f64) {
        let ratio = (actual.0.max(1) as f64 / expected.0.max(1) as f64).ln().clamp(-MOST, MOST);
        self.samples = self.samples.saturating_add(1);
        // The first samples count alike.
        let weight = weight.max(1.0 / f64::from(self.samples));
        self.log += weight * (ratio - self.log);
    }

    /// By what factor things take longer than on the mesh as a whole; 1 while that is not known.
    pub(crate) fn factor(self, mesh: Speed) -> f64 {
        if self.samples < SAMPLES || mesh.samples < 2 * SAMPLES {
            return 1.0;
        }
        let off = self.log - mesh.log;
        if off.abs() < DEAD_BAND { 1.0 } else { off.exp() }
    }

    /// How slow it is in coarse steps, 0 for usual: to prefer fast workers.
    pub(crate) fn slowness(self, mesh: Speed) -> i8 {
        (self.factor(mesh).log2() * 4.0).round().clamp(-20.0, 20.0) as i8
    }
}

/// A duration times a factor.
pub(crate) fn scaled(duration: Millis, factor: f64) -> Millis {
    Millis((duration.0 as f64 * factor).round().clamp(0.0, 1e15) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_worker_is_found_and_a_slow_mesh_is_nobodys_fault() {
        let (mut slow, mut usual, mut mesh) = (Speed::default(), Speed::default(), Speed::default());
        for round in 0..60 {
            let (worker, actual) = if round % 6 == 0 { (&mut slow, 6000) } else { (&mut usual, 2000) };
            worker.learn(Millis(1000), Millis(actual));
            mesh.learn_slowly(Millis(1000), Millis(actual));
        }
        let (slow, usual) = (slow.factor(mesh), usual.factor(mesh));
        assert!((1.8..3.4).contains(&slow), "{slow}");
        assert!((0.75..1.05).contains(&usual), "{usual}");
    }

    #[test]
    fn little_is_believed_at_first() {
        let (mut worker, mut mesh) = (Speed::default(), Speed::default());
        for _ in 0..4 {
            worker.learn(Millis(100), Millis(900));
            mesh.learn_slowly(Millis(100), Millis(100));
        }
        assert!((worker.factor(mesh) - 1.0).abs() < f64::EPSILON);
    }
}
