//! What each of several specs came to that shared a process: who keeps a result, whose fault the process's end is, and
//! who goes again alone because nobody can tell.
//!
//! One spec in a process is the simple case, and judged as ever: see [`crate::judge`]. With several, the same table holds
//! for each, with these differences:
//!
//! - The exit code is everybody's. A spec without a failure of its own is judged as if it were 0 where another one's
//!   failure explains it; where nothing does, it goes again.
//! - A failure that belongs to no spec in particular leaves only those with a result who have failed themselves.
//! - Where another spec has failed, one that the report does not mention, or not all tests of, goes again: it may be that
//!   the framework stopped there.
//! - A process that did not come to its end leaves those with a result whose end the journal or a streamed report holds.
//!   The end is the fault of the one that was running, if it was one alone; all others go again.

use crate::judge::{Judgement, Reported, judge};
use crate::report::{Parsed, Progress, ReportError, Split, is_failure};
use part_core::{AttemptVerdict, ExitRule, ExitStatus, Millis};

/// How a process ended, as whoever watched it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By something that a spec did: a signal, too many processes, silence. The judgement of the one that did.
    Broke(Judgement),
    /// It ran out of time. The judgement of the one that took too long.
    TimedOut(Judgement),
    /// It was stopped on request. The judgement of those who were asked for.
    Stopped(Judgement),
    /// It never ran, or nobody could watch it. The judgement of all of them.
    Failed(Judgement),
}

/// What a process's report says, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedReport {
    /// The framework writes none.
    Nothing,
    /// It should have written one, and did not: where it was looked for.
    Missing(String),
    /// It is there, but cannot be read to its end.
    Broken(ReportError),
    /// It was read.
    Read(Split),
}

/// One spec of a process.
#[derive(Clone, Copy, Debug)]
pub struct BatchSpec<'a> {
    /// The ids of the tests that were listed for it, or selected; none where nothing is known.
    pub expected: Option<&'a [String]>,
    /// True when only the expected tests were to run.
    pub selected: bool,
    /// Its own limit.
    pub limit: Option<Millis>,
    /// True when somebody asked for it to be stopped.
    pub cancelled: bool,
}

/// What a spec came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// This, with what it reported.
    Judged(Judgement, Parsed),
    /// Nobody can tell: the process ended before it had a result. Why, in a sentence.
    Again(String),
}

