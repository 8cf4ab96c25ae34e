//! After a process: what the shim recorded and the framework reported, turned into what each attempt came to.

use super::artifacts;
use super::blobs::store_file;
use super::prepare::Prepared;
use super::run::{chain, shares, worker_failed};
use super::{Host, Job};
use crate::bounds;
use crate::directory::Directory;
use crate::shim::{ExitRecord, MainEnd, Outcome, OutputRecord, StopCause};
use part_core::{
    Artifact, AttemptOrder, AttemptVerdict, ExitStatus, Finish, LostCause, Millis, Output, ReportFormat,
    TestCounts, TestResult, Timing,
};
use part_frameworks::report::{
    Progress, ReportError, ReportFile, clip, parse_split, read_journal, read_pieces,
};
use part_frameworks::{BatchSpec, Decided, Ending, Judgement, ReportAt, SharedReport, judge_batch};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Turns what is on disk into the tests and the end of each attempt of the process; an error when that cannot be done
/// here.
pub(super) async fn evaluate(
    host: &Host,
    job: &Job,
    prepared: Prepared,
    record: Arc<ExitRecord>,
) -> Result<Vec<(Vec<TestResult>, Finish)>, Box<Finish>> {
    let Judged { reports, decided } = judged(job, &prepared, &record).await?;
    let (output, mut problems) = keep_output(&host.directory, &record.output).await;
    // What the process left is everybody's: nothing says whose a file is.
    let (artifacts, lost) = artifacts::keep(host, prepared, reports).await?;
    problems.extend(lost);
    for problem in &problems {
        tracing::warn!(attempt = %job.order.attempt, problem, "not everything of the attempt was kept");
    }
    let tests: Vec<Millis> = decided.iter().map(tests_time).collect();
    let runs = shares(Millis(record.wall_ms), &tests);
    let ends = decided.into_iter().zip(tests.iter().zip(runs)).map(|(decided, (tests, run))| {
        let timing = Timing { run, tests: *tests, ..Timing::default() };
        end(decided, &record, timing, &problems, &output, &artifacts)
    });
    Ok(ends.collect())
}

/// The sum of an attempt's tests' own durations.
fn tests_time(decided: &Decided) -> Millis {
    match decided {
        Decided::Judged(_, parsed) => {
            Millis(parsed.tests.iter().filter_map(|test| test.duration_micros).sum::<u64>() / 1000)
        }
        Decided::Again(_) => Millis::ZERO,
    }
}

/// One attempt's tests and end.
fn end(
    decided: Decided,
    record: &ExitRecord,
    timing: Timing,
    problems: &[String],
    output: &Output,
    artifacts: &[Artifact],
) -> (Vec<TestResult>, Finish) {
    let (Judgement { verdict, message, missing }, lost, tests) = match decided {
        Decided::Judged(judgement, parsed) => {
            let lost = (judgement.verdict == AttemptVerdict::Lost).then_some(LostCause::WorkerFailed);
            (judgement, lost, parsed.tests)
        }
        Decided::Again(message) => {
            let judgement = Judgement { verdict: AttemptVerdict::Lost, message, missing: Vec::new() };
            (judgement, Some(LostCause::BatchEnded), Vec::new())
        }
    };
    let mut counts = TestCounts::default();
    tests.iter().for_each(|test| counts.add(test));
    let said = std::iter::once(&message).chain(problems).filter(|text| !text.is_empty());
    let message = said.map(String::as_str).collect::<Vec<_>>().join("; ");
    let finish = Finish {
        verdict,
        message: clip(&message, bounds::FINISH_MESSAGE_BYTES),
        lost,
        exit: record.main_end.map(|end| match end {
            MainEnd::Exited { code } => ExitStatus::Code(code),
            MainEnd::Signaled { signal } => ExitStatus::Signal(signal),
        }),
        timing,
        tests: counts,
        missing_tests: bounded(missing),
        output: output.clone(),
        artifacts: artifacts.to_vec(),
        leaked: record.leaked.iter().map(|left| format!("{} {}", left.pid, left.command)).collect(),
        cpu_wait: None,
    };
    (tests, finish)
}

/// As many names as travel well.
fn bounded(mut names: Vec<String>) -> Vec<String> {
    let mut bytes = 0;
    let fitting = names.iter().take(bounds::MISSING_NAMED).take_while(|name| {
        bytes += name.len();
        bytes <= bounds::MISSING_BYTES
    });
    let count = fitting.count();
    names.truncate(count);
    names
}

