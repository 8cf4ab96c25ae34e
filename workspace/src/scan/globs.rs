//! The globs of `include` and `exclude`.

use super::problems::ScanError;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Checks a glob of `include` or `exclude`.
///
/// # Errors
/// When it is none, or not relative to the workspace.
pub fn check_glob(glob: &str) -> Result<(), ScanError> {
    Globs::new(&[glob.to_owned()]).map(drop)
}

/// Globs, each of which stands for what it matches and everything below.
#[derive(Clone, Debug)]
pub(crate) struct Globs {
    set: GlobSet,
    /// The deepest folder or file of each glob without a wildcard: there a search begins.
    starts: Vec<String>,
}

impl Globs {
    pub(crate) fn new(globs: &[String]) -> Result<Globs, ScanError> {
        let mut set = GlobSetBuilder::new();
        let mut starts = Vec::new();
        for glob in globs {
            let plain = glob.trim_end_matches('/').trim_start_matches("./");
            // `dist/**` is all of `dist`, and so is the folder itself.
            let plain = plain.strip_suffix("/**").unwrap_or(plain);
            let wrong = |detail: String| ScanError::Glob { glob: glob.clone(), detail };
            if plain.is_empty() || plain.starts_with('/') || plain.split('/').any(|part| part == "..") {
                return Err(wrong("it is not relative to the workspace".to_owned()));
            }
            let built = GlobBuilder::new(plain).literal_separator(true).build();
            set.add(built.map_err(|error| wrong(error.kind().to_string()))?);
            let literal = plain.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
            starts.push(literal.collect::<Vec<_>>().join("/"));
        }
        let set = set
            .build()
            .map_err(|error| ScanError::Glob { glob: globs.join(", "), detail: error.kind().to_string() })?;
        Ok(Globs { set, starts })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Where the globs can match at all.
    pub(crate) fn starts(&self) -> &[String] {
        &self.starts
    }

    /// True when the path itself matches.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.set.is_match(path)
    }

    /// True when the path or a folder that it is in matches.
    pub(crate) fn covers(&self, path: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| self.matches(&path[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_stands_for_all_that_is_below() {
        let globs =
            |globs: &[&str]| Globs::new(&globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>());
        let table = [
            ("dist/**", "dist/a/b", true),
            ("dist/**", "dist", true),
            ("dist", "dist/a/b", true),
            ("./dist/", "dist/a", true),
            ("dist/*.js", "dist/a/b.js", false),
            ("dist/*.js", "dist/b.js", true),
            ("**/dist", "packages/x/dist/y", true),
            ("dist", "packages/x/dist/y", false),
            ("*.log", "a.log", true),
            ("*.log", "b/a.log", false),
        ];
        for (glob, path, covered) in table {
            assert_eq!(globs(&[glob]).expect(glob).covers(path), covered, "{glob} {path}");
        }
        assert_eq!(globs(&["a/b*/c", "x/y", "*"]).expect("globs").starts(), ["a", "x/y", ""]);
        for wrong in ["", "/etc", "../x", "a/../b", "a[", "/"] {
            assert!(globs(&[wrong]).is_err(), "{wrong:?}");
        }
        assert!(!globs(&[]).expect("none").covers("a"));
    }
}
