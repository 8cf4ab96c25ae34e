//! Why a spec is where it is, and why a worker gets no work: in words for people.

use crate::live::{Cordon, Probation};
use crate::machine::evidence;
use crate::{AttemptPhase, Core, Run, RunId, Spec, SpecIndex, SpecPhase, SpecVerdict, Timestamp, WorkerView};

/// Why one spec is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The spec.
    pub spec: SpecIndex,
    /// Its name.
    pub name: String,
    /// One fact a line, the decisive one first.
    pub facts: Vec<String>,
}

/// Why a worker is not a candidate for a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerExplanation {
    /// The worker.
    pub worker: String,
    /// Why not; empty when it is one.
    pub because: String,
}

impl Core {
    /// Explains a spec of an unfinished run; none when the run or spec is not in memory.
    pub fn explain(&self, run_id: RunId, index: SpecIndex, now: Timestamp) -> Option<Explanation> {
        let run = self.state.run(run_id)?;
        let spec = run.spec(index)?;
        let mut facts = Vec::new();
        match spec.phase {
            SpecPhase::Decided(verdict) => facts.push(decided(spec, verdict)),
            SpecPhase::Active => {
                if let Some((number, attempt)) = spec.newest() {
                    facts.push(format!(
                        "attempt {number} runs on worker {} slot {} for {}",
                        attempt.worker,
                        attempt.slot,
                        now.since(attempt.assigned_at)
                    ));
                    facts.push(match attempt.forecast {
                        Some(forecast) => format!("forecast {forecast}"),
                        None => "no forecast: nothing is known about it or its group".to_owned(),
                    });
                    facts.extend(run.why(index, number));
                }
            }
            SpecPhase::Waiting { since } => {
                facts.push(self.why_waiting(run_id, index, now));
                facts.push(format!("waiting for {}", now.since(since)));
                for candidate in self.candidates(run_id, index) {
                    if !candidate.because.is_empty() {
                        facts.push(format!(
                            "worker {} cannot take it: {}",
                            candidate.worker, candidate.because
                        ));
                    }
                }
            }
        }
        facts.extend(run.past_attempts(index));
        Some(Explanation { spec: index, name: spec.name.as_ref().to_owned(), facts })
    }

    fn why_waiting(&self, run_id: RunId, index: SpecIndex, now: Timestamp) -> String {
        if let Some(until) = self.live.gathering_until {
            return format!("the leader waits {} more for workers to come back", until.since(now));
        }
        let Some((run, live)) = self.state.run(run_id).zip(self.live.runs.get(&run_id)) else {
            return "its run is ending".to_owned();
        };
        let Some(spec) = run.spec(index) else { return String::new() };
        let requirements = &run.group_of(spec).requirements;
        let candidates = self.candidates(run_id, index);
        let able = candidates.iter().filter(|candidate| candidate.because.is_empty()).count();
        let Some(group) = live.group(spec.group) else { return String::new() };
        let class = group.class;
        if let Some(why) = group.why_parked(spec) {
            return format!("waits for its turn: {why}");
        }
        if let Some(since) = live.hopeless.get(&class) {
            let (wait, why) = match live.barred.is_empty() {
                true => {
                    (run.policy.wait_for_workers.unwrap_or_default(), self.why_no_worker(run_id, index, true))
                }
                false => (self.config.bounds.setup_wait, self.why_given_up(run_id)),
            };
            let left = (*since + wait).since(now);
            return format!("{why}: given up in {left} unless another comes");
        }
        if candidates.is_empty() {
            return "no worker is linked".to_owned();
        }
        if able == 0 {
            let with = if requirements.is_empty() { String::new() } else { format!(" with {requirements}") };
            return format!("waits for a worker{with}: none of {} can take it", candidates.len());
        }
        if spec.is_suspect() {
            let busy = candidates.iter().filter(|candidate| candidate.because.is_empty());
            let busy = busy.filter(|candidate| self.runs_suspect(&candidate.worker)).count();
            return format!(
                "{}; waits for a worker that runs no other such spec: {busy} of {able} do",
                evidence(spec, now)
            );
        }
        if let Some(lock) = self.live.locks.taken(&spec.locks) {
            return self.who_holds(&lock.name);
        }
        let elsewhere = live.elsewhere.get(&index).filter(|until| **until > now);
        if let Some(until) = elsewhere.filter(|_| self.has_elsewhere(live, class, spec)) {
            return format!("a retry: waits up to {} for a worker that has not failed it", until.since(now));
        }
        let own = self.place_of(run_id, index).map(|(_, place)| place);
        let before = live.queue.of_class(class).filter(|(_, place)| Some(**place) < own).count();
        if let Some(limit) = self.at_limit_everywhere(run_id, spec, class) {
            return format!(
                "waits for a slot: every worker that can take it runs {limit} specs of its group, as many as it may"
            );
        }
        let known = candidates.len();
        format!(
            "waits for a free slot: {before} of its kind go first; it can run on {able} of {known} workers"
        )
    }

    /// The attempts that hold a lock, in words.
    fn who_holds(&self, name: &str) -> String {
        let (holders, permits) = self.live.locks.holders(name);
        let holder = |id: &crate::AttemptId| {
            let (run, spec, attempt) = self.state.attempt(*id)?;
            Some(format!("{} of run {} on worker {}", spec.name, run.id.short(), attempt.worker))
        };
        let named: Vec<String> = holders.iter().filter_map(holder).take(5).collect();
        let of = if permits == 1 {
            "which".to_owned()
        } else {
            format!("of which {permits} may be held, and which")
        };
        format!("waits for lock {name}, {of} is held by {}", named.join(", "))
    }

