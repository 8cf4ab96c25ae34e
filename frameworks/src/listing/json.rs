//! Listings in JSON.

use super::owner::Owners;
use super::parse::Listing;
use crate::report::bounds::JSON_STARTS;
use crate::report::ids;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads a document that may stand behind lines which a configuration or a build printed.
fn document<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let starts = text.lines().scan(0, |offset, line| {
        let start = *offset;
        *offset += line.len() + 1;
        Some((start, line))
    });
    let mut first_error = None;
    let starts = starts.filter(|(_, line)| line.trim_start().starts_with(['{', '[']));
    for (start, _) in starts.take(JSON_STARTS) {
        let Some(rest) = text.get(start..) else { continue };
        match serde_json::from_str(rest) {
            Ok(document) => return Ok(document),
            Err(error) => first_error = first_error.or(Some(error.to_string())),
        }
    }
    Err(first_error.unwrap_or_else(|| "there is no JSON in it".to_owned()))
}

#[derive(Deserialize)]
struct Playwright {
    config: PlaywrightConfig,
    #[serde(default)]
    suites: Vec<PlaywrightSuite>,
    #[serde(default)]
    errors: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaywrightConfig {
    root_dir: String,
}

#[derive(Deserialize)]
struct PlaywrightSuite {
    title: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    specs: Vec<PlaywrightSpec>,
    #[serde(default)]
    suites: Vec<PlaywrightSuite>,
}

#[derive(Deserialize)]
struct PlaywrightSpec {
    title: String,
    tests: Vec<PlaywrightTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlaywrightTest {
    project_name: String,
}

/// `playwright test --list --reporter=json`: files relative to the configuration's root.
pub(super) fn playwright(text: &str, owners: &Owners<'_>, listing: &mut Listing) -> Result<(), String> {
    let report: Playwright = document(text)?;
    if let Some(error) = report.errors.first() {
        return Err(format!("it reports an error: {}", error.get("message").unwrap_or(error)));
    }
    for suite in &report.suites {
        let file = Path::new(&report.config.root_dir).join(&suite.file);
        let Some(spec) = file.to_str().and_then(|file| owners.of(file)) else { continue };
        listing.spec(spec);
        playwright_suite(suite, &mut Vec::new(), spec, listing);
    }
    Ok(())
}

fn playwright_suite<'a>(
    suite: &'a PlaywrightSuite,
    titles: &mut Vec<&'a str>,
    spec: &str,
    listing: &mut Listing,
) {
    for test in &suite.specs {
        titles.push(&test.title);
        for variant in &test.tests {
            listing.test(spec, &ids::playwright(&variant.project_name, titles));
        }
        titles.pop();
    }
    for inner in &suite.suites {
        titles.push(&inner.title);
        playwright_suite(inner, titles, spec, listing);
        titles.pop();
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Jest {
    test_results: Vec<JestFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestFile {
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: String,
    assertion_results: Vec<JestTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JestTest {
    ancestor_titles: Vec<String>,
    title: String,
}

/// The shape of Jest's `--json`.
pub(super) fn jest(text: &str, owners: &Owners<'_>, listing: &mut Listing) -> Result<(), String> {
    let report: Jest = document(text)?;
    for file in report.test_results {
        let Some(spec) = owners.of(&file.name) else { continue };
        if file.status == "failed" && file.assertion_results.is_empty() {
            // A file that cannot be loaded will say so again when it runs.
            listing.notes.push(format!("{spec} could not be listed: {}", file.message.trim()));
            continue;
        }
        listing.spec(spec);
        for mut test in file.assertion_results {
            test.ancestor_titles.push(test.title);
            listing.test(spec, &ids::titles(&test.ancestor_titles));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct VitestTest {
    name: String,
    file: String,
}

/// `vitest list --json`.
pub(super) fn vitest(text: &str, owners: &Owners<'_>, listing: &mut Listing) -> Result<(), String> {
    for test in document::<Vec<VitestTest>>(text)? {
        if let Some(spec) = owners.of(&test.file) {
            listing.test(spec, &test.name);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoEvent {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    output: String,
}

/// `go test -list . -json`: names of tests among other output, by package. Lines that are no events come from the
/// build.
pub(super) fn go(text: &str, listing: &mut Listing) -> Result<(), String> {
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let event: GoEvent = serde_json::from_str(line).map_err(|error| format!("{error} in {line:?}"))?;
        let name = event.output.trim_end();
        // Benchmarks are listed but not run.
        let runs = ["Test", "Example", "Fuzz"].iter().any(|kind| name.starts_with(kind));
        if event.action == "output" && runs && !name.contains(char::is_whitespace) {
            listing.test(&event.package, name);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Nextest {
    rust_suites: BTreeMap<String, NextestSuite>,
}

#[derive(Deserialize)]
struct NextestSuite {
    #[serde(default)]
    testcases: BTreeMap<String, NextestTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct NextestTest {
    filter_match: NextestMatch,
}

#[derive(Deserialize)]
struct NextestMatch {
    status: String,
}

/// `cargo nextest list --message-format json`. Binaries in which nothing would run are no specs.
pub(super) fn nextest(text: &str, listing: &mut Listing) -> Result<(), String> {
    for (binary, suite) in document::<Nextest>(text)?.rust_suites {
        for (test, about) in suite.testcases {
            if about.filter_match.status == "matches" {
                listing.test(&binary, &test);
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Xcode {
    #[serde(default)]
    errors: Vec<Value>,
    values: Vec<XcodePlan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct XcodePlan {
    #[serde(default)]
    enabled_tests: Vec<XcodeTest>,
}

#[derive(Deserialize)]
struct XcodeTest {
    identifier: String,
}

/// `xcodebuild -enumerate-tests`: `Target/Class/test()`. The class is the spec; a test outside of any class, as
/// Swift Testing has them, is one by itself.
pub(super) fn xcode(text: &str, listing: &mut Listing) -> Result<(), String> {
    let report: Xcode = document(text)?;
    if let Some(error) = report.errors.first() {
        return Err(format!("it reports an error: {error}"));
    }
    for test in report.values.into_iter().flat_map(|plan| plan.enabled_tests) {
        let id = ids::xcode(&test.identifier);
        let spec = match id.rsplit_once('/') {
            Some((class, _)) if class.contains('/') => class,
            Some(_) | None => id,
        };
        listing.test(spec, id);
    }
    Ok(())
}
