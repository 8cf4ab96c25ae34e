//! How a worker behaved, and what the leader made of it.
//!
//! Live only: a new leader trusts every worker anew and learns from what it sees.

use crate::{AttemptId, Millis, RunId, SpecIndex, Timestamp};
use std::collections::BTreeSet;

/// What a worker's attempts say about the worker itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conduct {
    /// Attempts in a row that ended by its own fault.
    pub(crate) faults: u32,
    /// Runs whose setup failed on it since anything went well; true where the run was set up on another worker.
    pub(crate) setups: Vec<(RunId, bool)>,
    /// When an attempt last passed on it.
    pub(crate) passed_at: Option<Timestamp>,
    /// Specs that failed on it after that, and passed elsewhere in the same run.
    pub(crate) contradicted: BTreeSet<(RunId, SpecIndex)>,
}

/// Runs whose failed setup a worker remembers: more than it takes to cordon it say nothing more.
const SETUPS: usize = 16;

impl Conduct {
    /// An attempt got as far as being judged: the worker itself did its part.
    pub(crate) fn did_its_part(&mut self) {
        self.faults = 0;
        self.setups.clear();
    }

    pub(crate) fn passed(&mut self, now: Timestamp) {
        self.passed_at = Some(now);
        self.contradicted.clear();
    }

    /// Notes that the setup of a run failed, and whether it went well on another worker.
    pub(crate) fn setup_failed(&mut self, run: RunId, elsewhere: bool) {
        if let Some((_, proven)) = self.setups.iter_mut().find(|(known, _)| *known == run) {
            *proven |= elsewhere;
        } else if self.setups.len() < SETUPS {
            self.setups.push((run, elsewhere));
        }
    }

    /// Runs whose setup fails here and not elsewhere.
    pub(crate) fn own_setups(&self) -> u32 {
        self.setups.iter().filter(|(_, elsewhere)| *elsewhere).count() as u32
    }
}

/// A worker that is not trusted with work, for now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cordon {
    pub(crate) doubt: Doubt,
    /// Why, for people.
    pub(crate) reason: String,
    /// How long it waited for its last chance, or waits for the next; doubled each time that goes wrong.
    pub(crate) wait: Millis,
    pub(crate) probation: Probation,
    /// The spec that failed on probation without having failed elsewhere: what it comes to elsewhere decides.
    pub(crate) undecided: Option<(RunId, SpecIndex)>,
}

/// What speaks against a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Attempts on it end by its own fault.
    OwnFault,
    /// Specs fail on it that pass elsewhere.
    FailsWhatOthersPass,
}

/// Where a cordoned worker is on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probation {
    /// It gets nothing until then.
    Waits(Timestamp),
    /// It may have one attempt.
    Open,
    /// It has it.
    Tries(AttemptId),
}
