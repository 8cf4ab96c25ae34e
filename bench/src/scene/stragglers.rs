//! Attempts that take far longer than they should, for no reason of their spec's.

use crate::generate::{self, Habits};
use crate::mesh::{Mesh, Terms, workers};
use crate::{BenchError, Rng, Suite, Table, mean_and_p95};
use part_core::rehearse::Act;
use part_core::{GroupPolicy, Millis, Timestamp};
use std::collections::BTreeSet;

/// Slots.
pub const SLOTS: u32 = 16;
/// The share of specs whose first attempt is hit.
pub const SHARE: f64 = 0.01;
/// How many times as long such an attempt takes.
pub const STRETCH: u64 = 8;

/// Suites of a hundred specs, the longest a sixtieth of all work: with so few, one straggler is felt.
pub fn suites(count: u64) -> Vec<Suite> {
    let habits = Habits { specs: 100, ..Habits::FRESH };
    (0..count).map(|seed| generate::suite(habits, seed).in_pieces(1.0 / 60.0)).collect()
}

/// What stragglers did to runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Makespans over what the bound would be without stragglers.
    pub ratios: Vec<f64>,
    /// Slot time of second attempts over all work.
    pub extra: Vec<f64>,
}

/// Plays every suite, with backups or without.
pub fn figures(suites: &[Suite], share: f64, backups: bool) -> Result<Figures, BenchError> {
    let mut figures = Figures::default();
    for (seed, suite) in suites.iter().enumerate() {
        let mut rng = Rng::new(seed as u64 + 77);
        let hit: BTreeSet<String> =
            suite.jobs.iter().filter(|_| rng.chance(share)).map(|job| job.name.clone()).collect();
        let terms = Terms { policy: GroupPolicy { backups, ..GroupPolicy::default() }, ..Terms::default() };
        let (bound, work) = (suite.bound(SLOTS), suite.work());
        let mesh = Mesh {
            workers: workers(SLOTS),
            suites: vec![(Timestamp(0), suite.clone(), terms)],
            bounds: None,
        };
        let played = mesh.play(|begun, job| {
            let is_hit = begun.order.attempt.number == 1 && hit.contains(&job.name);
            Act::passes(Millis(job.takes.0 * if is_hit { STRETCH } else { 1 }))
        })?;
        let seconds = played.placements.iter().filter(|placement| placement.attempt.number > 1);
        let extra: u64 = seconds.map(|placement| placement.took().0).sum();
        figures.ratios.push(played.makespan().as_seconds() / bound.as_seconds());
        figures.extra.push(extra as f64 / work.0 as f64);
    }
    Ok(figures)
}

/// The table.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    let mut table = Table::new(
        "Stragglers: makespan over the bound without them",
        "Sixteen slots and about a hundred specs; one spec in a hundred takes eight times as long in its first attempt. Backups are off unless a group asks for them. Mean (95th percentile); extra is the slot time of second attempts over all work.",
        ["", "no backups", "backups", "extra, mean"],
    );
    let suites = suites(60);
    for (name, share) in [("one in a hundred", SHARE), ("none", 0.0)] {
        let (off, on) = (figures(&suites, share, false)?, figures(&suites, share, true)?);
        let extra = format!("{:.1} %", 100.0 * crate::mean(&on.extra));
        table.row(name, [mean_and_p95(&off.ratios), mean_and_p95(&on.ratios), extra]);
    }
    Ok(vec![table])
}
