//! The fold: one event after the other.

use super::RunView;
use super::model::{AttemptView, Finished, GroupView, Keep, PartView, SpecView, is_failure};
use part_core::{AttemptVerdict, Millis, SpecVerdict, TestResult, Timestamp};
use part_proto::WireError;
use part_proto::convert::{
    attempt_verdict_from_wire, cancel_reason_from_wire, finish_from_wire, recipe_from_wire,
    run_verdict_from_wire, source_from_wire, spec_verdict_from_wire, summary_from_wire, test_from_wire,
};
use part_proto::v1::{self, event::Fact};
use thiserror::Error;

/// Something that is worth telling. Specs are named by their place in [`RunView::specs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// All specs are known now.
    Sealed,
    /// An attempt got a slot.
    Assigned {
        /// The spec.
        spec: usize,
        /// The attempt's number.
        attempt: u32,
    },
    /// An attempt ended.
    Ended {
        /// The spec.
        spec: usize,
        /// The attempt's number.
        attempt: u32,
    },
    /// A late report about a lost attempt came in; it changes nothing.
    Superseded {
        /// The spec.
        spec: usize,
        /// The attempt's number.
        attempt: u32,
    },
    /// A spec has its final verdict.
    Decided {
        /// The spec.
        spec: usize,
    },
    /// The run is being stopped.
    Cancelled,
    /// The run is finished.
    Finished,
    /// The first event of a kind that this client does not know.
    UnknownKind,
}

/// Why events make no sense. All of them mean that the run's state here cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ViewError {
    /// Events are missing.
    #[error("events of the run are missing: number {got} came after number {cursor}")]
    Gap {
        /// The newest that is known.
        cursor: u64,
        /// The one that came.
        got: u64,
    },
    /// An event of another run.
    #[error("an event of run {got} came instead of one of run {run}")]
    OtherRun {
        /// The run watched.
        run: String,
        /// The run of the event.
        got: String,
    },
    /// A message that cannot be understood.
    #[error("event {number} cannot be understood")]
    Wire {
        /// The event's number.
        number: u64,
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
    /// An event that contradicts earlier ones.
    #[error("event {number} makes no sense: {what}")]
    Contradiction {
        /// The event's number.
        number: u64,
        /// Why not.
        what: String,
    },
}

/// What can be wrong with a fact, before its number is known.
enum Wrong {
    Wire(WireError),
    Contradiction(String),
}

impl From<WireError> for Wrong {
    fn from(error: WireError) -> Self {
        Wrong::Wire(error)
    }
}

fn contradiction<T>(what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Contradiction(what.into()))
}

impl RunView {
    /// Takes the next event. One that was folded already is dropped; a gap is an error.
    pub(crate) fn apply(&mut self, event: v1::Event) -> Result<Option<Notice>, ViewError> {
        let number = event.number;
        if number <= self.cursor {
            return Ok(None);
        }
        if number != self.cursor + 1 {
            return Err(ViewError::Gap { cursor: self.cursor, got: number });
        }
        if self.run.is_empty() {
            let wire = |source| ViewError::Wire { number, source };
            self.run = part_proto::convert::run_id_from_wire(&event.run).map_err(wire)?.to_string();
            self.opened_at = Timestamp(event.at);
        } else if self.run != event.run {
            return Err(ViewError::OtherRun { run: self.run.clone(), got: event.run });
        }
        let notice = self.fold(event.fact, Timestamp(event.at)).map_err(|wrong| match wrong {
            Wrong::Wire(source) => ViewError::Wire { number, source },
            Wrong::Contradiction(what) => ViewError::Contradiction { number, what },
        })?;
        self.cursor = number;
        self.newest_at = self.newest_at.max(Timestamp(event.at));
        Ok(notice)
    }

