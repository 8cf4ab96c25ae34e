//! A model worker: it obeys orders, keeps reports until they are acknowledged, and can die in several ways.

use crate::plan::{Ending, GRACE, Nature, WorkerPlan};
use crate::store::Store;
use crate::{Checked, Rng, ensure};
use part_core::{
    AttemptId, AttemptVerdict, CancelMode, Capabilities, Command, Finish, HeldAttempt, HeldState,
    Incarnation, Introduction, Millis, Report, ReportBody, SlotId, Term, TestOutcome, TestResult, Timestamp,
    WorkerId,
};
use std::collections::{BTreeMap, VecDeque};

/// Names one link, over all workers and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(pub(crate) u64);

pub(crate) struct Worker {
    pub(crate) name: WorkerId,
    capabilities: Capabilities,
    slots: u32,
    pub(crate) life: Incarnation,
    /// False while its process is down.
    pub(crate) up: bool,
    /// True once it is down for good.
    pub(crate) gone: bool,
    /// The link it believes to have, and whether it was welcomed on it.
    pub(crate) link: Option<(LinkId, bool)>,
    pub(crate) draining: bool,
    term_seen: Term,
    held: BTreeMap<AttemptId, Held>,
    spool: VecDeque<Report>,
    next_number: u64,
    /// The last report that was sent over this link: it may come once more.
    pub(crate) last_sent: Option<Report>,
}

/// An attempt on a worker.
struct Held {
    slot: SlotId,
    phase: Phase,
    /// True when the leader wants it gone, so that its slot may be given away.
    condemned: bool,
    /// True when its end is nobody's business any more.
    forgotten: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its slot is still being cleared.
    Queued {
        time: Millis,
        ending: Ending,
    },
    Running {
        ends: Timestamp,
        ending: Ending,
    },
    Reported,
}

/// What a worker wants after something happened to it.
#[derive(Default)]
pub(crate) struct Wants {
    /// To send these over its link.
    pub(crate) send: Vec<Report>,
    /// To be called at these moments.
    pub(crate) due: Vec<Timestamp>,
    /// To die: a spec killed it.
    pub(crate) dies: bool,
}

/// How much survives a worker's death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Its attempts run on under their shims.
    Process,
    /// Its attempts end, its disk lives.
    Machine,
    /// Nothing is left.
    Disk,
}

impl Worker {
    pub(crate) fn new(plan: &WorkerPlan) -> Self {
        Worker {
            name: WorkerId(plan.name.clone()),
            capabilities: plan.capabilities.clone(),
            slots: plan.slots,
            life: Incarnation(1),
            up: true,
            gone: false,
            link: None,
            draining: false,
            term_seen: Term(0),
            held: BTreeMap::new(),
            spool: VecDeque::new(),
            next_number: 1,
            last_sent: None,
        }
    }

    pub(crate) fn introduction(&self) -> Introduction {
        let held = self.held.iter().filter(|(_, held)| !held.forgotten).map(|(attempt, held)| HeldAttempt {
            attempt: *attempt,
            slot: held.slot,
            state: match held.phase {
                Phase::Queued { .. } | Phase::Running { .. } => HeldState::Running,
                Phase::Reported => HeldState::Reported,
            },
        });
        Introduction {
            worker: self.name.clone(),
            incarnation: self.life,
            host: String::new(),
            term_seen: self.term_seen,
            capabilities: self.capabilities.clone(),
            slots: (0..self.slots).map(SlotId).collect(),
            held: held.collect(),
            draining: self.draining,
        }
    }

    /// Obeys an order. `natures` says what specs really do.
    pub(crate) fn obey(
        &mut self,
        command: Command,
        now: Timestamp,
        natures: &BTreeMap<String, Nature>,
        store: &Store,
        rng: &mut Rng,
    ) -> Checked<Wants> {
        let mut wants = Wants::default();
        match command {
            Command::Welcome { acknowledged, discard, lost_after: _ } => {
                if let Some((_, welcomed)) = &mut self.link {
                    *welcomed = true;
                }
                self.drop_durable(acknowledged, store)?;
                wants.send.extend(self.spool.iter().cloned());
                for attempt in discard {
                    self.stop(attempt, CancelMode::Kill, true, now, rng, &mut wants);
                }
            }
            Command::Start(order) => {
                for attempt in order.attempts {
                    let nature = natures.get(attempt.spec.as_ref()).copied();
                    let what = nature.map(|nature| nature.attempt(rng));
                    let (time, ending) = what.unwrap_or((Millis(1), Ending::Verdict(AttemptVerdict::Passed)));
                    self.start(attempt.attempt, order.slot, time, ending)?;
                }
                self.fill_slots(now, &mut wants);
            }
            Command::Cancel { attempt, mode } => self.stop(attempt, mode, false, now, rng, &mut wants),
            Command::Acknowledge { through } => self.drop_durable(through, store)?,
        }
        Ok(wants)
    }

    fn start(&mut self, id: AttemptId, slot: SlotId, time: Millis, ending: Ending) -> Checked {
        ensure(slot.0 < self.slots, || {
            format!("{} has no slot {slot}, but {id} is to start on it", self.name)
        })?;
        ensure(!self.held.contains_key(&id), || format!("{id} is started twice on {}", self.name))?;
        for (other, held) in &self.held {
            let in_the_way = held.slot == slot && held.phase != Phase::Reported && !held.condemned;
            ensure(!in_the_way, || {
                format!("{id} is to start on {} slot {slot}, where {other} runs", self.name)
            })?;
        }
        let phase = Phase::Queued { time, ending };
        self.held.insert(id, Held { slot, phase, condemned: false, forgotten: false });
        Ok(())
    }

