//! All frameworks that a project can use: the built-in ones and its own.

use super::builtin;
use super::error::TableError;
use super::model::Framework;
use super::raw::FrameworkTable;
use super::variant;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Frameworks by name.
#[derive(Clone, Debug)]
pub struct Catalogue {
    tables: BTreeMap<String, FrameworkTable>,
}

/// The `[frameworks.NAME]` tables of a document, by name.
pub type Tables = BTreeMap<String, FrameworkTable>;

impl Catalogue {
    /// The frameworks that Part knows.
    pub fn builtin() -> Self {
        Catalogue { tables: builtin::tables() }
    }

    /// These frameworks and a project's own, which may replace or extend them.
    ///
    /// # Errors
    /// When one extends what is not there or itself, or makes no sense.
    pub fn with_user(mut self, user: Tables) -> Result<Self, TableError> {
        let mut done = BTreeMap::new();
        for name in user.keys() {
            let table = self.flatten(name, &user, &mut BTreeSet::new())?;
            check(name, &table)?;
            done.insert(name.clone(), table);
        }
        self.tables.extend(done);
        Ok(self)
    }

    /// `name` of `user` with everything it builds on merged in.
    fn flatten(
        &self,
        name: &str,
        user: &Tables,
        above: &mut BTreeSet<String>,
    ) -> Result<FrameworkTable, TableError> {
        if !above.insert(name.to_owned()) {
            return Err(TableError::Circle { name: name.to_owned() });
        }
        let Some(table) = user.get(name) else { return self.table(name).cloned() };
        let base = match table.extends.as_deref() {
            None => return Ok(table.clone()),
            // A table of the same name as a built-in one may build on it.
            Some(base) if base == name => self.table(base)?.clone(),
            Some(base) => self.flatten(base, user, above)?,
        };
        Ok(base.merge(table.clone()))
    }

    fn table(&self, name: &str) -> Result<&FrameworkTable, TableError> {
        let unknown =
            || TableError::Unknown { name: name.to_owned(), known: self.names().map(String::from).collect() };
        self.tables.get(name).ok_or_else(unknown)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The framework `name` without its variants.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn get(&self, name: &str) -> Result<Framework, TableError> {
        Framework::new(name, self.table(name)?.clone())
    }

    /// The framework `name` as it is used in `folder` (relative, may be empty) of the workspace `root`: with the
    /// variants that apply there. Reads the versions of installed packages and the files that variants name.
    ///
    /// # Errors
    /// When there is none of that name, or such a file cannot be read.
    pub fn resolve(&self, name: &str, root: &Path, folder: &str) -> Result<Framework, TableError> {
        let mut table = self.table(name)?.clone();
        for variant in table.variants.clone() {
            if variant::applies(&variant.when, root, folder)? {
                table = table.merge(*variant.then);
            }
        }
        Framework::new(name, table)
    }
}

/// Checks a table, and with each of its variants.
fn check(name: &str, table: &FrameworkTable) -> Result<(), TableError> {
    Framework::new(name, table.clone())?;
    for (place, variant) in table.variants.iter().enumerate() {
        let key = |key: &str| format!("variants[{place}].{key}");
        if variant.when == Default::default() {
            return Err(TableError::invalid(name, &key("when"), "says nothing"));
        }
        if variant.when.package.is_none() && (variant.when.at_least.is_some() || variant.when.below.is_some())
        {
            return Err(TableError::invalid(name, &key("when"), "compares versions but names no `package`"));
        }
        if variant.when.file.is_none() && variant.when.contains.is_some() {
            return Err(TableError::invalid(name, &key("when.contains"), "names no `file`"));
        }
        if !variant.then.variants.is_empty() || variant.then.extends.is_some() {
            return Err(TableError::invalid(name, &key("then"), "has `variants` or `extends`"));
        }
        Framework::new(name, table.clone().merge((*variant.then).clone()))?;
    }
    Ok(())
}

/// Reads the `[frameworks.NAME]` tables of a whole document, such as `part.toml`; other tables are not looked at.
/// Returns them with the dotted names of unknown keys, which are worth a warning.
///
/// # Errors
/// [`TableError::Parse`] with line and column.
pub fn parse_tables(text: &str) -> Result<(Tables, Vec<String>), TableError> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(default)]
        frameworks: Tables,
    }
    let wrong = |error: toml::de::Error| TableError::parse(text, &error);
    let reader = toml::Deserializer::parse(text).map_err(wrong)?;
    let mut unknown = Vec::new();
    let document: Document =
        serde_ignored::deserialize(reader, |path| unknown.push(path.to_string())).map_err(wrong)?;
    unknown.retain(|key| key.starts_with("frameworks."));
    unknown.sort();
    Ok((document.frameworks, unknown))
}