    fn fold(&mut self, fact: Option<Fact>, at: Timestamp) -> Result<Option<Notice>, Wrong> {
        let Some(fact) = fact else {
            self.unknown_events += 1;
            return Ok((self.unknown_events == 1).then_some(Notice::UnknownKind));
        };
        match fact {
            Fact::RunOpened(opened) => self.opened(opened).map(|()| None),
            Fact::GroupAdded(added) => self.group_added(*added).map(|()| None),
            Fact::SpecsAdded(added) => self.specs_added(added).map(|()| None),
            Fact::SubmissionJoined(_) => {
                (self.sealed, self.newest_group) = (false, self.groups.len());
                Ok(None)
            }
            Fact::SubmissionDropped(v1::SubmissionDropped {}) => {
                self.submission_dropped();
                Ok(None)
            }
            Fact::AttemptDismissed(dismissed) => {
                self.attempt_mut(dismissed.spec, dismissed.attempt)?.dismissed = true;
                self.settle(dismissed.spec as usize);
                Ok(None)
            }
            Fact::RunSealed(v1::RunSealed {}) => self.seal().map(Some),
            Fact::AttemptAssigned(assigned) => self.assigned(assigned, at).map(Some),
            Fact::AttemptStarted(started) => self.attempt_started(started, at).map(|()| None),
            Fact::TestsReported(reported) => self.tests_reported(reported).map(|()| None),
            Fact::AttemptFinished(finished) => self.attempt_finished(*finished, at).map(Some),
            Fact::AttemptSuperseded(late) => {
                let verdict = attempt_verdict_from_wire(late.verdict)?;
                self.attempt_mut(late.spec, late.attempt)?.superseded = Some(verdict);
                Ok(Some(Notice::Superseded { spec: late.spec as usize, attempt: late.attempt }))
            }
            Fact::SpecDecided(decided) => self.decided(decided).map(Some),
            Fact::RunCancelled(cancelled) => self.run_cancelled(cancelled).map(Some),
            Fact::RunFinished(finished) => self.run_finished(*finished, at).map(Some),
        }
    }

    fn opened(&mut self, opened: v1::RunOpened) -> Result<(), Wrong> {
        if self.cursor != 0 {
            return contradiction("the run is opened a second time");
        }
        self.source = source_from_wire(opened.source)?;
        (self.project, self.build, self.workspace) =
            (opened.project, opened.build, opened.workspace_in_place);
        (self.attempt, self.joinable) = (opened.attempt, opened.joinable);
        Ok(())
    }

    fn group_added(&mut self, added: v1::GroupAdded) -> Result<(), Wrong> {
        if added.group as usize != self.groups.len() {
            return contradiction(format!("group {} comes as number {}", added.group, self.groups.len()));
        }
        let recipe = added.recipe.ok_or(WireError::Missing { field: "group_added.recipe" })?;
        self.groups.push(GroupView {
            label: added.label,
            suite: added.suite,
            requirements: added.requirements,
            retries: added.retries,
            recipe: recipe_from_wire(recipe)?,
            specs: added.specs,
            dropped: false,
        });
        Ok(())
    }

    /// The newest submission did not come in whole: its groups stay, since events go by number, but count for nothing.
    fn submission_dropped(&mut self) {
        self.sealed = true;
        for group in self.groups.iter_mut().skip(self.newest_group) {
            group.dropped = true;
        }
        let dropped = self.specs.len()
            - self.specs.iter().rev().take_while(|spec| spec.group >= self.newest_group).count();
        (dropped..self.specs.len()).for_each(|place| self.settle(place));
        self.recount();
    }

