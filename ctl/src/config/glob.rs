//! The globs that name specs.

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

/// A glob over paths relative to a suite's folder, with `/` between folders.
///
/// `*` and `?` stay within a folder, `**` crosses folders, `[…]` and `{a,b}` choose. A glob that is, letter for
/// letter, the path of a file always names that file. One that names a folder (`e2e/admin`, `e2e/admin/`,
/// `e2e/admin/**`) stands for the spec files in it, not for every file.
#[derive(Clone, Debug)]
pub struct SpecGlob {
    text: String,
    /// What every path starts with that it speaks of: a quick no for all others.
    prefix: String,
    /// Matches files themselves; none for a glob that names a folder.
    files: Option<GlobMatcher>,
    /// Matches what is inside of the folder that is named.
    inside: Option<GlobMatcher>,
}

/// How a glob speaks of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Not at all.
    Not,
    /// The path lies in a folder that the glob names.
    Inside,
    /// The glob names the path itself.
    Named,
}

/// Text that is no glob over a suite's folder.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GlobError {
    /// There is nothing in it.
    #[error("an empty glob matches nothing")]
    Empty,
    /// It starts at the root of the file system.
    #[error("{0:?} is an absolute path; globs are relative to the suite's folder")]
    Absolute(String),
    /// It has a `..`.
    #[error("{0:?} leads out of the suite's folder")]
    Outside(String),
    /// It starts with an exclamation mark.
    #[error("{0:?} starts with `!`; what is not wanted goes into `exclude`")]
    Negated(String),
    /// It has characters that no spec's name may have.
    #[error("{0:?} has a control character, which no spec's name may have")]
    Control(String),
    /// Its brackets or braces do not fit.
    #[error("{text:?} is not a glob: {reason}")]
    Syntax {
        /// The glob.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl SpecGlob {
    /// Checks and compiles a glob.
    pub fn parse(written: &str) -> Result<Self, GlobError> {
        let owned = || written.to_owned();
        let text = match written {
            "" => return Err(GlobError::Empty),
            text if text.chars().any(char::is_control) => return Err(GlobError::Control(owned())),
            text if text.starts_with('/') => return Err(GlobError::Absolute(owned())),
            text if text.starts_with('!') => return Err(GlobError::Negated(owned())),
            text if text.split('/').any(|part| part == "..") => return Err(GlobError::Outside(owned())),
            text => tidy(text),
        };
        let folder = text.trim_end_matches('/');
        let wild = folder.find(WILDCARDS);
        let everything_in = folder == "**" || folder.ends_with("/**");
        let names_folder = everything_in || folder.len() < text.len();
        let inside = match (everything_in, names_folder || wild.is_none()) {
            (true, _) => Some(compile(folder)?),
            (false, true) => Some(compile(&format!("{folder}/**"))?),
            (false, false) => None,
        };
        let files = if names_folder { None } else { Some(compile(&text)?) };
        let prefix = match wild {
            None => folder,
            Some(wild) => &folder[..folder[..wild].rfind('/').map_or(0, |slash| slash + 1)],
        };
        Ok(SpecGlob { prefix: prefix.to_owned(), files, inside, text })
    }

    /// The glob as it is matched, without a leading `./`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it speaks of a path that is relative to the suite's folder.
    pub(crate) fn reach(&self, path: &str) -> Reach {
        if self.text == path {
            return Reach::Named;
        }
        if !path.starts_with(&self.prefix) {
            return Reach::Not;
        }
        let is =
            |matcher: &Option<GlobMatcher>| matcher.as_ref().is_some_and(|matcher| matcher.is_match(path));
        if is(&self.files) {
            Reach::Named
        } else if is(&self.inside) {
            Reach::Inside
        } else {
            Reach::Not
        }
    }

    /// True when it has no wildcard: it names one file or folder.
    pub(crate) fn is_literal(&self) -> bool {
        !self.text.contains(WILDCARDS)
    }

    /// The folder or file that all of it lies in; empty for the workspace.
    pub(crate) fn prefix(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The part after the last `/`, where it has wildcards and so says what spec files are called.
    pub(crate) fn file_name_part(&self) -> Option<&str> {
        if self.files.is_none() || self.is_literal() {
            return None;
        }
        let mut depth = 0usize;
        let mut start = 0;
        for (at, c) in self.text.char_indices() {
            match c {
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                '/' if depth == 0 => start = at + 1,
                _ => {}
            }
        }
        let part = &self.text[start..];
        (!part.contains('/') && !part.contains("**")).then_some(part)
    }
}

impl PartialEq for SpecGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SpecGlob {}

const WILDCARDS: [char; 5] = ['*', '?', '[', '{', '\\'];

/// The glob without `.` and empty parts; a slash at its end stays. The workspace itself is `**`.
fn tidy(text: &str) -> String {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match parts.as_slice() {
        [] => "**".to_owned(),
        parts if text.ends_with('/') => format!("{}/", parts.join("/")),
        parts => parts.join("/"),
    }
}

fn compile(text: &str) -> Result<GlobMatcher, GlobError> {
    let built = GlobBuilder::new(text).literal_separator(true).empty_alternates(true).build();
    match built {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(GlobError::Syntax { text: text.to_owned(), reason: error.kind().to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_reach_what_people_expect() {
        use Reach::{Inside, Named, Not};
        let table = [
            ("e2e/*.spec.ts", "e2e/a.spec.ts", Named),
            ("e2e/*.spec.ts", "e2e/admin/a.spec.ts", Not),
            ("./e2e/**/*.spec.ts", "e2e/admin/a.spec.ts", Named),
            ("e2e/**/*.spec.ts", "e2e/a.spec.ts", Named),
            ("e2e/{admin,guest}/*.ts", "e2e/guest/x.ts", Named),
            ("e2e/**", "e2e/admin/helper.ts", Inside),
            ("e2e/admin", "e2e/admin/helper.ts", Inside),
            ("e2e/admin/", "e2e/admin/deep/helper.ts", Inside),
            ("e2e/admin", "e2e/administration/x.ts", Not),
            ("e2e/*", "e2e/admin/x.ts", Not),
            ("e2e/*/", "e2e/admin/x.ts", Inside),
            ("**", "anything/at/all", Inside),
            (".", "anything", Inside),
            ("./", "anything", Inside),
            ("e2e//x/./y.ts", "e2e/x/y.ts", Named),
            ("e2e/./", "e2e/x/y.ts", Inside),
            ("e2e/\\*.ts", "e2e/*.ts", Named),
            ("app/[id].spec.ts", "app/[id].spec.ts", Named),
            ("app/[id].spec.ts", "app/d.spec.ts", Named),
            ("-a b/ü*.py", "-a b/über.py", Named),
        ];
        for (glob, path, reach) in table {
            let parsed = SpecGlob::parse(glob).expect(glob);
            assert_eq!(parsed.reach(path), reach, "{glob} on {path}");
        }
    }

    #[test]
    fn what_is_no_glob_says_why() {
        let table = [
            ("", "empty"),
            ("/etc/*", "absolute"),
            ("a/../../b", "leads out"),
            ("!a", "exclude"),
            ("a\nb", "control character"),
            ("a[", "not a glob"),
            ("{a", "not a glob"),
        ];
        for (text, expected) in table {
            let error = SpecGlob::parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn file_name_parts_say_what_specs_are_called() {
        let table = [
            ("**/*.spec.ts", Some("*.spec.ts")),
            ("tests/**/*.{test,spec}.{js,ts}", Some("*.{test,spec}.{js,ts}")),
            ("test_*.py", Some("test_*.py")),
            ("e2e/**", None),
            ("e2e/", None),
            ("e2e/admin", None),
            ("{a/*.ts,b/*.js}", None),
        ];
        for (glob, part) in table {
            let parsed = SpecGlob::parse(glob).expect(glob);
            assert_eq!(parsed.file_name_part(), part, "{glob}");
        }
    }
}
