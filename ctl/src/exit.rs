//! The exit codes: what scripts and CI jobs may rely on. `docs/exit-codes.md` is checked against this list.
//!
//! A failing test run and a failing tool never share a code: only [`Exit::Mesh`] may be retried blindly.

use std::process::ExitCode;

/// How `partctl` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Exit {
    /// All passed; flaky passes count as passes unless `--fail-on-flaky` is given.
    Passed,
    /// At least one spec failed, or one was flaky under `--fail-on-flaky`.
    Failed,
    /// The command line or the configuration is wrong.
    Usage,
    /// The mesh (or this client) could not do what was asked: nothing is said about the tests.
    Mesh,
    /// Nothing ran: no spec matched, or no test was executed.
    NothingRan,
    /// Cancelled, or interrupted by Ctrl-C.
    Interrupted,
    /// Ended by SIGTERM.
    Terminated,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub(crate) const ALL: [Exit; 7] = [
        Exit::Passed,
        Exit::Failed,
        Exit::Usage,
        Exit::Mesh,
        Exit::NothingRan,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The code itself.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Mesh => 3,
            Exit::NothingRan => 4,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// What it means, for the help text and the documentation.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Exit::Passed => "all passed (a flaky pass is a pass, and said)",
            Exit::Failed => "at least one spec failed, or was flaky under --fail-on-flaky",
            Exit::Usage => "the command line or the configuration is wrong",
            Exit::Mesh => "the mesh could not finish it; nothing is said about the tests",
            Exit::NothingRan => "nothing ran: no spec matched, or no test was executed",
            Exit::Interrupted => "cancelled, or interrupted by Ctrl-C",
            Exit::Terminated => "ended by SIGTERM",
        }
    }

    /// The list for `partctl --help`.
    pub(crate) fn help() -> String {
        let mut text = String::from("Exit codes:\n");
        for exit in Exit::ALL {
            text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_code() {
        let text = include_str!("../../docs/exit-codes.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(text.contains(&row), "docs/exit-codes.md lacks the row\n{row}");
        }
    }
}