    fn specs_added(&mut self, added: v1::SpecsAdded) -> Result<(), Wrong> {
        let group = added.group as usize;
        if group >= self.groups.len() {
            return contradiction(format!("specs of group {group}, which is unknown"));
        }
        if added.first as usize != self.specs.len() {
            return contradiction(format!("spec {} comes as number {}", added.first, self.specs.len()));
        }
        for spec in added.specs {
            let expected = spec.expected_ms.map(Millis);
            let carried =
                (!spec.carried_from.is_empty()).then_some((spec.carried_from, Millis(spec.carried_ms)));
            // A carried pass is decided by this very event.
            let verdict = carried.is_some().then_some(SpecVerdict::Carried);
            if let Some(verdict) = verdict {
                self.tally.add(verdict, spec.quarantined);
            }
            let part =
                spec.part.map(|v1::Part { of, number, count, tests: _ }| PartView { of, number, count });
            self.total += u32::from(part.as_ref().is_none_or(|part| part.number == 1));
            self.specs.push(SpecView {
                name: spec.name,
                group,
                expected,
                samples: spec.samples,
                carried,
                expected_tests: spec.expected_tests,
                attempts: Vec::new(),
                verdict,
                because: String::new(),
                part,
                quarantined: spec.quarantined,
                waiting: false,
            });
            self.settle(self.specs.len() - 1);
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<Notice, Wrong> {
        let mut found = vec![0_u32; self.groups.len()];
        self.specs.iter().for_each(|spec| found[spec.group] += 1);
        for (group, found) in self.groups.iter().zip(found) {
            if group.specs != found && !group.dropped {
                let announced = group.specs;
                return contradiction(format!(
                    "group {:?} has {found} specs instead of {announced}",
                    group.label
                ));
            }
        }
        self.sealed = true;
        self.recount();
        Ok(Notice::Sealed)
    }

    fn assigned(&mut self, assigned: v1::AttemptAssigned, at: Timestamp) -> Result<Notice, Wrong> {
        let (place, number) = (assigned.spec as usize, assigned.attempt);
        let spec = self.spec_mut(assigned.spec)?;
        if spec.attempt(number).is_some() {
            return contradiction(format!("attempt {number} of {:?} is assigned twice", spec.name));
        }
        if spec.verdict.is_some() {
            return contradiction(format!("{:?} is assigned after its verdict", spec.name));
        }
        let key = (assigned.worker.clone(), assigned.slot);
        spec.attempts.push(AttemptView {
            number,
            worker: assigned.worker,
            slot: assigned.slot,
            forecast: assigned.forecast_ms.map(Millis),
            assigned_at: at,
            started_at: None,
            tests: Vec::new(),
            counts: Default::default(),
            ended: None,
            superseded: None,
            batch: assigned.batch,
            backup: assigned.why.is_some_and(|why| why.rule() == v1::Rule::Backup),
            dismissed: false,
        });
        self.settle(place);
        self.slots.insert(key.clone());
        self.running.entry(key).or_default().push((place, number));
        Ok(Notice::Assigned { spec: place, attempt: number })
    }

    fn attempt_started(&mut self, started: v1::AttemptStarted, at: Timestamp) -> Result<(), Wrong> {
        let attempt = self.attempt_mut(started.spec, started.attempt)?;
        attempt.started_at = Some(at);
        let key = (attempt.worker.clone(), attempt.slot);
        let this = (started.spec as usize, started.attempt);
        // Of a batch, what runs now stands first.
        if let Some(there) = self.running.get_mut(&key)
            && let Some(place) = there.iter().position(|other| *other == this)
        {
            there[..=place].rotate_right(1);
        }
        Ok(())
    }

    /// Keeps the backlog right: a spec waits while nothing that counts runs and nothing is decided.
    fn settle(&mut self, place: usize) {
        let dropped = self.groups[self.specs[place].group].dropped;
        let stopped = dropped || self.cancelled.is_some();
        let spec = &mut self.specs[place];
        let waits = !stopped && spec.verdict.is_none() && spec.active().is_none();
        match (spec.waiting, waits) {
            (false, true) => self.backlog.add(spec.expected),
            (true, false) => self.backlog.remove(spec.expected),
            (true, true) | (false, false) => {}
        }
        spec.waiting = waits;
    }

    fn tests_reported(&mut self, reported: v1::TestsReported) -> Result<(), Wrong> {
        let (keep, mut details_left) = (self.keep, self.details_left);
        let attempt = self.attempt_mut(reported.spec, reported.attempt)?;
        for wire in reported.tests {
            let test = test_from_wire(wire)?;
            attempt.counts.add(&test);
            attempt.tests.extend(kept(test, keep, &mut details_left));
        }
        self.details_left = details_left;
        Ok(())
    }

    fn attempt_finished(&mut self, finished: v1::AttemptFinished, at: Timestamp) -> Result<Notice, Wrong> {
        let finish = finished.finish.ok_or(WireError::Missing { field: "attempt_finished.finish" })?;
        let mut finish = Box::new(finish_from_wire(finish)?);
        if self.keep == Keep::Failures && finish.verdict == AttemptVerdict::Passed {
            finish.output.inline = None;
        }
        let (place, number) = (finished.spec as usize, finished.attempt);
        let attempt = self.attempt_mut(finished.spec, number)?;
        if attempt.ended.is_some() {
            return contradiction(format!("attempt {number} of spec {place} ends twice"));
        }
        let key = (attempt.worker.clone(), attempt.slot);
        attempt.ended = Some((at, finish));
        let took = attempt.took().filter(|_| finished.counts);
        if let Some(there) = self.running.get_mut(&key) {
            there.retain(|other| *other != (place, number));
            if there.is_empty() {
                self.running.remove(&key);
            }
        }
        if let Some(took) = took {
            self.backlog.learn(took);
        }
        // It waits again, until its verdict says otherwise.
        self.settle(place);
        Ok(Notice::Ended { spec: place, attempt: number })
    }

    fn decided(&mut self, decided: v1::SpecDecided) -> Result<Notice, Wrong> {
        let verdict = spec_verdict_from_wire(&decided)?;
        let place = decided.spec as usize;
        let spec = self.spec_mut(decided.spec)?;
        if let Some(earlier) = spec.verdict {
            return contradiction(format!("{:?} is decided as {verdict} after {earlier}", spec.name));
        }
        spec.verdict = Some(verdict);
        spec.because = decided.because;
        self.settle(place);
        let whole = self.whole_of(place);
        let (whole_verdict, quarantined) = (whole.verdict(), whole.quarantined());
        if let Some(verdict) = whole_verdict {
            self.tally.add(verdict, quarantined);
        }
        Ok(Notice::Decided { spec: place })
    }

    fn run_cancelled(&mut self, cancelled: v1::RunCancelled) -> Result<Notice, Wrong> {
        self.cancelled = Some(cancel_reason_from_wire(cancelled)?);
        self.backlog.clear();
        // Specs that wait are cancelled by this very event; those that run will say for themselves.
        for spec in &mut self.specs {
            spec.waiting = false;
            if spec.verdict.is_none() && spec.active().is_none() {
                spec.verdict = Some(SpecVerdict::Cancelled);
            }
        }
        self.recount();
        Ok(Notice::Cancelled)
    }

    fn run_finished(&mut self, finished: v1::RunFinished, at: Timestamp) -> Result<Notice, Wrong> {
        if self.finished.is_some() {
            return contradiction("the run finishes twice");
        }
        let verdict = run_verdict_from_wire(finished.verdict)?;
        let summary = finished.summary.ok_or(WireError::Missing { field: "run_finished.summary" })?;
        self.finished = Some(Finished { at, verdict, summary: summary_from_wire(summary) });
        self.running.clear();
        Ok(Notice::Finished)
    }

    fn spec_mut(&mut self, place: u32) -> Result<&mut SpecView, Wrong> {
        let known = self.specs.len();
        match self.specs.get_mut(place as usize) {
            Some(spec) => Ok(spec),
            None => contradiction(format!("it is about spec {place}, and only {known} are known")),
        }
    }

    fn attempt_mut(&mut self, spec: u32, number: u32) -> Result<&mut AttemptView, Wrong> {
        match self.spec_mut(spec)?.attempt_mut(number) {
            Some(attempt) => Ok(attempt),
            None => contradiction(format!("it is about attempt {number} of spec {spec}, which is unknown")),
        }
    }
}

/// What of a test's result is kept.
fn kept(mut test: TestResult, keep: Keep, details_left: &mut usize) -> Option<TestResult> {
    match keep {
        Keep::Everything => Some(test),
        Keep::Failures if !is_failure(test.outcome) => None,
        Keep::Failures => {
            if *details_left == 0 {
                (test.detail, test.output) = (None, None);
            }
            *details_left = details_left.saturating_sub(1);
            Some(test)
        }
    }
}

impl super::Tally {
    /// A spec is decided; one that is quarantined does not count as failed.
    pub(super) fn add(&mut self, verdict: SpecVerdict, quarantined: bool) {
        *self.of(verdict, quarantined) += 1;
        self.decided += 1;
    }

    fn of(&mut self, verdict: SpecVerdict, quarantined: bool) -> &mut u32 {
        match verdict {
            SpecVerdict::NotPassed(_) if quarantined => &mut self.quarantined,
            SpecVerdict::Passed { flaky: false } => &mut self.passed,
            SpecVerdict::Passed { flaky: true } => &mut self.flaky,
            SpecVerdict::Carried => &mut self.carried,
            SpecVerdict::NotPassed(_) => &mut self.failed,
            SpecVerdict::Cancelled => &mut self.cancelled,
        }
    }
}
