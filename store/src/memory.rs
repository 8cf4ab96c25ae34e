//! A store in memory, for tests. Handles made by cloning share what they hold.

use crate::bounds::{ENTRIES_PER_PAGE, HISTORY_PER_SPEC, ROWS_PER_LIST};
use crate::{
    CommitError, HistoryQuery, HistoryRow, Holder, Realm, RealmRow, RunFilter, RunPhase, RunRow, Store,
    StoreError, projection, text,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use part_core::{Entry, HistoryKey, RunId, Sample, SubmissionId, Term};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps everything in memory and nothing beyond the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    realms: BTreeMap<Realm, (Term, Option<Holder>)>,
    /// In the order of opening.
    runs: Vec<Ledger>,
    /// Place in `runs` by the text of the id.
    places: BTreeMap<String, usize>,
    submissions: HashMap<SubmissionId, RunId>,
    /// By key, in order of time.
    history: BTreeMap<HistoryKey, BTreeMap<Moment, HistoryRow>>,
}

#[derive(Debug)]
struct Ledger {
    row: RunRow,
    entries: Vec<Entry>,
}

/// When an attempt ended, with its id to tell those of one moment apart.
type Moment = (u64, String, u32, u32);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // What a panicking test left behind is no worse than what it saw.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn ledger(&self, run: RunId) -> Option<&Ledger> {
        self.runs.get(*self.places.get(&run.to_string())?)
    }

    fn check_term(&self, realm: &Realm, held: Term) -> Result<(), CommitError> {
        let current = self.realms.get(realm).map_or(Term(0), |(term, _)| *term);
        if current == held && current != Term(0) {
            return Ok(());
        }
        Err(CommitError::Superseded { realm: realm.clone(), held, current })
    }

    fn begin_term(&mut self, realm: &Realm, holder: &Holder, above: Term) -> Term {
        let (term, held_by) = self.realms.entry(realm.clone()).or_default();
        *term = Term(above.max(*term).0 + 1);
        *held_by = Some(holder.clone());
        *term
    }

    fn end_term(&mut self, realm: &Realm, term: Term) -> Result<(), CommitError> {
        self.check_term(realm, term)?;
        self.realms.insert(realm.clone(), (Term(term.0 + 1), None));
        Ok(())
    }

    fn realms(&self) -> Vec<RealmRow> {
        let rows = self.realms.iter().map(|(realm, (term, holder))| RealmRow {
            realm: realm.clone(),
            term: *term,
            holder: holder.clone(),
            unfinished: self.unfinished(realm).len() as u64,
        });
        rows.filter(|row| row.holder.is_some() || row.unfinished > 0).collect()
    }

    fn commit(&mut self, realm: &Realm, term: Term, entries: &[Entry]) -> Result<(), CommitError> {
        self.check_term(realm, term)?;
        // Everything is worked out before anything is changed.
        let mut opened: Vec<SubmissionId> = Vec::new();
        let mut rows = Vec::new();
        for batch in projection::by_run(entries) {
            let mut row = match self.ledger(batch.run) {
                Some(ledger) if ledger.row.realm != *realm => {
                    return Err(batch.misfit("its run belongs to another realm"));
                }
                Some(ledger) => ledger.row.clone(),
                None => {
                    let row = batch.opens(realm).ok_or_else(|| batch.misfit("its run was never opened"))?;
                    if self.submissions.contains_key(&row.submission) || opened.contains(&row.submission) {
                        return Err(batch.misfit("its submission has already opened another run"));
                    }
                    opened.push(row.submission);
                    row
                }
            };
            let ended = row.progress.finished.take();
            row.progress = batch.advance(row.progress)?;
            row.progress.finished = row.progress.finished.or(ended);
            rows.push(row);
        }
        for row in rows {
            self.keep(row);
        }
        for entry in entries {
            self.append(entry);
        }
        Ok(())
    }

    fn keep(&mut self, row: RunRow) {
        let next = self.runs.len();
        let place = *self.places.entry(row.id.to_string()).or_insert(next);
        self.submissions.insert(row.submission, row.id);
        match self.runs.get_mut(place) {
            Some(ledger) => ledger.row = row,
            None => self.runs.push(Ledger { row, entries: Vec::new() }),
        }
    }

    fn append(&mut self, entry: &Entry) {
        if let Some(row) = projection::history_row(entry) {
            let id = row.attempt;
            let moment = (row.at.0, id.run.to_string(), id.spec.0, id.number);
            self.history.entry(row.key.clone()).or_default().insert(moment, row);
        }
        if let Some(ledger) =
            self.places.get(&entry.run.to_string()).and_then(|place| self.runs.get_mut(*place))
        {
            ledger.entries.push(entry.clone());
        }
    }

    fn page(&self, run: RunId, after: u64, limit: usize) -> Vec<Entry> {
        let entries = self.ledger(run).map_or(&[][..], |ledger| &ledger.entries);
        let later = entries.iter().filter(|entry| entry.number > after);
        later.take(limit.min(ENTRIES_PER_PAGE)).cloned().collect()
    }

    fn find(&self, prefix: &str, limit: usize) -> Vec<RunId> {
        let from = self.places.range(prefix.to_owned()..).take_while(|(id, _)| id.starts_with(prefix));
        let found = from.filter_map(|(_, place)| self.runs.get(*place)).map(|ledger| ledger.row.id);
        found.take(limit.min(ROWS_PER_LIST)).collect()
    }

    fn list(&self, filter: &RunFilter) -> Vec<RunRow> {
        let end = match filter.before {
            Some(before) => self.places.get(&before.to_string()).copied().unwrap_or(0),
            None => self.runs.len(),
        };
        let wanted = |row: &&RunRow| {
            let phase = match row.progress.finished {
                Some(_) => RunPhase::Finished,
                None => RunPhase::Unfinished,
            };
            filter.project.as_ref().is_none_or(|project| *project == row.project)
                && filter.phase.is_none_or(|wanted| wanted == phase)
        };
        let newest_first = self.runs.iter().take(end).rev().map(|ledger| &ledger.row);
        newest_first.filter(wanted).take(filter.limit.min(ROWS_PER_LIST)).cloned().collect()
    }

    fn unfinished(&self, realm: &Realm) -> Vec<RunId> {
        let rows = self.runs.iter().map(|ledger| &ledger.row);
        rows.filter(|row| row.realm == *realm && row.progress.finished.is_none()).map(|row| row.id).collect()
    }

    fn samples(&self, key: &HistoryKey, per_spec: usize) -> Vec<Sample> {
        let counted =
            self.history.get(key).into_iter().flat_map(BTreeMap::values).rev().filter(|row| row.counts);
        let newest = counted.take(per_spec.min(HISTORY_PER_SPEC));
        let mut samples: Vec<Sample> =
            newest.map(|row| Sample { at: row.at, duration: row.duration }).collect();
        samples.reverse();
        samples
    }

    fn ended_attempts(&self, query: &HistoryQuery) -> Vec<HistoryRow> {
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

impl Store for MemoryStore {
    fn begin_term<'a>(
        &'a self,
        realm: &'a Realm,
        holder: &'a Holder,
        above: Term,
    ) -> BoxFuture<'a, Result<Term, StoreError>> {
        async move { Ok(self.shared().begin_term(realm, holder, above)) }.boxed()
    }

    fn end_term<'a>(&'a self, realm: &'a Realm, term: Term) -> BoxFuture<'a, Result<(), CommitError>> {
        async move { self.shared().end_term(realm, term) }.boxed()
    }

    fn realms(&self) -> BoxFuture<'_, Result<Vec<RealmRow>, StoreError>> {
        async move { Ok(self.shared().realms()) }.boxed()
    }

    fn commit<'a>(
        &'a self,
        realm: &'a Realm,
        term: Term,
        entries: &'a [Entry],
    ) -> BoxFuture<'a, Result<(), CommitError>> {
        async move { self.shared().commit(realm, term, entries) }.boxed()
    }

    fn entries(&self, run: RunId, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>> {
        async move { Ok(self.shared().page(run, after, limit)) }.boxed()
    }

    fn run_row(&self, run: RunId) -> BoxFuture<'_, Result<Option<RunRow>, StoreError>> {
        async move { Ok(self.shared().ledger(run).map(|ledger| ledger.row.clone())) }.boxed()
    }

    fn find_runs<'a>(
        &'a self,
        prefix: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        async move { Ok(self.shared().find(prefix, limit)) }.boxed()
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> BoxFuture<'a, Result<Vec<RunRow>, StoreError>> {
        async move { Ok(self.shared().list(filter)) }.boxed()
    }

    fn unfinished<'a>(&'a self, realm: &'a Realm) -> BoxFuture<'a, Result<Vec<RunId>, StoreError>> {
        async move { Ok(self.shared().unfinished(realm)) }.boxed()
    }

    fn submission(&self, submission: SubmissionId) -> BoxFuture<'_, Result<Option<RunId>, StoreError>> {
        async move { Ok(self.shared().submissions.get(&submission).copied()) }.boxed()
    }

    fn history<'a>(
        &'a self,
        keys: &'a [HistoryKey],
        per_spec: usize,
    ) -> BoxFuture<'a, Result<Vec<Vec<Sample>>, StoreError>> {
        async move {
            let shared = self.shared();
            Ok(keys.iter().map(|key| shared.samples(key, per_spec)).collect())
        }
        .boxed()
    }

    fn history_rows<'a>(
        &'a self,
        query: &'a HistoryQuery,
    ) -> BoxFuture<'a, Result<Vec<HistoryRow>, StoreError>> {
        async move { Ok(self.shared().ended_attempts(query)) }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
