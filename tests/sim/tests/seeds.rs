//! Plays seeds: those that once failed, many more, and some with a driver that makes a mistake on purpose.
#![expect(clippy::expect_used, clippy::panic, reason = "a broken promise must fail the test")]

use part_sim::{Figures, Sabotage, play};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Seeds of every run of the tests. `cargo run -p part-sim -- --seeds N --from M` plays more.
const SEEDS: u64 = 2_000;

/// Plays seeds on all cores; panics with the transcript of the lowest one that fails.
fn play_all(seeds: std::ops::Range<u64>) -> Figures {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let mut total = Figures::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(total);
            }
            match play(seed, None) {
                Ok(story) => total.add(&story.figures),
                Err(failure) => return Err(failure),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        handles.into_iter().map(|handle| handle.join().expect("a thread that plays")).collect()
    });
    let mut total = Figures::default();
    let mut failures = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(figures) => total.add(&figures),
            Err(failure) => failures.push(failure),
        }
    }
    if let Some(failure) = failures.into_iter().min_by_key(|failure| failure.seed) {
        panic!("{failure}");
    }
    total
}

#[test]
fn every_promise_holds_for_many_seeds() {
    let total = play_all(0..SEEDS);
    // A simulation in which nothing goes wrong proves nothing.
    assert!(total.faults > 5 * SEEDS && total.lost > SEEDS && total.takeovers > SEEDS / 2, "{total:?}");
    assert!(
        total.superseded > SEEDS / 100 && total.batches_lost > SEEDS / 10 && total.runs > SEEDS,
        "{total:?}"
    );
}

#[test]
fn seeds_that_once_failed_pass() {
    for line in include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let seed = line.split_whitespace().next().and_then(|word| word.parse().ok());
        let seed = seed.unwrap_or_else(|| panic!("{line:?} does not start with a seed"));
        if let Err(failure) = play(seed, None) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in 0..40 {
        let (first, second) = (play(seed, None), play(seed, None));
        assert_eq!(
            first.expect("a story that ends well"),
            second.expect("a story that ends well"),
            "seed {seed}"
        );
    }
}

#[test]
fn a_careless_driver_is_found_out() {
    let careless = [
        Sabotage::EffectsBeforeCommit,
        Sabotage::OrdersOverNewerLinks,
        Sabotage::ForgetsSubmissions,
        Sabotage::KeepsLinksOfTheLost,
    ];
    for sabotage in careless {
        let found = (0..SEEDS).find_map(|seed| play(seed, Some(sabotage)).err());
        let failure = found.unwrap_or_else(|| panic!("{sabotage:?} breaks no promise in {SEEDS} seeds"));
        assert!(!failure.transcript.is_empty() && failure.to_string().contains("--seed"), "{sabotage:?}");
    }
}
