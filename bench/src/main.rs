//! `part-bench [SCENE...]`: plays the scenes and prints their tables as Markdown.
//!
//! Data on stdout, talk on stderr. Recorded suites are read from the folder in `PART_BENCH_DATA`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing tables is the whole job of this program"
)]

use part_bench::scene::{self, Scene};
use part_bench::{BenchError, traces};
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match run(&names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut chain = vec![error.to_string()];
            let mut cause = error.source();
            while let Some(error) = cause {
                chain.push(error.to_string());
                cause = error.source();
            }
            eprintln!("part-bench: {}", chain.join(": "));
            ExitCode::FAILURE
        }
    }
}

fn run(names: &[String]) -> Result<(), BenchError> {
    let mut scenes = names.iter().map(|name| Scene::named(name)).collect::<Result<Vec<_>, _>>()?;
    if scenes.is_empty() {
        scenes = Scene::ALL.to_vec();
    }
    match traces::folder() {
        Some(folder) => eprintln!("recorded suites: {}", folder.display()),
        None => eprintln!("no recorded suites: {} names no folder; made-up ones only", traces::DATA_VARIABLE),
    }
    for scene in scenes {
        let start = Instant::now();
        for table in scene::play(scene)? {
            println!("{table}");
        }
        eprintln!("{}: {:.1} s", scene.name(), start.elapsed().as_secs_f64());
    }
    Ok(())
}
