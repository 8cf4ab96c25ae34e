//! Every recording under `tests/recordings`, read and compared with what was written down beside it in
//! `expected.txt`; and the promise that no part of a report is ever taken for a pass.
//!
//! After a deliberate change: `PART_WRITE_EXPECTED=1 cargo test -p part-frameworks --test recordings`, then review
//! the difference.

#![expect(clippy::panic, reason = "a test that cannot read its own files has nothing to report but that")]

use part_core::{ReportFormat, TestOutcome, TestResult};
use part_frameworks::report::{Parsed, ReportError, ReportFile, parse};
use proptest::prelude::*;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// A recorded report, with what is to be known for reading it.
struct Recording {
    folder: &'static str,
    file: String,
    format: ReportFormat,
    spec: String,
    bytes: Vec<u8>,
}

/// A recording's spec, by its name up to the first dot.
type Spec = fn(&str) -> String;

const FOLDERS: &[(&str, Spec)] = &[
    ("ctrf", |_| "cart.spec.ts".to_owned()),
    ("go", |name| format!("./{name}")),
    ("handmade", |_| String::new()),
    ("jest", |name| format!("{name}.test.js")),
    ("mocha", |name| format!("{name}.spec.js")),
    ("nextest", |name| if name == "api" { "shop::api".to_owned() } else { "shop".to_owned() }),
    ("node-test", |name| format!("{}.test.js", name.trim_end_matches("-20"))),
    ("playwright", |name| format!("tests/{name}.spec.ts")),
    ("pytest", |name| format!("tests/test_{name}.py")),
    ("tap", |name| format!("{name}.t")),
    ("vitest", |name| format!("{name}.test.js")),
    ("webdriverio", |name| format!("specs/{name}.js")),
];

