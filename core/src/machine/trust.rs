//! What attempts say about the workers that they were on: which are cordoned, and how they come back.
//!
//! A cordoned worker gets nothing for a while and then one attempt. If that goes well it is trusted again, else it
//! waits twice as long. All of it is live: a new leader trusts everybody and sees for itself.

use super::next::is_own_fault;
use crate::live::{Cordon, Doubt, Probation, WorkerKey};
use crate::{
    AttemptId, AttemptPhase, AttemptVerdict, Core, Incarnation, LostCause, Millis, RunId, SpecIndex,
    Timestamp, WorkerId,
};

/// What an attempt's end says about its worker.
enum Said {
    Passed,
    /// It was judged, and did not pass.
    Failed,
    SetupFailed,
    WorkersFault(String),
    /// Nothing: it was stopped, or nobody knows.
    Nothing,
}

impl Core {
    /// Draws conclusions from an attempt that has just ended.
    pub(crate) fn weigh(&mut self, id: AttemptId, now: Timestamp) {
        let Some((_, _, attempt)) = self.state.attempt(id) else { return };
        let AttemptPhase::Finished { finish, .. } = &attempt.phase else { return };
        let said = match finish.verdict {
            AttemptVerdict::Passed => Said::Passed,
            AttemptVerdict::Failed
            | AttemptVerdict::TimedOut
            | AttemptVerdict::Crashed
            | AttemptVerdict::Invalid(_) => Said::Failed,
            AttemptVerdict::SetupFailed => Said::SetupFailed,
            AttemptVerdict::Lost if finish.lost.is_some_and(LostCause::is_workers_fault) => {
                Said::WorkersFault(finish.message.clone())
            }
            AttemptVerdict::Lost | AttemptVerdict::Cancelled => Said::Nothing,
        };
        let worker = attempt.worker.clone();
        match &said {
            Said::Passed | Said::Failed => self.was_set_up(id.run, &worker, now),
            Said::SetupFailed => self.bar(id.run, &worker),
            Said::WorkersFault(_) | Said::Nothing => {}
        }
        if let Some((key, _)) = self.live.named(&worker) {
            self.weigh_worker(key, id, said, now);
        }
        self.weigh_others(id, &worker, now);
    }

    fn weigh_worker(&mut self, key: WorkerKey, id: AttemptId, said: Said, now: Timestamp) {
        let set_up_elsewhere =
            self.live.runs.get(&id.run).is_some_and(|live| live.was_set_up_elsewhere(&self.worker_name(key)));
        let agrees = self.has_failed_elsewhere(id);
        let Some(worker) = self.live.workers.get_mut(&key) else { return };
        match &said {
            Said::Passed => {
                worker.conduct.did_its_part();
                worker.conduct.passed(now);
            }
            Said::Failed => worker.conduct.did_its_part(),
            Said::SetupFailed => worker.conduct.setup_failed(id.run, set_up_elsewhere),
            Said::WorkersFault(_) => worker.conduct.faults += 1,
            Said::Nothing => {}
        }
        let Some(cordon) = worker.cordon.clone() else {
            if let Said::WorkersFault(why) = said {
                self.cordon_for_faults(key, &why, now);
            }
            return self.cordon_for_setups(key, now);
        };
        let tries = cordon.probation == Probation::Tries(id);
        match (said, cordon.doubt) {
            (Said::Passed, _) | (Said::Failed, Doubt::OwnFault) => self.live.set_cordon(key, None),
            (Said::Failed, Doubt::FailsWhatOthersPass) if agrees => self.live.set_cordon(key, None),
            (Said::Failed, Doubt::FailsWhatOthersPass) if tries => {
                self.cordon_longer(key, Cordon { undecided: Some((id.run, id.spec)), ..cordon }, now);
            }
            (Said::SetupFailed | Said::WorkersFault(_), _) if tries => self.cordon_longer(key, cordon, now),
            // It learned nothing from its chance, and has another one.
            (Said::Nothing, _) if tries => {
                self.live.set_cordon(key, Some(Cordon { probation: Probation::Open, ..cordon }));
            }
            (Said::Failed | Said::SetupFailed | Said::WorkersFault(_) | Said::Nothing, _) => {}
        }
    }

    fn worker_name(&self, key: WorkerKey) -> WorkerId {
        self.live.workers.get(&key).map_or_else(|| WorkerId(String::new()), |worker| worker.id.clone())
    }

