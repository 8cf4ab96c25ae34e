//! What of a build's earlier attempts stands for specs that are submitted again. Pure.

use part_core::{
    AttemptId, AttemptPhase, AttemptVerdict, Carried, GroupIndex, Joining, Millis, PastAttempt, Run, RunId,
    Spec, SpecIndex, SpecPhase, SpecVerdict, Submission,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// An unfinished run of a build, as its leader knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfinished {
    pub(super) attempt: u32,
    /// True when a submission may join it.
    pub(super) open: bool,
}

/// The attempt of its build that a submission will be part of, as the leader decides it too.
pub(super) fn attempt_of(joining: Joining, past: &[PastAttempt], unfinished: &[Unfinished]) -> u32 {
    let numbers = past.iter().map(|past| past.number).chain(unfinished.iter().map(|run| run.attempt));
    let next = numbers.max().unwrap_or(0).saturating_add(1);
    match joining {
        Joining::Never => next,
        Joining::Current => {
            unfinished.iter().filter(|run| run.open).map(|run| run.attempt).max().unwrap_or(next)
        }
        Joining::Attempt(number) => number,
    }
}

/// The attempts before a certain one, the newest first.
pub(super) fn earlier(past: &[PastAttempt], attempt: u32) -> Vec<PastAttempt> {
    let mut earlier: Vec<PastAttempt> = past.iter().filter(|past| past.number < attempt).copied().collect();
    earlier.sort_by_key(|past| Reverse((past.number, past.finished_at)));
    earlier
}

/// What specs came to in earlier attempts, by group label and name.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    known: HashMap<(String, String), Option<(Carried, RunId)>>,
    /// The runs that were looked at, in that order.
    runs: Vec<RunId>,
}

/// What became of a submission's specs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The newest run that something is carried from, or would be.
    pub(super) from: Option<RunId>,
    /// Nothing would have been left to run, so that everything runs.
    pub(super) all_again: bool,
}

impl Verdicts {
    /// Learns what the specs of a run came to that no newer one decided: call with the newest run first.
    pub(super) fn learn(&mut self, run: &Run) {
        self.runs.push(run.id);
        for ((group, name), specs) in wholes(run) {
            let Some(carried) = decided(run, &specs) else { continue };
            let label = run.groups[group.0 as usize].label.as_ref().to_owned();
            let known = self.known.entry((label, name.to_owned()));
            known.or_insert(carried.map(|carried| (carried, run.id)));
        }
    }

    /// Carries passes forward, unless that would leave nothing to run: nobody may be shown a green run that ran
    /// nothing.
    pub(super) fn carry(&self, submission: &mut Submission) -> Outcome {
        let (mut outcome, mut left, mut from) = (Outcome::default(), 0, Vec::new());
        for group in &mut submission.groups {
            for spec in &mut group.specs {
                let pass = self.known.get(&(group.label.clone(), spec.name.clone())).copied().flatten();
                left += u32::from(pass.is_none());
                from.extend(pass.map(|(_, run)| run));
                spec.carried = pass.map(|(carried, _)| carried);
            }
        }
        outcome.from = self.runs.iter().find(|run| from.contains(run)).copied();
        if left == 0 {
            outcome.all_again = true;
            submission.groups.iter_mut().flat_map(|group| &mut group.specs).for_each(|s| s.carried = None);
        }
        outcome
    }
}

/// A run's specs by group and whole name: several where a spec was split. Those of dropped groups are left out.
pub(super) fn wholes(run: &Run) -> BTreeMap<(GroupIndex, &str), Vec<SpecIndex>> {
    let mut wholes: BTreeMap<(GroupIndex, &str), Vec<SpecIndex>> = BTreeMap::new();
    for (index, spec) in run.specs.iter().enumerate() {
        if !run.is_dropped(spec) {
            wholes.entry((spec.group, spec.whole_name())).or_default().push(SpecIndex(index as u32));
        }
    }
    wholes
}

/// What a whole spec came to: none while that is open, else its pass, where it passed.
fn decided(run: &Run, specs: &[SpecIndex]) -> Option<Option<Carried>> {
    let mut open = false;
    for index in specs {
        match run.spec(*index)?.phase {
            SpecPhase::Waiting { .. } | SpecPhase::Active => open = true,
            SpecPhase::Decided(verdict) if verdict.is_pass() => {}
            SpecPhase::Decided(_) => return Some(None),
        }
    }
    if open { None } else { Some(pass_of(run, specs)) }
}

