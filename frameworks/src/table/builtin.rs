//! The built-in tables, embedded.
//!
//! To add a framework: its file under `frameworks/tables`, its line here, a suite under `tests/suites` that runs it
//! for real, and its row in docs/frameworks.md.

use super::catalogue::{Tables, parse_table};

/// Name and text of every built-in table.
pub(super) const SOURCES: [(&str, &str); 15] = [
    ("cypress", include_str!("../../tables/cypress.toml")),
    ("generic", include_str!("../../tables/generic.toml")),
    ("go", include_str!("../../tables/go.toml")),
    ("jest", include_str!("../../tables/jest.toml")),
    ("mocha", include_str!("../../tables/mocha.toml")),
    ("nextest", include_str!("../../tables/nextest.toml")),
    ("node-test", include_str!("../../tables/node-test.toml")),
    ("playwright", include_str!("../../tables/playwright.toml")),
    ("pytest", include_str!("../../tables/pytest.toml")),
    ("vitest", include_str!("../../tables/vitest.toml")),
    ("webdriverio", include_str!("../../tables/webdriverio.toml")),
    ("xctest", include_str!("../../tables/xctest.toml")),
    ("xunit", include_str!("../../tables/xunit.toml")),
    ("xunit-classes", include_str!("../../tables/xunit-classes.toml")),
    ("xunit-console", include_str!("../../tables/xunit-console.toml")),
];

/// All of them.
pub(super) fn tables() -> Tables {
    let mut tables = Tables::new();
    for (name, text) in SOURCES {
        #[expect(clippy::panic, reason = "the tables are part of this crate, and a test reads them all")]
        let (table, _) = parse_table(text).unwrap_or_else(|error| panic!("built-in table {name}: {error}"));
        tables.insert(name.to_owned(), table);
    }
    tables
}
