//! The leader as its driver runs it: mail in batches, records committed, effects only then.
//!
//! As in `daemon/src/leader/driver.rs`.

use super::World;
use super::clock::{Mono, PeriodClock};
use super::commit::Writing;
use super::event::{Answered, Asker, ConnId, Event, Proc, Request};
use super::mutant::Mutant;
use super::seat::{Down, Seat};
use super::silence::Silence;
use crate::{Checked, check};
use part_core::{
    Bounds, Core, Incarnation, Input, Introduction, Millis, Pending, RequestId, Term, Timestamp, WorkerId,
};
use std::collections::{BTreeMap, VecDeque};

/// Inputs taken into one commit.
const BATCH: usize = 256;
/// The leader wakes up at least this often.
const TICK: Millis = Millis(1_000);
/// A gap from which on it does not hold silence against its workers.
const PAUSE: Millis = Millis(3_000);

/// One leadership period.
pub(super) struct Leader {
    pub(super) core: Core,
    clock: PeriodClock,
    pub(super) mail: VecDeque<Mail>,
    pub(super) links: BTreeMap<WorkerId, ConnId>,
    pub(super) writing: Option<Writing>,
    pub(super) answers: BTreeMap<RequestId, Asker>,
    requests: u64,
    last_turn: Timestamp,
    /// When the store last confirmed the term.
    pub(super) confirmed: Mono,
    turns: u64,
    /// When the present turn began.
    pub(super) decides: Timestamp,
    pub(super) silence: Silence,
}

/// What can be in the mailbox.
pub(super) enum Mail {
    Said {
        worker: WorkerId,
        conn: ConnId,
        input: Input,
    },
    LinkOpened {
        introduction: Box<Introduction>,
        conn: ConnId,
    },
    LinkClosed {
        worker: WorkerId,
        incarnation: Incarnation,
        conn: ConnId,
    },
    Request {
        asker: Asker,
        request: Request,
    },
    TermSeen(Term),
    /// Something that a person or another part of the daemon says.
    Told(Input),
}

impl Leader {
    pub(super) fn new(core: Core, clock: PeriodClock, mono: Mono, bounds: &Bounds) -> Leader {
        let now = clock.now(mono);
        Leader {
            silence: Silence::new(&core, now, bounds),
            core,
            clock,
            mail: VecDeque::new(),
            links: BTreeMap::new(),
            writing: None,
            answers: BTreeMap::new(),
            requests: 0,
            last_turn: now,
            confirmed: mono,
            turns: 0,
            decides: Timestamp(0),
        }
    }

    pub(super) fn now(&self, mono: Mono) -> Timestamp {
        self.clock.now(mono)
    }
}

/// Whether the period goes on.
pub(super) type Turned = Checked<Result<(), Down>>;

impl World {
    /// Lets the leader do something, and ends its period where that says so.
    pub(super) fn with_leader(
        &mut self,
        proc: Proc,
        act: impl FnOnce(&mut World, &mut Leader) -> Turned,
    ) -> Checked {
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let mut leader = match std::mem::take(&mut daemon.seat) {
            Seat::Leading(leader) => leader,
            other @ (Seat::Vacant | Seat::Footing { .. }) => {
                daemon.seat = other;
                return Ok(());
            }
        };
        let turned = act(self, &mut leader);
        self.daemon_state(proc, |daemon| daemon.seat = Seat::Leading(leader));
        match turned? {
            Ok(()) => Ok(()),
            Err(down) => self.step_down(proc, down),
        }
    }

    /// Puts something into the mailbox of a daemon that leads.
    pub(super) fn mail(&mut self, proc: Proc, mail: Mail) -> Checked {
        if let Some(Seat::Footing { mail: waiting, .. }) = self.daemon(proc).map(|daemon| &mut daemon.seat) {
            waiting.push_back(mail);
            return Ok(());
        }
        self.with_leader(proc, |world, leader| {
            leader.mail.push_back(mail);
            world.wake(proc, leader, world.now);
            Ok(Ok(()))
        })
    }

    pub(super) fn mail_request(&mut self, proc: Proc, asker: Asker, request: Request) -> Checked {
        if !self.daemon(proc).is_some_and(|daemon| daemon.seat.leads()) {
            self.answer(proc, asker, Answered::Unavailable);
            return Ok(());
        }
        self.mail(proc, Mail::Request { asker, request })
    }

    fn wake(&mut self, proc: Proc, leader: &mut Leader, at: Timestamp) {
        if leader.writing.is_none() {
            leader.turns += 1;
            self.schedule(at, Event::Turn(proc, leader.turns));
        }
    }

    pub(super) fn turn(&mut self, proc: Proc, number: u64) -> Checked {
        self.with_leader(proc, |world, leader| {
            if number != leader.turns || leader.writing.is_some() {
                return Ok(Ok(()));
            }
            world.take_turn(proc, leader)
        })
    }

