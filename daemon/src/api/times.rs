//! How long each test of a spec took, read from the ledger of a run that it passed in. Pure.

use part_core::{
    AttemptId, AttemptVerdict, Entry, GroupIndex, HistoryKey, Millis, Record, SpecIndex, TestOutcome,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is gathered while a ledger is read.
#[derive(Debug)]
pub(super) struct TestTimes<'a> {
    wanted: BTreeSet<&'a HistoryKey>,
    project: String,
    /// Suite and class of each group.
    groups: Vec<(String, String)>,
    /// The wanted specs, or parts of them.
    specs: BTreeMap<SpecIndex, &'a HistoryKey>,
    /// Tests of attempts that have not ended.
    open: HashMap<AttemptId, Vec<(String, Millis)>>,
    /// Of each spec or part, the tests of the newest attempt that passed.
    passed: BTreeMap<SpecIndex, Vec<(String, Millis)>>,
}

impl<'a> TestTimes<'a> {
    pub(super) fn of(wanted: impl IntoIterator<Item = &'a HistoryKey>) -> Self {
        TestTimes {
            wanted: wanted.into_iter().collect(),
            project: String::new(),
            groups: Vec::new(),
            specs: BTreeMap::new(),
            open: HashMap::new(),
            passed: BTreeMap::new(),
        }
    }

    /// Takes the next entry of the ledger.
    pub(super) fn take(&mut self, entry: &Entry) {
        match &entry.record {
            Record::RunOpened { project, .. } => self.project.clone_from(project),
            Record::GroupAdded { suite, requirements, .. } => {
                self.groups.push((suite.clone(), requirements.target()));
            }
            Record::SpecsAdded { group, first, specs } => {
                for (index, spec) in (first.0..).zip(specs) {
                    let name = spec.part.as_ref().map_or(&spec.name, |part| &part.of);
                    self.add(*group, SpecIndex(index), name);
                }
            }
            Record::TestsReported { attempt, tests, .. } if self.specs.contains_key(&attempt.spec) => {
                let ran = tests.iter().filter(|test| test.outcome == TestOutcome::Passed);
                let timed = ran
                    .filter_map(|test| Some((test.id.clone(), Millis(test.duration_micros?.div_ceil(1000)))));
                self.open.entry(*attempt).or_default().extend(timed);
            }
            Record::AttemptFinished { attempt, finish, .. } => {
                if let Some(tests) = self.open.remove(attempt)
                    && finish.verdict == AttemptVerdict::Passed
                {
                    self.passed.insert(attempt.spec, tests);
                }
            }
            Record::SubmissionJoined { .. }
            | Record::SubmissionDropped
            | Record::RunSealed
            | Record::AttemptAssigned { .. }
            | Record::AttemptDismissed { .. }
            | Record::AttemptStarted { .. }
            | Record::TestsReported { .. }
            | Record::AttemptSuperseded { .. }
            | Record::SpecDecided { .. }
            | Record::RunCancelled { .. }
            | Record::RunFinished { .. } => {}
        }
    }

    fn add(&mut self, group: GroupIndex, index: SpecIndex, name: &str) {
        let Some((suite, class)) = self.groups.get(group.0 as usize).cloned() else { return };
        let key = HistoryKey { project: self.project.clone(), suite, class, spec: name.to_owned() };
        if let Some(wanted) = self.wanted.get(&key) {
            self.specs.insert(index, wanted);
        }
    }