    /// True when the attempt failed and one of the same spec had failed on another worker.
    fn has_failed_elsewhere(&self, id: AttemptId) -> bool {
        let Some((_, spec, attempt)) = self.state.attempt(id) else { return false };
        spec.finishes().any(|(other, finish)| other.worker != attempt.worker && is_own_fault(finish.verdict))
    }

    /// What the attempt says about the workers that its spec had been on before.
    fn weigh_others(&mut self, id: AttemptId, worker: &WorkerId, now: Timestamp) {
        let Some((_, spec, attempt)) = self.state.attempt(id) else { return };
        let AttemptPhase::Finished { finish, .. } = &attempt.phase else { return };
        let (passed, failed) = (finish.verdict == AttemptVerdict::Passed, is_own_fault(finish.verdict));
        if !passed && !failed {
            return;
        }
        let mut failed_on: Vec<(WorkerKey, Timestamp)> = Vec::new();
        for earlier in spec.attempts.iter().filter(|earlier| earlier.worker != *worker) {
            if let AttemptPhase::Finished { at, finish } = &earlier.phase
                && is_own_fault(finish.verdict)
                && let Some((key, _)) = self.live.named(&earlier.worker)
            {
                failed_on.push((key, *at));
            }
        }
        for (key, at) in failed_on {
            match passed {
                true => self.contradict(key, at, (id.run, id.spec)),
                false => self.agree(key, (id.run, id.spec)),
            }
        }
        let contradicted: Vec<WorkerKey> = match passed {
            true => self.failing_what_others_pass(id),
            false => Vec::new(),
        };
        for key in contradicted {
            let failures = self.config.bounds.cordon_failures;
            let reason = format!("{failures} specs in a row failed on it and passed elsewhere");
            self.cordon(key, Doubt::FailsWhatOthersPass, reason, now);
        }
    }

    /// A spec that failed on a worker passed elsewhere: that counts unless something passed on the worker since.
    fn contradict(&mut self, key: WorkerKey, failed_at: Timestamp, spec: (RunId, SpecIndex)) {
        let most = self.config.bounds.cordon_failures as usize;
        let Some(worker) = self.live.workers.get_mut(&key) else { return };
        let since_its_last_pass = worker.conduct.passed_at.is_none_or(|passed| passed < failed_at);
        if since_its_last_pass && worker.conduct.contradicted.len() < most {
            worker.conduct.contradicted.insert(spec);
        }
    }

    /// A spec that failed on a worker failed elsewhere too. Were it the worker's chance to show what it can do, it was
    /// right.
    fn agree(&mut self, key: WorkerKey, spec: (RunId, SpecIndex)) {
        let cordon = self.live.workers.get(&key).and_then(|worker| worker.cordon.as_ref());
        if cordon.is_some_and(|cordon| cordon.undecided == Some(spec)) {
            self.live.set_cordon(key, None);
        }
    }

    /// Workers on which the attempt's spec was one too many. Never the last one that takes work of some class: where
    /// one worker is left, it is as likely that it alone shows what is broken.
    fn failing_what_others_pass(&self, id: AttemptId) -> Vec<WorkerKey> {
        let Some((_, spec, _)) = self.state.attempt(id) else { return Vec::new() };
        let mut keys: Vec<WorkerKey> =
            spec.attempts.iter().filter_map(|attempt| Some(self.live.named(&attempt.worker)?.0)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| {
            let Some(worker) = self.live.workers.get(key) else { return false };
            let itself = u32::from(worker.is_taker());
            let others = |class| self.live.classes.takers(class) > itself;
            worker.cordon.is_none()
                && worker.conduct.contradicted.len() >= self.config.bounds.cordon_failures.max(1) as usize
                && worker.able.iter().all(others)
        });
        keys
    }

    /// An attempt got past the setup: where the setup of its run failed on other workers, they are to blame.
    fn was_set_up(&mut self, run: RunId, worker: &WorkerId, now: Timestamp) {
        let Some(live) = self.live.runs.get_mut(&run) else { return };
        if !live.was_set_up_on(worker) {
            return;
        }
        let barred: Vec<WorkerId> = live.barred.keys().filter(|barred| *barred != worker).cloned().collect();
        for name in barred {
            let Some((key, _)) = self.live.named(&name) else { continue };
            if let Some(worker) = self.live.workers.get_mut(&key) {
                worker.conduct.setup_failed(run, true);
            }
            self.cordon_for_setups(key, now);
        }
    }

