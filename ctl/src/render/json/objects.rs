//! Lines that are not events of a ledger: answers of verbs, and what this client says itself.

use super::events::{source_fields, summary_fields};
use super::names;
use crate::error::CliError;
use crate::view::{AttemptView, Conclusion, RunView, Whole};
use part_core::ExitStatus;
use part_proto::convert::{attempt_verdict_from_wire, run_verdict_from_wire};
use part_proto::v1;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a watched run ended for this client: always the last line of `submit`, `watch` and `rerun`.
#[derive(Serialize)]
pub(crate) struct ResultLine {
    run: String,
    result: &'static str,
    exit_code: u8,
    missing: Vec<String>,
}

impl ResultLine {
    /// The line for a conclusion.
    pub(crate) fn new(view: &RunView, conclusion: &Conclusion) -> Self {
        ResultLine {
            run: view.run.clone(),
            result: conclusion.result.name(),
            exit_code: conclusion.exit.code(),
            missing: conclusion.shortfalls.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Something worth knowing that is no event.
#[derive(Serialize)]
pub(crate) struct NoteLine {
    /// What.
    pub(crate) text: String,
}

/// Why the command failed.
#[derive(Serialize)]
pub(crate) struct ErrorLine {
    kind: &'static str,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    exit_code: u8,
}

impl From<&CliError> for ErrorLine {
    fn from(error: &CliError) -> Self {
        ErrorLine {
            kind: error.kind().name(),
            message: error.to_string(),
            causes: error.causes(),
            hints: error.hints().to_vec(),
            exit_code: error.kind().exit().code(),
        }
    }
}

/// The workspace is on the mesh.
#[derive(Serialize)]
pub(crate) struct ShippedLine {
    /// Digest of its manifest.
    pub(crate) manifest: String,
    /// Its files.
    pub(crate) files: u32,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Files that had to be sent.
    pub(crate) sent_files: u64,
    /// Their bytes.
    pub(crate) sent_bytes: u64,
}

/// A submission was accepted.
#[derive(Serialize)]
pub(crate) struct SubmittedLine {
    /// The run.
    pub(crate) run: String,
    /// Specs that will run.
    pub(crate) specs: u32,
    /// Specs carried forward.
    pub(crate) carried: u32,
    /// Which attempt of its build the run is, from 1; 0 where the daemon does not count them.
    pub(crate) attempt: u32,
    /// The run had been opened by another submission.
    pub(crate) joined: bool,
    /// All passed before, so that everything runs again.
    pub(crate) all_again: bool,
    /// The run of the attempt before that passes are carried from; empty when there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) carried_from: String,
    /// The CI build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build: Option<String>,
    /// Where the build's id came from, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build_origin: Option<String>,
}

impl From<&v1::SubmitResponse> for SubmittedLine {
    fn from(sent: &v1::SubmitResponse) -> Self {
        SubmittedLine {
            run: sent.run.clone(),
            specs: sent.specs,
            carried: sent.carried,
            attempt: sent.attempt,
            joined: sent.joined,
            all_again: sent.all_again,
            carried_from: sent.carried_from.clone(),
            build: None,
            build_origin: None,
        }
    }
}

/// One spec that would run.
#[derive(Serialize)]
pub(crate) struct PlanLine<'p> {
    /// Group label.
    pub(crate) group: &'p str,
    /// Suite.
    pub(crate) suite: &'p str,
    /// Framework.
    pub(crate) framework: &'p str,
    /// Spec.
    pub(crate) spec: &'p str,
    /// Size of its file.
    pub(crate) size_bytes: u64,
    /// Tests that the framework listed.
    pub(crate) expected_tests: Option<usize>,
    /// How to run it by hand.
    pub(crate) reproduce: String,
}

/// A run in a list.
#[derive(Serialize)]
pub(crate) struct RunLine {
    run: String,
    project: String,
    build: String,
    state: &'static str,
    verdict: Option<&'static str>,
    source: Value,
    opened_at: u64,
    finished_at: Option<u64>,
    groups: Vec<String>,
    abandoned: bool,
    attempt: u32,
    open_because: String,
    summary: Option<Value>,
}

impl From<&v1::RunInfo> for RunLine {
    fn from(info: &v1::RunInfo) -> Self {
        RunLine {
            run: info.run.clone(),
            project: info.project.clone(),
            build: info.build.clone(),
            state: match (info.finished_at, info.abandoned) {
                (Some(_), _) => "finished",
                (None, true) => "abandoned",
                (None, false) => "running",
            },
            verdict: info
                .verdict
                .map(|verdict| run_verdict_from_wire(verdict).map_or("unknown", names::run_verdict)),
            source: info.source.as_ref().map_or(Value::Null, source_fields),
            opened_at: info.opened_at,
            finished_at: info.finished_at,
            groups: info.groups.clone(),
            abandoned: info.abandoned,
            attempt: info.attempt,
            open_because: info.open_because.clone(),
            summary: info.summary.as_ref().map(summary_fields),
        }
    }
}

/// A spec of a run with its attempts.
#[derive(Serialize)]
pub(crate) struct SpecLine<'v> {
    run: &'v str,
    group: &'v str,
    spec: &'v str,
    verdict: Option<&'static str>,
    expected_ms: Option<u64>,
    carried_from: Option<&'v str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    because: &'v str,
    quarantined: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<usize>,
    attempts: Vec<Value>,
}

impl<'v> SpecLine<'v> {
    /// The line for a spec.
    pub(crate) fn new(view: &'v RunView, whole: &Whole<'v>) -> Self {
        let telling = whole.telling();
        SpecLine {
            run: &view.run,
            group: &view.groups[whole.group()].label,
            spec: whole.name,
            verdict: whole.verdict().map(names::spec_verdict),
            expected_ms: whole.expected().map(|expected| expected.0),
            carried_from: telling.carried.as_ref().map(|(attempt, _)| attempt.as_str()),
            because: &telling.because,
            quarantined: whole.quarantined(),
            parts: whole.is_split().then_some(whole.parts.len()),
            attempts: whole.attempts().map(|(part, attempt)| attempt_of(part, attempt)).collect(),
        }
    }
}

/// An attempt with what only some have.
fn attempt_of(part: u32, attempt: &AttemptView) -> Value {
    let mut fields = attempt_fields(attempt);
    if part > 0 {
        fields["part"] = part.into();
    }
    for (name, is) in
        [("batch", attempt.batch.is_some()), ("backup", attempt.backup), ("dismissed", attempt.dismissed)]
    {
        if is {
            fields[name] = true.into();
        }
    }
    fields
}

fn attempt_fields(attempt: &AttemptView) -> Value {
    let mut fields = json!({
        "attempt": attempt.number, "worker": attempt.worker, "slot": attempt.slot,
        "assigned_at": attempt.assigned_at.0, "forecast_ms": attempt.forecast.map(|forecast| forecast.0),
        "took_ms": attempt.took().map(|took| took.0), "verdict": null,
    });
    let Some(finish) = attempt.finish() else { return fields };
    fields["verdict"] = names::attempt_verdict(finish.verdict).into();
    fields["message"] = finish.message.as_str().into();
    match finish.exit {
        Some(ExitStatus::Code(code)) => fields["exit_code"] = code.into(),
        Some(ExitStatus::Signal(signal)) => fields["exit_signal"] = signal.into(),
        None => {}
    }
    let tests = &finish.tests;
    fields["tests"] = json!({
        "passed": tests.passed, "failed": tests.failed, "skipped": tests.skipped, "flaky": tests.flaky,
    });
    let failed = attempt.failures().map(|test| {
        json!({ "id": test.id, "name": test.name, "message": test.message, "location": test.location })
    });
    fields["failed_tests"] = failed.collect();
    fields["missing_tests"] = finish.missing_tests.clone().into();
    fields["leaked"] = finish.leaked.clone().into();
    fields["output_bytes"] = finish.output.total_bytes.into();
    let artifacts = finish.artifacts.iter().map(|file| json!({ "path": file.path, "bytes": file.bytes }));
    fields["artifacts"] = artifacts.collect();
    fields
}

/// A piece of an attempt's output.
#[derive(Serialize)]
pub(crate) struct LogLine<'l> {
    /// The run.
    pub(crate) run: &'l str,
    /// Group label.
    pub(crate) group: &'l str,
    /// Spec.
    pub(crate) spec: &'l str,
    /// Number of the attempt.
    pub(crate) attempt: u32,
    /// `utf-8` or `base64`.
    pub(crate) encoding: &'static str,
    /// The piece.
    pub(crate) data: String,
}

