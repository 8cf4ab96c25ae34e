//! What handles share: realms, ledgers and history.

use crate::bounds::{CLASSES_PER_SUITE, ENTRIES_PER_PAGE, HISTORY_PER_SPEC, ROWS_PER_LIST};
use crate::projection::{BlobUse, Joins};
use crate::{
    CommitError, Digest, HistoryQuery, HistoryRow, Holder, Measured, Realm, RealmRow, RunFilter, RunPhase,
    RunRow, SpecHistory, Submitted, TokenRow, projection, text,
};
use part_core::{AttemptId, AttemptVerdict, Entry, HistoryKey, RunId, Sample, SubmissionId, Term};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps everything in memory and nothing beyond the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    realms: BTreeMap<Realm, (Term, Option<Holder>)>,
    /// In the order of opening.
    pub(super) runs: BTreeMap<u64, Ledger>,
    opened: u64,
    /// Place in `runs` by the text of the id.
    pub(super) places: BTreeMap<String, u64>,
    pub(super) submissions: HashMap<SubmissionId, Submitted>,
    /// Attempts of unfinished runs that share a process.
    batched: BTreeSet<AttemptId>,
    /// By key, in order of time.
    history: BTreeMap<HistoryKey, BTreeMap<Moment, HistoryRow>>,
    /// Who drained it, by host.
    pub(super) drained: BTreeMap<String, String>,
    pub(super) tokens: BTreeMap<String, TokenRow>,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) row: RunRow,
    entries: Vec<Entry>,
    pub(super) blobs: BTreeMap<Digest, BlobUse>,
}

