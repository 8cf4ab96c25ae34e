//! What names a workspace may hold: those that every file system in use takes, that stay inside, and that stay apart.

use crate::bounds;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// A rule that a name breaks.
///
/// Adding one: its text below, the check here, the property test, and `docs/workspace.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// It is not UTF-8.
    NotText,
    /// It is empty, absolute, or has an empty part, `.` or `..`.
    Shape,
    /// It has control characters.
    Control,
    /// It has a character that other systems use for something else.
    Character(char),
    /// A part ends with a dot or a blank.
    Ending,
    /// A part is a device's name on Windows.
    Reserved(String),
    /// A part is too long.
    LongName,
    /// The whole is too long.
    LongPath,
    /// It differs from another one only by case or by how its characters are composed.
    Collision(String),
    /// A link with an absolute target.
    AbsoluteLink(String),
    /// A link that leads out of the workspace, or might.
    EscapingLink(String),
    /// A link whose target is empty or too long.
    LinkTarget,
    /// A socket, a FIFO, a device.
    SpecialFile(&'static str),
    /// One file is too large.
    LargeFile {
        /// Its size.
        bytes: u64,
        /// The largest allowed.
        limit: u64,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::NotText => f.write_str("the name is not UTF-8"),
            Rule::Shape => f.write_str("it is no path below the workspace"),
            Rule::Control => f.write_str("the name has control characters"),
            Rule::Character(c) => write!(f, "the name has a {c:?}, which other systems do not take"),
            Rule::Ending => {
                f.write_str("a name that ends with a dot or a blank is not taken by other systems")
            }
            Rule::Reserved(name) => write!(f, "{name:?} is a device on other systems"),
            Rule::LongName => write!(f, "a name has at most {} bytes", bounds::COMPONENT_BYTES),
            Rule::LongPath => write!(f, "a path has at most {} bytes", bounds::PATH_BYTES),
            Rule::Collision(other) => {
                write!(f, "other systems take it for {other:?}, which differs only by case or composition")
            }
            Rule::AbsoluteLink(target) => write!(f, "it is a link to the absolute path {target:?}"),
            Rule::EscapingLink(target) => {
                write!(f, "it is a link that leads out of the workspace, to {target:?}")
            }
            Rule::LinkTarget => {
                write!(f, "it is a link whose target is empty or has more than {} bytes", bounds::LINK_BYTES)
            }
            Rule::SpecialFile(kind) => write!(f, "it is a {kind}"),
            Rule::LargeFile { bytes, limit } => {
                write!(f, "it has {bytes} bytes, one file may have {limit}")
            }
        }
    }
}

/// Checks a path relative to the workspace's root, its parts parted by `/`.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_path(path: &str) -> Result<(), Rule> {
    if path.len() > bounds::PATH_BYTES {
        return Err(Rule::LongPath);
    }
    path.split('/').try_for_each(check_name)
}

fn check_name(name: &str) -> Result<(), Rule> {
    if matches!(name, "" | "." | "..") {
        return Err(Rule::Shape);
    }
    if name.len() > bounds::COMPONENT_BYTES {
        return Err(Rule::LongName);
    }
    if name.chars().any(char::is_control) {
        return Err(Rule::Control);
    }
    if let Some(c) = name.chars().find(|c| matches!(c, ':' | '\\')) {
        return Err(Rule::Character(c));
    }
    if name.ends_with(['.', ' ']) {
        return Err(Rule::Ending);
    }
    if is_reserved(name) {
        return Err(Rule::Reserved(name.to_owned()));
    }
    Ok(())
}

/// Devices of Windows: with any extension, in any case.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    let named = |names: &[&str]| names.iter().any(|device| stem.eq_ignore_ascii_case(device));
    if named(&["con", "prn", "aux", "nul", "conin$", "conout$"]) {
        return true;
    }
    let mut chars = stem.chars();
    let digit = chars.next_back();
    // The superscripts count as digits there.
    digit.is_some_and(|digit| matches!(digit, '0'..='9' | '¹' | '²' | '³'))
        && (chars.as_str().eq_ignore_ascii_case("com") || chars.as_str().eq_ignore_ascii_case("lpt"))
}

/// The form in which two paths are equal that a file system might take for one: composed, and without case.
pub fn folded(path: &str) -> Cow<'_, str> {
    if path.is_ascii() {
        if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(path.to_ascii_lowercase());
        }
        return Cow::Borrowed(path);
    }
    // Upper and then lower case is what full case folding comes to, but for letters that no file system folds.
    let plain: String = path.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    Cow::Owned(plain.nfc().collect())
}

