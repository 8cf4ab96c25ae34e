//! Plays seeds from the command line.

use part_sim::{Figures, play};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: part-sim --seed N            play one seed and print its figures, or its transcript where it fails
       part-sim --seeds N [--from M]  play N seeds, from M (or 0) on; stops at the first that fails";

/// Which seeds to play.
struct Arguments {
    from: u64,
    count: u64,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
        let (mut seed, mut count, mut from) = (None, None, 0);
        while let Some(word) = words.next() {
            let value = words.next()?.parse().ok()?;
            match word.as_str() {
                "--seed" => seed = Some(value),
                "--seeds" => count = Some(value),
                "--from" => from = value,
                _ => return None,
            }
        }
        match (seed, count) {
            (Some(seed), None) => Some(Arguments { from: seed, count: 1 }),
            (None, Some(count)) => Some(Arguments { from, count }),
            (_, _) => None,
        }
    }
}

fn main() -> io::Result<ExitCode> {
    let (mut out, mut talk) = (io::stdout().lock(), io::stderr());
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        writeln!(talk, "{USAGE}")?;
        return Ok(ExitCode::from(2));
    };
    let started = Instant::now();
    let mut total = Figures::default();
    for seed in arguments.from..arguments.from.saturating_add(arguments.count) {
        match play(seed, None) {
            Ok(story) => total.add(&story.figures),
            Err(failure) => {
                writeln!(out, "{failure}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let took = started.elapsed();
    writeln!(out, "{total:#?}")?;
    writeln!(talk, "{} seeds in {took:.1?}", arguments.count)?;
    Ok(ExitCode::SUCCESS)
}
