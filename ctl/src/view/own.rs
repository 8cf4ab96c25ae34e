//! The groups that this client submitted, in a run that others submit to as well.
//!
//! Kept beside the view, from the same events: when the own groups are decided, what they came to by themselves, and
//! the view with nothing else in it.

use super::model::{Finished, GroupView, RunView, SpecView};
use part_core::{AttemptVerdict, CancelReason, InvalidReason, RunSummary, RunVerdict, SpecVerdict};
use part_proto::v1::{Event, event::Fact};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the own groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    labels: BTreeSet<String>,
    /// Their places in the run. A submission that did not come in whole leaves groups of the same labels behind.
    places: BTreeMap<u32, String>,
    /// Own groups of the submission that is coming in.
    coming: Vec<u32>,
    /// Their specs: the first number of each row of them, and the number after its last.
    specs: BTreeMap<u32, u32>,
    /// Specs that do not fail the run.
    quarantined: BTreeSet<u32>,
    undecided: u32,
    /// All groups of the run so far.
    groups: u32,
    /// Groups that count for nothing.
    dropped: u32,
    groups_before: u32,
    joinable: bool,
    sealed: bool,
    cancelled: bool,
}

impl Own {
    /// The groups with these labels.
    pub(crate) fn of(labels: impl IntoIterator<Item = String>) -> Own {
        Own { labels: labels.into_iter().collect(), ..Own::default() }
    }

    /// Takes what matters of an event, which comes once and in order.
    pub(crate) fn observe(&mut self, event: &Event) {
        match &event.fact {
            Some(Fact::RunOpened(opened)) => self.joinable = opened.joinable,
            Some(Fact::SubmissionJoined(_)) => {
                self.sealed = false;
                self.groups_before = self.groups;
                self.coming.clear();
            }
            Some(Fact::GroupAdded(added)) => {
                self.groups = added.group + 1;
                if self.labels.contains(&added.label) {
                    self.places.insert(added.group, added.label.clone());
                    self.coming.push(added.group);
                }
            }
            Some(Fact::SpecsAdded(added)) if self.places.contains_key(&added.group) => {
                self.specs.insert(added.first, added.first + added.specs.len() as u32);
                let numbered = added.specs.iter().zip(added.first..);
                for (spec, number) in numbered {
                    self.undecided += u32::from(spec.carried_from.is_empty());
                    if spec.quarantined {
                        self.quarantined.insert(number);
                    }
                }
            }
            Some(Fact::RunSealed(_)) => self.sealed = true,
            Some(Fact::SubmissionDropped(_)) => self.drop_coming(),
            Some(Fact::SpecDecided(decided)) if self.has_spec(decided.spec) => {
                self.undecided = self.undecided.saturating_sub(1);
            }
            Some(Fact::RunCancelled(_)) => self.cancelled = true,
            Some(
                Fact::SpecsAdded(_)
                | Fact::SpecDecided(_)
                | Fact::AttemptAssigned(_)
                | Fact::AttemptStarted(_)
                | Fact::TestsReported(_)
                | Fact::AttemptFinished(_)
                | Fact::AttemptSuperseded(_)
                | Fact::AttemptDismissed(_)
                | Fact::RunFinished(_),
            )
            | None => {}
        }
    }

    /// The newest submission counts for nothing.
    fn drop_coming(&mut self) {
        self.sealed = true;
        self.dropped += self.groups - self.groups_before;
        for place in std::mem::take(&mut self.coming) {
            self.places.remove(&place);
        }
        // None of a dropped submission is ever decided, and it is the newest: nothing else of the own groups is in.
        if self.places.is_empty() {
            (self.specs, self.quarantined, self.undecided) = Default::default();
        }
    }

    /// True once all own groups are in the run.
    pub(crate) fn is_in(&self) -> bool {
        self.sealed && self.labels.iter().all(|label| self.places.values().any(|known| known == label))
    }

    /// True when the own groups are decided and the run may stay open for others. A run that nobody can join ends by
    /// itself, and one that is being stopped as well.
    pub(crate) fn is_decided(&self) -> bool {
        self.joinable && !self.cancelled && self.undecided == 0 && self.is_in()
    }

    /// True when the run has groups of others.
    pub(crate) fn has_company(&self) -> bool {
        self.groups - self.dropped > self.places.len() as u32
    }

    /// True for a spec of an own group.
    pub(crate) fn has_spec(&self, number: u32) -> bool {
        self.specs.range(..=number).next_back().is_some_and(|(_, end)| number < *end)
    }

    /// Groups of others with the number of their specs that are not decided.
    pub(crate) fn others_left(&self, view: &RunView) -> Vec<(String, u32)> {
        let mut left: BTreeMap<usize, u32> = BTreeMap::new();
        for (place, spec) in view.specs.iter().enumerate() {
            if spec.verdict.is_none() && !self.has_spec(place as u32) {
                *left.entry(spec.group).or_default() += 1;
            }
        }
        let label = |group: usize| view.groups.get(group).map(|group| group.label.clone());
        left.into_iter().filter_map(|(group, left)| Some((label(group)?, left))).collect()
    }

