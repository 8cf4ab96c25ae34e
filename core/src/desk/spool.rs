//! Reports that are not acknowledged yet: numbered, in order, sent again over every new link.
//!
//! Kept in memory. What survives the worker's process is the attempt's folder, which is removed only once its
//! last report is acknowledged; a successor reads it and reports again.

use crate::{AttemptId, Report, ReportBody};
use std::collections::VecDeque;

/// The unacknowledged reports of one life of a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Spool {
    waiting: VecDeque<Report>,
    /// Reports of `waiting` that went out over the present link.
    sent: usize,
    last_number: u64,
}

impl Spool {
    /// Numbers a report and keeps it.
    pub(super) fn push(&mut self, body: ReportBody) {
        self.last_number += 1;
        self.waiting.push_back(Report { number: self.last_number, body });
    }

    /// A new link is open: everything goes out again.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The next report for the present link.
    pub(super) fn next(&mut self) -> Option<&Report> {
        let report = self.waiting.get(self.sent)?;
        self.sent += 1;
        Some(report)
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.waiting.len()
    }

    /// Drops what is durable now. Returns the attempts whose end is thereby settled.
    pub(super) fn acknowledge(&mut self, through: u64) -> Vec<AttemptId> {
        let mut settled = Vec::new();
        while let Some(report) = self.waiting.front()
            && report.number <= through
        {
            if let ReportBody::Finished { attempt, .. } = &report.body {
                settled.push(*attempt);
            }
            self.waiting.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
        settled
    }

    /// Everything that waits, oldest first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Report> {
        self.waiting.iter()
    }

    /// Attempts whose end waits for its acknowledgement.
    pub(super) fn finished(&self) -> impl Iterator<Item = AttemptId> {
        self.waiting.iter().filter_map(|report| match &report.body {
            ReportBody::Finished { attempt, .. } => Some(*attempt),
            ReportBody::Started { .. } | ReportBody::Tests { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttemptVerdict, Finish, RunId, SpecIndex};

    fn attempt(spec: u32) -> AttemptId {
        AttemptId { run: RunId(1), spec: SpecIndex(spec), number: 1 }
    }

    fn finished(spec: u32) -> ReportBody {
        let finish = Box::new(Finish::declared(AttemptVerdict::Passed, ""));
        ReportBody::Finished { attempt: attempt(spec), finish }
    }

    #[test]
    fn what_is_not_acknowledged_goes_out_again_in_order() {
        let mut spool = Spool::default();
        spool.push(ReportBody::Started { attempt: attempt(0) });
        spool.push(finished(0));
        spool.push(finished(1));
        let numbers = |spool: &mut Spool| {
            std::iter::from_fn(|| spool.next().map(|report| report.number)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&mut spool), [1, 2, 3]);
        assert!(!spool.has_unsent());
        assert_eq!(spool.acknowledge(2), [attempt(0)]);
        spool.rewind();
        assert_eq!(numbers(&mut spool), [3]);
        assert_eq!(spool.finished().collect::<Vec<_>>(), [attempt(1)]);
        assert_eq!(spool.acknowledge(9), [attempt(1)]);
        assert!(spool.waiting.is_empty());
    }

    #[test]
    fn an_acknowledgement_ahead_of_what_was_sent_again_is_fine() {
        let mut spool = Spool::default();
        (0..4).for_each(|spec| spool.push(finished(spec)));
        spool.rewind();
        assert_eq!(spool.next().map(|report| report.number), Some(1));
        spool.acknowledge(3);
        assert_eq!(spool.next().map(|report| report.number), Some(4));
    }
}
