//! What goes into and comes out of a store, besides entries.

use part_core::{
    AttemptId, AttemptVerdict, HistoryKey, Millis, RunId, RunSummary, RunVerdict, Sample, Source,
    SubmissionId, Term, Timestamp,
};
use std::fmt;

/// A leadership scope: the mesh of daemons is one, each embedded `--local` process is one of its own. Terms are
/// counted per realm, and a run belongs to the realm that opened it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm(String);

impl Realm {
    /// The realm of the daemons.
    pub fn mesh() -> Realm {
        Realm("mesh".to_owned())
    }

    /// The realm of one embedded process; `unique` must differ from that of every other one.
    pub fn local(unique: impl fmt::Display) -> Realm {
        Realm(format!("local/{unique}"))
    }

    /// True for the realm of an embedded process.
    pub fn is_local(&self) -> bool {
        self.0.starts_with("local/")
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn named(name: String) -> Realm {
        Realm(name)
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who holds a term, in JSON of the holder's own making (host, process id, start, address): enough for another
/// process to find out whether it still lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(pub String);

/// A realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmRow {
    /// The realm.
    pub realm: Realm,
    /// Its current term.
    pub term: Term,
    /// Who holds it; none once it was given back.
    pub holder: Option<Holder>,
    /// Its runs that are not finished.
    pub unfinished: u64,
}

/// A run, as derived from its entries.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The realm that leads it.
    pub realm: Realm,
    /// The submission that made it; others may have joined it.
    pub submission: SubmissionId,
    /// Project.
    pub project: String,
    /// CI build id.
    pub build: String,
    /// Which attempt of its build it is, from 1.
    pub attempt: u32,
    /// Where it came from.
    pub source: Source,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How far it got.
    pub progress: Progress,
}

/// How far a run got.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Number of its newest entry.
    pub last_number: u64,
    /// Its specs by verdict.
    pub counts: RunCounts,
    /// True once it was told to stop.
    pub cancelling: bool,
    /// How it ended, if it did.
    pub finished: Option<Finished>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub verdict: RunVerdict,
    /// Its figures.
    pub summary: RunSummary,
}

/// Specs of a run by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// All of them.
    pub specs: u32,
    /// Passed, flaky and carried ones included.
    pub passed: u32,
    /// Passed only on a retry.
    pub flaky: u32,
    /// Carried forward from an earlier run.
    pub carried: u32,
    /// The last attempt did not pass.
    pub failed: u32,
    /// Cancelled. Complete only once the run is finished: specs that waited are not counted one by one.
    pub cancelled: u32,
}

/// Which runs to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this project only.
    pub project: Option<String>,
    /// Of this CI build only.
    pub build: Option<String>,
    /// In this phase only.
    pub phase: Option<RunPhase>,
    /// Opened before this run; with a run that is not known, none.
    pub before: Option<RunId>,
    /// How many.
    pub limit: usize,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPhase {
    /// Something is left to decide.
    Unfinished,
    /// Nothing is.
    Finished,
}

impl RunFilter {
    /// The newest runs of all projects.
    pub fn newest(limit: usize) -> RunFilter {
        RunFilter { project: None, build: None, phase: None, before: None, limit }
    }
}

/// Where a submission is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The run that it opened or joined.
    pub run: RunId,
    /// The entry that says so: 1 for the submission that opened the run.
    pub number: u64,
}

/// A duration that counts for forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The duration.
    pub sample: Sample,
    /// True when the attempt shared its process with others, so that it paid for a share of its start only.
    pub batched: bool,
}

/// What the history knows of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecHistory {
    /// The newest durations that count, oldest first.
    pub samples: Vec<Measured>,
    /// What the newest attempt came to that said something about the spec: not one that was lost or cancelled, or whose
    /// workspace could not be made ready. None when there is none.
    pub last: Option<AttemptVerdict>,
}

/// Which ended attempts to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Of this project only.
    pub project: Option<String>,
    /// Name of the spec, where `*` stands for any text and `?` for any one character.
    pub spec: String,
    /// How many.
    pub limit: usize,
}

/// An ended attempt in a spec's history.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// What its history is kept under.
    pub key: HistoryKey,
    /// The attempt.
    pub attempt: AttemptId,
    /// When its end was recorded.
    pub at: Timestamp,
    /// How long it held its slot, as its worker measured it and the leader corrected it for that worker's speed.
    pub duration: Millis,
    /// How long its tests took by themselves, corrected alike; none where they did not say.
    pub tests: Option<Millis>,
    /// True when it shared its process with other attempts.
    pub batched: bool,
    /// What it came to.
    pub verdict: AttemptVerdict,
    /// True when the duration counts for forecasts.
    pub counts: bool,
}