/// Judges all specs of a process that ended at `ended_ms` (milliseconds since 1970).
pub fn judge_batch(
    ending: &Ending,
    rule: &ExitRule,
    report: SharedReport,
    specs: &[BatchSpec<'_>],
    progress: Vec<Progress>,
    ended_ms: u64,
) -> Vec<Decided> {
    if let [spec] = specs {
        return vec![alone(ending, rule, report, spec)];
    }
    match (ending, report) {
        (Ending::Failed(judgement), _) => {
            specs.iter().map(|_| Decided::Judged(judgement.clone(), Parsed::default())).collect()
        }
        (Ending::Exited(code), SharedReport::Read(split)) => together(*code, rule, split, specs),
        (Ending::Exited(code), report) => {
            let reported = without_tests(report);
            let culprit = judge(ExitStatus::Code(*code), rule, &reported, None);
            broken(&Blame::new(culprit.clone(), &culprit.message), specs, progress)
        }
        (Ending::Broke(culprit), _) => {
            broken(&Blame::new(culprit.clone(), &culprit.message), specs, progress)
        }
        (Ending::TimedOut(culprit), _) => late(culprit, specs, progress, ended_ms),
        (Ending::Stopped(judgement), _) => stopped(judgement, specs, progress, ended_ms),
    }
}

/// What one spec in a process of its own came to.
fn alone(ending: &Ending, rule: &ExitRule, report: SharedReport, spec: &BatchSpec<'_>) -> Decided {
    let reported = match report {
        SharedReport::Read(mut split) => {
            Reported::Parsed(own_tests(split.specs.pop().unwrap_or_default(), spec))
        }
        other @ (SharedReport::Nothing | SharedReport::Missing(_) | SharedReport::Broken(_)) => {
            without_tests(other)
        }
    };
    let judged = match ending {
        Ending::Exited(code) => judge(ExitStatus::Code(*code), rule, &reported, spec.expected),
        Ending::Broke(judgement)
        | Ending::TimedOut(judgement)
        | Ending::Stopped(judgement)
        | Ending::Failed(judgement) => judgement.clone(),
    };
    Decided::Judged(judged, tests_of(reported))
}

fn without_tests(report: SharedReport) -> Reported {
    match report {
        SharedReport::Nothing => Reported::Nothing,
        SharedReport::Missing(place) => Reported::Missing { place },
        SharedReport::Broken(error) => Reported::Broken(error),
        SharedReport::Read(_) => Reported::Parsed(Parsed::default()),
    }
}

fn tests_of(reported: Reported) -> Parsed {
    match reported {
        Reported::Parsed(parsed) => parsed,
        Reported::Nothing | Reported::Missing { .. } | Reported::Broken(_) => Parsed::default(),
    }
}

/// A spec's tests without those that were not selected: frameworks report them as skipped, or run a few more than they
/// were asked for. One that failed stays: nobody hides a failure.
fn own_tests(mut parsed: Parsed, spec: &BatchSpec<'_>) -> Parsed {
    let Some(expected) = spec.expected.filter(|_| spec.selected) else { return parsed };
    let selected: std::collections::HashSet<&str> = expected.iter().map(String::as_str).collect();
    parsed.tests.retain(|test| is_failure(test) || selected.contains(test.id.as_str()));
    parsed
}

/// The process came to its end, and so did its report.
fn together(code: i32, rule: &ExitRule, split: Split, specs: &[BatchSpec<'_>]) -> Vec<Decided> {
    let failed = split.specs.iter().filter(|parsed| parsed.has_failed()).count();
    let of_nobody = split.rest.has_failed().then(|| {
        let error =
            split.rest.errors.first().and_then(|error| error.lines().find(|line| !line.trim().is_empty()));
        format!(
            "something went wrong outside of the specs that it shared a process with: {}",
            error.unwrap_or("a test of none of them failed").trim()
        )
    });
    let may_mean_failed = rule.tests_failed.is_empty() || rule.tests_failed.contains(&code);
    let explained = code == 0 || failed > 0 && may_mean_failed;
    let decide = |(spec, parsed): (&BatchSpec<'_>, Parsed)| {
        let has_failed = parsed.has_failed();
        let nothing = parsed == Parsed::default();
        let reported = Reported::Parsed(own_tests(parsed, spec));
        let exit = if has_failed || !explained { code } else { 0 };
        let says_none = nothing && failed == 0 && rule.no_tests.contains(&code);
        let judged = judge(ExitStatus::Code(exit), rule, &reported, spec.expected);
        let another = "a spec that it shared a process with failed, and";
        let doubt = match &of_nobody {
            _ if has_failed || says_none => None,
            Some(error) => Some(error.clone()),
            None if !explained => Some(format!("its process, which it shared, ended with exit code {code}")),
            None if failed > 0 && nothing => Some(format!("{another} nothing is reported of this one")),
            None if failed > 0 && !judged.missing.is_empty() => {
                Some(format!("{another} not all tests of this one were executed"))
            }
            None => None,
        };
        match doubt {
            Some(why) => Decided::Again(why),
            None => Decided::Judged(judged, tests_of(reported)),
        }
    };
    specs.iter().zip(split.specs).map(decide).collect()
}

/// What the one comes to that brought a process to its end, and what the others are told.
struct Blame {
    culprit: Judgement,
    told: String,
}

impl Blame {
    fn new(culprit: Judgement, why: &str) -> Blame {
        Blame { culprit, told: format!("the process that it shared ended before it had a result: {why}") }
    }
}

/// The process ended by what one of them did.
fn broken(blame: &Blame, specs: &[BatchSpec<'_>], progress: Vec<Progress>) -> Vec<Decided> {
    let running = progress.iter().filter(|progress| matches!(progress, Progress::Running { .. })).count();
    let decide = |(spec, progress)| match progress {
        Progress::Running { test, .. } if running == 1 => {
            Decided::Judged(pinned(&blame.culprit, &test), Parsed::default())
        }
        other @ (Progress::Unknown | Progress::Running { .. } | Progress::Ended(_)) => {
            kept(other, spec, &blame.told)
        }
    };
    specs.iter().zip(progress).map(decide).collect()
}

/// The process took too long: it is the fault of those who ran for longer than they may. Where nobody says since when,
/// it is the one that runs alone.
fn late(
    culprit: &Judgement,
    specs: &[BatchSpec<'_>],
    progress: Vec<Progress>,
    ended_ms: u64,
) -> Vec<Decided> {
    let told = format!("the process that it shared was {}", culprit.message);
    let running = progress.iter().filter(|progress| matches!(progress, Progress::Running { .. })).count();
    let decide = |(spec, progress): (&BatchSpec<'_>, Progress)| match progress {
        Progress::Running { since_ms, ref test }
            if limit_passed(spec, &progress, ended_ms).is_some() || since_ms.is_none() && running == 1 =>
        {
            Decided::Judged(pinned(culprit, test), Parsed::default())
        }
        other @ (Progress::Unknown | Progress::Running { .. } | Progress::Ended(_)) => {
            kept(other, spec, &told)
        }
    };
    specs.iter().zip(progress).map(decide).collect()
}

/// The process was stopped: because somebody asked for some of them, because one took longer than it may, or because
/// its owner went away, which is everybody's end.
fn stopped(
    judgement: &Judgement,
    specs: &[BatchSpec<'_>],
    progress: Vec<Progress>,
    ended_ms: u64,
) -> Vec<Decided> {
    let told = "the process that it shared was stopped before it had a result";
    let late: Vec<Option<Millis>> =
        specs.iter().zip(&progress).map(|(spec, progress)| limit_passed(spec, progress, ended_ms)).collect();
    let has_reason = specs.iter().any(|spec| spec.cancelled) || late.iter().any(Option::is_some);
    let decide = |((spec, progress), late): ((&BatchSpec<'_>, Progress), Option<Millis>)| {
        let test = match &progress {
            Progress::Ended(_) => return kept(progress, spec, told),
            Progress::Running { test, .. } => test.as_str(),
            Progress::Unknown => "",
        };
        if spec.cancelled || !has_reason {
            return Decided::Judged(judgement.clone(), Parsed::default());
        }
        let Some(limit) = late else { return Decided::Again(told.to_owned()) };
        let message = format!("stopped after its time limit of {limit}");
        let culprit = Judgement { verdict: AttemptVerdict::TimedOut, message, missing: Vec::new() };
        Decided::Judged(pinned(&culprit, test), Parsed::default())
    };
    specs.iter().zip(progress).zip(late).map(decide).collect()
}

/// The limit of a spec that has run for longer at `now_ms`.
pub fn limit_passed(spec: &BatchSpec<'_>, progress: &Progress, now_ms: u64) -> Option<Millis> {
    match progress {
        Progress::Running { since_ms: Some(since), .. } => {
            spec.limit.filter(|limit| now_ms.saturating_sub(*since) >= limit.0)
        }
        Progress::Running { since_ms: None, .. } | Progress::Unknown | Progress::Ended(_) => None,
    }
}

/// The judgement with the test in it that was running.
fn pinned(culprit: &Judgement, test: &str) -> Judgement {
    let mut culprit = culprit.clone();
    if !test.is_empty() {
        culprit.message = format!("{}, while `{test}` was running", culprit.message);
    }
    culprit
}

/// What ended by itself keeps its result, everything else goes again.
fn kept(progress: Progress, spec: &BatchSpec<'_>, told: &str) -> Decided {
    let Progress::Ended(parsed) = progress else { return Decided::Again(told.to_owned()) };
    // The process had no exit code yet: what it would have been is what the report says.
    let code = ExitStatus::Code(i32::from(parsed.has_failed()));
    let reported = Reported::Parsed(own_tests(parsed, spec));
    let judged = judge(code, &ExitRule::default(), &reported, spec.expected);
    Decided::Judged(judged, tests_of(reported))
}

#[cfg(test)]
#[path = "batch/tests.rs"]
mod tests;
