//! What an attempt's duration says: about its spec, for the history, and about its worker.

use super::finish::or_none;
use crate::live::{Worker, scaled};
use crate::{AttemptId, AttemptPhase, Core, Finish, HistoryKey, Millis, Run, Spec, SpecPhase, SpecVerdict};

/// What enters the history.
pub(super) struct HistoryEntry {
    pub(super) key: HistoryKey,
    /// True when the duration counts for forecasts.
    pub(super) counts: bool,
    /// The duration as of a process of its own on a worker of usual speed; none where that is just how long it took.
    pub(super) corrected: Option<Millis>,
}

impl Core {
    /// What an attempt that is about to end adds to the history.
    pub(super) fn sample_of(&self, id: AttemptId, finish: &Finish) -> Option<HistoryEntry> {
        let (run, spec, attempt) = self.state.attempt(id)?;
        let key = run.history_key(spec);
        let worker = self.live.named(&attempt.worker).map(|(_, worker)| worker);
        let factor = worker.map_or(1.0, |worker| worker.speed.factor(self.live.speed));
        let overhead = self.live.runs.get(&id.run).and_then(|live| live.group(spec.group)?.overhead());
        let contended = worker.is_some_and(|worker| self.is_contended(worker, finish));
        // A poor sample is better than none.
        let fair = spec.estimate.is_none() || !contended;
        let counts = finish.counts_for_history() && !attempt.dismissed && fair;
        if spec.part.is_some() {
            let entry = HistoryEntry { key, counts, corrected: None };
            return Some(self.sample_of_part(run, spec, finish, entry, overhead));
        }
        let own = or_none(finish.timing.tests);
        let alone = match attempt.batch {
            Some(_) => {
                own.map(|own| own + overhead.unwrap_or(Millis::ZERO)).or(or_none(finish.timing.total()))
            }
            None => None,
        };
        let usual = (factor - 1.0).abs() < f64::EPSILON;
        let corrected = match (alone, usual) {
            (None, true) => None,
            (alone, _) => Some(scaled(alone.unwrap_or(finish.timing.total()), 1.0 / factor)),
        };
        Some(HistoryEntry { key, counts, corrected })
    }

    /// Parts say nothing by themselves. The one that ends last speaks for the whole spec.
    fn sample_of_part(
        &self,
        run: &Run,
        spec: &Spec,
        finish: &Finish,
        entry: HistoryEntry,
        overhead: Option<Millis>,
    ) -> HistoryEntry {
        let siblings = run.specs.iter().filter(|other| {
            other.group == spec.group && other.part.is_some() && other.whole_name() == spec.whole_name()
        });
        let mut tests = finish.timing.tests;
        for other in siblings.filter(|other| other.name != spec.name) {
            let SpecPhase::Decided(SpecVerdict::Passed { .. }) = other.phase else {
                return HistoryEntry { counts: false, ..entry };
            };
            tests = tests + other.deciding_finish().map_or(Millis::ZERO, |finish| finish.timing.tests);
        }
        let key = HistoryKey { spec: spec.whole_name().to_owned(), ..entry.key };
        let corrected = or_none(tests).map(|tests| tests + overhead.unwrap_or(Millis::ZERO));
        HistoryEntry { key, counts: entry.counts && corrected.is_some(), corrected }
    }

    /// True when the worker was much busier than it usually is: the duration says nothing about the spec.
    fn is_contended(&self, worker: &Worker, finish: &Finish) -> bool {
        let waits = finish.cpu_wait.zip(worker.usual_cpu_wait);
        waits.is_some_and(|(now, usual)| now > usual.saturating_add(self.config.bounds.contended))
    }

    /// Learns from an attempt that has just ended: about its group, and about its worker.
    pub(super) fn learn_from(&mut self, id: AttemptId, counts: bool) {
        let Some((_, spec, attempt)) = self.state.attempt(id) else { return };
        let AttemptPhase::Finished { finish, .. } = &attempt.phase else { return };
        let (group, shared, timing) = (spec.group, attempt.batch.is_some(), finish.timing);
        let took = attempt.corrected.unwrap_or_else(|| attempt.slot_time());
        let (whole, cpu_wait) = (spec.part.is_none(), finish.cpu_wait);
        let expected =
            spec.estimate.map(|estimate| estimate.expected()).filter(|_| whole && !shared && counts);
        let worker = attempt.worker.clone();
        if counts && let Some(group) = self.live.runs.get_mut(&id.run).and_then(|live| live.group_mut(group))
        {
            group.learn(took);
            group.measure_overhead(shared || !whole, timing);
        }
        let Some((key, _)) = self.live.named(&worker) else { return };
        if let Some(worker) = self.live.workers.get_mut(&key) {
            if let Some(wait) = cpu_wait {
                let usual = worker.usual_cpu_wait.unwrap_or(wait);
                worker.usual_cpu_wait = Some((usual * 7 + wait) / 8);
            }
            if let Some(expected) = expected {
                worker.speed.learn(expected, timing.total());
                self.live.speed.learn_slowly(expected, timing.total());
            }
        }
        let mesh = self.live.speed;
        let slowness =
            self.live.workers.get(&key).map(|worker| (worker.slowness, worker.speed.slowness(mesh)));
        if let Some((before, now)) = slowness
            && before != now
        {
            self.live.change(key, |worker| worker.slowness = now);
        }
    }
}
