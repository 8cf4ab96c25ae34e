//! Records and effects as lines for people.

use part_core::{
    AttemptId, CancelMode, CancelReason, Command, Effect, Entry, Record, Reply, RunId, RunSummary, State,
    WorkerView,
};

/// Turns identifiers into the names that the scenario uses.
pub(crate) struct Names<'a> {
    /// Everything that was ever recorded, finished runs included.
    pub(crate) state: &'a State,
    /// Names of runs.
    pub(crate) runs: &'a [(String, RunId)],
}

impl Names<'_> {
    pub(crate) fn run(&self, id: RunId) -> String {
        let named = self.runs.iter().find(|(_, run)| *run == id);
        named.map_or_else(|| id.short(), |(name, _)| name.clone())
    }

    fn spec(&self, run: RunId, index: part_core::SpecIndex) -> String {
        let spec = self.state.run(run).and_then(|run| run.spec(index));
        spec.map_or_else(|| index.0.to_string(), |spec| spec.name.to_string())
    }

    pub(crate) fn attempt(&self, id: AttemptId) -> String {
        format!("{}/{}", self.spec(id.run, id.spec), id.number)
    }

    /// An attempt with its run, where there are several runs.
    pub(crate) fn full_attempt(&self, id: AttemptId) -> String {
        match self.runs.len() {
            0 | 1 => self.attempt(id),
            _ => format!("{}:{}", self.run(id.run), self.attempt(id)),
        }
    }

    pub(crate) fn entry(&self, entry: &Entry) -> String {
        format!("{} {}: {}", self.run(entry.run), entry.number, self.record(entry.run, &entry.record))
    }

    fn record(&self, run: RunId, record: &Record) -> String {
        match record {
            Record::RunOpened { .. } => "opened".to_owned(),
            Record::GroupAdded { label, requirements, specs, .. } => {
                let needs =
                    if requirements.is_empty() { String::new() } else { format!(", needs {requirements}") };
                format!("group {label} of {specs}{needs}")
            }
            Record::SpecsAdded { specs, .. } => {
                let specs: Vec<String> = specs.iter().map(spec_added).collect();
                format!("specs {}", specs.join(", "))
            }
            Record::SubmissionJoined { source, .. } => format!("joined by a submission of {}", source.user),
            Record::SubmissionDropped => "the newest submission is dropped".to_owned(),
            Record::AttemptDismissed { attempt } => format!("{} counts no more", self.attempt(*attempt)),
            Record::RunSealed => "sealed".to_owned(),
            Record::AttemptAssigned { attempt, worker, slot, forecast, why, batch: _ } => {
                let forecast =
                    forecast.map_or_else(|| "nothing known".to_owned(), |time| format!("forecast {time}"));
                let backup = why.is_some_and(|why| why.rule == part_core::Rule::Backup);
                let backup = if backup { ", as a backup" } else { "" };
                format!("{} assigned to {worker} slot {slot}, {forecast}{backup}", self.attempt(*attempt))
            }
            Record::AttemptStarted { attempt } => format!("{} started", self.attempt(*attempt)),
            Record::TestsReported { attempt, batch, tests } => {
                format!("{} batch {batch} of {} tests", self.attempt(*attempt), tests.len())
            }
            Record::AttemptFinished { attempt, finish, counts, .. } => {
                let why =
                    if finish.message.is_empty() { String::new() } else { format!(" ({})", finish.message) };
                let history = if *counts { "" } else { ", not for the history" };
                format!("{} ended: {}{why}{history}", self.attempt(*attempt), finish.verdict)
            }
            Record::AttemptSuperseded { attempt, verdict } => {
                format!("{} superseded: its late report said {verdict}", self.attempt(*attempt))
            }
            Record::SpecDecided { spec, verdict, because } => {
                let because = if because.is_empty() { String::new() } else { format!(" ({because})") };
                format!("{} decided: {verdict}{because}", self.spec(run, *spec))
            }
            Record::RunCancelled { reason } => format!("cancelled: {}", cancel_reason(reason)),
            Record::RunFinished { verdict, summary } => format!("finished: {verdict}; {}", figures(summary)),
        }
    }

    pub(crate) fn effect(&self, effect: &Effect) -> String {
        match effect {
            Effect::Reply { request: _, reply } => format!("-> client: {}", self.reply(reply)),
            Effect::Command { worker, command } => format!("-> {worker}: {}", self.command(command)),
            Effect::CloseLink { worker } => format!("-> driver: close the link of {worker}"),
            Effect::RunAdvanced { run, through, finished } => {
                let finished = if *finished { ", finished" } else { "" };
                format!("-> watchers: {} through {through}{finished}", self.run(*run))
            }
        }
    }

    fn reply(&self, reply: &Reply) -> String {
        match reply {
            Reply::Submitted { run, new: true, attempt, joined } => {
                let how = if *joined { "joins" } else { "accepted as" };
                let attempt = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                format!("{how} {}{attempt}", self.run(*run))
            }
            Reply::Submitted { run, new: false, .. } => format!("is {} already", self.run(*run)),
            Reply::Cancelling => "cancelling".to_owned(),
            Reply::Refused(refusal) => format!("refused: {refusal}"),
        }
    }

    fn command(&self, command: &Command) -> String {
        match command {
            Command::Welcome { acknowledged, discard, lost_after } => {
                let discard: Vec<String> = discard.iter().map(|id| self.full_attempt(*id)).collect();
                let discard = if discard.is_empty() {
                    String::new()
                } else {
                    format!(", discard {}", discard.join(" "))
                };
                format!(
                    "welcome, reports through {acknowledged} are durable{discard}, lost after {lost_after}"
                )
            }
            Command::Start(order) => {
                let attempts: Vec<String> =
                    order.attempts.iter().map(|a| self.full_attempt(a.attempt)).collect();
                let mut more = String::new();
                if attempts.len() > 1 {
                    more.push_str(", in one process");
                }
                if let Some(cpus) = order.cpus {
                    more.push_str(&format!(", on {cpus} CPUs"));
                }
                if let Some(limit) = order.attempts.first().and_then(|attempt| attempt.timeout) {
                    more.push_str(&format!(", for at most {limit}"));
                }
                if let Some(only) = order.attempts.first().and_then(|attempt| attempt.only.as_ref()) {
                    more.push_str(&format!(", only {}", only.join(" ")));
                }
                format!("start {} on slot {}{more}", attempts.join(" "), order.slot)
            }
            Command::Cancel { attempt, mode } => {
                let how = match mode {
                    CancelMode::Graceful => "stop",
                    CancelMode::Kill => "kill",
                };
                format!("{how} {}", self.full_attempt(*attempt))
            }
            Command::Acknowledge { through } => format!("reports through {through} are durable"),
        }
    }
}