/// Checks what a link at `path` leads to: a place inside the workspace, whatever other links there are on the way.
/// `folders` are the real folders of the workspace: only out of those a `..` leads to a place that is known.
///
/// # Errors
/// The rule that it breaks.
pub fn check_link(path: &str, target: &str, folders: &BTreeSet<&str>) -> Result<(), Rule> {
    if target.is_empty() || target.len() > bounds::LINK_BYTES {
        return Err(Rule::LinkTarget);
    }
    if target.starts_with('/') {
        return Err(Rule::AbsoluteLink(target.to_owned()));
    }
    if target.chars().any(char::is_control) {
        return Err(Rule::Control);
    }
    if let Some(c) = target.chars().find(|c| matches!(c, ':' | '\\')) {
        return Err(Rule::Character(c));
    }
    let mut at: Vec<&str> = path.split('/').collect();
    at.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                let here = at.join("/");
                let known = here.is_empty() || folders.contains(here.as_str());
                if at.pop().is_none() || !known {
                    return Err(Rule::EscapingLink(target.to_owned()));
                }
            }
            name => at.push(name),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_some_system_does_not_take_are_refused_with_the_rule() {
        let fine = [
            "a",
            "a/b.c",
            ".env",
            "…/日本",
            "[id].tsx",
            "a b",
            "com",
            "com10",
            "console",
            "nulls.rs",
            "x?*<>|\"",
            "~",
        ];
        for path in fine {
            assert_eq!(check_path(path), Ok(()), "{path:?}");
        }
        let table = [
            ("", Rule::Shape),
            ("/a", Rule::Shape),
            ("a/", Rule::Shape),
            ("a//b", Rule::Shape),
            ("./a", Rule::Shape),
            ("a/../b", Rule::Shape),
            ("a\nb", Rule::Control),
            ("a\0", Rule::Control),
            ("a\u{85}", Rule::Control),
            ("c:d", Rule::Character(':')),
            ("a\\b", Rule::Character('\\')),
            ("a./b", Rule::Ending),
            ("a ", Rule::Ending),
            ("src/aux.c", Rule::Reserved("aux.c".to_owned())),
            ("NUL", Rule::Reserved("NUL".to_owned())),
            ("Com1.tar.gz", Rule::Reserved("Com1.tar.gz".to_owned())),
            ("lpt²", Rule::Reserved("lpt²".to_owned())),
        ];
        for (path, rule) in table {
            assert_eq!(check_path(path), Err(rule), "{path:?}");
        }
        assert_eq!(check_path(&"x".repeat(256)), Err(Rule::LongName));
        assert_eq!(check_path(&vec!["x".repeat(200); 6].join("/")), Err(Rule::LongPath));
    }

    #[test]
    fn names_that_are_one_on_some_system_fold_to_one() {
        for (one, other) in [
            ("README", "readme"),
            ("Ä", "a\u{308}"),
            ("straße", "STRASSE"),
            ("ΑΣ", "ας"),
            ("ﬁ", "FI"),
            ("a/B", "A/b"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("a"), folded("b"));
        assert_ne!(folded("ä"), folded("a"));
    }

    #[test]
    fn links_stay_inside_whatever_other_links_there_are() {
        let folders = BTreeSet::from(["a", "a/b", "a/b/c"]);
        let table = [
            ("l", "a/b", true),
            ("l", "gone", true),
            ("a/l", "../x", true),
            ("a/b/l", "../../x", true),
            ("a/l", "b/../b/c", true),
            ("l", "./a//b/", true),
            ("l", "..", false),
            ("a/l", "../../x", false),
            // `up` may be a link to the root, and then this would be above it.
            ("l", "up/../x", false),
            ("l", "a/../../x", false),
            ("l", "/etc/passwd", false),
            ("l", "", false),
            ("l", "c:x", false),
        ];
        for (path, target, fine) in table {
            assert_eq!(check_link(path, target, &folders).is_ok(), fine, "{path} -> {target}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_accepted_stays_below_the_root(path in "[a-zA-Z./ :\\\\\u{0}-\u{20}äÄ…]{0,40}") {
            if check_path(&path).is_ok() {
                let joined = std::path::Path::new("/root").join(&path);
                let parts: Vec<_> = joined.components().skip(2).collect();
                prop_assert!(!parts.is_empty());
                prop_assert!(parts.iter().all(|part| matches!(part, std::path::Component::Normal(_))));
                prop_assert_eq!(parts.len(), path.split('/').count());
            }
        }

        #[test]
        fn folding_is_stable_and_takes_case_and_composition_away(path in "\\PC{0,20}") {
            let once = folded(&path).into_owned();
            prop_assert_eq!(folded(&once), once.as_str());
            let (composed, taken_apart): (String, String) = (path.nfc().collect(), path.nfd().collect());
            prop_assert_eq!(folded(&composed), folded(&taken_apart));
        }

        /// Follows accepted links like a kernel would, through other accepted links.
        #[test]
        fn no_chain_of_accepted_links_leaves_the_root(targets in prop::collection::vec("(\\.\\./|[ab]/|l[0-3]/){0,5}[abl]", 4)) {
            let folders = BTreeSet::from(["a", "a/b"]);
            let places = ["l0", "a/l1", "a/b/l2", "l3"];
            let links: Vec<(&str, &str)> = places.iter().copied().zip(targets.iter().map(String::as_str))
                .filter(|(path, target)| check_link(path, target, &folders).is_ok()).collect();
            for (path, target) in &links {
                let mut at: Vec<String> = path.split('/').map(str::to_owned).collect();
                at.pop();
                let mut todo: Vec<String> = target.split('/').rev().map(str::to_owned).collect();
                for _ in 0..40 {
                    let Some(part) = todo.pop() else { break };
                    match part.as_str() {
                        "" | "." => continue,
                        ".." => prop_assert!(at.pop().is_some(), "{path} -> {target} of {links:?}"),
                        name => at.push(name.to_owned()),
                    }
                    let here = at.join("/");
                    if let Some((_, next)) = links.iter().find(|(path, _)| *path == here) {
                        at.pop();
                        todo.extend(next.split('/').rev().map(str::to_owned));
                    } else if !here.is_empty() && !folders.contains(here.as_str()) {
                        break;
                    }
                }
            }
        }
    }
}
