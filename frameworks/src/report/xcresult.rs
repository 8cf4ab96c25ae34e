//! `xcrun xcresulttool get test-results tests`, Xcode 16 and later.
//!
//! **Ids.** `Target/Class/method`, without the `()` of Swift methods: see [`ids::xcode`]. They come from
//! `nodeIdentifierURL` where it is there, else from the bundle's name and `nodeIdentifier`.
//!
//! A test case is one test, whatever its devices, arguments and repetitions; what failed in them is in its detail.

use super::{
    bounds,
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::{clip, location, micros_of_seconds},
    timeouts::failed_or_timed_out,
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    node_type: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    node_identifier: Option<String>,
    #[serde(rename = "nodeIdentifierURL", default)]
    node_identifier_url: Option<String>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    duration_in_seconds: Option<f64>,
    #[serde(default)]
    children: Vec<Node>,
}

pub(super) fn read(source: &Source<'_>, spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let report: Report = json::document(source, all)?;
    for node in &report.test_nodes {
        walk(node, &Above { bundle: "", titles: String::new() }, source, spec, all)?;
    }
    Ok(())
}

/// Bytes of a device's or argument's name, which every failure in it repeats.
const PLACE_BYTES: usize = 256;

struct Above<'a> {
    bundle: &'a str,
    titles: String,
}

/// Reads a node; the depth is bounded by that of JSON documents.
fn walk(
    node: &Node,
    above: &Above<'_>,
    source: &Source<'_>,
    spec: &str,
    all: &mut Collector,
) -> Result<(), ReportError> {
    let mark = all.mark();
    let below = match node.node_type.as_str() {
        "Test Case" => return all.test(source, node.test_case(above, spec)),
        "Unit test bundle" | "UI test bundle" => Above { bundle: &node.name, titles: node.name.clone() },
        "Test Suite" => {
            let titles = clip(&ids::titles(&[&above.titles, &node.name]), bounds::NAME_BYTES);
            Above { bundle: above.bundle, titles }
        }
        // Outside of test cases: a suite's set-up failed, or the app crashed in between.
        "Failure Message" => {
            all.error(ids::titles(&[above.titles.as_str(), &node.name]));
            return Ok(());
        }
        _ => Above { bundle: above.bundle, titles: above.titles.clone() },
    };
    for child in &node.children {
        walk(child, &below, source, spec, all)?;
    }
    if node.result.as_deref() == Some("Failed") && !all.has_failed_since(mark) {
        all.error(format!("{} `{}` failed, but nothing in it did", node.node_type, node.name));
    }
    Ok(())
}

impl Node {
    fn test_case(&self, above: &Above<'_>, spec: &str) -> TestResult {
        let mut failures = Vec::new();
        self.failures(&[], &mut failures);
        let first = failures.first().map_or("", String::as_str);
        let outcome = match self.result.as_deref() {
            Some("Passed" | "Expected Failure") => TestOutcome::Passed,
            Some("Skipped") => TestOutcome::Skipped,
            Some(_) | None => failed_or_timed_out(&[without_place(first).0]),
        };
        let mut test = result(self.id(above), ids::titles(&[above.titles.as_str(), &self.name]), outcome);
        let seconds = self.duration_in_seconds.or_else(|| self.duration.as_deref().and_then(seconds));
        test.duration_micros = seconds.and_then(micros_of_seconds);
        test.retries = u32::try_from(self.repetitions().saturating_sub(1)).unwrap_or(u32::MAX);
        let (message, place) = without_place(first);
        test.location = place.and_then(|(file, line)| location(spec, file, Some(line)));
        test.message = match self.result.as_deref() {
            Some("Expected Failure") => Some(format!("failed as expected {message}").trim_end().to_owned()),
            Some("Passed") if test.retries == 0 => None,
            Some("Passed" | "Failed" | "Skipped") if !message.is_empty() => Some(message.to_owned()),
            Some("Passed" | "Failed" | "Skipped") => self.details.clone(),
            other => Some(
                format!("the result is `{}` {message}", other.unwrap_or("missing")).trim_end().to_owned(),
            ),
        };
        test.detail = Some(failures.join("\n\n"));
        test
    }