    fn cordon_for_faults(&mut self, key: WorkerKey, why: &str, now: Timestamp) {
        let Some(worker) = self.live.workers.get(&key) else { return };
        let faults = worker.conduct.faults;
        if faults >= self.config.bounds.cordon_faults.max(1) {
            let reason = format!("{faults} attempts in a row ended by its own fault, the last one: {why}");
            self.cordon(key, Doubt::OwnFault, reason, now);
        }
    }

    fn cordon_for_setups(&mut self, key: WorkerKey, now: Timestamp) {
        let Some(worker) = self.live.workers.get(&key).filter(|worker| worker.cordon.is_none()) else {
            return;
        };
        let setups = worker.conduct.own_setups();
        if setups >= self.config.bounds.cordon_setups.max(1) {
            let reason = format!("{setups} runs could not be set up on it, and could elsewhere");
            self.cordon(key, Doubt::OwnFault, reason, now);
        }
    }

    fn cordon(&mut self, key: WorkerKey, doubt: Doubt, reason: String, now: Timestamp) {
        if let Some(worker) = self.live.workers.get_mut(&key) {
            worker.conduct.did_its_part();
            worker.conduct.contradicted.clear();
        }
        let wait = self.config.bounds.cordon_wait;
        let probation = Probation::Waits(now + wait);
        self.live.set_cordon(key, Some(Cordon { doubt, reason, wait, probation, undecided: None }));
    }

    fn cordon_longer(&mut self, key: WorkerKey, cordon: Cordon, now: Timestamp) {
        let wait = Millis(cordon.wait.0.saturating_mul(2)).min(self.config.bounds.cordon_wait_longest);
        let wait = wait.max(self.config.bounds.cordon_wait);
        self.live.set_cordon(key, Some(Cordon { wait, probation: Probation::Waits(now + wait), ..cordon }));
    }

    /// The time of a cordoned worker has come: the next attempt that it can run is its chance.
    pub(crate) fn open_probation(&mut self, key: WorkerKey, now: Timestamp) {
        let cordon = self.live.workers.get(&key).and_then(|worker| worker.cordon.clone());
        if let Some(cordon) = cordon
            && let Probation::Waits(until) = cordon.probation
            && until <= now
        {
            self.live.set_cordon(key, Some(Cordon { probation: Probation::Open, ..cordon }));
        }
    }

    /// A cordoned worker got the attempt that it is judged by.
    pub(crate) fn tries_on_probation(&mut self, key: WorkerKey, attempt: AttemptId) {
        let cordon = self.live.workers.get(&key).and_then(|worker| worker.cordon.clone());
        if let Some(cordon) = cordon {
            let probation = Probation::Tries(attempt);
            self.live.set_cordon(key, Some(Cordon { probation, undecided: None, ..cordon }));
        }
    }

    /// A worker is back: what was held against it still is. A new life may try at once, for somebody may have mended it.
    pub(crate) fn cordon_of_a_returning_worker(&mut self, key: WorkerKey, earlier: Option<Incarnation>) {
        let Some(worker) = self.live.workers.get(&key) else { return };
        let away = self.live.cordoned_away.remove(&worker.id);
        let known = away.or_else(|| Some((worker.cordon.clone()?, earlier)));
        let Some((cordon, earlier)) = known else { return };
        let probation = match cordon.probation {
            Probation::Waits(_) if earlier != worker.incarnation => Probation::Open,
            // Should it have come back without the attempt, that ends in a moment.
            probation @ (Probation::Waits(_) | Probation::Open | Probation::Tries(_)) => probation,
        };
        self.live.set_cordon(key, Some(Cordon { probation, ..cordon }));
    }

    /// Follows up on a change in who takes work.
    pub(crate) fn takers_changed(&mut self, now: Timestamp) {
        let needed: Vec<WorkerKey> =
            self.live.cordoned.iter().copied().filter(|key| self.is_needed(*key)).collect();
        needed.into_iter().for_each(|key| self.live.set_cordon(key, None));
        self.reconsider_hope(now);
        self.live.takers_changed = false;
    }

    /// True when a worker that fails what others pass has become the only one for something.
    fn is_needed(&self, key: WorkerKey) -> bool {
        let Some(worker) = self.live.workers.get(&key) else { return false };
        let doubt = worker.cordon.as_ref().map(|cordon| cordon.doubt);
        doubt == Some(Doubt::FailsWhatOthersPass)
            && worker.link != crate::LinkState::Absent
            && worker.able.iter().any(|class| self.live.classes.takers(class) == 0)
    }
}