    /// How many specs of its group each worker runs that could take a spec, where all are at their limit.
    fn at_limit_everywhere(&self, run: RunId, spec: &Spec, class: crate::queue::Class) -> Option<u32> {
        let group = self.limited_group(run, spec)?;
        let mut able =
            self.live.workers.values().filter(|worker| worker.is_taker() && worker.able.contains(class));
        let first = able.next()?;
        let all =
            self.is_at_limit(first, run, group) && able.all(|worker| self.is_at_limit(worker, run, group));
        all.then(|| first.count_of(run, group))
    }

    fn candidates(&self, run_id: RunId, index: SpecIndex) -> Vec<WorkerExplanation> {
        let Some(run) = self.state.run(run_id) else { return Vec::new() };
        let Some(spec) = run.spec(index) else { return Vec::new() };
        let requirements = &run.group_of(spec).requirements;
        let live = self.live.runs.get(&run_id);
        let why_not = |worker: &crate::live::Worker| match requirements.nearest_miss(&worker.capabilities) {
            _ if worker.incarnation.is_none() => "it has not come back to this leader yet".to_owned(),
            Some(miss) => format!("it lacks {}", miss.part),
            None if live.is_some_and(|live| live.bars(&worker.id)) => {
                "the workspace could not be made ready on it".to_owned()
            }
            None => worker.why_no_work().unwrap_or_default(),
        };
        self.live
            .workers
            .values()
            .map(|worker| WorkerExplanation { worker: worker.id.0.clone(), because: why_not(worker) })
            .collect()
    }

    fn runs_suspect(&self, worker: &str) -> bool {
        let named = self.live.named(&crate::WorkerId(worker.to_owned()));
        named.is_some_and(|(_, worker)| worker.runs_suspect())
    }

    /// The workers, for people.
    pub fn workers(&self, now: Timestamp) -> Vec<WorkerView> {
        self.live.workers.values().map(|worker| self.view(worker, now)).collect()
    }

    fn view(&self, worker: &crate::live::Worker, now: Timestamp) -> WorkerView {
        let waiting = self.live.order.is_anything_waiting();
        let idle_because = if worker.room() != Some(crate::live::Room::Usual) {
            String::new()
        } else if let Some(why) = worker.why_no_work() {
            why
        } else if self.live.gathering_until.is_some() {
            "the leader waits for other workers to come back".to_owned()
        } else if waiting {
            "nothing that waits can run here".to_owned()
        } else {
            "nothing waits".to_owned()
        };
        WorkerView {
            worker: worker.id.clone(),
            host: worker.host.clone(),
            link: worker.link,
            silent_for: now.since(worker.last_heard),
            draining: worker.draining,
            problem: worker.problem.clone(),
            held_back_by: worker.held_back_by.clone(),
            cordoned: worker.cordon.as_ref().map(|cordon| cordoned(cordon, now)),
            version: worker.version.clone(),
            capabilities: worker.capabilities.clone(),
            slots: worker
                .slots()
                .map(|(slot, running)| (slot, running.first().map(|first| first.attempt)))
                .collect(),
            extra_slots: worker.offered_extra(),
            cpus: worker.cpus,
            scarce: worker.scarce.clone(),
            slowness: worker.speed.factor(self.live.speed),
            idle_because,
        }
    }
}

fn decided(spec: &Spec, verdict: SpecVerdict) -> String {
    match &spec.because {
        Some(because) => format!("decided: {verdict}: {because}"),
        None => format!("decided: {verdict}"),
    }
}

/// Why a worker is cordoned, and when it is tried again.
fn cordoned(cordon: &Cordon, now: Timestamp) -> String {
    let next = match cordon.probation {
        Probation::Waits(until) => format!("it is tried again in {}", until.since(now)),
        Probation::Open => "the next attempt that it can run is its chance".to_owned(),
        Probation::Tries(attempt) => format!("attempt {attempt} is its chance"),
    };
    format!("{}; {next}", cordon.reason)
}

impl Run {
    /// What the ledger alone says about a spec: for runs that are finished, or led elsewhere.
    pub fn facts_about(&self, index: SpecIndex, now: Timestamp) -> Vec<String> {
        let Some(spec) = self.spec(index) else { return Vec::new() };
        let mut facts = vec![match spec.phase {
            SpecPhase::Decided(verdict) => decided(spec, verdict),
            SpecPhase::Active => match spec.newest() {
                Some((number, attempt)) => {
                    format!("attempt {number} was given to worker {} slot {}", attempt.worker, attempt.slot)
                }
                None => "active".to_owned(),
            },
            SpecPhase::Waiting { since } => format!("waiting for {}", now.since(since)),
        }];
        if let Some(carried) = spec.carried {
            facts.push(format!("its pass in run {} stands for it", carried.attempt.run));
        }
        facts.extend(self.past_attempts(index));
        facts
    }

    /// One line for each ended attempt of a spec.
    fn past_attempts(&self, index: SpecIndex) -> Vec<String> {
        let Some(spec) = self.spec(index) else { return Vec::new() };
        let mut lines = Vec::new();
        for (number, attempt) in spec.attempts.iter().enumerate() {
            let AttemptPhase::Finished { at, finish } = &attempt.phase else { continue };
            let why = if finish.message.is_empty() { String::new() } else { format!(": {}", finish.message) };
            let forecast = match attempt.forecast {
                Some(forecast) => format!(" (forecast {forecast})"),
                None => String::new(),
            };
            lines.push(format!(
                "attempt {} on worker {} slot {}: {} after {}{forecast}{why}",
                number + 1,
                attempt.worker,
                attempt.slot,
                finish.verdict,
                at.since(attempt.assigned_at),
            ));
            if attempt.dismissed {
                lines.push("it counted for nothing: another attempt ended first".to_owned());
            }
            lines.extend(self.why(index, number as u32 + 1));
        }
        lines
    }
}
