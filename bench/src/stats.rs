//! Means and percentiles.

/// A row of numbers, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// How many there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The smallest that 95 of 100 are not above.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Sums up; all zero where there is nothing.
    pub fn of(numbers: &[f64]) -> Spread {
        Spread {
            count: numbers.len(),
            mean: mean(numbers),
            p95: percentile(numbers, 0.95),
            max: numbers.iter().copied().fold(0.0, f64::max),
        }
    }
}

/// The mean; 0 of nothing.
pub fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}

/// The smallest of the numbers that this share of them is not above; 0 of nothing.
pub fn percentile(numbers: &[f64], share: f64) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let numbers: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let spread = Spread::of(&numbers);
        assert_eq!((spread.count, spread.mean, spread.p95, spread.max), (100, 50.5, 95.0, 100.0));
        assert_eq!(Spread::of(&[]), Spread::default());
        assert_eq!(percentile(&[7.0], 0.5), 7.0);
    }
}