    /// Starts what waits for a slot that is free now.
    fn fill_slots(&mut self, now: Timestamp, wants: &mut Wants) {
        let running = |phase| matches!(phase, Phase::Running { .. });
        let taken: Vec<SlotId> =
            self.held.values().filter(|held| running(held.phase)).map(|held| held.slot).collect();
        let mut started = Vec::new();
        for (id, held) in &mut self.held {
            if let Phase::Queued { time, ending } = held.phase
                && !taken.contains(&held.slot)
            {
                let ends = now + time;
                held.phase = Phase::Running { ends, ending };
                wants.due.push(ends);
                started.push(*id);
            }
        }
        for attempt in started {
            self.report(ReportBody::Started { attempt }, wants);
        }
    }

    fn stop(
        &mut self,
        id: AttemptId,
        mode: CancelMode,
        forget: bool,
        now: Timestamp,
        rng: &mut Rng,
        wants: &mut Wants,
    ) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let grace = match mode {
            CancelMode::Graceful => GRACE.0,
            CancelMode::Kill => 200,
        };
        held.condemned = true;
        held.forgotten |= forget;
        let stopped = now + Millis(rng.below(grace));
        match &mut held.phase {
            Phase::Queued { .. } => {
                held.phase = Phase::Running { ends: now, ending: Ending::Verdict(AttemptVerdict::Cancelled) };
                wants.due.push(now);
            }
            Phase::Running { ends, ending } if stopped < *ends => {
                (*ends, *ending) = (stopped, Ending::Verdict(AttemptVerdict::Cancelled));
                wants.due.push(stopped);
            }
            Phase::Running { .. } | Phase::Reported => {}
        }
    }

    /// Ends the attempts whose time has come.
    pub(crate) fn time_passed(&mut self, now: Timestamp, rng: &mut Rng) -> Wants {
        let mut wants = Wants::default();
        let mut ended = Vec::new();
        for (id, held) in &self.held {
            if let Phase::Running { ends, ending } = held.phase
                && ends <= now
            {
                ended.push((*id, ending, held.forgotten));
            }
        }
        for (id, ending, forgotten) in ended {
            let verdict = match ending {
                Ending::KillsWorker => {
                    wants.dies = true;
                    return wants;
                }
                Ending::Verdict(verdict) => verdict,
            };
            if forgotten {
                self.held.remove(&id);
                continue;
            }
            if rng.chance(30) {
                self.report(ReportBody::Tests { attempt: id, batch: 0, tests: vec![test()] }, &mut wants);
            }
            let finish = Box::new(Finish::declared(verdict, ""));
            self.report(ReportBody::Finished { attempt: id, finish }, &mut wants);
            if let Some(held) = self.held.get_mut(&id) {
                held.phase = Phase::Reported;
            }
        }
        self.fill_slots(now, &mut wants);
        wants
    }

    /// Writes a report to the spool and sends it if it may.
    fn report(&mut self, body: ReportBody, wants: &mut Wants) {
        let report = Report { number: self.next_number, body };
        self.next_number += 1;
        self.spool.push_back(report.clone());
        if self.link.is_some_and(|(_, welcomed)| welcomed) {
            self.last_sent = Some(report.clone());
            wants.send.push(report);
        }
    }

    /// Drops reports that the leader calls durable, and checks that they are.
    fn drop_durable(&mut self, through: u64, store: &Store) -> Checked {
        while let Some(report) = self.spool.pop_front_if(|report| report.number <= through) {
            let durable = match &report.body {
                ReportBody::Started { attempt } => store.knows(*attempt, |known| known.started_at.is_some()),
                ReportBody::Tests { attempt, batch, .. } => {
                    store.knows(*attempt, |known| known.test_batches > *batch)
                }
                ReportBody::Finished { attempt, .. } => {
                    self.held.remove(attempt);
                    store.knows(*attempt, |_| false)
                }
            };
            ensure(durable, || format!("{} was told that {report:?} is durable, but it is not", self.name))?;
        }
        Ok(())
    }

    /// Dies.
    pub(crate) fn die(&mut self, death: Death) {
        self.up = false;
        self.link = None;
        self.last_sent = None;
        match death {
            Death::Process => {}
            Death::Machine => self.held.retain(|_, held| held.phase == Phase::Reported),
            Death::Disk => {
                self.held.clear();
                self.spool.clear();
            }
        }
    }

    /// Starts its next life, perhaps with another number of slots: what is in the spool is numbered anew.
    pub(crate) fn rise(&mut self, slots: Option<u32>) {
        self.up = true;
        self.slots = slots.unwrap_or(self.slots);
        self.life = Incarnation(self.life.0 + 1);
        for (place, report) in self.spool.iter_mut().enumerate() {
            report.number = place as u64 + 1;
        }
        self.next_number = self.spool.len() as u64 + 1;
    }

    /// Notes the term of an order it obeyed.
    pub(crate) fn has_seen(&mut self, term: Term) {
        self.term_seen = self.term_seen.max(term);
    }

    pub(crate) fn describe(&self) -> String {
        let held: Vec<String> =
            self.held.keys().map(|id| format!("{:?} {}/{}", id.run, id.spec.0, id.number)).collect();
        format!(
            "up {}, link {:?}, holds {held:?}, {} reports unacknowledged",
            self.up,
            self.link,
            self.spool.len()
        )
    }
}

fn test() -> TestResult {
    TestResult {
        id: "t".to_owned(),
        name: "t".to_owned(),
        outcome: TestOutcome::Passed,
        duration_micros: None,
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: None,
    }
}
