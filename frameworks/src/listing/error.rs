//! What can be wrong with a listing.

use part_core::ExitStatus;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why there is no listing. The caller decides what that means: specs can run without their tests being listed.
#[derive(Debug, Error)]
pub enum ListError {
    /// The program says that it failed.
    #[error("`{program}` {}{}", exit_text(*.exit), shown_tail(.tail))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        exit: ExitStatus,
        /// The end of what it wrote.
        tail: String,
    },
    /// The file that it should have written cannot be read.
    #[error("reading the listing {}{}", .path.display(), shown_tail(.tail))]
    Read {
        /// The file.
        path: PathBuf,
        /// The end of what the program wrote elsewhere.
        tail: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is not what was expected.
    #[error("the listing of `{program}` is malformed: {what}{}", shown_tail(.tail))]
    Malformed {
        /// The program.
        program: String,
        /// What is wrong with it.
        what: String,
        /// Its end.
        tail: String,
    },
    /// It is above our bound.
    #[error("the listing of `{program}` is larger than {limit} bytes")]
    TooLarge {
        /// The program.
        program: String,
        /// The most that is read.
        limit: u64,
    },
}

fn exit_text(exit: ExitStatus) -> String {
    match exit {
        ExitStatus::Code(code) => format!("exited with code {code}"),
        ExitStatus::Signal(signal) => format!("was killed by signal {signal}"),
    }
}

fn shown_tail(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!("; it wrote:\n{tail}") }
}
