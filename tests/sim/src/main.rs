//! Plays seeds from the command line.

use part_sim::{Figures, LINES, Mutant, play};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "usage: part-sim --seed N            play one seed and print its figures, or what happened last where it fails
       part-sim --seeds N [--from M]  play N seeds, from M (or 0) on; stops at the first that fails
       either with --without GUARD    as a mesh that lacks one guard; any other word lists them
                   --lines N          with so many of the last lines of what happened (2000)";

/// Which seeds to play.
struct Arguments {
    from: u64,
    count: u64,
    mutant: Option<Mutant>,
    lines: usize,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
        let (mut seed, mut count, mut from, mut mutant, mut lines) = (None, None, 0, None, LINES);
        while let Some(word) = words.next() {
            let value = words.next()?;
            match word.as_str() {
                "--seed" => seed = Some(value.parse().ok()?),
                "--seeds" => count = Some(value.parse().ok()?),
                "--from" => from = value.parse().ok()?,
                "--without" => {
                    mutant = Some(*Mutant::ALL.iter().find(|known| format!("{known:?}") == value)?)
                }
                "--lines" => lines = value.parse().ok()?,
                _ => return None,
            }
        }
        match (seed, count) {
            (Some(seed), None) => Some(Arguments { from: seed, count: 1, mutant, lines }),
            (None, Some(count)) => Some(Arguments { from, count, mutant, lines }),
            (_, _) => None,
        }
    }
}

fn main() -> io::Result<ExitCode> {
    let (mut out, mut talk) = (io::stdout().lock(), io::stderr());
    let Some(arguments) = Arguments::parse(std::env::args().skip(1)) else {
        writeln!(talk, "{USAGE}\nguards: {:?}", Mutant::ALL)?;
        return Ok(ExitCode::from(2));
    };
    let started = Instant::now();
    let mut total = Figures::default();
    for seed in arguments.from..arguments.from.saturating_add(arguments.count) {
        match play(seed, arguments.mutant, arguments.lines) {
            Ok(story) => total.add(&story.figures),
            Err(failure) => {
                writeln!(out, "{failure}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let took = started.elapsed();
    writeln!(out, "{total:#?}")?;
    let pace = total.seeds as f64 / took.as_secs_f64();
    writeln!(talk, "{} seeds in {took:.1?}: {pace:.0} a second", total.seeds)?;
    Ok(ExitCode::SUCCESS)
}
