//! How a chore fails: one sentence, and what to do about it.

use std::fmt::{self, Display};
use std::process::ExitCode;

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// A chore that could not be done, with its remedy where there is one.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    remedy: Option<String>,
    code: u8,
}

impl Failure {
    /// Something went wrong that the message says all about.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: None, code: FAILED }
    }

    /// The same, with what the reader can do.
    pub(crate) fn with_remedy(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..Self::new(message) }
    }

    /// The command line made no sense (exit code 2).
    pub(crate) fn usage(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::with_remedy(message, remedy) }
    }

    /// What went wrong, without the remedy.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// 1 for a failed chore, 2 for wrong usage.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        match &self.remedy {
            Some(remedy) => writeln!(f, "\n{}", remedy.trim_end()),
            None => Ok(()),
        }
    }
}

/// The errors of xshell already name the command or the file they are about.
impl From<xshell::Error> for Failure {
    fn from(error: xshell::Error) -> Self {
        Self::new(error.to_string())
    }
}