/// A file that was written.
#[derive(Serialize)]
pub(crate) struct ArtifactLine<'a> {
    /// Group label.
    pub(crate) group: &'a str,
    /// Spec.
    pub(crate) spec: &'a str,
    /// Number of the attempt.
    pub(crate) attempt: u32,
    /// Path as the attempt named it.
    pub(crate) path: &'a str,
    /// Where it was written.
    pub(crate) file: String,
    /// Size.
    pub(crate) bytes: u64,
}

/// A worker.
#[derive(Serialize)]
pub(crate) struct WorkerLine {
    worker: String,
    host: String,
    link: &'static str,
    silent_ms: u64,
    draining: bool,
    capabilities: BTreeMap<String, String>,
    slots: Vec<Value>,
    idle_because: String,
    problem: String,
    drained_by: String,
    cordoned: String,
    version: String,
    extra_slots: u32,
    cpus: u32,
    scarce: String,
    slowness: Option<f64>,
}

/// A daemon of the mesh.
#[derive(Serialize)]
pub(crate) struct HostLine<'h> {
    name: &'h str,
    address: &'h str,
    version: &'h str,
    leader: bool,
    draining: bool,
    started_at: u64,
}

impl<'h> From<&'h v1::HostInfo> for HostLine<'h> {
    fn from(host: &'h v1::HostInfo) -> Self {
        HostLine {
            name: &host.name,
            address: &host.address,
            version: &host.version,
            leader: host.leader,
            draining: host.draining,
            started_at: host.started_at,
        }
    }
}