    /// The view with the own groups only, and with what they came to as its end. Without company a run that is finished,
    /// or whose groups are not decided, stays as it is.
    pub(crate) fn narrow(&self, view: &mut RunView) {
        if !self.has_company() && (view.finished.is_some() || !self.is_decided()) {
            return;
        }
        let verdict = self.verdict(view);
        let mut places = BTreeMap::new();
        let mut groups: Vec<GroupView> = Vec::new();
        for (place, group) in std::mem::take(&mut view.groups).into_iter().enumerate() {
            if self.places.contains_key(&(place as u32)) {
                places.insert(place, groups.len());
                groups.push(group);
            }
        }
        let specs: Vec<SpecView> = std::mem::take(&mut view.specs)
            .into_iter()
            .filter_map(|spec| Some(SpecView { group: *places.get(&spec.group)?, ..spec }))
            .collect();
        view.finished = verdict.map(|verdict| {
            let at = view.finished.as_ref().map_or(view.newest_at, |finished| finished.at);
            Finished { at, verdict, summary: RunSummary::default() }
        });
        view.running.clear();
        (view.groups, view.specs) = (groups, specs);
        view.recount();
    }

    /// What the own groups came to by themselves, by the rules for a whole run; none while one of their specs has no
    /// verdict.
    fn verdict(&self, view: &RunView) -> Option<RunVerdict> {
        let (mut failed, mut lost, mut no_tests, mut executed) = (false, false, false, false);
        for (number, spec) in (0..).zip(&view.specs).filter(|(number, _)| self.has_spec(*number)) {
            let tests = spec.last_finish().map(|finish| finish.tests).unwrap_or_default();
            match spec.verdict? {
                SpecVerdict::Carried => executed = true,
                SpecVerdict::Passed { .. } => executed |= tests.total() == 0 || tests.executed() > 0,
                SpecVerdict::NotPassed(_) if self.quarantined.contains(&number) => {
                    executed |= tests.executed() > 0;
                }
                SpecVerdict::NotPassed(verdict) => match verdict {
                    AttemptVerdict::Failed
                    | AttemptVerdict::TimedOut
                    | AttemptVerdict::Crashed
                    | AttemptVerdict::Invalid(InvalidReason::Report | InvalidReason::MissingTests) => {
                        failed = true;
                    }
                    AttemptVerdict::Invalid(InvalidReason::NoTests) => no_tests = true,
                    AttemptVerdict::Lost
                    | AttemptVerdict::Cancelled
                    | AttemptVerdict::SetupFailed
                    | AttemptVerdict::Passed => lost = true,
                },
                SpecVerdict::Cancelled => lost = true,
            }
        }
        Some(match (&view.cancelled, failed) {
            // All of them were done before somebody stopped the rest.
            (Some(CancelReason::Requested { .. }), _) if lost => RunVerdict::Cancelled,
            (_, true) => RunVerdict::Failed,
            (_, false) if lost => RunVerdict::Incomplete,
            (_, false) if no_tests || !executed => RunVerdict::NothingRan,
            (_, false) => RunVerdict::Passed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, summary};
    use crate::view::Keep;

    /// The groups `b` and `c` after these events, with the view.
    fn after(script: Script) -> (Own, RunView) {
        let mut own = Own::of(["b".to_owned(), "c".to_owned()]);
        let mut view = RunView::new(Keep::Failures);
        for event in script.events() {
            own.observe(&event);
            view.apply(event).expect("the script makes sense");
        }
        (own, view)
    }

    fn joined() -> Script {
        Script::joinable()
            .group("a", 0, &[("1", None), ("2", None)])
            .sealed()
            .joined(8)
            .group("b", 0, &[("3", None)])
            .carried("c", &["4"])
            .sealed()
    }

    #[test]
    fn own_groups_are_decided_by_their_own_specs() {
        let open = Script::joinable().group("a", 0, &[("1", None)]).sealed();
        let table: [(Script, bool, bool, bool); 6] = [
            (open, false, false, true),
            (Script::joinable().group("b", 0, &[("1", None)]), false, false, false),
            (joined(), true, false, true),
            (joined().start(0, 1, 0).pass(0, 1), true, false, true),
            (joined().start(2, 1, 0).pass(2, 1), true, true, true),
            (
                joined().start(2, 1, 0).pass(2, 1).cancel(CancelReason::MaxFailures { failures: 1 }),
                true,
                false,
                true,
            ),
        ];
        for (place, (script, is_in, is_decided, company)) in table.into_iter().enumerate() {
            let (own, _) = after(script);
            assert_eq!(
                (own.is_in(), own.is_decided(), own.has_company()),
                (is_in, is_decided, company),
                "{place}"
            );
        }
        let (own, view) = after(joined().start(0, 1, 0).pass(0, 1));
        assert_eq!(
            (0..5).map(|spec| own.has_spec(spec)).collect::<Vec<_>>(),
            [false, false, true, true, false]
        );
        assert_eq!(own.others_left(&view), [("a".to_owned(), 1)]);
    }

    #[test]
    fn a_run_that_nobody_joins_is_never_left_early() {
        let alone = Script::new().group("b", 0, &[("1", None)]).group("c", 0, &[("2", None)]).sealed();
        let (own, mut view) = after(alone.start(0, 1, 0).pass(0, 1).start(1, 1, 0).pass(1, 1));
        assert!(own.is_in() && !own.is_decided() && !own.has_company());
        own.narrow(&mut view);
        assert_eq!((view.groups.len(), view.specs.len(), view.finished.is_none()), (2, 2, true));
    }

    #[test]
    fn a_run_that_is_still_open_without_company_came_to_what_the_own_groups_did() {
        let alone =
            || Script::joinable().group("b", 0, &[("1", None)]).carried("c", &["2"]).sealed().start(0, 1, 0);
        let (own, mut view) = after(alone().pass(0, 1));
        assert!(own.is_decided() && !own.has_company());
        own.narrow(&mut view);
        assert_eq!(view.finished.as_ref().map(|finished| finished.verdict), Some(RunVerdict::Passed));
        assert_eq!((view.groups.len(), view.tally.passed, view.tally.carried), (2, 1, 1));
        // Its own end has the figures.
        let (own, mut view) = after(alone().pass(0, 1).finish(RunVerdict::Passed, summary(2, 2)));
        own.narrow(&mut view);
        assert_eq!(view.finished.as_ref().map(|finished| finished.summary.specs), Some(2));
        let (own, mut view) = after(alone());
        own.narrow(&mut view);
        assert!(view.finished.is_none());
    }

    #[test]
    fn a_submission_that_was_dropped_and_came_again_counts_once() {
        let again = Script::joinable()
            .group("a", 0, &[("1", None)])
            .sealed()
            .joined(8)
            .group("b", 0, &[("2", None)])
            .dropped();
        let (own, _) = after(again);
        assert!(!own.is_in() && !own.has_spec(1));
        let again = Script::joinable()
            .group("a", 0, &[("1", None)])
            .sealed()
            .joined(8)
            .group("b", 0, &[("2", None)])
            .dropped()
            .joined(9)
            .group("b", 0, &[("2", None)])
            .carried("c", &["3"])
            .sealed()
            .start(2, 1, 0)
            .pass(2, 1);
        let (own, mut view) = after(again);
        assert!(own.is_decided() && own.has_company());
        own.narrow(&mut view);
        assert_eq!(view.specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["2", "3"]);
    }

    #[test]
    fn the_narrow_view_has_the_own_groups_and_their_verdict() {
        let not_passed = |verdict| SpecVerdict::NotPassed(verdict);
        let others = || joined().start(0, 1, 0).fail(0, 1).decide(0, not_passed(AttemptVerdict::Failed));
        let table = [
            (others().start(2, 1, 0).pass(2, 1), Some(RunVerdict::Passed)),
            (others(), None),
            (
                others().start(2, 1, 0).fail(2, 1).decide(2, not_passed(AttemptVerdict::Failed)),
                Some(RunVerdict::Failed),
            ),
            (
                others().start(2, 1, 0).fail(2, 1).decide(2, not_passed(AttemptVerdict::Lost)),
                Some(RunVerdict::Incomplete),
            ),
            (
                others().decide(2, not_passed(AttemptVerdict::Invalid(InvalidReason::NoTests))),
                Some(RunVerdict::NothingRan),
            ),
            (
                others()
                    .cancel(CancelReason::Requested { by: "x".into() })
                    .finish(RunVerdict::Cancelled, summary(4, 1)),
                Some(RunVerdict::Cancelled),
            ),
            (
                others()
                    .start(2, 1, 0)
                    .pass(2, 1)
                    .cancel(CancelReason::Requested { by: "x".into() })
                    .finish(RunVerdict::Cancelled, summary(4, 1)),
                Some(RunVerdict::Passed),
            ),
        ];
        for (place, (script, expected)) in table.into_iter().enumerate() {
            let (own, mut view) = after(script);
            own.narrow(&mut view);
            let labels: Vec<&str> = view.groups.iter().map(|group| group.label.as_str()).collect();
            assert_eq!(labels, ["b", "c"], "{place}");
            assert_eq!(
                view.specs.iter().map(|spec| view.group_of(spec).label.as_str()).collect::<Vec<_>>(),
                labels
            );
            assert_eq!(view.finished.as_ref().map(|finished| finished.verdict), expected, "{place}");
            assert_eq!((view.tally.carried, view.left()), (1, u32::from(expected.is_none())), "{place}");
        }
    }
}
