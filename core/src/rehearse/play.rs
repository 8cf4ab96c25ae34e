//! The clock of a rehearsal: it goes from one event to the next and lets the core decide.

use super::host::{Alarm, Host, LIFE, Piece};
use super::outcome::{Notes, Rehearsed};
use super::scene::{Act, Begun, Leaving, Rehearsal, RehearsalError};
use crate::{
    Bounds, Command, Config, Core, Effect, Input, Millis, Reply, ReportBody, RequestId, RunId, SpecPhase,
    StartOrder, State, Submission, Term, Timestamp, WorkerId,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How long nothing may happen but the core's own timers before a rehearsal gives up: longer than any of them waits.
const PATIENCE: Millis = Millis::seconds(7 * 24 * 3600);
/// How often the core may ask to be woken without the time moving on.
const WAKE_UPS: u32 = 10_000;
/// A time so long that it never passes.
const NEVER: Millis = Millis::seconds(100 * 365 * 24 * 3600);

/// A place in the list of hosts.
type HostKey = usize;

/// Something that will happen.
enum Event {
    Joins(HostKey),
    Drains(HostKey),
    Dies(HostKey),
    Submits(usize, Box<Submission>),
    Ends(HostKey, Alarm),
    /// All workers that are there are heard from.
    Heartbeats,
}

pub(super) struct Play<'a, A> {
    rehearsal: Rehearsal<'a>,
    act: A,
    core: Core,
    now: Timestamp,
    hosts: Vec<Host>,
    keys: BTreeMap<WorkerId, HostKey>,
    events: BTreeMap<(Timestamp, u64), Event>,
    /// Events made so far: those of one moment happen in the order in which they were made.
    made: u64,
    /// What workers have to say at this moment.
    inbox: VecDeque<(HostKey, ReportBody)>,
    notes: Notes,
    /// When anything last happened other than by a timer of the core.
    last_event: Timestamp,
    wake_ups: u32,
    submissions_left: usize,
    refused: Option<RehearsalError>,
}