/// Reads one built-in table.
pub(super) fn parse_table(text: &str) -> Result<(FrameworkTable, Vec<String>), TableError> {
    let wrong = |error: toml::de::Error| TableError::parse(text, &error);
    let reader = toml::Deserializer::parse(text).map_err(wrong)?;
    let mut unknown = Vec::new();
    let table = serde_ignored::deserialize(reader, |path| unknown.push(path.to_string())).map_err(wrong)?;
    Ok((table, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{Millis, ReportFormat};

    fn user(text: &str) -> Result<Catalogue, TableError> {
        let (tables, unknown) = parse_tables(text)?;
        assert_eq!(unknown, Vec::<String>::new());
        Catalogue::builtin().with_user(tables)
    }

    #[test]
    fn the_builtin_tables_are_whole() {
        for (name, text) in builtin::SOURCES {
            let (table, unknown) = parse_table(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(unknown, Vec::<String>::new(), "{name}");
            check(name, &table).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(table.title.is_some() && table.setup.is_some(), "{name} has no title or no setup");
            assert!(table.report.format.is_some(), "{name} has no report");
        }
    }

    #[test]
    fn a_project_can_extend_and_replace() {
        let catalogue = user(
            r#"
            [frameworks.pytest]
            extends = "pytest"
            run.timeout = "7s"
            env.DJANGO = "{scratch}"

            [frameworks.slow]
            extends = "pytest"
            run.timeout = "9s"

            [frameworks.bats]
            specs.globs = ["**/*.bats"]
            run.command = ["bats", "--formatter", "tap", "{spec}"]
            report = { format = "tap", stdout = true }
            "#,
        )
        .expect("valid");
        let pytest = catalogue.get("pytest").expect("pytest");
        assert_eq!(pytest.timeout, Some(Millis::seconds(7)));
        assert_eq!(pytest.report.format, ReportFormat::Junit);
        assert!(pytest.env.contains_key("DJANGO"));
        assert_eq!(catalogue.get("slow").expect("slow").timeout, Some(Millis::seconds(9)));
        assert!(catalogue.get("slow").expect("slow").env.contains_key("DJANGO"));
        assert_eq!(catalogue.get("bats").expect("bats").title, "bats");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let table = [
            ("[frameworks.a\n", "line 1, column 14: "),
            ("x = 1\n\n[frameworks.a]\n  title = 3", "line 4, column 11: "),
            (
                "[frameworks.a]\nrun.command = [\"x\", \"{spce}\"]",
                "line 2, column 15: unknown placeholder {spce}",
            ),
            ("[frameworks.a]\nrun.timeout = \"soon\"", "line 2, column 15: \"soon\" is not a length of time"),
            ("[frameworks.a]\nreport = { format = \"junt\" }", "line 2, column 21: unknown variant `junt`"),
            ("[frameworks.a]\nextends = \"b\"", "there is no framework \"b\" (there are "),
            ("[frameworks.a]\nextends = \"b\"\n[frameworks.b]\nextends = \"a\"", "builds on itself"),
            ("[frameworks.a]\nrun.command = []", "frameworks.a.run.command: names no program"),
            ("[frameworks.a]\nrun.command = [\"make\"]", "frameworks.a.run.command: mentions neither"),
            (
                "[frameworks.a]\nrun.command = [\"x\", \"{spec}\"]\nreport.format = \"tap\"",
                "frameworks.a.report: needs `file` or `stdout = true`",
            ),
            ("[frameworks.a]\nspecs.globs = [\"a[\"]", "frameworks.a.specs.globs: \"a[\" is not a glob"),
            ("[frameworks.a]\nlist_tests.command = [\"x\"]", "frameworks.a.list_tests.parser: is missing"),
        ];
        for (text, part) in table {
            let error = user(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn unknown_keys_are_named() {
        let text = "nonsense = 1\n[frameworks.a]\ntitel = \"A\"\n[frameworks.a.run]\ncomand = []";
        let (_, unknown) = parse_tables(text).expect("readable");
        assert_eq!(unknown, ["frameworks.a.run.comand", "frameworks.a.titel"]);
    }
}
