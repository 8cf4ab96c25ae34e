//! Globs of relative paths with `/`: `*` stops at a slash, `**` does not, `{a,b}` is either.

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};
use thiserror::Error;

/// Several globs, tried together.
#[derive(Clone, Debug)]
pub(crate) struct Globs(GlobSet);

/// A text that is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{glob:?} is not a glob: {problem}")]
pub struct GlobError {
    /// The text.
    pub glob: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Globs {
    pub(crate) fn new<S: AsRef<str>>(globs: &[S]) -> Result<Self, GlobError> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let glob = glob.as_ref();
            let wrong = |error: globset::Error| GlobError {
                glob: glob.to_owned(),
                problem: error.kind().to_string(),
            };
            let plain = glob.strip_prefix("./").unwrap_or(glob);
            // With `empty_alternates`, `{,x}` is allowed, as in the globs of the JavaScript world.
            let built = GlobBuilder::new(plain).literal_separator(true).empty_alternates(true).build();
            set.add(built.map_err(wrong)?);
        }
        let whole = |error: globset::Error| GlobError {
            glob: globs.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "),
            problem: error.kind().to_string(),
        };
        Ok(Globs(set.build().map_err(whole)?))
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path)
    }

    /// Which of the globs match, by their places in the list.
    pub(crate) fn which(&self, path: &str) -> Vec<usize> {
        self.0.matches_candidate(&Candidate::new(path))
    }
}

/// True when `glob` names one file and nothing else.
pub(crate) fn is_literal(glob: &str) -> bool {
    !glob.contains(['*', '?', '[', '{', '\\', '!'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_people_expect() {
        let table = [
            ("tests/**/test_*.py", "tests/test_a.py", true),
            ("tests/**/test_*.py", "tests/a/b/test_a.py", true),
            ("tests/*.py", "tests/a/test_a.py", false),
            ("./a.sh", "a.sh", true),
            ("**/*.{spec,test}.?(c|m)[jt]s", "a.spec.ts", false),
            ("**/*.{spec,test}.{,c,m}[jt]s", "x/a.spec.mts", true),
            ("**/*.{spec,test}.{,c,m}[jt]s", "a.test.ts", true),
            ("**", "größe/ä.py", true),
        ];
        for (glob, path, matches) in table {
            assert_eq!(Globs::new(&[glob]).expect(glob).matches(path), matches, "{glob} {path}");
        }
        let error = Globs::new(&["a/[b"]).expect_err("unclosed class");
        assert_eq!(error.glob, "a/[b");
    }
}
