//! Who was heard from when, kept apart from the core, to check whom it takes for lost and when it assigns.

use crate::ledger::Ledger;
use crate::{Checked, ensure};
use part_core::{AttemptId, AttemptVerdict, Bounds, Core, Entry, Input, Millis, Record, Timestamp, WorkerId};
use std::collections::{BTreeMap, BTreeSet};

/// When each worker was last heard from in one leadership.
pub(super) struct Silence {
    heard: BTreeMap<WorkerId, Timestamp>,
    started: Timestamp,
    /// Workers that held attempts when the leadership began and have not come back.
    awaited: BTreeSet<WorkerId>,
    /// Until when they are waited for.
    window_ends: Timestamp,
    bounds: Bounds,
}

/// What may explain that attempts are lost.
#[derive(Debug)]
pub(super) enum Reason {
    /// Their worker came back with these, and with no others.
    CameBackWith(BTreeSet<AttemptId>),
    /// Their run was given up.
    Abandoned,
    /// Their worker says so.
    Reported,
    /// Only silence.
    Silence,
}

impl Silence {
    pub(super) fn new(core: &Core, started: Timestamp, bounds: &Bounds) -> Self {
        let awaited = holders(core);
        let window_ends = started + bounds.gather;
        Silence { heard: BTreeMap::new(), started, awaited, window_ends, bounds: bounds.clone() }
    }

    /// The leader did not run for so long: nobody could be heard.
    pub(super) fn pause(&mut self, lasted: Millis, now: Timestamp) {
        for heard in self.heard.values_mut().chain([&mut self.started]) {
            *heard = now.min(*heard + lasted);
        }
    }

    /// Notes who an input shows to be alive; returns what the input may explain.
    pub(super) fn hear(&mut self, input: &Input, now: Timestamp) -> Reason {
        let (speaker, reason) = match input {
            Input::WorkerIntroduced { introduction } => {
                let held = introduction.held.iter().map(|held| held.attempt).collect();
                self.awaited.remove(&introduction.worker);
                (Some(&introduction.worker), Reason::CameBackWith(held))
            }
            Input::Heartbeat { worker, .. } => (Some(worker), Reason::Silence),
            Input::Reported { worker, .. } => (Some(worker), Reason::Reported),
            Input::RunAbandoned { .. } => (None, Reason::Abandoned),
            Input::LeaderPaused { lasted } => {
                self.pause(*lasted, now);
                (None, Reason::Silence)
            }
            Input::RunSubmitted { .. }
            | Input::CancelRequested { .. }
            | Input::LinkClosed { .. }
            | Input::DrainChanged { .. }
            | Input::HealthChanged { .. }
            | Input::PressureChanged { .. }
            | Input::HeldBack { .. }
            | Input::TimePassed => (None, Reason::Silence),
        };
        if let Some(worker) = speaker {
            self.heard.insert(worker.clone(), now);
        }
        reason
    }

    /// Attempts are lost when their worker comes back without them, says so, or after it was silent for long enough; and
    /// nothing is assigned before those who hold attempts are back or were waited for.
    pub(super) fn check(
        &self,
        reason: &Reason,
        entries: &[Entry],
        core: &Core,
        ledger: &Ledger,
        now: Timestamp,
    ) -> Checked {
        for entry in entries {
            match &entry.record {
                Record::AttemptFinished { attempt, finish, .. } if finish.verdict == AttemptVerdict::Lost => {
                    self.check_lost(reason, *attempt, ledger, now)?;
                }
                Record::AttemptAssigned { attempt, .. } if now < self.window_ends => {
                    let holders = holders(core);
                    let missing = self.awaited.iter().find(|worker| holders.contains(worker));
                    ensure(missing.is_none(), || {
                        format!("[1] {attempt} is assigned before {missing:?}, which holds attempts, is back")
                    })?;
                }
                Record::RunOpened { .. }
                | Record::SubmissionJoined { .. }
                | Record::SubmissionDropped
                | Record::AttemptDismissed { .. }
                | Record::GroupAdded { .. }
                | Record::SpecsAdded { .. }
                | Record::RunSealed
                | Record::AttemptAssigned { .. }
                | Record::AttemptStarted { .. }
                | Record::TestsReported { .. }
                | Record::AttemptFinished { .. }
                | Record::AttemptSuperseded { .. }
                | Record::SpecDecided { .. }
                | Record::RunCancelled { .. }
                | Record::RunFinished { .. } => {}
            }
        }
        Ok(())
    }

    fn check_lost(&self, reason: &Reason, id: AttemptId, ledger: &Ledger, now: Timestamp) -> Checked {
        let Some((run, _, known)) = ledger.folded.attempt(id) else { return Ok(()) };
        let heard = self.heard.get(&known.worker).copied();
        let silent = now.since(heard.unwrap_or(self.started));
        let least = self.bounds.suspect_after;
        let patience = run.policy.lost_after.unwrap_or(self.bounds.lost_after).max(least);
        let patience = heard.map_or_else(|| self.bounds.patience_after_takeover(patience), |_| patience);
        let explained = match reason {
            Reason::CameBackWith(held) => !held.contains(&id),
            Reason::Abandoned | Reason::Reported => true,
            Reason::Silence => silent >= patience,
        };
        ensure(explained, || format!("[1] {id} is lost after {silent} of silence, allowed are {patience}"))
    }
}

/// The workers that hold attempts, as far as a core knows.
fn holders(core: &Core) -> BTreeSet<WorkerId> {
    let mut holders = BTreeSet::new();
    for run in core.state().runs() {
        for id in run.active_attempts() {
            if let Some((_, _, attempt)) = core.state().attempt(id) {
                holders.insert(attempt.worker.clone());
            }
        }
    }
    holders
}
