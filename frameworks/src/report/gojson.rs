//! `go test -json` lines.
//!
//! **Ids.** Tests and subtests as Go names them, `TestCart/adds`; a test and each of its subtests are results of
//! their own, as in the stream. A spec is a package.
//!
//! A failed test's detail is what it wrote, since Go's failures are part of the output. A package that failed with
//! no failed test (did not build, `TestMain`, a race, `os.Exit`) is an error outside tests. The stream has to hold
//! the end of every package that began.
//!
//! Several packages in one report belong to the specs of the same name.

use super::{
    collect::{Collector, result},
    error::ReportError,
    ids, json,
    source::Source,
    text::micros_of_seconds,
};
use part_core::{TestOutcome, TestResult};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    output: String,
    #[serde(default)]
    elapsed: Option<f64>,
    /// In build events since Go 1.24, instead of the package.
    #[serde(default)]
    import_path: String,
    /// The import path whose build failed.
    #[serde(default)]
    failed_build: Option<String>,
}

pub(super) fn read(source: &Source<'_>, _spec: &str, all: &mut Collector) -> Result<(), ReportError> {
    let mut report = Report::default();
    for line in source.lines().filter(|line| !line.text.trim().is_empty()) {
        if line.text.starts_with('{') {
            report.event(json::line(source, line)?);
        } else if !line.complete {
            return Err(source.cut_off("the file ends in the middle of its last line"));
        } else {
            report.plain(line.text, all);
        }
    }
    report.finish(source, all)
}

#[derive(Default)]
struct Report {
    packages: Vec<Package>,
    by_path: HashMap<String, usize>,
    /// What the compiler said, by import path.
    builds: HashMap<String, String>,
    had_problem: bool,
}

#[derive(Default)]
struct Package {
    path: String,
    end: Option<End>,
    output: String,
    failed_build: Option<String>,
    tests: Vec<Test>,
    by_name: HashMap<String, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Skipped,
}

struct Test {
    name: String,
    end: Option<End>,
    seconds: Option<f64>,
    output: String,
}

impl Report {
    fn event(&mut self, event: Event) {
        if event.action == "build-output" {
            self.builds.entry(event.import_path).or_default().push_str(&event.output);
            return;
        }
        if event.action == "build-fail" {
            self.builds.entry(event.import_path).or_default();
            return;
        }
        let at = match self.by_path.get(&event.package) {
            Some(&at) => at,
            None => {
                self.packages.push(Package { path: event.package.clone(), ..Package::default() });
                self.by_path.insert(event.package, self.packages.len() - 1);
                self.packages.len() - 1
            }
        };
        let package = &mut self.packages[at];
        let end = match event.action.as_str() {
            "pass" | "bench" => Some(End::Passed),
            "fail" => Some(End::Failed),
            "skip" => Some(End::Skipped),
            _ => None,
        };
        match event.test {
            Some(name) => package.test(name, &event.action, end, event.elapsed, &event.output),
            None => {
                package.output.push_str(&event.output);
                package.end = end.or(package.end);
                package.failed_build = event.failed_build.or(package.failed_build.take());
            }
        }
    }

    /// A line that Go did not put into an event: before 1.24, packages that did not build.
    fn plain(&mut self, line: &str, all: &mut Collector) {
        if line.starts_with("FAIL\t") {
            self.had_problem = true;
            all.enter(line.split(['\t', ' ']).nth(1).unwrap_or_default());
            all.error(line.replace('\t', " "));
        } else if line != "FAIL" {
            all.leave();
            all.note(format!("skipped a line that is not JSON: {line}"));
        }
    }

    fn finish(self, source: &Source<'_>, all: &mut Collector) -> Result<(), ReportError> {
        if let Some(package) = self.packages.iter().find(|package| package.end.is_none()) {
            return Err(source.cut_off(format!("the file ends before the end of package `{}`", package.path)));
        }
        if self.packages.is_empty() && !self.had_problem {
            return Err(source.cut_off("there is no package in it"));
        }
        let mark = all.mark();
        for package in self.packages {
            package.finish(source, &self.builds, all)?;
        }
        all.leave();
        // A build that failed belongs to a package that says so; one that does not is still a failure.
        if !self.builds.is_empty() && !all.has_failed_since(mark) {
            for (path, output) in &self.builds {
                all.note(format!("while building {path}: {output}"));
            }
        }
        Ok(())
    }
}

impl Package {
    fn test(&mut self, name: String, action: &str, end: Option<End>, seconds: Option<f64>, output: &str) {
        let known = self.by_name.get(&name).copied();
        // With `-count` a test begins again after its end.
        let again = action == "run" && known.is_some_and(|at| self.tests[at].end.is_some());
        let at = match known {
            Some(at) if !again => at,
            Some(_) | None => {
                self.tests.push(Test { name: name.clone(), end: None, seconds: None, output: String::new() });
                self.by_name.insert(name, self.tests.len() - 1);
                self.tests.len() - 1
            }
        };
        let test = &mut self.tests[at];
        test.output.push_str(output);
        if end.is_some() {
            test.end = end;
            test.seconds = seconds;
        }
    }

