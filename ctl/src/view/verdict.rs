//! What the run came to, as this client sees it: completeness is part of the verdict, whatever the server says.

use super::RunView;
use crate::exit::Exit;
use part_core::{RunVerdict, SpecVerdict, Submission};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What was submitted, as far as this client knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// Nothing: it only watches.
    #[default]
    Unknown,
    /// So many specs, carried ones included: it asked for a rerun.
    Count(u32),
    /// Specs by group label.
    Names(BTreeMap<String, BTreeSet<String>>),
}

/// Something that is missing, so that a green verdict would be a lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shortfall {
    /// The run's end was never seen.
    Unfinished,
    /// The run has another number of specs than were submitted.
    Count {
        /// As submitted.
        submitted: u32,
        /// As found.
        found: u32,
    },
    /// A submitted spec is not in the run.
    Absent {
        /// Its group.
        group: String,
        /// Its name.
        spec: String,
    },
    /// A spec has no verdict.
    Undecided {
        /// Its group.
        group: String,
        /// Its name.
        spec: String,
    },
    /// A spec is said to have passed, but no attempt of it did.
    NoEvidence {
        /// Its group.
        group: String,
        /// Its name.
        spec: String,
    },
    /// The run is said to have passed, but this spec did not.
    Contradiction {
        /// Its group.
        group: String,
        /// Its name.
        spec: String,
        /// What it came to.
        verdict: SpecVerdict,
    },
}

/// What is to be told about the run's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conclusion {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What it came to.
    pub(crate) result: Outcome,
    /// What is missing; empty unless the result is [`Outcome::Incomplete`].
    pub(crate) shortfalls: Vec<Shortfall>,
}

/// What a run came to for this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All passed.
    Passed,
    /// All passed, some only on a retry.
    Flaky,
    /// The same, where that is not accepted.
    FlakyRefused,
    /// At least one spec failed.
    Failed,
    /// Something is missing.
    Incomplete,
    /// No test was executed.
    NothingRan,
    /// Cancelled, or interrupted before its end.
    Cancelled,
    /// This client went before the run's end; the run goes on.
    Left,
}

/// What of this client's own doing matters for the conclusion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// The signal that interrupted this client.
    pub(crate) interrupted: Option<Exit>,
    /// A flaky pass is not accepted.
    pub(crate) fail_on_flaky: bool,
    /// The run goes on without this client.
    pub(crate) goes_on: bool,
}

impl Submitted {
    /// What a submission holds.
    pub(crate) fn of(submission: &Submission) -> Self {
        let specs =
            |group: &part_core::GroupSubmission| group.specs.iter().map(|spec| spec.name.clone()).collect();
        Submitted::Names(submission.groups.iter().map(|group| (group.label.clone(), specs(group))).collect())
    }
}

/// The conclusion about a run.
pub(crate) fn conclude(view: &RunView, submitted: &Submitted, circumstances: Circumstances) -> Conclusion {
    let Circumstances { interrupted, fail_on_flaky, goes_on } = circumstances;
    let plain = |exit, result| Conclusion { exit, result, shortfalls: Vec::new() };
    let verdict = view.finished.as_ref().map(|finished| finished.verdict);
    match (verdict, interrupted) {
        (None, Some(exit)) if goes_on => return plain(exit, Outcome::Left),
        (None, Some(exit)) => return plain(exit, Outcome::Cancelled),
        (Some(RunVerdict::Cancelled), exit) => {
            return plain(exit.unwrap_or(Exit::Interrupted), Outcome::Cancelled);
        }
        (_, _) => {}
    }
    let shortfalls = shortfalls(view, submitted, verdict);
    if !shortfalls.is_empty() {
        return Conclusion { exit: Exit::Mesh, result: Outcome::Incomplete, shortfalls };
    }
    let flaky = view.wholes().any(|whole| whole.is_flaky());
    match verdict {
        Some(RunVerdict::Passed) if flaky && fail_on_flaky => plain(Exit::Failed, Outcome::FlakyRefused),
        Some(RunVerdict::Passed) if flaky => plain(Exit::Passed, Outcome::Flaky),
        Some(RunVerdict::Passed) => plain(Exit::Passed, Outcome::Passed),
        Some(RunVerdict::Failed) => plain(Exit::Failed, Outcome::Failed),
        Some(RunVerdict::NothingRan) => plain(Exit::NothingRan, Outcome::NothingRan),
        Some(RunVerdict::Incomplete | RunVerdict::Cancelled) | None => plain(Exit::Mesh, Outcome::Incomplete),
    }
}

