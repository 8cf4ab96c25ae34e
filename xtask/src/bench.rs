//! `cargo xtask bench schedule`: plays the scheduler beside other policies in virtual time, and writes what came of it into
//! `docs/benchmarks.md`.

use std::fs;
use std::path::Path;

use xshell::cmd;

use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

/// Where the tables go, between two marks.
const DOCUMENT: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- written by `cargo xtask bench schedule` -->\n";
const END: &str = "<!-- end of what it wrote -->\n";

/// Builds the benchmarks with optimisation, runs them, and puts their tables into the document.
pub(crate) fn schedule(project: &Project) -> Result<(), Failure> {
    let document = project.root().join(DOCUMENT);
    let before = read(&document)?;
    // Before the minutes that it takes: a document without marks has no place for the tables.
    replaced(&before, "")?;
    let sh = project.shell();
    talk::step("building");
    cmd!(sh, "cargo build --release -p part-bench").quiet().run()?;
    talk::step("playing");
    let tables = cmd!(sh, "cargo run --release --quiet -p part-bench").quiet().read()?;
    let after = replaced(&before, &tables)?;
    fs::write(&document, after)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", document.display())))?;
    talk::note(format!("wrote {DOCUMENT}"));
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// The document with these tables between its marks.
fn replaced(document: &str, tables: &str) -> Result<String, Failure> {
    let parts = document.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let Some((head, tail)) = parts else {
        return Err(Failure::with_remedy(
            format!("{DOCUMENT} has no place for the tables"),
            format!("put these two lines where they belong:\n{BEGIN}{END}"),
        ));
    };
    Ok(format!("{head}{BEGIN}\n{}\n\n{END}{tail}", tables.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_replace_what_was_between_the_marks_and_nothing_else() {
        let document = format!("# Head\n\n{BEGIN}old\n{END}\nTail\n");
        let after = replaced(&document, "| new |\n").unwrap_or_default();
        assert_eq!(after, format!("# Head\n\n{BEGIN}\n| new |\n\n{END}\nTail\n"));
        assert_eq!(replaced(&after, "| new |").unwrap_or_default(), after);
    }

    #[test]
    fn a_document_without_marks_is_not_touched() {
        for document in ["", "text", BEGIN, END, &format!("{END}{BEGIN}")] {
            assert!(replaced(document, "new").is_err(), "{document:?}");
        }
    }
}