/// What each attempt of the process came to, and the reports that say so.
struct Judged {
    reports: Vec<PathBuf>,
    decided: Vec<Decided>,
}

/// Reads and judges the reports, on a thread that may take its time: a report can have many megabytes.
async fn judged(job: &Job, prepared: &Prepared, record: &Arc<ExitRecord>) -> Result<Judged, Box<Finish>> {
    let orders: Vec<AttemptOrder> = job.orders().cloned().collect();
    let cancelled: Vec<bool> = orders.iter().map(|order| job.is_asked(order.attempt)).collect();
    let (record, at) = (Arc::clone(record), prepared.invocation.report.clone());
    let (stdout, journal) = (prepared.stdout_file(), prepared.journal());
    let read = move || {
        let names: Vec<String> = orders.iter().map(|order| order.spec.as_ref().to_owned()).collect();
        let format = orders[0].recipe.report.format;
        let found = read_reports(format, &names, &at, stdout);
        let progress = match names.len() {
            1 => vec![Progress::Unknown],
            _ => farthest(found.pieces, progress(&journal, &names)),
        };
        let specs: Vec<BatchSpec<'_>> =
            orders.iter().zip(cancelled).map(|(order, cancelled)| spec_of(order, cancelled)).collect();
        let exit = &orders[0].recipe.exit;
        let ended_ms = record.ended_at_ms;
        let decided = judge_batch(&ending(&record), exit, found.report, &specs, progress, ended_ms);
        Judged { reports: found.files, decided }
    };
    if prepared.invocation.report == ReportAt::Nowhere {
        return Ok(read());
    }
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| worker_failed(format!("reading its report: {error}")))
}

fn spec_of(order: &AttemptOrder, cancelled: bool) -> BatchSpec<'_> {
    BatchSpec {
        expected: order.only.as_deref().or(order.expected_tests.as_deref()),
        selected: order.only.is_some(),
        limit: order.timeout.or(order.recipe.timeout),
        cancelled,
    }
}

/// How far each spec came, by the journal; nothing is known where there is none.
fn progress(journal: &Path, specs: &[String]) -> Vec<Progress> {
    let mut bytes = Vec::new();
    let read = File::open(journal).and_then(|file| file.take(bounds::REPORT_BYTES).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(journal = %journal.display(), %error, "the journal of several specs cannot be read");
        }
        Ok(_) | Err(_) => {}
    }
    read_journal(&bytes, specs)
}

/// The better knowledge of two.
fn farthest(pieces: Vec<Progress>, journal: Vec<Progress>) -> Vec<Progress> {
    let better = |(piece, said)| match (piece, said) {
        (Progress::Unknown, said) => said,
        (Progress::Running { .. }, said @ (Progress::Running { .. } | Progress::Ended(_))) => said,
        (piece, _) => piece,
    };
    pieces.into_iter().zip(journal).map(better).collect()
}

/// What was found of reports.
struct Reports {
    files: Vec<PathBuf>,
    report: SharedReport,
    /// What of a report that is not whole can be used all the same, per spec.
    pieces: Vec<Progress>,
}

fn read_reports(format: ReportFormat, specs: &[String], at: &ReportAt, stdout: PathBuf) -> Reports {
    let none = |files, report| Reports { files, report, pieces: vec![Progress::Unknown; specs.len()] };
    let missing = |place| none(Vec::new(), SharedReport::Missing(place));
    let (files, place) = match at {
        ReportAt::Nowhere => return none(Vec::new(), SharedReport::Nothing),
        ReportAt::Stdout => (vec![stdout], "its standard output".to_owned()),
        ReportAt::Files(pattern) => {
            let place = pattern.base.join(&pattern.glob).display().to_string();
            match pattern.find() {
                Ok(found) => (found.files, place),
                Err(error) => return missing(format!("{place}: {}", chain(&error))),
            }
        }
    };
    let mut contents = Vec::new();
    let mut room = bounds::REPORT_BYTES;
    for file in &files {
        match read_bounded(file, &mut room) {
            Ok(bytes) => contents.push((file.clone(), bytes)),
            Err(ReadFailure::TooLarge) => {
                let limit = bounds::REPORT_BYTES;
                let error = ReportError::TooLarge { path: file.clone(), what: "bytes", limit };
                return none(files, SharedReport::Broken(error));
            }
            Err(ReadFailure::Unreadable(error)) => return missing(format!("{}: {error}", file.display())),
        }
    }
    if contents.is_empty() {
        return none(files, SharedReport::Missing(place));
    }
    let views: Vec<ReportFile<'_>> =
        contents.iter().map(|(path, bytes)| ReportFile { path, bytes }).collect();
    let report = parse_split(format, &views, specs).map_or_else(SharedReport::Broken, SharedReport::Read);
    let pieces = if specs.len() > 1 { read_pieces(format, &views, specs) } else { vec![Progress::Unknown] };
    Reports { files, report, pieces }
}

