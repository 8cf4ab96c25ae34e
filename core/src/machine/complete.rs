//! When a run that others may join is complete.

use crate::live::Timer;
use crate::{CancelReason, Core, Expect, Millis, Pending, Record, Run, RunId, RunSummary, Timestamp};

/// What a run with nothing left to run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Completion {
    /// Nothing.
    Complete,
    /// Another group, until then.
    OpenUntil(Timestamp),
    /// The groups that were announced, until then.
    Expects { until: Timestamp, came: u32, missing: String },
}

impl Core {
    /// Records a run's end once nothing of it is left to run or to wait for.
    pub(crate) fn finish_run_if_done(&mut self, run_id: RunId, now: Timestamp, pending: &mut Pending) {
        let Some(run) = self.state.run(run_id) else { return };
        let still_open = !run.sealed && run.cancelled.is_none();
        if still_open || run.undecided > 0 || run.active > 0 || run.finished.is_some() {
            return;
        }
        let completion = match run.cancelled {
            Some(_) => Completion::Complete,
            None => run.completion(self.config.bounds.expected_groups_wait),
        };
        match completion {
            Completion::Complete => {}
            Completion::OpenUntil(until) | Completion::Expects { until, .. } if now < until => {
                self.live.timers.insert((until, Timer::Complete(run_id)));
                return;
            }
            Completion::OpenUntil(_) => {}
            Completion::Expects { missing, .. } => {
                self.cancel(run_id, CancelReason::GroupsMissing { missing }, now, pending);
            }
        }
        let Some(run) = self.state.run(run_id) else { return };
        let finished = Record::RunFinished { verdict: run.verdict(), summary: Box::new(RunSummary::of(run)) };
        self.dismiss_run(run_id);
        self.record(run_id, finished, now, pending);
    }
}

impl Run {
    /// Its groups that came in whole.
    fn whole_groups(&self) -> impl Iterator<Item = &crate::Group> {
        self.groups.iter().filter(|group| !self.submission_of(group).dropped)
    }

    fn completion(&self, patience: Millis) -> Completion {
        let came = self.whole_groups().count() as u32;
        let missing = match &self.policy.expect {
            _ if !self.joinable => String::new(),
            Some(Expect::Count(count)) if came < *count => {
                let more = count - came;
                format!("{more} of {count} groups")
            }
            Some(Expect::Labels(labels)) => {
                let missing =
                    labels.iter().filter(|label| !self.whole_groups().any(|g| g.label.as_ref() == *label));
                let missing: Vec<&str> = missing.map(String::as_str).collect();
                let word = if missing.len() == 1 { "group" } else { "groups" };
                if missing.is_empty() { String::new() } else { format!("{word} {}", missing.join(", ")) }
            }
            Some(Expect::Count(_)) => String::new(),
            None if self.policy.completion_delay > Millis::ZERO => {
                return Completion::OpenUntil(self.quiet_since + self.policy.completion_delay);
            }
            None => String::new(),
        };
        match missing.is_empty() {
            true => Completion::Complete,
            false => Completion::Expects { until: self.quiet_since + patience, came, missing },
        }
    }

    /// Why an unfinished run with nothing left to run is still open, in words; none while something of it runs, and
    /// for one that is over.
    pub fn open_because(&self, now: Timestamp) -> Option<String> {
        let waits =
            self.finished.is_none() && self.cancelled.is_none() && self.undecided == 0 && self.active == 0;
        if !waits {
            return None;
        }
        match self.completion(crate::Bounds::DEFAULT.expected_groups_wait) {
            Completion::Complete => None,
            Completion::OpenUntil(until) => {
                Some(format!("it ends in {} unless another group joins", until.since(now)))
            }
            Completion::Expects { until, came, missing } => {
                Some(format!("it waits for {missing} ({came} came), for at most {}", until.since(now)))
            }
        }
    }
}
