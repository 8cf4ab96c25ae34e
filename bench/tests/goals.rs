//! The goals that the scheduler is held to, on made-up suites and, where they are at hand, on recorded ones. Everything is
//! virtual and the same on every machine.
#![expect(clippy::expect_used, reason = "a scene that cannot be played must fail the test")]

use part_bench::generate::Habits;
use part_bench::scene::decisions::{self, Size};
use part_bench::scene::{capabilities, kitchen_sink, one_run, processes, rush, stragglers, uneven};
use part_bench::{Policy, Spread, Suite, generate, mean, traces};

/// Every replay on every number of slots.
fn played(replays: &[Suite]) -> one_run::Ratios {
    one_run::ratios(replays, &one_run::SLOTS).expect("plays")
}

fn assert_within(numbers: &[f64], mean: f64, p95: f64) {
    let spread = Spread::of(numbers);
    assert!(spread.mean <= mean && spread.p95 <= p95, "{spread:?}, goals are {mean} and {p95}");
}

#[test]
fn one_run_comes_within_a_hundredth_of_the_bound() {
    let fresh = played(&one_run::generated(Habits::FRESH, 6, 2));
    assert_within(&fresh.part, 1.01, 1.05);
    assert!(mean(&fresh.part) <= mean(fresh.of(Policy::StaticBins)) + 0.005);
}

#[test]
fn with_a_history_that_is_months_old_it_comes_within_three_hundredths() {
    let stale = played(&one_run::generated(Habits::STALE, 6, 2));
    assert_within(&stale.part, 1.03, 1.15);
    assert!(mean(&stale.part) <= mean(stale.of(Policy::StaticBins)) + 0.005);
}

#[test]
fn so_do_recorded_suites() {
    let mut pooled = Vec::new();
    for trace in traces::all().expect("readable traces") {
        let replays = trace.replays();
        let ratios = one_run::part(&replays, &one_run::SLOTS).expect("plays");
        let bins = one_run::of_policy(Policy::StaticBins, &replays, &one_run::SLOTS);
        let (part, bins) = (mean(&ratios), mean(&bins));
        assert!(part <= bins + 0.005, "{}: {part}, static bins {bins}", trace.suite);
        pooled.extend(ratios);
    }
    if !pooled.is_empty() {
        assert_within(&pooled, 1.01, 1.05);
    }
}

#[test]
fn capability_mixes_come_within_three_hundredths() {
    let suites = one_run::generated(Habits::FRESH, 12, 1);
    let mut pooled = Vec::new();
    for demand in capabilities::DEMANDS {
        let ratios = capabilities::ratios(&suites, demand, false).expect("plays");
        assert!(mean(&ratios.part) < mean(&ratios.longest), "longest first is as good for {demand:?}");
        pooled.extend(ratios.part);
    }
    assert_within(&pooled, 1.03, 1.12);
}

#[test]
fn small_runs_do_not_wait_for_large_ones() {
    let (mut pooled, mut worst) = (Vec::new(), Vec::new());
    for seed in 0..4 {
        let arrivals = rush::arrivals(0.8, 1, seed);
        let slow = rush::slow_downs(&arrivals, &rush::part(&arrivals).expect("plays"));
        worst.push(Spread::of(&slow).max);
        pooled.extend(slow);
    }
    assert_within(&pooled, 2.2, 6.0);
    // The worst is a spec of a moment that comes while every slot has just begun a long one.
    assert!(mean(&worst) <= 15.0, "the worst runs took {worst:?} times as long as alone");
}

#[test]
fn nor_do_small_runs_of_one_project_wait_for_large_ones_of_others() {
    let arrivals = rush::arrivals(0.8, 6, 1);
    let slow = rush::slow_downs(&arrivals, &rush::part(&arrivals).expect("plays"));
    assert_within(&slow, 2.2, 6.0);
}

#[test]
fn backups_take_the_sting_out_of_stragglers() {
    let suites = stragglers::suites(30);
    let with = stragglers::figures(&suites, stragglers::SHARE, true).expect("plays");
    let (ratio, extra) = (mean(&with.ratios), mean(&with.extra));
    assert!(ratio <= 1.08 && extra <= 0.05, "{ratio} of the bound for {extra} of the work");
    let idle = stragglers::figures(&suites, 0.0, true).expect("plays");
    assert!(mean(&idle.extra) <= 0.005, "backups where nothing straggles: {}", mean(&idle.extra));
}

#[test]
fn slow_machines_late_ones_and_a_wrong_history_cost_little() {
    let suites = one_run::generated(Habits::FRESH, 8, 1);
    for uneven in uneven::Uneven::ALL {
        let ratios = uneven::ratios(uneven, &suites).expect("plays");
        assert_within(&ratios[0], 1.03, 1.06);
    }
}

#[test]
fn kitchen_sink_is_within_a_spec_of_its_bound() {
    for machines in 1..=4 {
        let alone = kitchen_sink::makespan(machines, false).expect("plays");
        let bound = kitchen_sink::bound(machines, kitchen_sink::SPECS.len() as u64);
        assert!(alone.as_seconds() <= bound.as_seconds() + 2.5, "{machines}: {alone}, bound {bound}");
        let shared = kitchen_sink::makespan(machines, true).expect("plays");
        assert!(shared <= alone, "{machines}: {shared} with shared processes, {alone} without");
    }
}

#[test]
fn short_specs_that_share_processes_are_half_as_fast_again() {
    let suite = generate::suite(processes::SHORT, 3);
    for slots in [1, 4, 16] {
        let times = |batches| processes::short_specs(&suite, slots, batches).expect("plays").makespan();
        let (alone, shared) = (times(false).as_seconds(), times(true).as_seconds());
        assert!(shared * 1.5 <= alone, "{slots} slots: {alone} s and {shared} s");
    }
}

#[test]
fn a_decision_takes_few_steps_however_much_waits() {
    let sized = |workers: u32, specs: u32| Size { workers, specs, runs: 20, classes: 64 };
    let steps = |size: Size| decisions::costs(size, 2000).expect("plays").steps;
    let (small, large) = (steps(sized(500, 10_240)), steps(sized(500, 204_800)));
    let exponent = (large / small).ln() / 20f64.ln();
    assert!(exponent <= 0.3, "steps grow with specs to the power of {exponent}");
    let wide = steps(sized(4000, 40_960));
    assert!(small.max(large).max(wide) <= 12.0, "{small}, {large} and {wide} steps");
}
