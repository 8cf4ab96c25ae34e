//! JUnit XML, in the dialects of pytest, Playwright, Vitest, jest-junit, mocha-junit-reporter (and so Cypress),
//! WebdriverIO, node:test, nextest, gotestsum, Surefire and Gradle, the .NET loggers, xUnit.net, and whatever else
//! keeps to the common core.
//!
//! **Ids.** JUnit says nothing about identity, so this is the rule: `classname > name`, and `name` alone where the
//! class adds nothing: it is empty, equal to the name, the name's end (mocha-junit-reporter) or beginning (xUnit.net),
//! or names the spec itself (Playwright, Vitest, nextest, gotestsum). Where there is no class at all the enclosing suites stand in for
//! it. Three dialects have a rule of their own, so that ids equal those of the framework's listing or native report:
//!
//! - *pytest* (root `pytest tests`, or suite `pytest`): class names below the module joined to the name by `::`, as
//!   in a node id. Its several entries for one test (call and teardown, reruns) become one result.
//! - *node:test* (root without attributes, class `test`): titles of the suites and of the test joined by ` > `.
//! - *WebdriverIO* (suite property `capabilities`): the browser and version in front of the class go. Tries that are
//!   followed by another one, which it writes as skipped tests, become retries.
//!
//! The `junit-parser` crate is not used: it keeps one failure of several, drops character references in text, recurses
//! without bound on nested suites, rejects `time="1,234.5"`, and gives no places for errors.

mod case;
mod identity;
mod suites;

pub(super) use suites::read;
