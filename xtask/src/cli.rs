//! The verbs: what can be said to `cargo xtask`, and what each of them starts.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::project::Project;
use crate::setup::Purpose;
use crate::{bench, demo, setup, test, tidy};

/// What `cargo xtask` prints when it is not told what to do.
const HELP: &str = "\
cargo xtask VERB

  demo                      install what the example needs, build, and run examples/shop through Part
  test [-- FILTER...]       install what the tests need, tidy, build, and run every test;
                            with a filter: only the Rust tests whose name contains it
  tidy                      formatting, lints, and the project's own rules
  bench schedule            play the scheduler beside other policies in virtual time, and write
                            the tables of docs/benchmarks.md (about two minutes)
  setup [--for demo|test]   only install what is missing (default: for test)
  help                      this list
";

/// One chore, as asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Print the verbs.
    Help,
    /// Install what is missing.
    Setup(Purpose),
    /// Run the example through Part.
    Demo,
    /// Run every test, or the Rust tests that match these filters.
    Test(Vec<String>),
    /// Check formatting, lints and the project's own rules.
    Tidy,
    /// Play the scheduler beside other policies.
    BenchSchedule,
}

/// Reads the command line; anything unknown is a usage error that names what is known.
pub(crate) fn parse(arguments: &[String]) -> Result<Verb, Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => Ok(Verb::Help),
        ["setup"] => Ok(Verb::Setup(Purpose::Test)),
        ["setup", "--for", purpose] => Purpose::named(purpose).map(Verb::Setup).ok_or_else(|| {
            Failure::usage(format!("cannot set up for `{purpose}`"), "it is `--for demo` or `--for test`")
        }),
        ["demo"] => Ok(Verb::Demo),
        ["test"] => Ok(Verb::Test(Vec::new())),
        ["test", "--", filters @ ..] => Ok(Verb::Test(filters.iter().map(ToString::to_string).collect())),
        ["tidy"] => Ok(Verb::Tidy),
        ["bench", "schedule"] => Ok(Verb::BenchSchedule),
        ["bench", what @ ..] => {
            let what = if what.is_empty() { "nothing".to_owned() } else { what.join(" ") };
            Err(Failure::usage(format!("cannot bench {what}"), HELP))
        }
        [verb @ ("setup" | "demo" | "test" | "tidy"), rest @ ..] => {
            Err(Failure::usage(format!("`{verb}` cannot be told `{}`", rest.join(" ")), HELP))
        }
        [unknown, ..] => Err(Failure::usage(format!("there is no verb `{unknown}`"), HELP)),
    }
}

/// Does it. The exit code is 0 for success; a chore that ends with another program's verdict passes that on.
pub(crate) fn run(verb: Verb) -> Result<ExitCode, Failure> {
    if verb == Verb::Help {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let project = Project::find()?;
    match verb {
        Verb::Help => {}
        Verb::Setup(purpose) => setup::run(&project, purpose)?,
        Verb::Demo => return demo::run(&project),
        Verb::Test(filters) => test::run(&project, &filters)?,
        Verb::Tidy => tidy::run(&project)?,
        Verb::BenchSchedule => bench::schedule(&project)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Verb, String> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        parse(&words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn known_verbs() {
        let cases = [
            ("", Verb::Help),
            ("--help", Verb::Help),
            ("setup", Verb::Setup(Purpose::Test)),
            ("setup --for demo", Verb::Setup(Purpose::Demo)),
            ("demo", Verb::Demo),
            ("test", Verb::Test(vec![])),
            ("test -- junit trx", Verb::Test(vec!["junit".into(), "trx".into()])),
            ("tidy", Verb::Tidy),
            ("bench schedule", Verb::BenchSchedule),
        ];
        for (line, verb) in cases {
            assert_eq!(parsed(line), Ok(verb), "{line}");
        }
    }

    #[test]
    fn what_is_unknown_is_named_with_what_is_known() {
        for (line, says) in [
            ("tset", "no verb `tset`"),
            ("demo fast", "`demo` cannot be told `fast`"),
            ("test junit", "`test` cannot be told `junit`"),
            ("bench fast", "cannot bench fast"),
            ("setup --for fun", "cannot set up for `fun`"),
        ] {
            let message = parsed(line).expect_err(line);
            assert!(message.contains(says) && message.contains("demo"), "{line}: {message}");
        }
    }
}