    /// The tests of each wanted spec that passed, in order, those of its parts one after the other.
    pub(super) fn finish(self) -> BTreeMap<&'a HistoryKey, Vec<(String, Millis)>> {
        let mut times: BTreeMap<&HistoryKey, Vec<(String, Millis)>> = BTreeMap::new();
        for (index, tests) in self.passed {
            if let Some(key) = self.specs.get(&index) {
                times.entry(key).or_default().extend(tests);
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{
        Finish, GroupPolicy, Part, Recipe, Requirements, RunId, RunPolicy, Source, SpecAdded, SubmissionId,
        TestResult, Timestamp, Workspace,
    };

    fn spec(name: &str, part: Option<(&str, u32)>) -> SpecAdded {
        let part = part.map(|(of, number)| Part { of: of.to_owned(), number, count: 2, tests: Vec::new() });
        SpecAdded { name: name.to_owned(), part, ..SpecAdded::default() }
    }

    fn test(id: &str, micros: Option<u64>, outcome: TestOutcome) -> TestResult {
        TestResult {
            id: id.to_owned(),
            name: id.to_owned(),
            outcome,
            duration_micros: micros,
            message: None,
            detail: None,
            output: None,
            retries: 0,
            location: None,
        }
    }

    #[test]
    fn the_newest_passing_attempt_and_all_parts_count() {
        let run = RunId(1);
        let id = |spec, number| AttemptId { run, spec: SpecIndex(spec), number };
        let key = |spec: &str| HistoryKey {
            project: "shop".to_owned(),
            suite: "e2e".to_owned(),
            class: "anything".to_owned(),
            spec: spec.to_owned(),
        };
        let reported =
            |spec, number, batch, tests| Record::TestsReported { attempt: id(spec, number), batch, tests };
        let ended = |spec, number, verdict| Record::AttemptFinished {
            attempt: id(spec, number),
            finish: Box::new(Finish::declared(verdict, "")),
            key: key(""),
            counts: true,
            corrected: None,
        };
        let passed = |name, ms: u64| test(name, Some(ms * 1000), TestOutcome::Passed);
        let records = [
            Record::RunOpened {
                submission: SubmissionId(1),
                project: "shop".to_owned(),
                build: "1".to_owned(),
                source: Source::default(),
                workspace: Workspace::InPlace("/".to_owned()),
                policy: RunPolicy::default(),
                content: None,
                attempt: 1,
                joinable: false,
            },
            Record::GroupAdded {
                group: GroupIndex(0),
                label: "all".to_owned(),
                suite: "e2e".to_owned(),
                requirements: Requirements::default(),
                policy: GroupPolicy::default(),
                recipe: Box::new(Recipe::of_command(vec!["true".to_owned()])),
                specs: 5,
                overhead: None,
            },
            Record::SpecsAdded {
                group: GroupIndex(0),
                first: SpecIndex(0),
                specs: vec![
                    spec("other", None),
                    spec("plain", None),
                    spec("big (part 1 of 2)", Some(("big", 1))),
                    spec("big (part 2 of 2)", Some(("big", 2))),
                    spec("bad", None),
                ],
            },
            reported(0, 1, 0, vec![passed("x", 1)]),
            ended(0, 1, AttemptVerdict::Passed),
            reported(1, 1, 0, vec![passed("a", 500)]),
            ended(1, 1, AttemptVerdict::Failed),
            reported(3, 1, 0, vec![passed("d", 40)]),
            reported(1, 2, 0, vec![passed("a", 10), test("skip", None, TestOutcome::Skipped)]),
            reported(1, 2, 1, vec![passed("b", 20)]),
            ended(1, 2, AttemptVerdict::Passed),
            ended(3, 1, AttemptVerdict::Passed),
            reported(2, 1, 0, vec![passed("c", 30)]),
            ended(2, 1, AttemptVerdict::Passed),
            reported(4, 1, 0, vec![passed("e", 5)]),
            ended(4, 1, AttemptVerdict::Failed),
        ];
        let wanted = [key("plain"), key("big"), key("bad"), key("none")];
        let mut times = TestTimes::of(&wanted);
        for (number, record) in (1..).zip(records) {
            times.take(&Entry { run, number, at: Timestamp(number), record });
        }
        let list = |tests: &[(&str, u64)]| -> Vec<(String, Millis)> {
            tests.iter().map(|(id, ms)| ((*id).to_owned(), Millis(*ms))).collect()
        };
        let found = times.finish();
        assert_eq!(found.get(&wanted[0]), Some(&list(&[("a", 10), ("b", 20)])));
        assert_eq!(found.get(&wanted[1]), Some(&list(&[("c", 30), ("d", 40)])));
        assert_eq!(found.len(), 2);
    }
}
