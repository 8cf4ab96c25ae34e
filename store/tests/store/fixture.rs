//! Ledgers written by hand.

use part_core::{
    AttemptId, AttemptVerdict, CancelReason, Carried, Entry, Finish, GroupIndex, HistoryKey, Millis, Record,
    RunId, RunPolicy, RunSummary, RunVerdict, SlotId, Source, SpecAdded, SpecIndex, SubmissionId, Term,
    Timestamp, Timing, WorkerId, Workspace,
};
use part_store::{Holder, Realm, Store};

/// A run's ledger as it grows.
pub(crate) struct Ledger {
    pub(crate) run: RunId,
    pub(crate) number: u64,
    pub(crate) at: u64,
    project: String,
}

impl Ledger {
    pub(crate) fn new(run: u128, project: &str) -> Ledger {
        Ledger { run: RunId(run), number: 0, at: 1_000_000, project: project.to_owned() }
    }

    pub(crate) fn entry(&mut self, record: Record) -> Entry {
        self.number += 1;
        self.at += 1;
        Entry { run: self.run, number: self.number, at: Timestamp(self.at), record }
    }

    pub(crate) fn opened(&mut self) -> Entry {
        let submission = SubmissionId(self.run.0);
        self.opened_by(submission)
    }

    pub(crate) fn opened_by(&mut self, submission: SubmissionId) -> Entry {
        self.opens(submission, "build-1", 1)
    }

    pub(crate) fn opened_as(&mut self, build: &str, attempt: u32) -> Entry {
        let submission = SubmissionId(self.run.0);
        self.opens(submission, build, attempt)
    }

    fn opens(&mut self, submission: SubmissionId, build: &str, attempt: u32) -> Entry {
        let source = Source {
            user: "user".to_owned(),
            host: "host".to_owned(),
            commit: "c0ffee".to_owned(),
            branch: "main".to_owned(),
            rerun_of: Some(RunId(7)),
            ci: "some CI".to_owned(),
            url: "https://ci/1".to_owned(),
        };
        let record = Record::RunOpened {
            submission,
            project: self.project.clone(),
            build: build.to_owned(),
            source,
            workspace: Workspace::InPlace("/workspace".to_owned()),
            policy: RunPolicy::default(),
            content: None,
            attempt,
            joinable: false,
        };
        self.entry(record)
    }

    pub(crate) fn joined(&mut self, submission: SubmissionId) -> Entry {
        self.joined_with(submission, Workspace::InPlace("/workspace".to_owned()))
    }

    pub(crate) fn joined_with(&mut self, submission: SubmissionId, workspace: Workspace) -> Entry {
        let source = Source::default();
        self.entry(Record::SubmissionJoined { submission, source, workspace, content: None, expect: None })
    }

    pub(crate) fn assigned(&mut self, number: u32, batch: Option<SpecIndex>) -> Entry {
        self.entry(Record::AttemptAssigned {
            attempt: AttemptId { run: self.run, spec: SpecIndex(0), number },
            worker: WorkerId("w".to_owned()),
            slot: SlotId(0),
            forecast: None,
            why: None,
            batch,
        })
    }

    pub(crate) fn sealed(&mut self) -> Entry {
        self.entry(Record::RunSealed)
    }

    pub(crate) fn specs(&mut self, names: &[&str], carried: usize) -> Entry {
        let carry = Carried {
            attempt: AttemptId { run: RunId(7), spec: SpecIndex(0), number: 1 },
            duration: Millis(5),
        };
        let spec = |(place, name): (usize, &&str)| SpecAdded {
            name: (*name).to_owned(),
            size_bytes: 10,
            estimate: None,
            expected_tests: None,
            carried: (place < carried).then_some(carry),
            ..part_core::SpecAdded::default()
        };
        let specs = names.iter().enumerate().map(spec).collect();
        self.entry(Record::SpecsAdded { group: GroupIndex(0), first: SpecIndex(0), specs })
    }

    pub(crate) fn ended(&mut self, name: &str, attempt: u32, ms: u64, verdict: AttemptVerdict) -> Entry {
        let key = key(&self.project, name);
        self.ended_as(key, attempt, ms, verdict)
    }

    pub(crate) fn ended_as(
        &mut self,
        key: HistoryKey,
        attempt: u32,
        ms: u64,
        verdict: AttemptVerdict,
    ) -> Entry {
        let mut finish = Finish::declared(verdict, "");
        finish.timing =
            Timing { setup: Millis(1), run: Millis(ms - 2), tests: Millis(3), teardown: Millis(1) };
        let counts = finish.counts_for_history();
        let attempt = AttemptId { run: self.run, spec: SpecIndex(0), number: attempt };
        self.entry(Record::AttemptFinished {
            attempt,
            finish: Box::new(finish),
            key,
            counts,
            corrected: None,
        })
    }

    pub(crate) fn cancelled(&mut self) -> Entry {
        self.entry(Record::RunCancelled { reason: CancelReason::Requested { by: "user".to_owned() } })
    }

    pub(crate) fn finished(&mut self, verdict: RunVerdict, summary: RunSummary) -> Entry {
        self.entry(Record::RunFinished { verdict, summary: Box::new(summary) })
    }
}

pub(crate) fn key(project: &str, spec: &str) -> HistoryKey {
    HistoryKey {
        project: project.to_owned(),
        suite: "e2e".to_owned(),
        class: "anything".to_owned(),
        spec: spec.to_owned(),
    }
}

pub(crate) async fn term(store: &dyn Store, realm: &Realm) -> Term {
    let holder = Holder(r#"{"process":1}"#.to_owned());
    store.begin_term(realm, &holder, Term(0)).await.expect("a term")
}

/// All entries of a run, read in pages of `size`.
pub(crate) async fn read_all(store: &dyn Store, run: RunId, size: usize) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.number);
        let page = store.entries(run, after, size).await.expect("a page");
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= size);
        all.extend(page);
    }
}