static RECORDINGS: LazyLock<Vec<Recording>> = LazyLock::new(|| {
    let mut recordings = Vec::new();
    for (folder, spec) in FOLDERS {
        let mut files: Vec<_> = read_dir(&root().join(folder));
        files.sort();
        for path in files {
            let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let Some(format) = format_of(folder, &file) else { continue };
            let spec = spec(file.split('.').next().unwrap_or_default());
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            recordings.push(Recording { folder, file, format, spec, bytes });
        }
    }
    recordings
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn read_dir(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path())
        .collect()
}

/// None for files that are no recordings.
fn format_of(folder: &str, file: &str) -> Option<ReportFormat> {
    let extension = file.rsplit('.').next()?;
    Some(match (folder, extension) {
        (_, "xml") => ReportFormat::Junit,
        (_, "trx") => ReportFormat::Trx,
        (_, "tap") => ReportFormat::Tap,
        ("go", "jsonl") => ReportFormat::GoJson,
        ("handmade", "jsonl") => ReportFormat::GoJson,
        ("nextest", "jsonl") => ReportFormat::NextestJson,
        ("pytest", "jsonl") => ReportFormat::PytestReportLog,
        ("ctrf", "json") => ReportFormat::Ctrf,
        ("handmade", "json") if file == "ctrf.json" => ReportFormat::Ctrf,
        ("handmade", "json") => ReportFormat::XcresultJson,
        ("jest" | "vitest", "json") => ReportFormat::JestJson,
        ("mocha", "json") => ReportFormat::MochaJson,
        ("playwright", "json") => ReportFormat::PlaywrightJson,
        _ => return None,
    })
}

impl Recording {
    fn name(&self) -> String {
        format!("{}/{}", self.folder, self.file)
    }

    fn read(&self, bytes: &[u8]) -> Result<Parsed, ReportError> {
        let name = self.name();
        parse(self.format, &[ReportFile { path: Path::new(&name), bytes }], &self.spec)
    }
}

#[test]
fn recordings_read_as_expected() {
    let write = std::env::var_os("PART_WRITE_EXPECTED").is_some();
    for (folder, _) in FOLDERS {
        let mut found = String::new();
        for recording in RECORDINGS.iter().filter(|recording| recording.folder == *folder) {
            found.push_str(&described(recording));
        }
        let path = root().join(folder).join("expected.txt");
        if write {
            fs::write(&path, &found).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let expected =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let difference = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
        assert_eq!(difference, None, "{}", path.display());
        assert_eq!(found.lines().count(), expected.lines().count(), "{}", path.display());
    }
}

/// A recording's results as text that can be reviewed.
fn described(recording: &Recording) -> String {
    let mut text = format!("=== {}, spec `{}`\n", recording.file, recording.spec);
    match recording.read(&recording.bytes) {
        Err(error) => text.push_str(&format!("cannot be read: {error}\n")),
        Ok(parsed) => {
            for test in &parsed.tests {
                describe_test(test, &mut text);
            }
            for error in &parsed.errors {
                let _ = writeln!(text, "error: {}", one_line(error));
            }
            for note in &parsed.notes {
                let _ = writeln!(text, "note: {}", one_line(note));
            }
        }
    }
    text.push('\n');
    text
}

fn describe_test(test: &TestResult, text: &mut String) {
    let outcome = match test.outcome {
        TestOutcome::Passed => "passed ",
        TestOutcome::Failed => "FAILED ",
        TestOutcome::Skipped => "skipped",
        TestOutcome::TimedOut => "TIMEOUT",
    };
    let _ = write!(text, "{outcome} {}", test.id);
    if let Some(micros) = test.duration_micros {
        let _ = write!(text, " [{}.{:03} ms]", micros / 1000, micros % 1000);
    }
    if test.retries > 0 {
        let _ = write!(text, " (retries: {})", test.retries);
    }
    if let Some(location) = &test.location {
        let _ = write!(text, " @ {location}");
    }
    text.push('\n');
    if test.name != test.id {
        let _ = writeln!(text, "    name: {}", test.name);
    }
    for (what, value) in [("message", &test.message), ("detail", &test.detail), ("output", &test.output)] {
        if let Some(value) = value {
            let _ = writeln!(text, "    {what}: {}", one_line(value));
        }
    }
}

/// The beginning of a text, on one line.
fn one_line(text: &str) -> String {
    const LENGTH: usize = 160;
    let line = text.trim_end().replace('\n', "⏎").replace('\u{1b}', "␛");
    let cut: String = line.chars().take(LENGTH).collect();
    if cut.len() < line.len() { format!("{cut}… ({} bytes)", text.len()) } else { cut }
}

/// Reports of several packages or binaries: nothing in them says how many there are to be, so one that is cut off
/// exactly between two cannot be told from a whole one. A spec is one package or binary, so Part makes no such report.
const SEVERAL: &[&str] =
    &["go/several.jsonl", "nextest/all.jsonl", "nextest/all.plus.jsonl", "nextest/none.jsonl"];

/// What may come of the first `end` bytes of a recording: an error, a failure, or the same as from the whole.
fn check_cut(recording: &Recording, whole: &Result<Parsed, ReportError>, end: usize) {
    let Ok(parsed) = recording.read(&recording.bytes[..end]) else { return };
    if parsed.has_failed() {
        return;
    }
    let same = whole.as_ref().is_ok_and(|whole| whole.tests == parsed.tests && whole.errors == parsed.errors);
    assert!(same, "the first {end} bytes of {} are taken for a pass", recording.name());
}

#[test]
fn a_report_that_is_cut_off_never_passes() {
    for recording in RECORDINGS.iter().filter(|recording| !SEVERAL.contains(&recording.name().as_str())) {
        let whole = recording.read(&recording.bytes);
        let length = recording.bytes.len();
        // All of a small recording; of a large one the ends of its lines and a sample.
        let step = (length / 100).max(1);
        let line_ends =
            recording.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let line_ends: Vec<_> = line_ends.collect();
        let line_step = (line_ends.len() / 40).max(1);
        for end in line_ends.into_iter().step_by(line_step) {
            for end in [end, end + 1, (end + 2).min(length)] {
                check_cut(recording, &whole, end);
            }
        }
        for end in (0..=length).step_by(step) {
            check_cut(recording, &whole, end);
        }
    }
}

/// The same for every single byte. Takes minutes; run it after a change to a reader.
#[test]
#[ignore = "takes minutes"]
fn a_report_that_is_cut_off_anywhere_never_passes() {
    for recording in RECORDINGS.iter().filter(|recording| !SEVERAL.contains(&recording.name().as_str())) {
        let whole = recording.read(&recording.bytes);
        for end in 0..=recording.bytes.len() {
            check_cut(recording, &whole, end);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_reports_never_panic(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..20),
        format in any::<prop::sample::Index>(),
        other_format in prop::bool::weighted(0.1),
    ) {
        let recording = which.get(&RECORDINGS);
        let mut bytes = recording.bytes.clone();
        for (at, byte, what) in edits {
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => {}
            }
        }
        // Some in a format that they are not in.
        let formats: Vec<_> = RECORDINGS.iter().map(|recording| recording.format).collect();
        let format = if other_format { *format.get(&formats) } else { recording.format };
        let file = ReportFile { path: Path::new("damaged"), bytes: &bytes };
        let _ = parse(format, &[file], &recording.spec);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), which in any::<prop::sample::Index>()) {
        let format = which.get(&RECORDINGS).format;
        let result = parse(format, &[ReportFile { path: Path::new("noise"), bytes: &bytes }], "spec");
        prop_assert!(result.is_err() || result.is_ok_and(|parsed| parsed.tests.is_empty()));
    }
}
