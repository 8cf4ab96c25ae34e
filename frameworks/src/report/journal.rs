//! What a process that runs several specs leaves behind when it does not come to its end: the journal that our helpers
//! (see [`crate::kit`]) write beside the framework's own reports, and what a broken report still holds.
//!
//! A journal has a JSON object per line. `at` is the time in milliseconds since 1970, by the process's own clock:
//!
//! | Line | Says |
//! |---|---|
//! | `{"event":"begin","spec":PATH,"at":MS}` | the spec begins |
//! | `{"event":"test","spec":PATH,"test":NAME}` | one of its tests begins |
//! | `{"event":"end","spec":PATH,"format":FORMAT,"report":TEXT}` | it is over, and this is its whole report |
//!
//! It is written by code under test, like everything here: a line that makes no sense says nothing, and nothing in a
//! journal makes a process that came to its end pass.

use super::bounds::REPORT_BYTES;
use super::collect::Parsed;
use super::parse::{ReportFile, parse, parse_split};
use super::text::owner;
use part_core::ReportFormat;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// How far a spec came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// It began, and did not end.
    Running {
        /// When, in milliseconds since 1970; none where nobody said.
        since_ms: Option<u64>,
        /// The name of its latest test that began; empty where that is not known.
        test: String,
    },
    /// It came to its end, and this is what it did.
    Ended(Parsed),
}

#[derive(Deserialize)]
struct Line {
    event: String,
    spec: String,
    #[serde(default)]
    at: Option<u64>,
    #[serde(default)]
    test: String,
    #[serde(default)]
    format: Option<ReportFormat>,
    #[serde(default)]
    report: String,
}

/// How far each of `specs` came, by a journal. The last line may be cut off.
pub fn read_journal(bytes: &[u8], specs: &[String]) -> Vec<Progress> {
    let mut progress = vec![Progress::Unknown; specs.len()];
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let Ok(line) = serde_json::from_slice::<Line>(line) else { continue };
        let Some(at) = owner(&line.spec, specs) else { continue };
        match (line.event.as_str(), &mut progress[at]) {
            ("begin", known) => *known = Progress::Running { since_ms: line.at, test: String::new() },
            ("test", Progress::Running { test, .. }) => *test = line.test,
            ("test", known) => *known = Progress::Running { since_ms: None, test: line.test },
            ("end", known) => {
                let file = ReportFile { path: Path::new("journal"), bytes: line.report.as_bytes() };
                let parsed = line.format.map(|format| parse(format, &[file], &specs[at]));
                // What cannot be read has not ended: it goes again.
                if let Some(Ok(parsed)) = parsed {
                    *known = Progress::Ended(parsed);
                }
            }
            (_, _) => {}
        }
    }
    progress
}

