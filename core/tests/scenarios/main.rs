//! Scenario transcripts: what is put into the core, and literally what comes out of it.
//!
//! Each `*.txt` beside this file is one scenario, meant to be read. A line that starts with `> ` is a command
//! (`script.rs` lists them), the lines below it are the core's answer: first the records, as `run number: fact`,
//! then the effects, as `-> whom: what`. Lines that start with `#` are for the reader. After every input the
//! core's own audit must find nothing, and folding all records must give the live state.
//!
//! `UPDATE_SCENARIOS=1 cargo test -p part-core --test scenarios` writes the answers anew; read the difference.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario that cannot be read or does not hold must fail"
)]
#![expect(clippy::disallowed_methods, reason = "scenarios are files, and the bans are for the core itself")]

mod render;
mod script;
mod stage;
mod submit;
mod suite;

use script::Block;
use std::fs;
use std::path::{Path, PathBuf};

fn scenario_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let listing = fs::read_dir(&folder).expect("the folder of scenarios can be listed");
    let mut files: Vec<PathBuf> = listing
        .map(|entry| entry.expect("an entry of the folder of scenarios").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files
}

/// Plays a scenario and returns its text with the answers that the core gave.
fn play(path: &Path, text: &str) -> String {
    let mut stage = stage::Stage::new();
    let mut played = String::new();
    for block in script::blocks(text) {
        match block {
            Block::Prose(line) => {
                played.push_str(line);
                played.push('\n');
            }
            Block::Command { line, command } => {
                played.push_str(&format!("> {command}\n"));
                let parsed = script::parse(command)
                    .unwrap_or_else(|problem| panic!("{}:{line}: {command:?}: {problem}", path.display()));
                let place = format!("{}:{line}", path.display());
                for answer in stage.perform(parsed, &place) {
                    played.push_str(&answer);
                    played.push('\n');
                }
            }
        }
    }
    played
}

/// The first place where two texts differ, with the lines around it.
fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let at = expected.iter().zip(&actual).take_while(|(left, right)| left == right).count();
    let excerpt = |lines: &[&str], mark: &str| {
        let from = at.min(lines.len());
        let to = (at + 8).min(lines.len());
        lines[from..to].iter().map(|line| format!("  {mark} {line}\n")).collect::<String>()
    };
    let before =
        expected[at.saturating_sub(4)..at.min(expected.len())].iter().map(|line| format!("    {line}\n"));
    let before: String = before.collect();
    format!("line {}:\n{before}{}{}", at + 1, excerpt(&expected, "-"), excerpt(&actual, "+"))
}

#[test]
fn the_core_answers_as_written() {
    let update = std::env::var_os("UPDATE_SCENARIOS").is_some_and(|value| value == "1");
    let files = scenario_files();
    assert!(files.len() >= 25, "only {} scenarios were found", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("a scenario can be read");
        let played = play(&path, &text);
        if played != text {
            if update {
                // In one step, for the other test reads the same files.
                let fresh = path.with_extension("fresh");
                fs::write(&fresh, &played).expect("a scenario can be written");
                fs::rename(&fresh, &path).expect("a scenario can be replaced");
            } else {
                wrong.push(format!("{} {}", path.display(), difference(&text, &played)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} scenarios differ (- as written, + as played; UPDATE_SCENARIOS=1 rewrites them):\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_scenario_says_what_it_shows() {
    for path in scenario_files() {
        let text = fs::read_to_string(&path).expect("a scenario can be read");
        let mut lines = text.lines();
        let title = lines.next().unwrap_or_default();
        let comment: Vec<&str> = lines.take_while(|line| line.starts_with('#')).collect();
        assert!(title.starts_with("# ") && !title.ends_with('.'), "{}: line 1 is its title", path.display());
        assert!(
            comment.first() == Some(&"#") && comment.len() > 1,
            "{}: below the title and a line with only # comes what it shows",
            path.display()
        );
        assert!(text.contains("\n> "), "{}: it has no command", path.display());
    }
}
