//! After an attempt: what the shim recorded and the framework reported, turned into a verdict.

use super::artifacts;
use super::blobs::store_file;
use super::prepare::Prepared;
use super::run::chain;
use super::{Host, Job};
use crate::bounds;
use crate::shim::{ExitRecord, MainEnd, Outcome, OutputRecord, StopCause};
use part_core::{AttemptVerdict, ExitStatus, Finish, Millis, Output, TestCounts, TestResult, Timing};
use part_frameworks::ReportAt;
use part_frameworks::{Judgement, Reported, judge};
use part_frameworks::report::{ReportError, ReportFile, parse};
use std::path::{Path, PathBuf};

/// Turns what is on disk into the attempt's tests and its end.
pub(super) async fn evaluate(
    host: &Host,
    job: &Job,
    prepared: &Prepared,
    record: &ExitRecord,
) -> (Vec<TestResult>, Finish) {
    let (files, reported) = read_reports(job, prepared);
    let Judgement { verdict, message, missing } = verdict(job, record, &reported);
    let tests = match reported {
        Reported::Parsed(parsed) => parsed.tests,
        Reported::Nothing | Reported::Missing { .. } | Reported::Broken(_) => Vec::new(),
    };
    let mut counts = TestCounts::default();
    tests.iter().for_each(|test| counts.add(test));
    let tests_micros: u64 = tests.iter().filter_map(|test| test.duration_micros).sum();
    let (output, mut problems) = keep_output(host, &record.output).await;
    let (artifacts, lost) = artifacts::keep(host, prepared, &files).await;
    problems.extend(lost);
    let mut message = message;
    for problem in problems {
        tracing::warn!(attempt = %job.order.attempt, problem, "not everything of the attempt was kept");
        message = if message.is_empty() { problem } else { format!("{message}; {problem}") };
    }
    let finish = Finish {
        verdict,
        message,
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
        missing_tests: missing.into_iter().take(bounds::MISSING_NAMED).collect(),
        output,
        artifacts,
        leaked: record.leaked.iter().map(|left| format!("{} {}", left.pid, left.command)).collect(),
    };
    (tests, finish)
}

fn read_reports(job: &Job, prepared: &Prepared) -> (Vec<PathBuf>, Reported) {
    let (files, place) = match &prepared.invocation.report {
        ReportAt::Nowhere => return (Vec::new(), Reported::Nothing),
        ReportAt::Stdout => (vec![prepared.stdout_file()], "its standard output".to_owned()),
        ReportAt::Files(pattern) => {
            let place = pattern.base.join(&pattern.glob).display().to_string();
            match pattern.find() {
                Ok(found) => (found.files, place),
                Err(error) => return (Vec::new(), Reported::Missing { place: format!("{place}: {}", chain(&error)) }),
            }
        }
    };
    let mut contents = Vec::new();
    for file in &files {
        match read_bounded(file) {
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
    let views: Vec<ReportFile<'_>> = contents.iter().map(|(path, bytes)| ReportFile { path, bytes }).collect();
    let parsed = parse(job.order.recipe.report.format, &views, &job.order.spec);
    (files, parsed.map_or_else(Reported::Broken, Reported::Parsed))
}

enum ReadFailure {
    TooLarge,
    Unreadable(std::io::Error),
}

fn read_bounded(file: &Path) -> Result<Vec<u8>, ReadFailure> {
    let about = std::fs::metadata(file).map_err(ReadFailure::Unreadable)?;
    if about.len() > bounds::REPORT_BYTES {
        return Err(ReadFailure::TooLarge);
    }
    std::fs::read(file).map_err(ReadFailure::Unreadable)
}

/// The shim's word first: only a process that ended by itself is judged by its report.
fn verdict(job: &Job, record: &ExitRecord, reported: &Reported) -> Judgement {
    let recipe = &job.order.recipe;
    let plain = |verdict, message: String| Judgement { verdict, message, missing: Vec::new() };
    match &record.outcome {
        Outcome::Exited { code } => judge(
            ExitStatus::Code(*code),
            &recipe.exit,
            reported,
            job.order.expected_tests.as_deref(),
        ),
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
            StopCause::OwnerGone => plain(AttemptVerdict::Cancelled, "stopped: its worker went away".to_owned()),
            StopCause::ShimTerminated => plain(AttemptVerdict::Cancelled, "stopped: its shim was terminated".to_owned()),
        },
        Outcome::TooManyProcesses { count } => plain(
            AttemptVerdict::Crashed,
            format!("killed: it had {count} processes at once, {} are allowed", bounds::PROCESSES),
        ),
        Outcome::SpawnFailed { message } => plain(AttemptVerdict::Crashed, format!("could not start: {message}")),
        Outcome::ShimError { message } => plain(AttemptVerdict::Lost, format!("the worker failed it: {message}")),
    }
}

fn name_of(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(|_| String::new(), |signal| format!(" ({signal})"))
}

/// Short text goes with the result; the rest into the blob store.
async fn keep_output(host: &Host, record: &OutputRecord) -> (Output, Vec<String>) {
    let mut output =
        Output { total_bytes: record.total_bytes, dropped_bytes: record.dropped_bytes, inline: None, blob: None };
    let mut problems: Vec<String> = record.error.iter().map(|error| format!("output was cut short: {error}")).collect();
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
    match store_file(&host.channel, &record.file).await {
        Ok((digest, _)) => output.blob = Some(digest),
        Err(error) => problems.push(format!("output was not kept: {error}")),
    }
    (output, problems)
}