    fn take_turn(&mut self, proc: Proc, leader: &mut Leader) -> Turned {
        let mut pending = Pending::default();
        let now = leader.clock.now(self.mono(proc.host));
        let gap = now.since(leader.last_turn);
        leader.last_turn = now;
        leader.decides = self.now;
        if gap >= PAUSE && self.mutant != Some(Mutant::IgnoresPauses) {
            self.feed(proc, leader, Input::LeaderPaused { lasted: gap }, &mut pending)?;
        } else if gap >= PAUSE {
            leader.silence.pause(gap, now);
        }
        for _ in 0..BATCH {
            // What is decided by now is meant for the worker's earlier link, and must not go out over this one.
            let opens = matches!(leader.mail.front(), Some(Mail::LinkOpened { .. }));
            if opens && !pending.is_empty() && self.mutant != Some(Mutant::OrdersOverNewerLinks) {
                break;
            }
            let Some(mail) = leader.mail.pop_front() else { break };
            if let Err(down) = self.take(proc, leader, mail, &mut pending)? {
                return Ok(Err(down));
            }
        }
        if !pending.is_empty() && std::mem::take(&mut self.core_panics) {
            return Ok(Err(Down::Rebuild));
        }
        let now = leader.clock.now(self.mono(proc.host));
        if leader.core.wakeup().is_some_and(|(at, _)| at <= now) {
            self.feed(proc, leader, Input::TimePassed, &mut pending)?;
        }
        self.settle(proc, leader, pending)
    }

    fn take(&mut self, proc: Proc, leader: &mut Leader, mail: Mail, pending: &mut Pending) -> Turned {
        let open = |leader: &Leader, worker: &WorkerId, conn| leader.links.get(worker) == Some(&conn);
        match mail {
            Mail::Said { worker, conn, input } => {
                if open(leader, &worker, conn) || self.mutant == Some(Mutant::HearsOldLinks) {
                    self.feed(proc, leader, input, pending)?;
                }
            }
            Mail::LinkOpened { introduction, conn } => {
                if let Some(earlier) = leader.links.insert(introduction.worker.clone(), conn) {
                    self.leader_closes(earlier, true);
                }
                self.feed(proc, leader, Input::WorkerIntroduced { introduction: *introduction }, pending)?;
            }
            Mail::LinkClosed { worker, incarnation, conn } => {
                if leader.links.get(&worker).is_none_or(|open| *open == conn) {
                    leader.links.remove(&worker);
                    self.feed(proc, leader, Input::LinkClosed { worker, incarnation }, pending)?;
                }
            }
            Mail::Request { asker, request } => {
                leader.requests += 1;
                let id = RequestId(leader.requests);
                leader.answers.insert(id, asker);
                let input = match request {
                    Request::Submit(submission) => {
                        Input::RunSubmitted { request: id, run: self.fresh_run(), submission }
                    }
                    Request::Cancel(run, mode) => Input::CancelRequested {
                        request: id,
                        run,
                        by: format!("client {}", asker.client),
                        mode,
                    },
                };
                self.feed(proc, leader, input, pending)?;
            }
            Mail::TermSeen(term) if term > leader.core.term() => return Ok(Err(Down::Outbid(term))),
            Mail::TermSeen(_) => {}
            Mail::Told(input) => self.feed(proc, leader, input, pending)?,
        }
        Ok(Ok(()))
    }

    /// Gives the core one input and looks at what it makes of it.
    fn feed(&mut self, proc: Proc, leader: &mut Leader, input: Input, pending: &mut Pending) -> Checked {
        let now = leader.clock.now(self.mono(proc.host));
        let input = self.twisted(leader, input);
        self.tell(|| format!("  core of h{}: {}", proc.host, brief(&input)));
        self.figures.inputs += 1;
        let reason = leader.silence.hear(&input, now);
        let decided = leader.core.handle(now, input);
        if self.transcript.is_some() {
            for entry in decided.entries() {
                self.tell(|| format!("    {:?} {}: {:?}", entry.run, entry.number, entry.record));
            }
        }
        check::after_input(&leader.core, decided.entries(), &self.plan.bounds, now)?;
        leader.silence.check(&reason, decided.entries(), &leader.core, &self.store.ledger, now)?;
        self.check_lost(proc, decided.entries(), &leader.core, &reason)?;
        pending.append(decided);
        Ok(())
    }

    /// The next turn: at once while there is mail, else when the core wants it and at least once a tick.
    pub(super) fn go_on(&mut self, proc: Proc, leader: &mut Leader) -> Turned {
        if !leader.mail.is_empty() {
            self.wake(proc, leader, self.now);
            return Ok(Ok(()));
        }
        let tick = self.mono(proc.host) + TICK;
        let next = leader.core.wakeup().map_or(tick, |(at, _)| leader.clock.mono_at(at).min(tick));
        let at = self.when(proc.host, next).max(self.now);
        self.wake(proc, leader, at);
        Ok(Ok(()))
    }
}

/// An input in few words; submissions are long.
fn brief(input: &Input) -> String {
    if let Input::RunSubmitted { request, run, submission } = input {
        return format!("RunSubmitted {request:?} {run:?} with {} groups", submission.groups.len());
    }
    format!("{input:?}")
}
