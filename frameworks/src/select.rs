//! Running single tests of a spec: from a framework's table to what travels in a recipe, and from there to the texts
//! that the framework wants.

use crate::fill::{FillError, Values, parse};
use crate::filter::{Filter, project};
use crate::table::{EscapeTable, Select};
use crate::template::{Placeholder, Template};

/// The texts for `tests` of `spec`, by the template `each`; empty for the ids themselves.
///
/// Several ids may come to the same text, such as those of one method with different data: it stands there once.
pub(crate) fn selected(
    each: &str,
    tests: &[String],
    spec: &str,
    values: &Values<'_>,
) -> Result<Vec<String>, FillError> {
    let each = parse(if each.is_empty() { "{test}" } else { each }, "select.each")?;
    let mut texts: Vec<String> = Vec::with_capacity(tests.len());
    let mut known = std::collections::HashSet::with_capacity(tests.len());
    for test in tests {
        let text = each.fill(|placeholder| {
            if *placeholder == Placeholder::Test {
                Ok(test.clone())
            } else if *placeholder == Placeholder::Project {
                Ok(project(test).0.to_owned())
            } else if placeholder.is_spec() {
                Ok(spec.to_owned())
            } else {
                values.value(placeholder, "select.each")
            }
        })?;
        if known.insert(text.clone()) {
            texts.push(text);
        }
    }
    Ok(texts)
}

impl Select {
    /// Arguments to add to the command, for all tests.
    pub(crate) fn arguments(&self) -> Vec<Template> {
        if self.join.is_some() {
            return self.options.clone();
        }
        let each = self.options.iter().map(|option| {
            option.with_slots(|slot, filters| {
                (*slot == Placeholder::Tests).then(|| (Placeholder::EachTest, filters.to_vec()))
            })
        });
        let each: Vec<Template> = each.collect();
        if each.is_empty() { each } else { vec![Template::joined(&each)] }
    }

    /// The command with the tests in it, where they come in place of the spec.
    pub(crate) fn replaced(&self, command: &[Template]) -> Vec<Template> {
        let tests = if self.join.is_some() { Placeholder::Tests } else { Placeholder::EachTest };
        let part = |part: &Template| {
            part.with_slots(|slot, filters| slot.is_spec().then(|| (tests.clone(), filters.to_vec())))
        };
        if self.replaces_spec { command.iter().map(part).collect() } else { command.to_vec() }
    }

    /// The template for one test: what is done to its id, in filters.
    pub(crate) fn each(&self) -> Template {
        let mut filters = Vec::new();
        if self.drop_project {
            filters.push(Filter::Bare);
        }
        filters.extend(self.cut.clone().map(Filter::Cut));
        let mut between = self.id_separator.clone();
        match self.escape {
            EscapeTable::None => {}
            EscapeTable::Regex => {
                between = Filter::Regex.apply(&between);
                filters.push(Filter::Regex);
            }
        }
        if !between.is_empty() && between != self.separator {
            filters.push(Filter::Swap(between, self.separator.clone()));
        }
        self.test.with_slots(|slot, own| {
            let all = || filters.iter().chain(own).cloned().collect();
            match (slot, self.escape) {
                (Placeholder::Test, _) => Some((Placeholder::Test, all())),
                (Placeholder::Project, EscapeTable::Regex) if own.is_empty() => {
                    Some((Placeholder::Project, vec![Filter::Regex]))
                }
                (_, _) => None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::build::{SuiteOptions, build_recipe};
    use crate::expand::{Bindings, expand};
    use crate::table::Catalogue;
    use std::path::Path;

    /// The arguments with which `tests` of `spec` are run.
    fn argv(name: &str, spec: &str, tests: &[&str]) -> Option<Vec<String>> {
        let root = Path::new("/suite");
        let framework = Catalogue::builtin().get(name).expect("there");
        let recipe = build_recipe(&framework, root, &SuiteOptions::default()).expect(name).recipe;
        recipe.select.as_ref()?;
        let (specs, only) =
            ([spec.to_owned()], tests.iter().map(|test| (*test).to_owned()).collect::<Vec<_>>());
        let somewhere = Path::new("/attempt");
        let bindings = Bindings {
            specs: &specs,
            only: Some(&only),
            workspace: root,
            report: somewhere,
            report_dir: somewhere,
            artifacts: somewhere,
            scratch: somewhere,
            kit: somewhere,
            attempt: 1,
            slot: 0,
        };
        Some(expand(&recipe, &bindings).expect(name).argv)
    }

    #[test]
    fn tests_are_selected_as_each_framework_wants_it() {
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
                &["t/test_a.py::T::x[a b]", "t/test_a.py::y"],
                &["t/test_a.py"],
            ),
            (
                "jest",
                "a.js",
                &["cart > adds (1)", "x"],
                &[r"--testNamePattern=^cart adds \(1\)$|^x$", "a.js"],
                &[],
            ),
            ("vitest", "a.ts", &["cart > adds"], &["--testNamePattern=^cart (> )?adds$", "a.ts"], &[]),
            (
                "playwright",
                "a.spec.ts",
                &["[phone] › cart › adds"],
                &["--grep=^ ?phone ?.* cart( @[^ ]*)*( | › )adds( @.*)?$", r"^/suite/a\.spec\.ts$"],
                &[],
            ),
            ("go", "e.com/s", &["TestA/x y", "TestB", "TestA/z"], &["-run=^TestA$|^TestB$", "e.com/s"], &[]),
            ("nextest", "s::it", &["a::b"], &["-Ebinary_id(=s::it) and test(=a::b)"], &[]),
            (
                "xunit",
                "T.csproj",
                &["N.T.X(a: 1)", "N.T.X(a: 2)"],
                &["--filter=FullyQualifiedName=N.T.X", "T.csproj"],
                &[],
            ),
            ("xctest", "T/Cart", &["T/Cart/testAdds"], &["-only-testing:T/Cart/testAdds"], &[]),
        ];
        for (name, spec, tests, wanted, not) in table {
            let argv = argv(name, spec, tests).expect(name);
            for argument in wanted {
                assert!(argv.iter().any(|part| part == argument), "{name}: {argument} in {argv:?}");
            }
            assert!(!argv.iter().any(|part| not.contains(&part.as_str())), "{name}: {argv:?}");
        }
        assert_eq!(argv("cypress", "a", &["x"]), None, "some cannot");
        let console = argv("xunit-console", "T.dll", &["N.T.X(a: 1)", "N.T.Y"]).expect("it can");
        assert!(console.join(" ").contains("-method N.T.X -method N.T.Y"), "{console:?}");
    }
}