fn spec_added(spec: &part_core::SpecAdded) -> String {
    let known = match (&spec.carried, &spec.estimate) {
        (Some(carried), _) => format!("carried {}", carried.duration),
        (None, Some(estimate)) => estimate.expected().to_string(),
        (None, None) if spec.size_bytes > 0 => format!("? ({} bytes)", spec.size_bytes),
        (None, None) => "?".to_owned(),
    };
    let part = spec.part.as_ref().map(|part| format!(" with {}", part.tests.join(" "))).unwrap_or_default();
    format!("{} {known}{part}", spec.name)
}

fn cancel_reason(reason: &CancelReason) -> String {
    match reason {
        CancelReason::Requested { by } => format!("{by} asked"),
        CancelReason::MaxFailures { failures } => format!("{failures} failed"),
        CancelReason::GroupsMissing { missing } => format!("{missing} did not come"),
        CancelReason::Abandoned { detail } => detail.clone(),
    }
}

fn figures(summary: &RunSummary) -> String {
    let counts = [
        ("passed", summary.passed),
        ("flaky", summary.flaky),
        ("carried", summary.carried),
        ("failed", summary.failed),
        ("quarantined", summary.quarantined),
        ("cancelled", summary.cancelled),
        ("undecided", summary.undecided),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!(
        "{} in {} attempts on {} slots, makespan {} of at least {}",
        counts.join(", "),
        summary.attempts,
        summary.slots,
        summary.makespan,
        summary.bound
    )
}

pub(crate) fn worker_view(names: &Names<'_>, view: &WorkerView) -> String {
    let slots: Vec<String> = view
        .slots
        .iter()
        .map(|(slot, attempt)| match attempt {
            Some(attempt) => format!("{slot}: {}", names.full_attempt(*attempt)),
            None => format!("{slot}: free"),
        })
        .collect();
    let idle = if view.idle_because.is_empty() { String::new() } else { format!("; {}", view.idle_because) };
    let link = format!("{:?}", view.link).to_lowercase();
    let cordoned = view.cordoned.as_ref().map(|why| format!(", cordoned: {why}")).unwrap_or_default();
    format!(
        "{} {link}, silent for {}, slots {}{cordoned}{idle}",
        view.worker,
        view.silent_for,
        slots.join(", ")
    )
}