    fn id(&self, above: &Above<'_>) -> String {
        if let Some(path) = self.node_identifier_url.as_deref().and_then(path_of_url) {
            return ids::xcode(&path).to_owned();
        }
        let own = self.node_identifier.as_deref().unwrap_or(&self.name);
        let id = if above.bundle.is_empty() { own.to_owned() } else { format!("{}/{own}", above.bundle) };
        ids::xcode(&id).to_owned()
    }

    /// Failure messages below, each with the device, arguments or repetition in which it happened.
    fn failures(&self, within: &[&str], failures: &mut Vec<String>) {
        for child in &self.children {
            match child.node_type.as_str() {
                "Failure Message" if within.is_empty() => failures.push(child.name.clone()),
                "Failure Message" => failures.push(format!("{}\n({})", child.name, within.join(", "))),
                "Device" | "Arguments" | "Repetition" | "Test Case Run" | "Test Plan Configuration" => {
                    let name = clip(&child.name, PLACE_BYTES);
                    child.failures(&[within, &[name.as_str()]].concat(), failures);
                }
                _ => child.failures(within, failures),
            }
        }
    }

    /// The most repetitions that any device or argument took.
    fn repetitions(&self) -> usize {
        let own = self.children.iter().filter(|child| child.node_type == "Repetition").count();
        let inner =
            self.children.iter().filter(|child| child.node_type != "Repetition").map(Node::repetitions).max();
        own.max(inner.unwrap_or(0))
    }
}

/// `test://com.apple.xcode/Project/Target/Class/method()` → `Target/Class/method()`.
fn path_of_url(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let mut parts = rest.splitn(3, '/');
    let (_host, _project, path) = (parts.next()?, parts.next()?, parts.next()?);
    (!path.is_empty()).then(|| percent_decoded(path))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex =
            if first == b'%' { tail.get(..2).and_then(|two| std::str::from_utf8(two).ok()) } else { None };
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `CartTests.swift:12: message`, as Xcode writes failures.
fn without_place(text: &str) -> (&str, Option<(&str, u64)>) {
    let place = || {
        let (place, message) = text.split_once(": ")?;
        let (file, line) = place.rsplit_once(':')?;
        let is_source =
            [".swift", ".m", ".mm", ".c", ".cpp"].iter().any(|extension| file.ends_with(extension));
        Some((message, (file, line.parse().ok().filter(|_| is_source)?)))
    };
    match place() {
        Some((message, place)) => (message, Some(place)),
        None => (text, None),
    }
}

/// `0.12s`, `1m 3s`, `2h 1m 0.5s`; a comma for the dot where the machine's locale has one.
fn seconds(text: &str) -> Option<f64> {
    let mut total = 0.0;
    for part in text.split_whitespace() {
        let digits = part.trim_end_matches(char::is_alphabetic);
        let value: f64 = digits.replace(',', ".").parse().ok()?;
        total += value
            * match &part[digits.len()..] {
                "s" | "" => 1.0,
                "ms" => 1e-3,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_things() {
        assert_eq!(seconds("0.12s"), Some(0.12));
        assert_eq!(seconds("0,12s"), Some(0.12));
        assert_eq!(seconds("1m 3s"), Some(63.0));
        assert_eq!(seconds("soon"), None);
        let url = "test://com.apple.xcode/Shop/ShopTests/Cart/adds(_:)%20%C3%A4%2";
        assert_eq!(path_of_url(url).as_deref(), Some("ShopTests/Cart/adds(_:) ä%2"));
        assert_eq!(path_of_url("x"), None);
        assert_eq!(without_place("Cart.swift:12: not: equal"), ("not: equal", Some(("Cart.swift", 12))));
        assert_eq!(without_place("http://x:1: no"), ("http://x:1: no", None));
    }
}
