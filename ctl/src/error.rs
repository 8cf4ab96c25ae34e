//! What `partctl` says when it cannot do what was asked: a kind, a chain of causes, and hints.
//!
//! Chains are printed in one place, [`CliError::render`].

use crate::exit::Exit;
use crate::text::{Palette, clean};
use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// What sort of trouble it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The command line asks for something that is not there or makes no sense.
    Usage,
    /// `part.toml` or the environment is wrong.
    Config,
    /// Nothing is left to run.
    NothingToRun,
    /// The mesh is not there, refuses, or broke.
    Mesh,
    /// A file or stream of this machine could not be read or written.
    Local,
}

impl Kind {
    /// The exit code that goes with it.
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Kind::Usage | Kind::Config => Exit::Usage,
            Kind::NothingToRun => Exit::NothingRan,
            Kind::Mesh | Kind::Local => Exit::Mesh,
        }
    }

    /// Its name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Config => "config",
            Kind::NothingToRun => "nothing_to_run",
            Kind::Mesh => "mesh",
            Kind::Local => "local",
        }
    }
}

/// An error as people see it.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: Kind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hints: Vec<String>,
}

impl CliError {
    /// An error without a cause of its own.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        CliError { kind, message: message.into(), source: None, hints: Vec::new() }
    }

    /// Another error, told as its own words with its causes.
    pub(crate) fn of(kind: Kind, error: impl StdError + Send + Sync + 'static) -> Self {
        let message = error.to_string();
        // Its own words are the message; the chain begins below it, because what repeats is left out.
        CliError::new(kind, message).because(error)
    }

    /// An error on the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        CliError::new(Kind::Usage, message)
    }

    /// An error of the mesh.
    pub(crate) fn mesh(message: impl Into<String>) -> Self {
        CliError::new(Kind::Mesh, message)
    }

    /// A file of this machine that could not be used.
    pub(crate) fn file(doing: &str, path: &Path, source: std::io::Error) -> Self {
        CliError::new(Kind::Local, format!("cannot {doing} {}", path.display())).because(source)
    }

    /// Adds the cause.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what the user may do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What sort of trouble it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The hints.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The causes as texts, the nearest first; a cause that only repeats what is said already is left out.
    pub(crate) fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut said = self.message.clone();
        let mut next: Option<&(dyn StdError + 'static)> = self.source.as_deref().map(|source| source as _);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.contains(&text) {
                causes.push(text.clone());
                said = text;
            }
            next = cause.source();
        }
        causes
    }

    /// The error for stderr, with a line end.
    pub(crate) fn render(&self, palette: Palette) -> String {
        let mut text =
            format!("{} {}\n", palette.fail("error:"), clean::block(&self.message, palette.into()));
        for cause in self.causes() {
            let shown = clean::block(&cause, palette.into()).replace('\n', "\n             ");
            text.push_str(&format!("  {} {shown}\n", palette.dim("caused by:")));
        }
        for hint in &self.hints {
            text.push_str(&format!("  {} {}\n", palette.note("hint:"), clean::block(hint, palette.into())));
        }
        text
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for CliError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_exit_codes() {
        let table =
            [(Kind::Usage, 2), (Kind::Config, 2), (Kind::NothingToRun, 4), (Kind::Mesh, 3), (Kind::Local, 3)];
        for (kind, code) in table {
            assert_eq!(kind.exit().code(), code, "{kind:?}");
        }
    }

    #[test]
    fn the_chain_and_the_hints_are_shown_and_nothing_twice() {
        let inner = std::io::Error::other("disk is \u{1b}[2Jfull");
        let error = CliError::file("write", Path::new("report.xml"), inner).hint("free some space");
        assert_eq!(
            error.render(Palette::PLAIN),
            "error: cannot write report.xml\n  caused by: disk is full\n  hint: free some space\n"
        );
        let said = CliError::mesh("no daemon: refused").because(std::io::Error::other("refused"));
        assert_eq!(said.render(Palette::PLAIN), "error: no daemon: refused\n");
    }
}