/// The pass that stands for a whole spec, of which these are the parts; it may itself have been carried. None when it
/// did not pass.
pub(super) fn pass_of(run: &Run, specs: &[SpecIndex]) -> Option<Carried> {
    let count = run.spec(*specs.first()?)?.part.as_ref().map_or(1, |part| part.count as usize);
    if specs.len() != count {
        return None;
    }
    let passes = specs.iter().map(|index| pass_of_part(run, *index)).collect::<Option<Vec<_>>>()?;
    let duration = passes.iter().fold(Millis::ZERO, |sum, pass| sum + pass.duration);
    // The longest of them is the one that people want to look at.
    let longest = passes.into_iter().max_by_key(|pass| pass.duration)?;
    Some(Carried { duration, ..longest })
}

fn pass_of_part(run: &Run, index: SpecIndex) -> Option<Carried> {
    let spec = run.spec(index)?;
    match spec.phase {
        SpecPhase::Decided(SpecVerdict::Carried) => spec.carried,
        SpecPhase::Decided(SpecVerdict::Passed { .. }) => {
            let (number, duration) = newest_pass(spec)?;
            Some(Carried { attempt: AttemptId { run: run.id, spec: index, number }, duration })
        }
        SpecPhase::Decided(SpecVerdict::NotPassed(_) | SpecVerdict::Cancelled)
        | SpecPhase::Waiting { .. }
        | SpecPhase::Active => None,
    }
}