/// How far each of `specs` came, by a report that is not whole: of a format that is written while the specs run, or of
/// several files that are whole one by one.
pub fn read_pieces(format: ReportFormat, files: &[ReportFile<'_>], specs: &[String]) -> Vec<Progress> {
    let mut progress = vec![Progress::Unknown; specs.len()];
    match format {
        ReportFormat::GoJson => files.iter().for_each(|file| go_packages(file.bytes, specs, &mut progress)),
        ReportFormat::JestJson | ReportFormat::PlaywrightJson | ReportFormat::Junit if files.len() > 1 => {
            for file in files {
                let Ok(split) = parse_split(format, &[*file], specs) else { continue };
                for (known, parsed) in progress.iter_mut().zip(split.specs) {
                    if parsed != Parsed::default() {
                        *known = Progress::Ended(parsed);
                    }
                }
            }
        }
        ReportFormat::ExitCode
        | ReportFormat::Junit
        | ReportFormat::Trx
        | ReportFormat::Ctrf
        | ReportFormat::Tap
        | ReportFormat::NextestJson
        | ReportFormat::PlaywrightJson
        | ReportFormat::JestJson
        | ReportFormat::MochaJson
        | ReportFormat::PytestReportLog
        | ReportFormat::XcresultJson => {}
    }
    progress
}

/// Follows a journal while it is written, for which specs run and since when.
#[derive(Clone, Debug)]
pub struct Follower {
    specs: Vec<String>,
    since_ms: Vec<Option<u64>>,
    rest: Vec<u8>,
}

impl Follower {
    /// Of a journal about these specs, from its start.
    pub fn new(specs: Vec<String>) -> Follower {
        Follower { since_ms: vec![None; specs.len()], specs, rest: Vec::new() }
    }

    /// Takes in what was written since.
    pub fn read(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(line);
            if line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                self.line(&line);
            } else if self.rest.len() as u64 > REPORT_BYTES {
                // Its reader will not take it either.
                self.rest.clear();
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Line>(line) else { return };
        let Some(at) = owner(&line.spec, &self.specs) else { return };
        match line.event.as_str() {
            "begin" => self.since_ms[at] = line.at,
            "end" => self.since_ms[at] = None,
            _ => {}
        }
    }

    /// Since when each of the specs runs, in milliseconds since 1970; none where it does not, or nobody said.
    pub fn running_since(&self) -> &[Option<u64>] {
        &self.since_ms
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoEvent {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    output: String,
}

/// Go's stream holds the end of each package that came to it.
fn go_packages(bytes: &[u8], specs: &[String], progress: &mut [Progress]) {
    let mut lines: HashMap<usize, Vec<u8>> = HashMap::new();
    let mut stopped = HashSet::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        let Ok(event) = serde_json::from_slice::<GoEvent>(line) else { continue };
        let Some(at) = specs.iter().position(|spec| *spec == event.package) else { continue };
        let kept = lines.entry(at).or_default();
        kept.extend_from_slice(line);
        match (event.action.as_str(), event.test) {
            // Whoever stops `go test` stops the package that runs: that is no end of its own.
            ("output", None) if event.output.starts_with("signal: ") => drop(stopped.insert(at)),
            ("pass" | "fail" | "skip", None) if !stopped.contains(&at) => {
                let file = ReportFile { path: Path::new("output"), bytes: kept };
                if let Ok(parsed) = parse(ReportFormat::GoJson, &[file], &specs[at]) {
                    progress[at] = Progress::Ended(parsed);
                }
            }
            ("run", Some(test)) => progress[at] = Progress::Running { since_ms: None, test },
            (_, _) if progress[at] == Progress::Unknown => {
                progress[at] = Progress::Running { since_ms: None, test: String::new() };
            }
            (_, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs() -> [String; 3] {
        ["t/a.js", "t/b.js", "t/c.js"].map(String::from)
    }

    #[test]
    fn a_journal_says_how_far_each_spec_came() {
        let report = r#"{\"testResults\":[{\"name\":\"a\",\"assertionResults\":[{\"title\":\"x\",\"status\":\"passed\"}]}]}"#;
        let text = [
            r#"{"event":"begin","spec":"/w/t/a.js","at":5}"#,
            "nonsense",
            r#"{"event":"test","spec":"/w/t/a.js","test":"x"}"#,
            &format!(r#"{{"event":"end","spec":"/w/t/a.js","format":"jest-json","report":"{report}"}}"#),
            r#"{"event":"begin","spec":"/w/t/b.js","at":7}"#,
            r#"{"event":"test","spec":"/w/t/b.js","test":"y > z"}"#,
            r#"{"event":"begin","spec":"/w/t/elsewhere.js"}"#,
            r#"{"event":"begin","spec":"/w/t/c.js""#,
        ]
        .join("\n");
        let progress = read_journal(text.as_bytes(), &specs());
        let Progress::Ended(ended) = &progress[0] else { panic!("{progress:?}") };
        assert_eq!((ended.tests.len(), ended.tests[0].id.as_str()), (1, "x"));
        assert_eq!(progress[1], Progress::Running { since_ms: Some(7), test: "y > z".to_owned() });
        assert_eq!(progress[2], Progress::Unknown, "its line is cut off");
        // A report that cannot be read is no end.
        let text = "{\"event\":\"begin\",\"spec\":\"t/a.js\"}\n{\"event\":\"end\",\"spec\":\"t/a.js\",\"format\":\"jest-json\",\"report\":\"{\"}\n";
        let progress = read_journal(text.as_bytes(), &specs());
        assert_eq!(progress[0], Progress::Running { since_ms: None, test: String::new() });
    }

    #[test]
    fn a_journal_is_followed_while_it_grows() {
        let mut follower = Follower::new(specs().to_vec());
        follower.read(b"{\"event\":\"begin\",\"spec\":\"t/a.js\",\"at\":5}\n{\"event\":\"be");
        assert_eq!(follower.running_since(), [Some(5), None, None]);
        follower.read(b"gin\",\"spec\":\"t/b.js\",\"at\":7}\n{\"event\":\"end\",\"spec\":\"t/a.js\"}\n");
        assert_eq!(follower.running_since(), [None, Some(7), None]);
    }

    #[test]
    fn a_stream_of_go_says_which_packages_ended() {
        let specs = ["x/a", "x/b", "x/c"].map(String::from);
        let text = [
            r#"{"Action":"start","Package":"x/a"}"#,
            r#"{"Action":"run","Package":"x/a","Test":"TestA"}"#,
            r#"{"Action":"pass","Package":"x/a","Test":"TestA","Elapsed":0.1}"#,
            r#"{"Action":"pass","Package":"x/a","Elapsed":0.2}"#,
            r#"{"Action":"start","Package":"x/b"}"#,
            r#"{"Action":"run","Package":"x/b","Test":"TestB"}"#,
            r#"{"Action":"output","Package":"x/b","Output":"signal: terminated\n"}"#,
            r#"{"Action":"fail","Package":"x/b","Elapsed":0.2}"#,
            r#"{"Action":"out"#,
        ]
        .join("\n");
        let file = ReportFile { path: Path::new("stdout"), bytes: text.as_bytes() };
        let progress = read_pieces(ReportFormat::GoJson, &[file], &specs);
        assert!(matches!(&progress[0], Progress::Ended(parsed) if parsed.tests.len() == 1), "{progress:?}");
        assert_eq!(progress[1], Progress::Running { since_ms: None, test: "TestB".to_owned() });
        assert_eq!(progress[2], Progress::Unknown);
    }
}
