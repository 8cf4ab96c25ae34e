//! One run on identical slots: how far from the bound each policy stays.

use crate::generate::{self, Habits};
use crate::{BenchError, Policy, Slot, Suite, Table, mean, mean_and_p95, mesh, ratio, traces};
use part_core::Millis;

/// Numbers of slots that are tried.
pub const SLOTS: [u32; 5] = [2, 4, 8, 16, 32];

/// Makespans over the bound, one per replay and number of slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratios {
    /// Of Part.
    pub part: Vec<f64>,
    /// Of each policy, as in [`Policy::ALL`].
    pub policies: [Vec<f64>; Policy::ALL.len()],
}

impl Ratios {
    /// Of one policy.
    pub fn of(&self, policy: Policy) -> &[f64] {
        let place = Policy::ALL.iter().position(|other| *other == policy);
        place.map_or(&[], |place| &self.policies[place])
    }

    fn extend(&mut self, other: &Ratios) {
        self.part.extend_from_slice(&other.part);
        for (own, others) in self.policies.iter_mut().zip(&other.policies) {
            own.extend_from_slice(others);
        }
    }
}

/// Plays every replay on every number of slots.
pub fn ratios(replays: &[Suite], slots: &[u32]) -> Result<Ratios, BenchError> {
    let mut ratios = Ratios { part: part(replays, slots)?, ..Ratios::default() };
    for (policy, own) in Policy::ALL.iter().zip(&mut ratios.policies) {
        *own = of_policy(*policy, replays, slots);
    }
    Ok(ratios)
}

/// The same for Part alone.
pub fn part(replays: &[Suite], slots: &[u32]) -> Result<Vec<f64>, BenchError> {
    let each = replays.iter().flat_map(|suite| slots.iter().map(move |slots| (suite, *slots)));
    each.map(|(suite, slots)| Ok(over_bound(mesh::makespan(suite, slots)?, suite, slots))).collect()
}

/// The same for one policy alone.
pub fn of_policy(policy: Policy, replays: &[Suite], slots: &[u32]) -> Vec<f64> {
    let each = replays.iter().flat_map(|suite| slots.iter().map(move |slots| (suite, *slots)));
    each.map(|(suite, slots)| over_bound(policy.makespan(suite, &Slot::usual(slots)), suite, slots)).collect()
}

fn over_bound(makespan: Millis, suite: &Suite, slots: u32) -> f64 {
    makespan.as_seconds() / suite.bound(slots).as_seconds()
}

/// Made-up suites: each with a few versions of history, of which the last ones are replayed.
pub fn generated(habits: Habits, suites: u64, versions: usize) -> Vec<Suite> {
    let versions_of = |seed| generate::versions(habits, versions + 3, seed).into_iter().skip(3);
    (0..suites).flat_map(versions_of).collect()
}

/// The tables: by suite over all numbers of slots, and by number of slots over all suites.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    let mut sets: Vec<(String, Vec<Suite>)> =
        traces::all()?.into_iter().map(|trace| (trace.suite.clone(), trace.replays())).collect();
    sets.push(("made up, fresh history".to_owned(), generated(Habits::FRESH, 10, 3)));
    sets.push(("made up, stale history".to_owned(), generated(Habits::STALE, 10, 3)));
    let mut by_suite = Table::new(
        "One run: makespan over the bound, by suite",
        "Mean (95th percentile) over all replays and 2, 4, 8, 16 and 32 identical slots. The bound is the longest spec, or all work divided by the slots. Forecasts come from earlier versions only.",
        ["suite", "replays"],
    );
    let mut by_slots = Table::new(
        "One run: makespan over the bound, by number of slots",
        "Mean over all replays of all suites above.",
        ["policy", "2", "4", "8", "16", "32"],
    );
    by_suite.columns.push("**Part**".to_owned());
    by_suite.columns.extend(Policy::ALL.map(|policy| policy.name().to_owned()));
    let mut each = vec![Ratios::default(); SLOTS.len()];
    let mut pooled = Ratios::default();
    for (name, replays) in &sets {
        let mut all = Ratios::default();
        for (slots, own) in SLOTS.iter().zip(&mut each) {
            let ratios = ratios(replays, &[*slots])?;
            own.extend(&ratios);
            all.extend(&ratios);
        }
        by_suite.row(name, cells(all.part.len(), &all));
        pooled.extend(&all);
    }
    by_suite.row("**all**", cells(pooled.part.len(), &pooled));
    by_slots.row("**Part**", each.iter().map(|ratios| ratio(mean(&ratios.part))));
    for policy in Policy::ALL {
        by_slots.row(policy.name(), each.iter().map(|ratios| ratio(mean(ratios.of(policy)))));
    }
    Ok(vec![by_suite, by_slots])
}

fn cells(count: usize, ratios: &Ratios) -> impl Iterator<Item = String> {
    let numbers = std::iter::once(&ratios.part).chain(&ratios.policies);
    let cells: Vec<String> = numbers.map(|numbers| mean_and_p95(numbers)).collect();
    std::iter::once(count.to_string()).chain(cells)
}