enum ReadFailure {
    TooLarge,
    Unreadable(std::io::Error),
}

/// Reads a file into what room there is left for all of them.
fn read_bounded(file: &Path, room: &mut u64) -> Result<Vec<u8>, ReadFailure> {
    let mut bytes = Vec::new();
    let reader = File::open(file).map_err(ReadFailure::Unreadable)?;
    reader.take(*room + 1).read_to_end(&mut bytes).map_err(ReadFailure::Unreadable)?;
    *room = room.checked_sub(bytes.len() as u64).ok_or(ReadFailure::TooLarge)?;
    Ok(bytes)
}

/// How the process ended, by the shim's word: only one that ended by itself is judged by its report.
fn ending(record: &ExitRecord) -> Ending {
    let plain = |verdict, message: String| Judgement { verdict, message, missing: Vec::new() };
    let crashed = |message| Ending::Broke(plain(AttemptVerdict::Crashed, message));
    let cancelled = |message: &str| Ending::Stopped(plain(AttemptVerdict::Cancelled, message.to_owned()));
    let late = |message| plain(AttemptVerdict::TimedOut, message);
    match &record.outcome {
        Outcome::Exited { code } => Ending::Exited(*code),
        Outcome::Signaled { signal } => {
            crashed(format!("its process died of signal {signal}{}", name_of(*signal)))
        }
        Outcome::TimedOut { after_ms } => {
            Ending::TimedOut(late(format!("stopped after its time limit of {}", Millis(*after_ms))))
        }
        Outcome::Idle { after_ms } => {
            Ending::Broke(late(format!("stopped after {} without output", Millis(*after_ms))))
        }
        Outcome::Stopped { cause, .. } => cancelled(match cause {
            StopCause::Asked => "stopped on request",
            StopCause::OwnerGone => "stopped: its worker went away",
            StopCause::ShimTerminated => "stopped: its shim was terminated",
        }),
        Outcome::TooManyProcesses { count } => {
            crashed(format!("killed: it had {count} processes at once, {} are allowed", bounds::PROCESSES))
        }
        Outcome::SpawnFailed { message } => crashed(format!("could not start: {message}")),
        Outcome::ShimError { message } => {
            Ending::Failed(plain(AttemptVerdict::Lost, format!("the worker failed it: {message}")))
        }
    }
}

fn name_of(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(|_| String::new(), |signal| format!(" ({signal})"))
}

/// Short text goes with the result; the rest into the blob store.
pub(crate) async fn keep_output(directory: &Directory, record: &OutputRecord) -> (Output, Vec<String>) {
    let mut output = Output {
        total_bytes: record.total_bytes,
        dropped_bytes: record.dropped_bytes,
        inline: None,
        blob: None,
    };
    let mut problems: Vec<String> =
        record.error.iter().map(|error| format!("output was cut short: {error}")).collect();
    if record.total_bytes == 0 {
        return (output, problems);
    }
    if record.total_bytes <= bounds::INLINE_OUTPUT
        && let Ok(bytes) = tokio::fs::read(&record.file).await
        && let Ok(text) = String::from_utf8(bytes)
    {
        output.inline = Some(text);
        return (output, problems);
    }
    match store_file(directory, &record.file).await {
        Ok((digest, _)) => output.blob = Some(digest),
        Err(error) => problems.push(format!("output was not kept: {error}")),
    }
    (output, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_files_share_one_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("report");
        std::fs::write(&file, [b'x'; 10]).expect("a file");
        let mut room = 25;
        let sizes = [(); 2].map(|()| read_bounded(&file, &mut room).ok().map(|bytes| bytes.len()));
        assert_eq!((sizes, room), ([Some(10); 2], 5));
        assert!(matches!(read_bounded(&file, &mut room), Err(ReadFailure::TooLarge)));
    }

    #[test]
    fn missing_tests_are_named_as_far_as_they_travel() {
        let names = |count: usize, bytes: usize| bounded(vec!["n".repeat(bytes); count]).len();
        assert_eq!(names(3, 10), 3);
        assert_eq!(names(5000, 10), bounds::MISSING_NAMED);
        assert_eq!(names(1000, 4096), bounds::MISSING_BYTES / 4096);
    }
}
