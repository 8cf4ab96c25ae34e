//! Packing: how close to the bound runs come, whether history helps, and what a choice costs.
#![expect(clippy::expect_used, reason = "a plan that cannot be run must fail the test")]

use part_core::Sample;
use part_sim::{Bench, Packing, PackingPlan, Rng, pack};
use std::time::{Duration, Instant};

/// Suites of all shapes, with at least a few specs for every slot.
fn suites(count: u64) -> impl Iterator<Item = (Rng, PackingPlan)> {
    (0..count).map(|seed| {
        let mut rng = Rng::new(seed);
        let slots = rng.between(2, 32);
        let specs = slots * rng.between(4, 12);
        let plan = PackingPlan::random(&mut rng, specs, slots as u32);
        (rng, plan)
    })
}

fn ratio(plan: &PackingPlan, packing: &Packing) -> f64 {
    packing.makespan.as_seconds() / plan.bound().as_seconds()
}

fn mean(ratios: &[f64]) -> f64 {
    ratios.iter().sum::<f64>() / ratios.len() as f64
}

/// The suite's next run, with what was learned from this one.
fn next_run(rng: &mut Rng, plan: &PackingPlan, packing: &Packing) -> PackingPlan {
    let mut next = PackingPlan { durations: plan.varied(rng, 15), ..plan.clone() };
    for (name, sample) in &packing.learned {
        next.history.entry(name.clone()).or_default().push(*sample);
    }
    next
}

#[test]
fn with_history_runs_come_close_to_the_bound() {
    let mut ratios = Vec::new();
    for (mut rng, mut plan) in suites(150) {
        for _ in 0..3 {
            let earlier = plan.varied(&mut rng, 15);
            for (name, duration) in earlier {
                let sample = Sample { at: part_core::Timestamp(0), duration, tests: None };
                plan.history.entry(name).or_default().push(sample);
            }
        }
        let packing = pack(&plan).expect("a plan that can be run");
        assert_eq!(packing.summary.passed as usize, plan.durations.len());
        assert_eq!((packing.summary.makespan, packing.summary.bound), (packing.makespan, plan.bound()));
        ratios.push(ratio(&plan, &packing));
    }
    ratios.sort_by(f64::total_cmp);
    let p95 = ratios[ratios.len() * 95 / 100];
    assert!(
        mean(&ratios) <= 1.05,
        "makespans are {:.3} of their bounds on average, p95 {p95:.3}",
        mean(&ratios)
    );
}

#[test]
fn a_second_run_is_packed_better_than_the_first() {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (mut rng, plan) in suites(100) {
        let packing = pack(&plan).expect("a plan that can be run");
        first.push(ratio(&plan, &packing));
        let again = next_run(&mut rng, &plan, &packing);
        second.push(ratio(&again, &pack(&again).expect("a plan that can be run")));
    }
    let (first, second) = (mean(&first), mean(&second));
    assert!(
        second < first - 0.02 && second <= 1.05,
        "first runs {first:.3} of the bound, second runs {second:.3}"
    );
}

#[test]
fn forecasts_are_about_right_after_one_run() {
    for (mut rng, plan) in suites(20) {
        let packing = pack(&plan).expect("a plan that can be run");
        assert_eq!(packing.learned.len(), plan.durations.len());
        let again = pack(&next_run(&mut rng, &plan, &packing)).expect("a plan that can be run");
        let error = again.summary.forecast_error.expect("every spec has a forecast");
        assert!(error <= 1.15, "forecasts were off by a factor of {error:.3}, durations vary by 15 per cent");
        assert_eq!(again.summary.forecasts as usize, plan.durations.len());
    }
}

/// The shortest time that a hundred decisions took, of several hundred.
fn cost_of_decisions(specs: u64, slots: u32) -> Duration {
    let plan = PackingPlan::random(&mut Rng::new(1), specs, slots);
    let mut bench = Bench::new(&plan);
    bench.join_workers();
    bench.submit();
    let hundred = |bench: &mut Bench<'_>| {
        let started = Instant::now();
        (0..100).for_each(|_| bench.step().expect("something runs"));
        started.elapsed()
    };
    (0..8).map(|_| hundred(&mut bench)).min().unwrap_or_default()
}

#[test]
fn a_decision_costs_hardly_more_with_a_hundred_times_the_specs() {
    let (few, many) = (cost_of_decisions(1_000, 16), cost_of_decisions(100_000, 16));
    assert!(many < few * 12, "100 decisions take {few:?} among 1,000 specs and {many:?} among 100,000");
}

#[test]
fn a_decision_costs_hardly_more_with_a_hundred_times_the_workers() {
    let (few, many) = (cost_of_decisions(6_000, 40), cost_of_decisions(6_000, 4_000));
    assert!(many < few * 12, "100 decisions take {few:?} with 10 workers and {many:?} with 1,000");
}
