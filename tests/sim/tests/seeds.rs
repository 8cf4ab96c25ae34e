//! Plays seeds: those that once failed, many more, and some in meshes that lack a guard.
#![expect(clippy::expect_used, reason = "a broken promise must fail the test")]

use part_sim::{Failure, Figures, LINES, Mutant, play};
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Seeds of every run of the tests. `cargo run -p part-sim -- --seeds N --from M` plays more.
const SEEDS: u64 = 2_000;
/// Seeds in which each missing guard must be noticed.
const NOTICED_WITHIN: u64 = 1_500;

/// Plays seeds on all cores until one fails. Gives the figures of those that ended well, and the lowest that failed.
fn play_all(seeds: std::ops::Range<u64>, mutant: Option<Mutant>) -> (Figures, Option<Failure>) {
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let worker = || {
        let mut total = Figures::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || seed > failed.load(Ordering::Relaxed) {
                return (total, None);
            }
            match play(seed, mutant, LINES) {
                Ok(story) => total.add(&story.figures),
                Err(failure) => {
                    failed.fetch_min(seed, Ordering::Relaxed);
                    return (total, Some(*failure));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        handles.into_iter().map(|handle| handle.join().expect("a thread that plays")).collect()
    });
    let mut total = Figures::default();
    outcomes.iter().for_each(|(figures, _)| total.add(figures));
    let failures = outcomes.into_iter().filter_map(|(_, failure)| failure);
    (total, failures.min_by_key(|failure| failure.seed))
}

#[test]
fn every_promise_holds_for_many_seeds() {
    let (total, failure) = play_all(0..SEEDS, None);
    if let Some(failure) = failure {
        panic!("{failure}");
    }
    println!("{total:#?}");
    // A simulation in which nothing goes wrong proves nothing.
    assert!(total.faults > 10 * SEEDS && total.lost > SEEDS && total.terms > 3 * SEEDS, "{total:?}");
    assert!(
        total.fenced > SEEDS / 10 && total.misfits > SEEDS / 10 && total.answers_lost > SEEDS / 4,
        "{total:?}"
    );
    assert!(total.superseded > SEEDS / 100 && total.runs > SEEDS, "{total:?}");
}

#[test]
fn seeds_that_once_failed_pass() {
    for line in include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let seed = line.split_whitespace().next().and_then(|word| word.parse().ok());
        let seed = seed.unwrap_or_else(|| panic!("{line:?} does not start with a seed"));
        if let Err(failure) = play(seed, None, LINES) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in 0..40 {
        let (first, second) = (play(seed, None, LINES), play(seed, None, LINES));
        assert_eq!(
            first.expect("a story that ends well"),
            second.expect("a story that ends well"),
            "seed {seed}"
        );
    }
}

#[test]
fn every_missing_guard_is_noticed() {
    for mutant in Mutant::ALL {
        let (figures, failure) = play_all(0..NOTICED_WITHIN, Some(mutant));
        let failure =
            failure.unwrap_or_else(|| panic!("{mutant:?} breaks no promise in {NOTICED_WITHIN} seeds"));
        let broken = failure.violation.0.lines().next().unwrap_or_default();
        println!("{mutant:?}: seed {} after {} good ones: {broken:.100}", failure.seed, figures.seeds);
        assert!(!failure.transcript.is_empty() && failure.to_string().contains("--seed"), "{mutant:?}");
    }
}