fn shortfalls(view: &RunView, submitted: &Submitted, verdict: Option<RunVerdict>) -> Vec<Shortfall> {
    let mut missing = Vec::new();
    if verdict.is_none() {
        missing.push(Shortfall::Unfinished);
    }
    missing.extend(absent(view, submitted));
    for spec in view.wholes().flat_map(|whole| whole.parts) {
        let (group, name) = (view.group_of(spec).label.clone(), spec.name.clone());
        let passed_here = spec.attempts.iter().any(|attempt| {
            attempt.finish().is_some_and(|finish| finish.verdict == part_core::AttemptVerdict::Passed)
        });
        match spec.verdict {
            None => missing.push(Shortfall::Undecided { group, spec: name }),
            Some(SpecVerdict::Passed { .. }) if !passed_here => {
                missing.push(Shortfall::NoEvidence { group, spec: name });
            }
            Some(SpecVerdict::Carried) if spec.carried.is_none() => {
                missing.push(Shortfall::NoEvidence { group, spec: name });
            }
            Some(SpecVerdict::Passed { .. } | SpecVerdict::Carried) => {}
            Some(SpecVerdict::NotPassed(_)) if spec.quarantined => {}
            Some(verdict @ (SpecVerdict::NotPassed(_) | SpecVerdict::Cancelled)) => {
                if self::claims_pass(view) {
                    missing.push(Shortfall::Contradiction { group, spec: name, verdict });
                }
            }
        }
    }
    missing
}

fn claims_pass(view: &RunView) -> bool {
    view.finished.as_ref().is_some_and(|finished| finished.verdict == RunVerdict::Passed)
}

fn absent(view: &RunView, submitted: &Submitted) -> Vec<Shortfall> {
    let found = view.total;
    match submitted {
        Submitted::Unknown => Vec::new(),
        Submitted::Count(count) if *count == found => Vec::new(),
        Submitted::Count(submitted) => vec![Shortfall::Count { submitted: *submitted, found }],
        Submitted::Names(groups) => {
            let known: BTreeSet<(&str, &str)> =
                view.wholes().map(|whole| (view.groups[whole.group()].label.as_str(), whole.name)).collect();
            let wanted = groups.iter().flat_map(|(group, specs)| specs.iter().map(move |spec| (group, spec)));
            wanted
                .filter(|(group, spec)| !known.contains(&(group.as_str(), spec.as_str())))
                .map(|(group, spec)| Shortfall::Absent { group: group.clone(), spec: spec.clone() })
                .collect()
        }
    }
}

impl Outcome {
    /// The word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Flaky => "passed, flaky",
            Outcome::FlakyRefused => "flaky",
            Outcome::Failed => "failed",
            Outcome::Incomplete => "incomplete",
            Outcome::NothingRan => "nothing ran",
            Outcome::Cancelled => "cancelled",
            Outcome::Left => "still running",
        }
    }

    /// Its name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Flaky => "flaky",
            Outcome::FlakyRefused => "flaky_refused",
            Outcome::Failed => "failed",
            Outcome::Incomplete => "incomplete",
            Outcome::NothingRan => "nothing_ran",
            Outcome::Cancelled => "cancelled",
            Outcome::Left => "left",
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shortfall::Unfinished => f.write_str("the run's end was never seen"),
            Shortfall::Count { submitted, found } => {
                write!(f, "{submitted} specs were submitted, but the run has {found}")
            }
            Shortfall::Absent { group, spec } => {
                write!(f, "{group}  {spec}  was submitted, but is not in the run")
            }
            Shortfall::Undecided { group, spec } => write!(f, "{group}  {spec}  has no verdict"),
            Shortfall::NoEvidence { group, spec } => {
                write!(f, "{group}  {spec}  is said to have passed, but no attempt of it did")
            }
            Shortfall::Contradiction { group, spec, verdict } => {
                write!(f, "{group}  {spec}  came to \"{verdict}\", but the run is said to have passed")
            }
        }
    }
}