/// When an attempt ended, with its id to tell those of one moment apart.
type Moment = (u64, String, u32, u32);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        // What a panicking test left behind is no worse than what it saw.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    pub(super) fn ledger(&self, run: RunId) -> Option<&Ledger> {
        self.runs.get(self.places.get(&run.to_string())?)
    }

    fn check_term(&self, realm: &Realm, held: Term) -> Result<(), CommitError> {
        let current = self.realms.get(realm).map_or(Term(0), |(term, _)| *term);
        if current == held && current != Term(0) {
            return Ok(());
        }
        Err(CommitError::Superseded { realm: realm.clone(), held, current })
    }

    pub(super) fn begin_term(&mut self, realm: &Realm, holder: &Holder, above: Term) -> Term {
        let (term, held_by) = self.realms.entry(realm.clone()).or_default();
        *term = Term(above.max(*term).0 + 1);
        *held_by = Some(holder.clone());
        *term
    }

    pub(super) fn end_term(&mut self, realm: &Realm, term: Term) -> Result<(), CommitError> {
        self.check_term(realm, term)?;
        self.realms.insert(realm.clone(), (Term(term.0 + 1), None));
        Ok(())
    }

    pub(super) fn realms(&self) -> Vec<RealmRow> {
        let rows = self.realms.iter().map(|(realm, (term, holder))| RealmRow {
            realm: realm.clone(),
            term: *term,
            holder: holder.clone(),
            unfinished: self.unfinished(realm).len() as u64,
        });
        rows.filter(|row| row.holder.is_some() || row.unfinished > 0).collect()
    }

    pub(super) fn commit(&mut self, realm: &Realm, term: Term, entries: &[Entry]) -> Result<(), CommitError> {
        self.check_term(realm, term)?;
        // Everything is worked out before anything is changed.
        let mut taken: Vec<SubmissionId> = Vec::new();
        let mut taken_already = |submission: SubmissionId| {
            let known = self.submissions.contains_key(&submission) || taken.contains(&submission);
            taken.push(submission);
            known
        };
        let mut rows = Vec::new();
        for batch in projection::by_run(entries) {
            let mut row = match self.ledger(batch.run) {
                Some(ledger) if ledger.row.realm != *realm => {
                    return Err(batch.misfit("its run belongs to another realm"));
                }
                Some(ledger) => ledger.row.clone(),
                None => {
                    let row = batch.opens(realm).ok_or_else(|| batch.misfit("its run was never opened"))?;
                    if taken_already(row.submission) {
                        return Err(batch.misfit(projection::TAKEN));
                    }
                    row
                }
            };
            let joins = batch.joins();
            for (submission, _) in &joins.joined {
                if taken_already(*submission) {
                    return Err(batch.misfit(projection::TAKEN));
                }
            }
            let ended = row.progress.finished.take();
            row.progress = batch.advance(row.progress)?;
            row.progress.finished = row.progress.finished.or(ended);
            rows.push((row, joins));
        }
        for (row, joins) in rows {
            self.join(row.id, joins);
            self.keep(row);
        }
        for entry in entries {
            self.append(entry);
        }
        Ok(())
    }

    fn join(&mut self, run: RunId, joins: Joins) {
        if joins.drops_newest {
            let of_run = self.submissions.iter().filter(|(_, known)| known.run == run && known.number > 1);
            let newest = of_run.max_by_key(|(_, known)| known.number).map(|(submission, _)| *submission);
            self.submissions.retain(|submission, _| Some(*submission) != newest);
        }
        for (submission, number) in joins.joined {
            self.submissions.insert(submission, Submitted { run, number });
        }
    }

    fn keep(&mut self, row: RunRow) {
        let next = self.opened;
        let place = *self.places.entry(row.id.to_string()).or_insert(next);
        self.submissions.insert(row.submission, Submitted { run: row.id, number: 1 });
        if row.progress.finished.is_some() {
            self.batched.retain(|attempt| attempt.run != row.id);
        }
        match self.runs.get_mut(&place) {
            Some(ledger) => ledger.row = row,
            None => {
                self.opened += 1;
                self.runs.insert(place, Ledger { row, entries: Vec::new(), blobs: BTreeMap::new() });
            }
        }
    }

    fn append(&mut self, entry: &Entry) {
        self.batched.extend(projection::shares_process(entry));
        if let Some(row) = projection::history_row(entry) {
            let id = row.attempt;
            let row = HistoryRow { batched: self.batched.contains(&id), ..row };
            let moment = (row.at.0, id.run.to_string(), id.spec.0, id.number);
            self.history.entry(row.key.clone()).or_default().insert(moment, row);
        }
        if let Some(ledger) =
            self.places.get(&entry.run.to_string()).and_then(|place| self.runs.get_mut(place))
        {
            ledger.entries.push(entry.clone());
            for used in projection::blobs_of(&entry.record) {
                ledger.blobs.entry(used.digest).or_insert(used);
            }
        }
    }

    pub(super) fn page(&self, run: RunId, after: u64, limit: usize) -> Vec<Entry> {
        let entries = self.ledger(run).map_or(&[][..], |ledger| &ledger.entries);
        let later = entries.iter().filter(|entry| entry.number > after);
        later.take(limit.min(ENTRIES_PER_PAGE)).cloned().collect()
    }

    pub(super) fn find(&self, prefix: &str, limit: usize) -> Vec<RunId> {
        let from = self.places.range(prefix.to_owned()..).take_while(|(id, _)| id.starts_with(prefix));
        let found = from.filter_map(|(_, place)| self.runs.get(place)).map(|ledger| ledger.row.id);
        found.take(limit.min(ROWS_PER_LIST)).collect()
    }

    pub(super) fn list(&self, filter: &RunFilter) -> Vec<RunRow> {
        let end = match filter.before {
            Some(before) => self.places.get(&before.to_string()).copied().unwrap_or(0),
            None => self.opened,
        };
        let wanted = |row: &&RunRow| {
            let phase = match row.progress.finished {
                Some(_) => RunPhase::Finished,
                None => RunPhase::Unfinished,
            };
            filter.project.as_ref().is_none_or(|project| *project == row.project)
                && filter.build.as_ref().is_none_or(|build| *build == row.build)
                && filter.phase.is_none_or(|wanted| wanted == phase)
        };
        let newest_first = self.runs.range(..end).rev().map(|(_, ledger)| &ledger.row);
        newest_first.filter(wanted).take(filter.limit.min(ROWS_PER_LIST)).cloned().collect()
    }

    pub(super) fn unfinished(&self, realm: &Realm) -> Vec<RunId> {
        let rows = self.runs.values().map(|ledger| &ledger.row);
        rows.filter(|row| row.realm == *realm && row.progress.finished.is_none()).map(|row| row.id).collect()
    }

    /// The rows of a key, the newest first.
    fn newest(&self, key: &HistoryKey) -> impl Iterator<Item = &HistoryRow> {
        self.history.get(key).into_iter().flat_map(BTreeMap::values).rev()
    }

    pub(super) fn spec_history(&self, key: &HistoryKey, per_spec: usize) -> SpecHistory {
        let counted = self.newest(key).filter(|row| row.counts).take(per_spec.min(HISTORY_PER_SPEC));
        let measured = |row: &HistoryRow| Measured {
            sample: Sample { at: row.at, duration: row.duration, tests: row.tests },
            batched: row.batched,
        };
        let mut samples: Vec<Measured> = counted.map(measured).collect();
        samples.reverse();
        let last = self.newest(key).map(|row| row.verdict).find(|verdict| text::says_something(*verdict));
        SpecHistory { samples, last }
    }

    pub(super) fn newest_pass(&self, key: &HistoryKey) -> Option<AttemptId> {
        self.newest(key).find(|row| row.verdict == AttemptVerdict::Passed).map(|row| row.attempt)
    }

    pub(super) fn classes(&self, project: &str, suite: &str) -> Vec<String> {
        let of_suite = self.history.keys().filter(|key| key.project == project && key.suite == suite);
        let classes: BTreeSet<&String> = of_suite.map(|key| &key.class).collect();
        classes.into_iter().take(CLASSES_PER_SUITE).cloned().collect()
    }

    pub(super) fn ended_attempts(&self, query: &HistoryQuery) -> Vec<HistoryRow> {
        let series = self
            .history
            .iter()
            .filter(|(key, _)| query.project.as_ref().is_none_or(|project| key.project == *project))
            .filter(|(key, _)| text::matches(&query.spec, &key.spec));
        let mut rows: Vec<(&Moment, &HistoryRow)> = series.flat_map(|(_, rows)| rows).collect();
        rows.sort_by_key(|(moment, _)| Reverse(*moment));
        rows.into_iter().take(query.limit.min(ROWS_PER_LIST)).map(|(_, row)| row.clone()).collect()
    }
}