/// The newest attempt that passed and counts, with its slot time.
fn newest_pass(spec: &Spec) -> Option<(u32, Millis)> {
    let mut attempts = (1..).zip(&spec.attempts).collect::<Vec<_>>().into_iter().rev();
    attempts.find_map(|(number, attempt)| match &attempt.phase {
        AttemptPhase::Finished { finish, .. }
            if finish.verdict == AttemptVerdict::Passed && !attempt.dismissed =>
        {
            Some((number, attempt.slot_time()))
        }
        AttemptPhase::Finished { .. } | AttemptPhase::Active => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::rehearsed::{Played, group, ledger, spec, submission};
    use part_core::Timestamp;

    fn past(number: u32, run: u128) -> PastAttempt {
        PastAttempt { number, run: RunId(run), finished_at: Some(Timestamp(run as u64)) }
    }

    #[test]
    fn the_attempt_is_foreseen_as_the_leader_decides_it() {
        let open = |attempt| Unfinished { attempt, open: true };
        let shut = |attempt| Unfinished { attempt, open: false };
        let known = [past(2, 2), past(1, 1)];
        let table = [
            (Joining::Never, &[][..], &[][..], 1),
            (Joining::Never, &known, &[], 3),
            (Joining::Never, &known, &[open(3)], 4),
            (Joining::Current, &[], &[], 1),
            (Joining::Current, &known, &[], 3),
            (Joining::Current, &known, &[open(2)], 2),
            (Joining::Current, &known, &[shut(3)], 4),
            (Joining::Attempt(1), &known, &[], 1),
            (Joining::Attempt(7), &known, &[open(3)], 7),
        ];
        for (joining, past, unfinished, expected) in table {
            assert_eq!(attempt_of(joining, past, unfinished), expected, "{joining:?} {unfinished:?}");
        }
        let before: Vec<u32> =
            earlier(&[past(1, 1), past(3, 3), past(2, 2)], 3).iter().map(|p| p.number).collect();
        assert_eq!(before, [2, 1]);
    }

    /// Two attempts of a build, and what of them stands for a third.
    #[test]
    fn the_newest_decided_verdict_counts() {
        use AttemptVerdict::{Failed, Passed};
        let verdicts = |list: &'static [(&'static str, AttemptVerdict)]| {
            move |name: &str| {
                list.iter().find(|(known, _)| *known == name).map_or(Passed, |(_, verdict)| *verdict)
            }
        };
        let specs = || vec![spec("a", 1), spec("b", 1), spec("c", 1)];
        let first = ledger(
            1,
            vec![submission(1, vec![group("all", specs())])],
            verdicts(&[("b", Failed), ("c", Failed)]),
        );
        // Carried into the second attempt: a. There b passes, c fails again, and d is new.
        let mut again =
            submission(2, vec![group("all", vec![spec("a", 1), spec("b", 1), spec("c", 1), spec("d", 1)])]);
        let mut known = Verdicts::default();
        known.learn(&first);
        assert_eq!(known.carry(&mut again), Outcome { from: Some(first.id), all_again: false });
        let carried = |submission: &Submission| -> Vec<String> {
            let specs = submission.groups.iter().flat_map(|group| &group.specs);
            specs.filter(|spec| spec.carried.is_some()).map(|spec| spec.name.clone()).collect()
        };
        assert_eq!(carried(&again), ["a"]);
        let second = ledger(2, vec![again], verdicts(&[("c", Failed)]));

        let mut known = Verdicts::default();
        known.learn(&second);
        known.learn(&first);
        let names = ["a", "b", "c", "d", "new"].map(|name| spec(name, 1)).to_vec();
        let mut third = submission(3, vec![group("all", names), group("other", vec![spec("a", 1)])]);
        assert_eq!(known.carry(&mut third), Outcome { from: Some(second.id), all_again: false });
        assert_eq!(carried(&third), ["a", "b", "d"]);
        let runs: Vec<RunId> =
            third.groups[0].specs.iter().filter_map(|s| Some(s.carried?.attempt.run)).collect();
        assert_eq!(
            runs,
            [first.id, second.id, second.id],
            "what was carried itself names the run that it passed in"
        );
    }

    #[test]
    fn nobody_is_shown_a_run_that_ran_nothing() {
        let first =
            ledger(1, vec![submission(1, vec![group("all", vec![spec("a", 1), spec("b", 1)])])], |_| {
                AttemptVerdict::Passed
            });
        let mut known = Verdicts::default();
        known.learn(&first);
        let mut again = submission(2, vec![group("all", vec![spec("a", 1)])]);
        assert_eq!(known.carry(&mut again), Outcome { from: Some(first.id), all_again: true });
        assert_eq!(again.groups[0].specs[0].carried, None);
        // One that is new is enough to run.
        let mut more = submission(3, vec![group("all", vec![spec("a", 1), spec("c", 1)])]);
        assert_eq!(known.carry(&mut more), Outcome { from: Some(first.id), all_again: false });
        assert!(more.groups[0].specs[0].carried.is_some() && more.groups[0].specs[1].carried.is_none());
    }

    #[test]
    fn parts_count_as_one_spec() {
        let split = |fails: &'static str| {
            let mut big = spec("big", 100_000);
            big.expected_tests = Some(["t1", "t2", "t3", "t4"].map(str::to_owned).to_vec());
            let mut all = group("all", vec![big, spec("small", 1000), spec("bad", 1000)]);
            Played::splitting(&mut all);
            ledger(1, vec![submission(1, vec![all])], move |name| match name.contains(fails) {
                true => AttemptVerdict::Failed,
                false => AttemptVerdict::Passed,
            })
        };
        let run = split("bad");
        assert!(run.specs.iter().filter(|spec| spec.part.is_some()).count() >= 2, "it was split");
        let wholes = wholes(&run);
        let names: Vec<&str> = wholes.keys().map(|(_, name)| *name).collect();
        assert_eq!(names, ["bad", "big", "small"]);
        let parts = &wholes[&(GroupIndex(0), "big")];
        let pass = pass_of(&run, parts).expect("all parts passed");
        assert!(pass.duration > Millis(90_000), "{}", pass.duration);
        assert_eq!(pass_of(&run, &parts[1..]), None, "a part is missing");
        let failed = split("t4");
        let mut known = Verdicts::default();
        known.learn(&failed);
        let mut again =
            submission(2, vec![group("all", vec![spec("big", 1), spec("small", 1), spec("bad", 1)])]);
        known.carry(&mut again);
        let carried: Vec<bool> = again.groups[0].specs.iter().map(|spec| spec.carried.is_some()).collect();
        assert_eq!(carried, [false, true, true]);
    }
}
