//! A machine that only pretends: processes on slots, and the CPUs that they share.

use super::scene::{Act, VirtualWorker};
use crate::{
    AttemptId, AttemptVerdict, Finish, Incarnation, Introduction, LostCause, Millis, Report, ReportBody,
    SlotId, Term, Timestamp, Timing,
};
use std::collections::{BTreeMap, VecDeque};

/// Times within this many milliseconds of a whole one are that one: what is left of a long row of fractions.
const WHOLE: f64 = 1e-6;

/// The life of a virtual worker; none comes back.
pub(super) const LIFE: Incarnation = Incarnation(1);

/// A machine.
pub(super) struct Host {
    pub(super) worker: VirtualWorker,
    pub(super) linked: bool,
    pub(super) draining: bool,
    reports: u64,
    processes: BTreeMap<SlotId, Process>,
    /// How much longer whatever computes takes, since CPUs are short: 1 where they are not.
    stretch: f64,
    alarms: u64,
}

/// A process: attempts that run one after the other.
struct Process {
    pieces: VecDeque<Piece>,
    /// Attempts that it began with.
    together: u32,
    /// Milliseconds of overhead that its first piece contains, at usual speed.
    overhead: f64,
    /// How many CPUs it may use together with the others of its group.
    cpus: Option<u32>,
    /// What the process's own overhead took, for each of its attempts.
    overhead_share: Millis,
    began: Timestamp,
    /// Milliseconds that the first piece still takes, at usual speed with a CPU whenever it wants one.
    left: f64,
    since: Timestamp,
    rate: f64,
    /// Milliseconds in which it had to wait for a CPU.
    contended: f64,
    /// Only the alarm of this number is about its first piece's end.
    alarm: u64,
}

/// One attempt of a process.
pub(super) struct Piece {
    pub(super) attempt: AttemptId,
    pub(super) act: Act,
    pub(super) limit: Option<Millis>,
}

/// When a process's first attempt ends, unless something changes before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    pub(super) at: Timestamp,
    pub(super) slot: SlotId,
    pub(super) number: u64,
}

impl Host {
    pub(super) fn new(worker: VirtualWorker) -> Self {
        let processes = BTreeMap::new();
        Host { worker, linked: false, draining: false, reports: 0, processes, stretch: 1.0, alarms: 0 }
    }