impl<'a, A: FnMut(Begun<'_>) -> Act> Play<'a, A> {
    pub(super) fn new(mut rehearsal: Rehearsal<'a>, act: A) -> Self {
        let hosts: Vec<Host> = std::mem::take(&mut rehearsal.workers).into_iter().map(Host::new).collect();
        let somebody_dies = hosts.iter().any(|host| matches!(host.worker.leaves, Leaving::Dies(_)));
        let bounds = match somebody_dies {
            true => rehearsal.bounds.clone(),
            false => Bounds { suspect_after: NEVER, lost_after: NEVER, ..rehearsal.bounds.clone() },
        };
        let beat = Millis((bounds.suspect_after.0 / 3).max(1));
        let config = Config { term: Term(1), bounds };
        let (core, _) = Core::new(config, State::default(), Timestamp(0));
        let submissions = std::mem::take(&mut rehearsal.submissions);
        let mut play = Play {
            rehearsal,
            act,
            core,
            now: Timestamp(0),
            keys: hosts.iter().enumerate().map(|(key, host)| (host.worker.worker.clone(), key)).collect(),
            hosts,
            events: BTreeMap::new(),
            made: 0,
            inbox: VecDeque::new(),
            notes: Notes::default(),
            last_event: Timestamp(0),
            wake_ups: 0,
            submissions_left: submissions.len(),
            refused: None,
        };
        for key in 0..play.hosts.len() {
            let worker = &play.hosts[key].worker;
            let (joins, leaves) = (worker.joins, worker.leaves);
            play.will(joins, Event::Joins(key));
            match leaves {
                Leaving::Never => {}
                Leaving::Drains(at) => play.will(at, Event::Drains(key)),
                Leaving::Dies(at) => play.will(at, Event::Dies(key)),
            }
        }
        for (number, (at, submission)) in submissions.into_iter().enumerate() {
            play.will(at, Event::Submits(number, Box::new(submission)));
        }
        if somebody_dies {
            play.will(Timestamp(0) + beat, Event::Heartbeats);
        }
        play
    }

    pub(super) fn play(mut self) -> Result<Rehearsed, RehearsalError> {
        while self.submissions_left > 0 || !self.notes.all_finished() {
            self.step()?;
            if let Some(refused) = self.refused.take() {
                return Err(refused);
            }
        }
        Ok(self.notes.finish())
    }

    fn will(&mut self, at: Timestamp, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    /// Lets the next thing happen.
    fn step(&mut self) -> Result<(), RehearsalError> {
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let wakeup = self.core.wakeup().map(|(at, _)| at.max(self.now));
        match (event, wakeup) {
            (Some(at), wakeup) if wakeup.is_none_or(|wakeup| at <= wakeup) => {
                if let Some((_, event)) = self.events.pop_first() {
                    self.now = at;
                    self.happens(event);
                }
            }
            (_, Some(wakeup)) => {
                self.wake_ups = if wakeup > self.now { 0 } else { self.wake_ups + 1 };
                self.now = wakeup;
                if self.wake_ups > WAKE_UPS || self.now.since(self.last_event) > PATIENCE {
                    return Err(self.stuck());
                }
                self.feed(Input::TimePassed);
            }
            (_, None) => return Err(self.stuck()),
        }
        Ok(())
    }

    fn stuck(&self) -> RehearsalError {
        let run = self.notes.unfinished().next().unwrap_or(RunId(0));
        let specs = self.core.state().run(run).map_or(&[][..], |run| &run.specs);
        let waiting = specs.iter().filter(|spec| matches!(spec.phase, SpecPhase::Waiting { .. })).count();
        RehearsalError::Stuck { run, waiting }
    }

    fn happens(&mut self, event: Event) {
        if !matches!(event, Event::Heartbeats) {
            self.last_event = self.now;
            self.wake_ups = 0;
        }
        match event {
            Event::Joins(key) => {
                self.hosts[key].linked = true;
                let introduction = self.hosts[key].introduction();
                self.feed(Input::WorkerIntroduced { introduction });
            }
            Event::Drains(key) => {
                self.hosts[key].draining = true;
                let worker = self.hosts[key].worker.worker.clone();
                self.feed(Input::DrainChanged { worker, draining: true });
                self.leave_if_done(key);
            }
            Event::Dies(key) => {
                self.hosts[key].dies();
                let worker = self.hosts[key].worker.worker.clone();
                self.feed(Input::LinkClosed { worker, incarnation: LIFE });
            }
            Event::Submits(number, submission) => {
                self.submissions_left -= 1;
                let (request, run) = (RequestId(number as u64), RunId(number as u128 + 1));
                self.feed(Input::RunSubmitted { request, run, submission });
            }
            Event::Ends(key, alarm) => {
                let reports = self.hosts[key].rings(alarm);
                self.inbox.extend(reports.into_iter().map(|body| (key, body)));
                self.share(key);
                self.empty_inbox();
                self.leave_if_done(key);
            }
            Event::Heartbeats => self.heartbeats(),
        }
    }

    fn heartbeats(&mut self) {
        for key in 0..self.hosts.len() {
            if self.hosts[key].linked {
                let worker = self.hosts[key].worker.worker.clone();
                self.feed(Input::Heartbeat { worker, incarnation: LIFE });
            }
        }
        if self.now.since(self.last_event) <= PATIENCE {
            let beat = Millis((self.rehearsal.bounds.suspect_after.0 / 3).max(1));
            self.will(self.now + beat, Event::Heartbeats);
        }
    }

    /// A worker that drains goes when it has nothing left.
    fn leave_if_done(&mut self, key: HostKey) {
        let host = &mut self.hosts[key];
        if host.draining && host.linked && host.is_idle() {
            host.linked = false;
            let worker = host.worker.worker.clone();
            self.feed(Input::LinkClosed { worker, incarnation: LIFE });
        }
    }

    /// Gives the core an input, and what follows from it at this moment.
    fn feed(&mut self, input: Input) {
        self.feed_one(input);
        self.empty_inbox();
    }

    fn empty_inbox(&mut self) {
        while let Some((key, body)) = self.inbox.pop_front() {
            let host = &mut self.hosts[key];
            let (worker, report) = (host.worker.worker.clone(), host.report(body));
            self.feed_one(Input::Reported { worker, incarnation: LIFE, report });
        }
    }

    fn feed_one(&mut self, input: Input) {
        self.notes.done.inputs += 1;
        let pending = self.core.handle(self.now, input);
        let unnamed: Arc<str> = Arc::from("");
        for entry in pending.entries() {
            let state = self.core.state();
            self.notes.take(entry, |attempt| match state.attempt(attempt) {
                Some((run, spec, _)) => (Arc::clone(&spec.name), Arc::clone(&run.group_of(spec).label)),
                None => (Arc::clone(&unnamed), Arc::clone(&unnamed)),
            });
        }
        if self.rehearsal.keeps_entries {
            self.notes.done.entries.extend_from_slice(pending.entries());
        }
        for effect in pending.confirm() {
            match effect {
                Effect::Reply { request, reply: Reply::Refused(source) } => {
                    self.refused = Some(RehearsalError::Refused { number: request.0 as usize, source });
                }
                Effect::Command { worker, command } => self.obey(&worker, command),
                Effect::Reply { reply: Reply::Submitted { .. } | Reply::Cancelling, .. }
                | Effect::CloseLink { .. }
                | Effect::RunAdvanced { .. } => {}
            }
        }
    }

    fn obey(&mut self, worker: &WorkerId, command: Command) {
        let Some(key) = self.keys.get(worker).copied().filter(|key| self.hosts[*key].linked) else { return };
        let reports = match command {
            Command::Start(order) => self.start(key, &order),
            Command::Cancel { attempt, mode: _ } => self.hosts[key].cancel(attempt, self.now),
            Command::Welcome { .. } | Command::Acknowledge { .. } => return,
        };
        self.inbox.extend(reports.into_iter().map(|body| (key, body)));
        self.share(key);
    }

    fn start(&mut self, key: HostKey, order: &StartOrder) -> Vec<ReportBody> {
        let worker = &self.hosts[key].worker;
        let overhead = (self.rehearsal.overhead)(order, worker);
        let mut pieces = VecDeque::new();
        for (place, attempt) in order.attempts.iter().enumerate() {
            let together = order.attempts.len();
            let act = (self.act)(Begun { order: attempt, worker, at: self.now, place, together });
            let limit = attempt.timeout.or(attempt.recipe.timeout);
            pieces.push_back(Piece { attempt: attempt.attempt, act, limit });
        }
        self.hosts[key].start(order.slot, pieces, overhead, order.cpus, self.now)
    }

    fn share(&mut self, key: HostKey) {
        for alarm in self.hosts[key].share(self.now) {
            self.will(alarm.at, Event::Ends(key, alarm));
        }
    }
}
