//! Rules for Rust files: how long they may be, and which of them hold no logic.

use super::complaint::Complaint;

/// Lines without the unit tests. Most files are far below; one that comes near wants to be two.
const MOST_LINES: usize = 800;

/// Complains about a Rust file that is too long, or that holds functions where only docs and re-exports belong.
pub(super) fn check(path: &str, text: &str) -> Vec<Complaint> {
    if !path.ends_with(".rs") || is_test_file(path) || is_sample(path) {
        return Vec::new();
    }
    let code = without_unit_tests(text);
    let mut complaints = Vec::new();
    let lines = code.lines().count();
    if lines > MOST_LINES {
        complaints.push(Complaint::new(
            path,
            format!("has {lines} lines without its tests; split it below {MOST_LINES}"),
        ));
    }
    if path.ends_with("/lib.rs") || path.ends_with("/mod.rs") {
        let found = functions_with_bodies(code);
        complaints.extend(found.first().map(|&line| {
            let count = found.len();
            Complaint::at_line(
                path,
                line,
                format!("lib.rs and mod.rs hold docs and re-exports; move its functions ({count}) to files with names"),
            )
        }));
    }
    complaints
}

/// Integration tests, and files that are all unit tests: below a folder named `tests` that is not the root's.
fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').skip(1).any(|folder| folder == "tests")
}

/// Suites on which frameworks are tried: other people's code, as it were.
fn is_sample(path: &str) -> bool {
    path.starts_with("tests/suites/") || path.starts_with("examples/")
}

/// What comes before the module of unit tests, which is the last thing in a file.
fn without_unit_tests(text: &str) -> &str {
    const MARK: &str = "#[cfg(test)]\nmod ";
    if text.starts_with(MARK) {
        return "";
    }
    text.find(&format!("\n{MARK}")).map_or(text, |at| &text[..=at])
}

/// The lines (from 1) on which a function with a body starts; a method that a trait only names has none.
fn functions_with_bodies(code: &str) -> Vec<usize> {
    const BEFORE: &[&str] = &["pub", "pub(crate)", "pub(super)", "async", "const", "unsafe", "extern"];
    let mut start = 0;
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut words = line.split_whitespace().skip_while(|word| BEFORE.contains(word));
        if words.next() == Some("fn") && has_body(&code[start..]) {
            found.push(index + 1);
        }
        start += line.len() + 1;
    }
    found
}

/// Whether the signature at the start of `code` goes on with `{` rather than with `;`.
fn has_body(code: &str) -> bool {
    let mut depth = 0_usize;
    for c in code.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => return true,
            ';' if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<String> {
        check(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn long_files() {
        let long = "// x\n".repeat(MOST_LINES + 1);
        assert_eq!(said("core/src/state.rs", &long).len(), 1);
        assert_eq!(said("core/src/state.rs", &"// x\n".repeat(MOST_LINES)), Vec::<String>::new());
        assert_eq!(said("core/tests/state.rs", &long), Vec::<String>::new());
        assert_eq!(said("core/src/state/tests.rs", &long), Vec::<String>::new());
        assert_eq!(said("tests/sim/src/model.rs", &long).len(), 1);
        assert_eq!(
            said("core/src/state.rs", &format!("// x\n#[cfg(test)]\nmod tests {{\n{long}}}\n")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn logic_in_the_wrong_place() {
        let text = "//! Docs with fn in them.\npub use x::y;\n\npub(crate) async fn work() {\n}\n";
        assert_eq!(said("core/src/lib.rs", text).len(), 1);
        assert!(said("core/src/lib.rs", text)[0].starts_with("core/src/lib.rs:4: "));
        assert_eq!(said("core/src/plan/mod.rs", text).len(), 1);
        assert_eq!(said("core/src/plan.rs", text), Vec::<String>::new());
        assert_eq!(said("tests/suites/nextest/src/lib.rs", text), Vec::<String>::new());
        let names =
            "pub trait Work {\n    fn a(&self, x: [u8; 4]) -> u8;\n    fn b(\n        &self,\n    );\n}\n";
        assert_eq!(said("core/src/lib.rs", names), Vec::<String>::new());
        assert_eq!(
            said("core/src/lib.rs", "pub mod x;\n#[cfg(test)]\nmod tests {\n    fn help() {}\n}\n"),
            Vec::<String>::new()
        );
    }
}