    fn finish(
        self,
        source: &Source<'_>,
        builds: &HashMap<String, String>,
        all: &mut Collector,
    ) -> Result<(), ReportError> {
        let mark = all.mark();
        all.enter(&self.path);
        let timed_out = self.output.contains(TIMED_OUT);
        for test in &self.tests {
            all.test(source, self.result(test, timed_out))?;
        }
        if self.output.contains("(cached)") && self.output.starts_with("ok")
            || self.output.contains("\t(cached)")
        {
            all.note(format!("{}: Go took the result from its cache and ran nothing", self.path));
        }
        match self.end {
            Some(End::Failed) if !all.has_failed_since(mark) => {
                let build = self.failed_build.as_ref().and_then(|path| builds.get(path));
                let output = build.map_or(self.output.as_str(), String::as_str).trim();
                all.error(format!("{} failed outside its tests\n{output}", self.path));
            }
            Some(End::Skipped) => {
                all.note(format!("{}: {}", self.path, self.output.replace('\t', " ").trim()))
            }
            Some(End::Passed | End::Failed) | None => {}
        }
        Ok(())
    }

    fn result(&self, test: &Test, package_timed_out: bool) -> TestResult {
        let timed_out = test.output.contains(TIMED_OUT);
        let outcome = match test.end {
            Some(End::Passed) => TestOutcome::Passed,
            Some(End::Skipped) => TestOutcome::Skipped,
            Some(End::Failed) if timed_out => TestOutcome::TimedOut,
            None if timed_out || package_timed_out => TestOutcome::TimedOut,
            Some(End::Failed) | None => TestOutcome::Failed,
        };
        let mut result = result(test.name.clone(), self.title(&test.name), outcome);
        result.duration_micros = test.seconds.and_then(micros_of_seconds);
        let output: String = test.output.split_inclusive('\n').filter(|line| !is_frame(line)).collect();
        let said = said(&output);
        match outcome {
            TestOutcome::Passed => result.output = Some(output),
            TestOutcome::Skipped => {
                result.message = said.map(|said| said.text);
                result.output = Some(output);
            }
            TestOutcome::Failed | TestOutcome::TimedOut => {
                if let Some(said) = said {
                    result.location = said.place;
                    result.message = Some(said.text);
                } else if test.end.is_none() {
                    result.message = Some("the package ended before the test did".to_owned());
                }
                result.detail = Some(output);
            }
        }
        result
    }

    /// The name with ` > ` between a test and its subtests. A slash may also be part of a subtest's own name, which
    /// only shows in there being no such parent.
    fn title(&self, name: &str) -> String {
        let mut titles = Vec::new();
        let mut start = 0;
        // Every slash is a look-up: no use in names that nobody reads.
        for (at, _) in name.match_indices('/').take(64) {
            if self.by_name.contains_key(&name[..at]) {
                titles.push(&name[start..at]);
                start = at + 1;
            }
        }
        titles.push(&name[start..]);
        ids::titles(&titles)
    }
}

const TIMED_OUT: &str = "panic: test timed out after ";

/// True for lines that `go test -v` puts around a test's own output.
fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    ["=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "--- PASS: ", "--- FAIL: ", "--- SKIP: "]
        .iter()
        .any(|frame| line.starts_with(frame))
}

struct Said {
    text: String,
    place: Option<String>,
}

/// The first thing that the test said through `t`, or its panic: `    cart_test.go:14: total is 41,`, with further
/// lines indented deeper.
fn said(output: &str) -> Option<Said> {
    let mut lines = output.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("panic: ") {
            return Some(Said { text: line.to_owned(), place: None });
        }
        let Some((place, first)) = spoken(line) else { continue };
        let mut text = first.to_owned();
        for more in lines.take_while(|line| line.starts_with("        ") && spoken(line).is_none()) {
            text.push('\n');
            text.push_str(&more[8..]);
        }
        return Some(Said { text, place: Some(place.to_owned()) });
    }
    None
}

/// Place and text of a line such as `    cart_test.go:14: total is 41`.
fn spoken(line: &str) -> Option<(&str, &str)> {
    let extension = line.find(".go:")?;
    let start = line[..extension].rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (number, text) = line[extension + 4..].split_once(": ")?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((&line[start..extension + 4 + number.len()], text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_said() {
        let output = "counting\nno newline     cart_test.go:14: total is 41,\n        wanted 42\nmore\n";
        let said = said(output).unwrap_or_else(|| unreachable!());
        assert_eq!(said.text, "total is 41,\nwanted 42");
        assert_eq!(said.place.as_deref(), Some("cart_test.go:14"));
        assert_eq!(spoken("x.go:: a"), None);
        assert_eq!(spoken("x.go:12 a"), None);
        assert_eq!(spoken("käse.go:1: "), Some(("käse.go:1", "")));
    }
}
