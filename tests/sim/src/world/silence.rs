//! Who was heard from when, kept apart from the core, to check what it takes for lost.

use crate::store::Store;
use crate::{Checked, ensure};
use part_core::{AttemptVerdict, Bounds, Entry, Input, Record, Timestamp, WorkerId};
use std::collections::{BTreeMap, BTreeSet};

/// When each worker was last heard from in one leadership.
pub(super) struct Silence {
    heard: BTreeMap<WorkerId, Timestamp>,
    started: Timestamp,
}

/// What may explain that attempts are lost.
pub(super) enum Reason {
    /// Their worker came back with these, and with no others.
    CameBackWith(BTreeSet<part_core::AttemptId>),
    /// Their run was given up.
    Abandoned,
    /// Only silence.
    Silence,
}

impl Silence {
    pub(super) fn since(started: Timestamp) -> Self {
        Silence { heard: BTreeMap::new(), started }
    }

    /// Notes who an input shows to be alive; returns what the input may explain.
    pub(super) fn hear(&mut self, input: &Input, now: Timestamp) -> Reason {
        let (speaker, reason) = match input {
            Input::WorkerIntroduced { introduction } => {
                let held = introduction.held.iter().map(|held| held.attempt).collect();
                (Some(&introduction.worker), Reason::CameBackWith(held))
            }
            Input::Heartbeat { worker, .. } | Input::Reported { worker, .. } => {
                (Some(worker), Reason::Silence)
            }
            Input::RunAbandoned { .. } => (None, Reason::Abandoned),
            Input::LeaderPaused { lasted } => {
                for heard in self.heard.values_mut().chain([&mut self.started]) {
                    *heard = now.min(*heard + *lasted);
                }
                (None, Reason::Silence)
            }
            Input::RunSubmitted { .. }
            | Input::CancelRequested { .. }
            | Input::LinkClosed { .. }
            | Input::DrainChanged { .. }
            | Input::TimePassed => (None, Reason::Silence),
        };
        if let Some(worker) = speaker {
            self.heard.insert(worker.clone(), now);
        }
        reason
    }

    /// Attempts are lost when their worker comes back without them, or after it was silent for long enough.
    pub(super) fn check(
        &self,
        reason: &Reason,
        entries: &[Entry],
        store: &Store,
        bounds: &Bounds,
        now: Timestamp,
    ) -> Checked {
        for entry in entries {
            let Record::AttemptFinished { attempt, finish, .. } = &entry.record else { continue };
            let Some((run, _, known)) = store.folded.attempt(*attempt) else { continue };
            if finish.verdict != AttemptVerdict::Lost {
                continue;
            }
            let silent = now.since(self.heard.get(&known.worker).copied().unwrap_or(self.started));
            let patience = run.policy.lost_after.unwrap_or(bounds.lost_after).max(bounds.suspect_after);
            let explained = match reason {
                Reason::CameBackWith(held) => !held.contains(attempt),
                Reason::Abandoned => true,
                Reason::Silence => silent >= patience,
            };
            ensure(explained, || {
                format!("{attempt} is lost after {silent} of silence, allowed are {patience}")
            })?;
        }
        Ok(())
    }
}
