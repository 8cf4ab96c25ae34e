//! Late results of attempts that were declared lost: kept as evidence, whatever became of them meanwhile.

use super::next::goes_elsewhere;
use crate::live::Ended;
use crate::{
    AttemptId, AttemptPhase, AttemptVerdict, Core, Entry, Pending, Record, Run, RunId, SpecIndex, SpecPhase,
    Timestamp, WorkerId,
};
use std::collections::BTreeMap;

impl Core {
    /// A late result changes no verdict. It shows, though, that the attempt did not take its worker down.
    pub(crate) fn keep_as_evidence(
        &mut self,
        id: AttemptId,
        worker: &WorkerId,
        verdict: AttemptVerdict,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some((_, spec, attempt)) = self.state.attempt(id) else {
            return self.keep_of_an_ended_run(id, worker, verdict, now, pending);
        };
        let declared_lost = match &attempt.phase {
            AttemptPhase::Active => false,
            AttemptPhase::Finished { finish, .. } => finish.verdict == AttemptVerdict::Lost,
        };
        if !declared_lost || attempt.worker != *worker || attempt.superseded.is_some() {
            return;
        }
        // Its lane depends on what its attempts are suspected of.
        let waits = spec.waits();
        if waits {
            self.withdraw(id.run, id.spec);
        }
        self.record(id.run, Record::AttemptSuperseded { attempt: id, verdict }, now, pending);
        if waits {
            let again = self.state.attempt(id).is_some_and(|(_, spec, _)| goes_elsewhere(spec));
            if let Some(live) = self.live.runs.get_mut(&id.run).filter(|_| !again) {
                live.elsewhere.remove(&id.spec);
            }
            self.enqueue(id.run, id.spec);
        }
        self.acquit(id);
    }

    /// A spec that runs, and is suspected no longer, does not keep others away any more.
    fn acquit(&mut self, id: AttemptId) {
        let Some((_, spec, _)) = self.state.attempt(id) else { return };
        let Some((_, active)) = spec.newest().filter(|_| spec.phase == SpecPhase::Active) else { return };
        let suspect = spec.is_suspect_in(spec.attempts.len() as u32);
        if let (false, Some((key, _))) = (suspect, self.live.named(&active.worker)) {
            let attempt = AttemptId { number: spec.attempts.len() as u32, ..id };
            self.live.change(key, |worker| worker.acquit(attempt));
        }
    }

    /// The run is not in memory any more, but its ledger takes evidence still.
    fn keep_of_an_ended_run(
        &mut self,
        id: AttemptId,
        worker: &WorkerId,
        verdict: AttemptVerdict,
        now: Timestamp,
        pending: &mut Pending,
    ) {
        let Some(ended) = self.live.ended.iter_mut().find(|ended| ended.run == id.run) else { return };
        if ended.lost.get(&id).is_none_or(|owner| owner != worker) {
            return;
        }
        ended.lost.remove(&id);
        ended.last_number += 1;
        let record = Record::AttemptSuperseded { attempt: id, verdict };
        pending.record(Entry { run: id.run, number: ended.last_number, at: now, record });
    }

    /// Remembers a run that is about to be forgotten by its lost attempts, whose workers may still come back.
    ///
    /// A new leader does not know them: the ledger keeps such evidence as long as one leader lives.
    pub(crate) fn remember_lost(&mut self, run: RunId) {
        let Some(run) = self.state.run(run) else { return };
        let lost = lost_attempts(run, self.config.bounds.lost_remembered);
        if lost.is_empty() {
            return;
        }
        self.live.ended.push_back(Ended { run: run.id, last_number: run.last_number, lost });
        if self.live.ended.len() > self.config.bounds.ended_runs {
            self.live.ended.pop_front();
        }
    }
}

fn lost_attempts(run: &Run, most: usize) -> BTreeMap<AttemptId, WorkerId> {
    let mut lost = BTreeMap::new();
    for (index, spec) in run.specs.iter().enumerate() {
        for (number, attempt) in (1..).zip(&spec.attempts) {
            if let AttemptPhase::Finished { finish, .. } = &attempt.phase
                && finish.verdict == AttemptVerdict::Lost
                && attempt.superseded.is_none()
                && lost.len() < most
            {
                let id = AttemptId { run: run.id, spec: SpecIndex(index as u32), number };
                lost.insert(id, attempt.worker.clone());
            }
        }
    }
    lost
}
