//! After an attempt: what the shim recorded and the framework reported, turned into a verdict.

use super::artifacts;
use super::blobs::store_file;
use super::prepare::Prepared;
use super::run::{chain, worker_failed};
use super::{Host, Job};
use crate::bounds;
use crate::directory::Directory;
use crate::shim::{ExitRecord, MainEnd, Outcome, OutputRecord, StopCause};
use part_core::{
    AttemptOrder, AttemptVerdict, ExitStatus, Finish, LostCause, Millis, Output, TestCounts, TestResult,
    Timing,
};
use part_frameworks::report::{ReportError, ReportFile, clip, parse};
use part_frameworks::{Judgement, ReportAt, Reported, judge};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Turns what is on disk into the attempt's tests and its end; an error when that cannot be done here.
pub(super) async fn evaluate(
    host: &Host,
    job: &Job,
    prepared: Prepared,
    record: Arc<ExitRecord>,
) -> Result<(Vec<TestResult>, Finish), Box<Finish>> {
    let read = judged(job, &prepared, &record).await?;
    let Judged { reports, tests, judgement: Judgement { verdict, message, missing } } = read;
    let mut counts = TestCounts::default();
    tests.iter().for_each(|test| counts.add(test));
    let tests_micros: u64 = tests.iter().filter_map(|test| test.duration_micros).sum();
    let (output, mut problems) = keep_output(&host.directory, &record.output).await;
    let (artifacts, lost) = artifacts::keep(host, prepared, reports).await?;
    problems.extend(lost);
    let mut message = message;
    for problem in problems {
        tracing::warn!(attempt = %job.order.attempt, problem, "not everything of the attempt was kept");
        message = if message.is_empty() { problem } else { format!("{message}; {problem}") };
    }
    let finish = Finish {
        verdict,
        message: clip(&message, bounds::FINISH_MESSAGE_BYTES),
        lost: (verdict == AttemptVerdict::Lost).then_some(LostCause::WorkerFailed),
        exit: record.main_end.map(|end| match end {
            MainEnd::Exited { code } => ExitStatus::Code(code),
            MainEnd::Signaled { signal } => ExitStatus::Signal(signal),
        }),
        timing: Timing {
            run: Millis(record.wall_ms),
            tests: Millis(tests_micros / 1000),
            ..Timing::default()
        },
        tests: counts,
        missing_tests: bounded(missing),
        output,
        artifacts,
        leaked: record.leaked.iter().map(|left| format!("{} {}", left.pid, left.command)).collect(),
        cpu_wait: None,
    };
    Ok((tests, finish))
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

/// What the reports say.
struct Judged {
    reports: Vec<PathBuf>,
    tests: Vec<TestResult>,
    judgement: Judgement,
}

/// Reads and judges the reports, on a thread that may take its time: a report can have many megabytes.
async fn judged(job: &Job, prepared: &Prepared, record: &Arc<ExitRecord>) -> Result<Judged, Box<Finish>> {
    let (order, record, at) = (job.order.clone(), Arc::clone(record), prepared.invocation.report.clone());
    let stdout = prepared.stdout_file();
    let read = move || {
        let (reports, reported) = read_reports(&order, &at, stdout);
        let judgement = verdict(&order, &record, &reported);
        let tests = match reported {
            Reported::Parsed(parsed) => parsed.tests,
            Reported::Nothing | Reported::Missing { .. } | Reported::Broken(_) => Vec::new(),
        };
        Judged { reports, tests, judgement }
    };
    if prepared.invocation.report == ReportAt::Nowhere {
        return Ok(read());
    }
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| worker_failed(format!("reading its report: {error}")))
}

fn read_reports(order: &AttemptOrder, at: &ReportAt, stdout: PathBuf) -> (Vec<PathBuf>, Reported) {
    let (files, place) = match at {
        ReportAt::Nowhere => return (Vec::new(), Reported::Nothing),
        ReportAt::Stdout => (vec![stdout], "its standard output".to_owned()),
        ReportAt::Files(pattern) => {
            let place = pattern.base.join(&pattern.glob).display().to_string();
            match pattern.find() {
                Ok(found) => (found.files, place),
                Err(error) => {
                    return (Vec::new(), Reported::Missing { place: format!("{place}: {}", chain(&error)) });
                }
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
                return (files.clone(), Reported::Broken(error));
            }
            Err(ReadFailure::Unreadable(error)) => {
                return (Vec::new(), Reported::Missing { place: format!("{}: {error}", file.display()) });
            }
        }
    }
    if contents.is_empty() {
        return (files, Reported::Missing { place });
    }
    let views: Vec<ReportFile<'_>> =
        contents.iter().map(|(path, bytes)| ReportFile { path, bytes }).collect();
    let parsed = parse(order.recipe.report.format, &views, &order.spec);
    (files, parsed.map_or_else(Reported::Broken, Reported::Parsed))
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

/// The shim's word first: only a process that ended by itself is judged by its report.
fn verdict(order: &AttemptOrder, record: &ExitRecord, reported: &Reported) -> Judgement {
    let recipe = &order.recipe;
    let plain = |verdict, message: String| Judgement { verdict, message, missing: Vec::new() };
    match &record.outcome {
        Outcome::Exited { code } => {
            judge(ExitStatus::Code(*code), &recipe.exit, reported, order.expected_tests.as_deref())
        }
        Outcome::Signaled { signal } => {
            plain(AttemptVerdict::Crashed, format!("its process died of signal {signal}{}", name_of(*signal)))
        }
        Outcome::TimedOut { after_ms } => {
            plain(AttemptVerdict::TimedOut, format!("stopped after its time limit of {}", Millis(*after_ms)))
        }
        Outcome::Idle { after_ms } => {
            plain(AttemptVerdict::TimedOut, format!("stopped after {} without output", Millis(*after_ms)))
        }
        Outcome::Stopped { cause, .. } => match cause {
            StopCause::Asked => plain(AttemptVerdict::Cancelled, "stopped on request".to_owned()),
            StopCause::OwnerGone => {
                plain(AttemptVerdict::Cancelled, "stopped: its worker went away".to_owned())
            }
            StopCause::ShimTerminated => {
                plain(AttemptVerdict::Cancelled, "stopped: its shim was terminated".to_owned())
            }
        },
        Outcome::TooManyProcesses { count } => plain(
            AttemptVerdict::Crashed,
            format!("killed: it had {count} processes at once, {} are allowed", bounds::PROCESSES),
        ),
        Outcome::SpawnFailed { message } => {
            plain(AttemptVerdict::Crashed, format!("could not start: {message}"))
        }
        Outcome::ShimError { message } => {
            plain(AttemptVerdict::Lost, format!("the worker failed it: {message}"))
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
