//! Random choices from a seed. The same seed makes the same choices on every machine.

/// SplitMix64: eight bytes of state, good enough to choose faults with, and nothing to depend on.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Starts from a seed; neighbouring seeds give unrelated choices.
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to but not including `limit`; 0 where the limit is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.bits().checked_rem(limit).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several things; none of nothing.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.below(things.len() as u64) as usize)
    }

    /// A duration in milliseconds around `typical`: most within a factor of two, a few ten times as long.
    pub fn duration(&mut self, typical: u64) -> u64 {
        // The product of three uniform factors is skewed to the right, as suites' durations are.
        let factor = (0..3).map(|_| self.between(40, 170)).product::<u64>();
        let stretch = if self.chance(4) { 8 } else { 1 };
        (typical * factor / 1_000_000 * stretch).max(1)
    }
}
