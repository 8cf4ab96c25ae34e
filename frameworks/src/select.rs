//! Running single tests of a spec.

use crate::build::{BuildError, Built, SuiteOptions, build_with};
use crate::table::{EscapeTable, Framework, Select};
use crate::template::{Filter, Placeholder, Template};
use std::path::Path;
use thiserror::Error;

/// How to run some tests of a spec and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The recipe for it.
    pub built: Built,
    /// What to bind in place of the spec.
    pub specs: Vec<String>,
}

/// Why tests cannot be selected.
#[derive(Debug, Error)]
pub enum SelectError {
    /// The framework has no way.
    #[error("framework {framework:?} cannot run single tests of a spec")]
    Unable {
        /// The framework.
        framework: String,
    },
    /// There is nothing to select.
    #[error("no test of {spec} is selected")]
    Nothing {
        /// The spec.
        spec: String,
    },
    /// The suite does not fit the framework.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// The recipe that runs `tests` of `spec`, by the ids that listings and reports give.
///
/// Frameworks select by name, so that tests of the same name run together, and some run a little more than was asked
/// for: whoever uses this compares what ran with what should have.
///
/// # Errors
/// When the framework cannot select, or the suite does not fit it.
pub fn build_selection(
    framework: &Framework,
    root: &Path,
    options: &SuiteOptions,
    spec: &str,
    tests: &[String],
) -> Result<Selection, SelectError> {
    let unable = || SelectError::Unable { framework: framework.name.clone() };
    let select = framework.select.as_ref().filter(|_| options.command.is_none()).ok_or_else(unable)?;
    if tests.is_empty() {
        return Err(SelectError::Nothing { spec: spec.to_owned() });
    }
    let mut texts: Vec<String> = Vec::with_capacity(tests.len());
    for test in tests {
        let text = select.text(spec, test);
        // Several ids may come to the same text, such as those of one method with different data.
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if let Some(join) = &select.join {
        texts = vec![texts.join(join)];
    }
    if select.replaces_spec {
        let built = build_with(framework, root, options, &[])?;
        return Ok(Selection { built, specs: texts });
    }
    let built = build_with(framework, root, options, &select.arguments(&texts))?;
    Ok(Selection { built, specs: vec![spec.to_owned()] })
}

impl Select {
    /// The text for one test.
    fn text(&self, spec: &str, id: &str) -> String {
        let id = match id.split_once("] › ") {
            Some((project, rest)) if self.drop_project && project.starts_with('[') => rest,
            Some(_) | None => id,
        };
        let id = match &self.cut {
            Some(cut) => id.split_once(cut.as_str()).map_or(id, |(before, _)| before),
            None => id,
        };
        let parts: Vec<String> = match self.id_separator.as_str() {
            "" => vec![self.escaped(id)],
            separator => id.split(separator).map(|part| self.escaped(part)).collect(),
        };
        let name = parts.join(&self.separator);
        let filled = self.test.fill_some(|placeholder| {
            let text = if *placeholder == Placeholder::Test { Some(name.as_str()) } else { None };
            text.or_else(|| placeholder.is_spec().then_some(spec)).map(Template::literal)
        });
        plain(&filled)
    }

    fn escaped(&self, part: &str) -> String {
        match self.escape {
            EscapeTable::None => part.to_owned(),
            EscapeTable::Regex => Filter::Regex.apply(part),
        }
    }

    /// The options, all of them once for each text.
    fn arguments(&self, texts: &[String]) -> Vec<Template> {
        let filled = texts.iter().flat_map(|text| {
            self.options.iter().map(move |option| {
                option.fill_some(|placeholder| {
                    (*placeholder == Placeholder::Tests).then(|| Template::literal(text))
                })
            })
        });
        filled.collect()
    }
}

/// The text of a template without placeholders; others stay as they are written.
fn plain(template: &Template) -> String {
    let unknown = |placeholder: &Placeholder| Err::<String, String>(placeholder.to_string());
    template.fill(unknown).unwrap_or_else(|_| template.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Catalogue;

    #[test]
    fn tests_are_selected_as_each_framework_wants_it() {
        let root = tempfile::tempdir().expect("a folder");
        type Row = (
            &'static str,
            &'static str,
            &'static [&'static str],
            &'static [&'static str],
            &'static [&'static str],
        );
        let table: [Row; 8] = [
            (
                "pytest",
                "t/test_a.py",
                &["T::x[a b]", "y"],
                &["{specs}"],
                &["t/test_a.py::T::x[a b]", "t/test_a.py::y"],
            ),
            (
                "jest",
                "a.js",
                &["cart > adds (1)", "x"],
                &[r"--testNamePattern=^cart adds \(1\)$|^x$"],
                &["a.js"],
            ),
            ("vitest", "a.ts", &["cart > adds"], &["--testNamePattern=^cart (> )?adds$"], &["a.ts"]),
            (
                "playwright",
                "a.spec.ts",
                &["[phone] › cart › adds"],
                &["--grep= cart( | › )adds( @.*)?$"],
                &["a.spec.ts"],
            ),
            ("go", "e.com/s", &["TestA/x y", "TestB"], &["-run=^TestA$|^TestB$"], &["e.com/s"]),
            ("nextest", "s::it", &["a::b"], &["-Ebinary_id(={specs})"], &["s::it) and test(=a::b"]),
            (
                "xunit",
                "T.csproj",
                &["N.T.X(a: 1)", "N.T.X(a: 2)"],
                &["--filter=FullyQualifiedName=N.T.X"],
                &["T.csproj"],
            ),
            ("xctest", "T/Cart", &["T/Cart/testAdds"], &["-only-testing:{specs}"], &["T/Cart/testAdds"]),
        ];
        for (name, spec, tests, arguments, specs) in table {
            let framework = Catalogue::builtin().get(name).expect("there");
            let tests: Vec<String> = tests.iter().map(|test| (*test).to_owned()).collect();
            let selection = build_selection(&framework, root.path(), &SuiteOptions::default(), spec, &tests);
            let selection = selection.expect(name);
            let command = selection.built.recipe.command;
            for argument in arguments {
                // A recipe's texts are templates: what stands for itself is escaped.
                let wanted = [(*argument).to_owned(), Template::literal(*argument).to_string()];
                assert!(
                    command.iter().any(|part| wanted.contains(part)),
                    "{name}: {argument} in {command:?}"
                );
            }
            assert_eq!(selection.specs, specs, "{name}");
        }
    }

    #[test]
    fn some_cannot() {
        let framework = Catalogue::builtin().get("cypress").expect("there");
        let error =
            build_selection(&framework, Path::new("/"), &SuiteOptions::default(), "a", &["x".to_owned()]);
        assert_eq!(
            error.expect_err("no way").to_string(),
            "framework \"cypress\" cannot run single tests of a spec"
        );
    }
}
