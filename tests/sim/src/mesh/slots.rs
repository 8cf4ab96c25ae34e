//! Slots and the processes under their shims, with time in place of work.
//!
//! As in `worker/src/slot.rs` and `worker/src/attempt`.

use super::World;
use super::event::{Event, Proc};
use super::host::{Folder, Process};
use super::mutant::Mutant;
use crate::suite::{Ending, GRACE};
use crate::{Checked, ensure};
use part_core::{
    AttemptId, AttemptVerdict, CancelMode, Finish, Millis, ReportBody, SlotId, TestOutcome, TestResult,
};
use std::collections::{BTreeMap, VecDeque};

/// Longest time from taking an order to starting the process.
const SETUP: u64 = 300;
/// Longest time that it takes to kill a tree that keeps changing.
const KILL: u64 = 3_000;

/// A slot: one attempt at a time.
#[derive(Default)]
pub(super) struct Slot {
    current: Option<AttemptId>,
    queue: VecDeque<Work>,
}

struct Work {
    attempt: AttemptId,
    spec: String,
    /// False for what an earlier life left.
    ordered: bool,
}

impl Slot {
    /// True when an order can be taken: one may wait for what runs.
    pub(super) fn takes_order(&self) -> bool {
        !self.queue.iter().any(|work| work.ordered)
    }

    pub(super) fn push_order(&mut self, attempt: AttemptId, spec: &str) {
        self.queue.push_back(Work { attempt, spec: spec.to_owned(), ordered: true });
    }

    /// An attempt that is in the way of a new one: nobody told it to stop.
    pub(super) fn in_the_way(&self, cancels: &BTreeMap<AttemptId, CancelMode>) -> Option<AttemptId> {
        let mut all = self.current.into_iter().chain(self.queue.iter().map(|work| work.attempt));
        all.find(|attempt| !cancels.contains_key(attempt))
    }

    /// Takes what an earlier life left.
    pub(super) fn push_found(&mut self, attempt: AttemptId, spec: &str) {
        self.queue.push_back(Work { attempt, spec: spec.to_owned(), ordered: false });
    }

    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }
}

impl World {
    /// A slot takes what is next, if it is free.
    pub(super) fn slot_goes_on(&mut self, proc: Proc, number: SlotId) -> Checked {
        let shares = self.mutant == Some(Mutant::SharesSlots);
        let Some(slot) = self.agent(proc).and_then(|agent| agent.slots.get_mut(&number)) else {
            return Ok(());
        };
        if slot.current.is_some() && !shares {
            return Ok(());
        }
        let Some(work) = slot.queue.pop_front() else { return Ok(()) };
        let attempt = work.attempt;
        slot.current = Some(attempt);
        if work.ordered {
            let folder = Folder { slot: number, spec: work.spec, ended: None };
            self.hosts[proc.host].disk.insert(attempt, folder);
            let at = self.now + Millis(self.rng.below(SETUP));
            self.schedule(at, Event::SlotReady(proc, attempt));
        } else if self.hosts[proc.host].processes.contains_key(&attempt) {
            self.say(proc, ReportBody::Started { attempt });
        } else {
            self.schedule(self.now + Millis(5), Event::SlotHears(proc, attempt));
        }
        Ok(())
    }

    /// A slot is ready to start an attempt's process.
    pub(super) fn slot_ready(&mut self, proc: Proc, attempt: AttemptId) -> Checked {
        let cancelled = self.agent(proc).is_some_and(|agent| agent.cancels.contains_key(&attempt));
        let host = &mut self.hosts[proc.host];
        let Some(folder) = host.disk.get_mut(&attempt) else { return Ok(()) };
        if cancelled {
            folder.ended = Some(AttemptVerdict::Cancelled);
            return self.slot_hears(proc, attempt);
        }
        let slot = folder.slot;
        let nature = self.plan.natures.get(&folder.spec).copied();
        let shared = host.processes.iter().find(|(_, process)| process.slot == slot).map(|(id, _)| *id);
        ensure(shared.is_none(), || {
            format!("[5] {attempt} starts on {} slot {slot}, where {shared:?} runs", host.worker)
        })?;
        let usual = (Millis(1), Ending::Verdict(AttemptVerdict::Passed));
        let (time, ending) = nature.map_or(usual, |nature| nature.attempt(&mut self.rng));
        let ends = self.now + time;
        let boot = host.boot;
        host.processes.insert(attempt, Process { slot, ends, ending });
        self.process_started(attempt)?;
        self.schedule(ends, Event::ProcessEnds(proc.host, boot, attempt));
        self.say(proc, ReportBody::Started { attempt });
        Ok(())
    }

