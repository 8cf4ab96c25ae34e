//! `cargo xtask VERB`: every chore of the project behind one door.
//!
//! A fresh machine has cargo and nothing else, so this program uses the standard library and a small crate for running
//! commands. It installs what is missing, builds, runs, and checks; the product itself never depends on it.
//!
//! Start with [`cli`] (the verbs), then the module that is named like the verb.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "talking to the terminal is the whole job of this program"
)]

use std::env;
use std::process::ExitCode;

mod bench;
mod cli;
mod demo;
mod failure;
mod json;
mod project;
mod setup;
mod talk;
mod test;
mod tidy;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    match cli::parse(&arguments).and_then(cli::run) {
        Ok(code) => code,
        Err(failure) => {
            eprint!("{failure}");
            failure.exit_code()
        }
    }
}