    pub(super) fn introduction(&self) -> Introduction {
        let slots = self.worker.slots;
        Introduction {
            worker: self.worker.worker.clone(),
            incarnation: LIFE,
            host: self.worker.worker.0.clone(),
            term_seen: Term(1),
            capabilities: self.worker.capabilities.clone(),
            slots: (0..slots).map(SlotId).collect(),
            extra_slots: (slots..slots + self.worker.extra_slots).map(SlotId).collect(),
            cpus: self.worker.cpus,
            scarce: None,
            held: Vec::new(),
            draining: false,
            problem: None,
            version: String::new(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.processes.is_empty()
    }

    /// It is gone, with everything that it runs.
    pub(super) fn dies(&mut self) {
        self.linked = false;
        self.processes.clear();
    }

    /// Numbers what it reports.
    pub(super) fn report(&mut self, body: ReportBody) -> Report {
        self.reports += 1;
        Report { number: self.reports, body }
    }

    /// Starts a process and says what it has to report of it.
    pub(super) fn start(
        &mut self,
        slot: SlotId,
        pieces: VecDeque<Piece>,
        overhead: Millis,
        cpus: Option<u32>,
        now: Timestamp,
    ) -> Vec<ReportBody> {
        self.go_on(now);
        let first = pieces.front().map(|piece| piece.attempt);
        let mut process = Process {
            together: pieces.len() as u32,
            pieces,
            overhead: overhead.0 as f64,
            cpus,
            overhead_share: Millis::ZERO,
            began: now,
            left: 0.0,
            since: now,
            rate: 0.0,
            contended: 0.0,
            alarm: 0,
        };
        process.begin_piece(self.worker.speed, now);
        self.processes.insert(slot, process);
        first.map(|attempt| ReportBody::Started { attempt }).into_iter().collect()
    }

    /// An alarm rings; what it has to report: nothing where something had changed before.
    pub(super) fn rings(&mut self, alarm: Alarm) -> Vec<ReportBody> {
        if self.processes.get(&alarm.slot).is_none_or(|process| process.alarm != alarm.number) {
            return Vec::new();
        }
        self.go_on(alarm.at);
        let speed = self.worker.speed;
        let Some(process) = self.processes.get_mut(&alarm.slot) else { return Vec::new() };
        let Some((attempt, finish)) = process.end_piece(alarm.at) else { return Vec::new() };
        let goes_on = match finish.verdict {
            AttemptVerdict::Crashed | AttemptVerdict::TimedOut | AttemptVerdict::Lost => false,
            AttemptVerdict::Passed
            | AttemptVerdict::Failed
            | AttemptVerdict::Cancelled
            | AttemptVerdict::SetupFailed
            | AttemptVerdict::Invalid(_) => true,
        };
        let mut reports = vec![ReportBody::Finished { attempt, finish: Box::new(finish) }];
        match process.pieces.front() {
            Some(next) if goes_on => {
                reports.push(ReportBody::Started { attempt: next.attempt });
                process.begin_piece(speed, alarm.at);
            }
            Some(_) | None => reports.extend(self.end_process(alarm.slot)),
        }
        reports
    }

    /// Stops an attempt, and with it the process that it is the running part of.
    pub(super) fn cancel(&mut self, attempt: AttemptId, now: Timestamp) -> Vec<ReportBody> {
        self.go_on(now);
        let found = self.processes.iter_mut().find_map(|(slot, process)| {
            let place = process.pieces.iter().position(|piece| piece.attempt == attempt)?;
            Some((*slot, place, process))
        });
        let Some((slot, place, process)) = found else { return Vec::new() };
        let mut finish = Finish::declared(AttemptVerdict::Cancelled, "");
        if place > 0 {
            process.pieces.remove(place);
            return vec![ReportBody::Finished { attempt, finish: Box::new(finish) }];
        }
        process.pieces.pop_front();
        finish.timing = Timing { run: now.since(process.began), ..Timing::default() };
        let mut reports = vec![ReportBody::Finished { attempt, finish: Box::new(finish) }];
        reports.extend(self.end_process(slot));
        reports
    }

    /// What is left of a process that ended early goes again.
    fn end_process(&mut self, slot: SlotId) -> Vec<ReportBody> {
        let left = self.processes.remove(&slot).map(|process| process.pieces).unwrap_or_default();
        let lost = |piece: Piece| ReportBody::Finished {
            attempt: piece.attempt,
            finish: Box::new(Finish::lost(LostCause::BatchEnded, "the process ended before its turn")),
        };
        left.into_iter().map(lost).collect()
    }

    /// Lets everything go on as it did until now.
    fn go_on(&mut self, now: Timestamp) {
        let stretch = self.stretch;
        for process in self.processes.values_mut() {
            let passed = now.since(process.since).0 as f64;
            process.left -= passed * process.rate;
            if stretch > 1.0 && process.uses_cpu() {
                process.contended += passed;
            }
            process.since = now;
        }
    }

    /// Shares the CPUs anew after something changed, and sets the alarms of what goes faster or slower than before.
    pub(super) fn share(&mut self, now: Timestamp) -> Vec<Alarm> {
        let granted = self.processes.values().filter_map(|process| process.cpus).min();
        let has = (self.worker.cpus > 0).then_some(self.worker.cpus);
        let shares: Vec<f64> = self.processes.values().map(Process::cpu).filter(|cpu| *cpu > 0.0).collect();
        let cpus = has.into_iter().chain(granted).min();
        self.stretch = cpus.map_or(1.0, |cpus| stretch(&shares, f64::from(cpus.max(1))));
        let mut alarms = Vec::new();
        for (slot, process) in &mut self.processes {
            let cpu = process.cpu();
            let rate = self.worker.speed / (1.0 - cpu + cpu * self.stretch);
            if process.alarm != 0 && rate.total_cmp(&process.rate).is_eq() {
                continue;
            }
            self.alarms += 1;
            (process.rate, process.alarm) = (rate, self.alarms);
            let lasts = Millis((process.left / rate - WHOLE).ceil().max(0.0) as u64);
            alarms.push(Alarm { at: now + lasts, slot: *slot, number: self.alarms });
        }
        alarms
    }
}

impl Process {
    fn cpu(&self) -> f64 {
        self.pieces.front().map_or(0.0, |piece| piece.act.cpu.clamp(0.0, 1.0))
    }

    fn uses_cpu(&self) -> bool {
        self.cpu() > 0.0
    }

    fn begin_piece(&mut self, speed: f64, now: Timestamp) {
        let Some(piece) = self.pieces.front_mut() else { return };
        (self.began, self.since, self.contended, self.alarm) = (now, now, 0.0, 0);
        self.left = self.overhead + piece.act.takes.0 as f64;
        let limit = piece.limit.map(|limit| limit.0 as f64 * speed);
        if let Some(limit) = limit.filter(|limit| *limit < self.left) {
            self.left = limit;
            piece.act.verdict = AttemptVerdict::TimedOut;
        }
    }

    /// Ends the piece at the front: its attempt, and what came of it.
    fn end_piece(&mut self, now: Timestamp) -> Option<(AttemptId, Finish)> {
        let piece = self.pieces.pop_front()?;
        let passed = now.since(self.began);
        let whole = self.overhead + piece.act.takes.0 as f64;
        let overhead = match self.overhead > 0.0 {
            true => Millis((passed.0 as f64 * self.overhead / whole).round() as u64),
            false => Millis::ZERO,
        };
        if overhead > Millis::ZERO {
            self.overhead_share = Millis(overhead.0 / u64::from(self.together.max(1)));
            self.overhead = 0.0;
        }
        let mut finish = Finish::declared(piece.act.verdict, "");
        if piece.act.verdict == AttemptVerdict::Lost {
            finish = Finish::lost(LostCause::WorkerFailed, "it was to be lost");
        }
        let own = passed - overhead;
        finish.timing = Timing { run: own + self.overhead_share, tests: own, ..Timing::default() };
        match piece.act.verdict {
            AttemptVerdict::Passed => finish.tests.passed = 1,
            AttemptVerdict::Failed => finish.tests.failed = 1,
            AttemptVerdict::TimedOut
            | AttemptVerdict::Crashed
            | AttemptVerdict::Lost
            | AttemptVerdict::Cancelled
            | AttemptVerdict::SetupFailed
            | AttemptVerdict::Invalid(_) => {}
        }
        if piece.act.cpu > 0.0 {
            finish.cpu_wait = Some((self.contended * 1000.0 / passed.0.max(1) as f64).round() as u32);
        }
        Some((piece.attempt, finish))
    }
}

/// How much longer computing takes when processes that compute for these shares of their time have so many CPUs: such
/// that together they use exactly those; 1 where there are enough.
fn stretch(shares: &[f64], cpus: f64) -> f64 {
    let used = |stretch: f64| -> f64 { shares.iter().map(|cpu| cpu / (1.0 - cpu + cpu * stretch)).sum() };
    if used(1.0) <= cpus {
        return 1.0;
    }
    // With all of them computing all the time it would be their number over the CPUs: never more.
    let (mut low, mut high) = (1.0, shares.len() as f64 / cpus);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        match used(middle) > cpus {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}