impl From<&v1::WorkerInfo> for WorkerLine {
    fn from(worker: &v1::WorkerInfo) -> Self {
        let slots = worker.slots.iter().map(|slot| {
            if slot.run.is_empty() {
                return json!({ "slot": slot.slot });
            }
            json!({
                "slot": slot.slot, "run": slot.run, "group": slot.group, "spec": slot.spec, "attempt": slot.attempt,
                "since": slot.since,
            })
        });
        WorkerLine {
            worker: worker.worker.clone(),
            host: worker.host.clone(),
            link: match worker.link() {
                v1::LinkState::Present => "present",
                v1::LinkState::Suspect => "suspect",
                v1::LinkState::Absent => "absent",
                v1::LinkState::Unspecified => "unknown",
            },
            silent_ms: worker.silent_ms,
            draining: worker.draining,
            capabilities: worker.capabilities.clone().into_iter().collect(),
            slots: slots.collect(),
            idle_because: worker.idle_because.clone(),
            problem: worker.problem.clone(),
            drained_by: worker.drained_by.clone(),
            cordoned: worker.cordoned.clone(),
            version: worker.version.clone(),
            extra_slots: worker.extra_slots,
            cpus: worker.cpus,
            scarce: worker.scarce.clone(),
            slowness: (worker.slowness > 0.0).then_some(worker.slowness),
        }
    }
}

/// Why a spec is where it is.
#[derive(Serialize)]
pub(crate) struct ExplanationLine<'e> {
    /// The run.
    pub(crate) run: &'e str,
    /// Group label.
    pub(crate) group: &'e str,
    /// Spec.
    pub(crate) spec: &'e str,
    /// One each, the decisive one first.
    pub(crate) facts: &'e [String],
}

/// A past attempt.
#[derive(Serialize)]
pub(crate) struct HistoryLine<'h> {
    project: &'h str,
    suite: &'h str,
    class: &'h str,
    spec: &'h str,
    run: &'h str,
    attempt: u32,
    at: u64,
    duration_ms: u64,
    verdict: &'static str,
    counts: bool,
}

impl<'h> From<&'h v1::HistoryRow> for HistoryLine<'h> {
    fn from(row: &'h v1::HistoryRow) -> Self {
        HistoryLine {
            project: &row.project,
            suite: &row.suite,
            class: &row.class,
            spec: &row.spec,
            run: &row.run,
            attempt: row.attempt,
            at: row.at,
            duration_ms: row.duration_ms,
            verdict: attempt_verdict_from_wire(row.verdict).map_or("unknown", names::attempt_verdict),
            counts: row.counts,
        }
    }
}

/// What the next run would be told about a spec.
#[derive(Serialize)]
pub(crate) struct ForecastLine<'f> {
    project: &'f str,
    suite: &'f str,
    class: &'f str,
    spec: &'f str,
    expected_ms: u64,
    error_factor: f64,
    samples: u32,
}

impl<'f> From<&'f v1::Forecast> for ForecastLine<'f> {
    fn from(row: &'f v1::Forecast) -> Self {
        ForecastLine {
            project: &row.project,
            suite: &row.suite,
            class: &row.class,
            spec: &row.spec,
            expected_ms: row.expected_ms,
            error_factor: row.error_factor,
            samples: row.samples,
        }
    }
}

/// Something that `doctor` checked.
#[derive(Serialize)]
pub(crate) struct FindingLine<'f> {
    /// `ok`, `warning` or `error`.
    pub(crate) level: &'static str,
    /// What was checked.
    pub(crate) subject: &'f str,
    /// What was found.
    pub(crate) text: &'f str,
    /// What to do about it.
    pub(crate) remedy: &'f str,
}

/// A file that `init` or `man` wrote.
#[derive(Serialize)]
pub(crate) struct WroteLine {
    /// The file.
    pub(crate) file: String,
}

/// A part.toml that could be written.
#[derive(Serialize)]
pub(crate) struct ProposalLine<'p> {
    /// Where it belongs.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: &'p str,
}

/// The versions.
#[derive(Serialize)]
pub(crate) struct VersionLine {
    /// Of this program.
    pub(crate) partctl: &'static str,
    /// Of this format.
    pub(crate) json: u32,
}