    /// A process may be at its end: the shim writes down how.
    pub(super) fn process_ends(&mut self, place: usize, boot: u64, attempt: AttemptId) -> Checked {
        let host = &mut self.hosts[place];
        let due =
            host.processes.get(&attempt).filter(|process| process.ends <= self.now && host.boot == boot);
        let Some(process) = due else { return Ok(()) };
        let verdict = match process.ending {
            Ending::Verdict(verdict) => verdict,
            Ending::KillsHost => {
                self.tell(|| format!("{attempt} takes h{place} with it"));
                self.host_dies(place, Millis(8_000), false);
                return Ok(());
            }
        };
        host.processes.remove(&attempt);
        if let Some(folder) = host.disk.get_mut(&attempt) {
            folder.ended = Some(verdict);
        }
        let alive = host.agent.is_some();
        self.process_ended(attempt, verdict);
        if alive {
            let proc = self.proc(place);
            self.schedule(self.now, Event::SlotHears(proc, attempt));
        }
        Ok(())
    }

    /// A slot finds its attempt over, and reports it.
    pub(super) fn slot_hears(&mut self, proc: Proc, attempt: AttemptId) -> Checked {
        let shares = self.mutant == Some(Mutant::SharesSlots);
        let Some(folder) = self.hosts[proc.host].disk.get(&attempt) else { return Ok(()) };
        let (Some(verdict), number) = (folder.ended, folder.slot) else { return Ok(()) };
        let Some(slot) = self.agent(proc).and_then(|agent| agent.slots.get_mut(&number)) else {
            return Ok(());
        };
        if slot.current == Some(attempt) {
            slot.current = None;
        } else if !shares {
            return Ok(());
        }
        if let Some(agent) = self.agent(proc) {
            agent.cancels.remove(&attempt);
        }
        // Read from the report again after a restart, so the same each time.
        for batch in 0..attempt.spec.0 % 3 {
            let tests = (0..2).map(|test| self::test(batch, test)).collect();
            self.say(proc, ReportBody::Tests { attempt, batch, tests });
        }
        let finish = Box::new(Finish::declared(verdict, ""));
        self.say(proc, ReportBody::Finished { attempt, finish });
        self.slot_goes_on(proc, number)
    }

    fn say(&mut self, proc: Proc, body: ReportBody) {
        let Some(agent) = self.agent(proc) else { return };
        if let Some(part_core::desk::Act::Forget { attempt, .. }) = agent.desk.slot_said(body) {
            self.hosts[proc.host].disk.remove(&attempt);
        }
        self.flush(proc);
    }

    pub(super) fn cancel_attempt(&mut self, proc: Proc, attempt: AttemptId, mode: CancelMode) {
        let Some(agent) = self.agent(proc) else { return };
        let known = agent.slots.values().any(|slot| {
            slot.current == Some(attempt) || slot.queue.iter().any(|work| work.attempt == attempt)
        });
        if !known {
            return;
        }
        let wanted = agent.cancels.entry(attempt).or_insert(mode);
        *wanted = (*wanted).max(mode);
        let grace = match mode {
            CancelMode::Graceful => GRACE.0,
            CancelMode::Kill => KILL,
        };
        let stopped = self.now + Millis(self.rng.below(grace));
        let host = &mut self.hosts[proc.host];
        let boot = host.boot;
        if let Some(process) = host.processes.get_mut(&attempt).filter(|process| stopped < process.ends) {
            (process.ends, process.ending) = (stopped, Ending::Verdict(AttemptVerdict::Cancelled));
            self.schedule(stopped, Event::ProcessEnds(proc.host, boot, attempt));
        }
    }

    /// What is left of an attempt goes. Its result must be in the ledger by then.
    pub(super) fn forget_attempt(&mut self, proc: Proc, attempt: AttemptId) -> Checked {
        let host = &mut self.hosts[proc.host];
        let Some(folder) = host.disk.remove(&attempt) else { return Ok(()) };
        let worker = &host.worker;
        let needed = self.store.ledger.place(attempt).is_some_and(|(holder, _)| holder == worker);
        ensure(folder.ended.is_none() || !needed, || {
            format!("[4] {worker} throws away the result of {attempt}, which is not in the ledger")
        })
    }
}

fn test(batch: u32, number: u32) -> TestResult {
    TestResult {
        id: format!("t{batch}.{number}"),
        name: String::new(),
        outcome: TestOutcome::Passed,
        duration_micros: None,
        message: None,
        detail: None,
        output: None,
        retries: 0,
        location: None,
    }
}
