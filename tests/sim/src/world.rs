//! The world around the core: a clock, a queue of events, and everybody who takes part.

mod clients;
mod driver;
mod faults;
mod links;
mod silence;

use crate::plan::Plan;
use crate::play::{Figures, Story};
use crate::store::Store;
use crate::worker::{LinkId, Worker};
use crate::{Checked, Rng, Violation};
use clients::{Ask, Clients};
use driver::Leader;
use links::Wire;
use part_core::{Millis, Term, Timestamp};
use std::collections::BTreeMap;

/// How often a worker sends a heartbeat: two fit into the time after which it is suspect.
const HEARTBEAT: Millis = Millis(2_900);
/// Events after which a story is taken to go round in circles.
const MOST_EVENTS: u64 = 400_000;

/// A driver that does one thing wrong, to see whether the checks would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// It lets effects out before their records are committed.
    EffectsBeforeCommit,
    /// It sends an order over a link that was opened after the order was made.
    OrdersOverNewerLinks,
    /// It takes a submission whose run has ended for a new one.
    ForgetsSubmissions,
    /// It does not close the links of workers that were given up.
    KeepsLinksOfTheLost,
}

/// Something that will happen at a moment.
#[derive(Clone, Debug)]
enum Event {
    /// A worker joins for the first time.
    Join(usize),
    /// A worker tries to open a link.
    Dial(usize),
    /// The next message on a link reaches the leader.
    ToLeader(LinkId),
    /// The next message on a link reaches the worker.
    ToWorker(LinkId),
    /// A worker finds out that its link is dead.
    Notice(usize, LinkId),
    /// A worker sends its next heartbeat.
    Beat(usize),
    /// An attempt on a worker may have ended.
    Due(usize),
    /// A worker's process starts again.
    Rise(usize),
    /// The leader's write to the store is done.
    Commit(Term),
    /// The core asked to be woken.
    Wake(Term),
    /// A new leader takes over.
    LeaderStarts,
    /// The leader runs on after it was stopped for so long.
    LeaderThaws(Millis),
    /// A client asks for something.
    Client(usize, Ask),
    /// Something goes wrong.
    Fault,
    /// Nothing goes wrong any more.
    Heal,
}

/// One story while it is told.
pub(crate) struct World {
    plan: Plan,
    rng: Rng,
    sabotage: Option<Sabotage>,
    now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Event>,
    events: u64,
    store: Store,
    term: Term,
    leader: Option<Leader>,
    /// Until when the leader's process is stopped.
    leader_frozen: Timestamp,
    /// The next commit fails.
    commit_fails: bool,
    workers: Vec<Worker>,
    /// Until when each worker's process is stopped.
    frozen: Vec<Timestamp>,
    wires: BTreeMap<LinkId, Wire>,
    links: u64,
    clients: Clients,
    figures: Figures,
    transcript: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, sabotage: Option<Sabotage>, told: bool) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::from_seed(&mut rng);
        let workers: Vec<Worker> = plan.workers.iter().map(Worker::new).collect();
        let mut world = World {
            rng,
            sabotage,
            now: Timestamp(0),
            queue: BTreeMap::new(),
            events: 0,
            store: Store::default(),
            term: Term(0),
            leader: None,
            leader_frozen: Timestamp(0),
            commit_fails: false,
            frozen: vec![Timestamp(0); workers.len()],
            workers,
            wires: BTreeMap::new(),
            links: 0,
            clients: Clients::new(plan.clients.len()),
            figures: Figures::default(),
            transcript: told.then(Vec::new),
            plan,
        };
        world.schedule(Timestamp(0), Event::LeaderStarts);
        for worker in 0..world.workers.len() {
            world.schedule(world.plan.workers[worker].joins, Event::Join(worker));
        }
        for client in 0..world.plan.clients.len() {
            world.schedule(world.plan.clients[client].comes, Event::Client(client, Ask::Submit));
        }
        if world.plan.fault_every.is_some() {
            world.schedule_fault();
            world.schedule(world.plan.faults_end, Event::Heal);
        }
        world
    }

    /// Tells the story to its end.
    pub(crate) fn unfold(&mut self) -> Checked {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > self.plan.deadline || self.events > MOST_EVENTS {
                return Err(self.never_ends());
            }
            self.now = at;
            self.happen(event)?;
            if self.clients.all_done(&self.store) {
                return self.check_end();
            }
        }
        Err(self.never_ends())
    }

    fn happen(&mut self, event: Event) -> Checked {
        if let Some(until) = self.frozen_until(&event) {
            self.schedule(until, event);
            return Ok(());
        }
        match event {
            Event::Join(worker) => {
                self.schedule(self.now, Event::Dial(worker));
                self.schedule(self.now + HEARTBEAT, Event::Beat(worker));
            }
            Event::Dial(worker) => self.dial(worker),
            Event::ToLeader(link) => self.reach_leader(link)?,
            Event::ToWorker(link) => self.reach_worker(link)?,
            Event::Notice(worker, link) => self.notice(worker, link),
            Event::Beat(worker) => self.beat(worker),
            Event::Due(worker) => self.due(worker),
            Event::Rise(worker) => self.rise(worker),
            Event::Commit(term) => self.commit(term)?,
            Event::Wake(term) => self.wake(term)?,
            Event::LeaderStarts => self.leader_starts()?,
            Event::LeaderThaws(lasted) => self.leader_thaws(lasted)?,
            Event::Client(client, ask) => self.ask(client, ask)?,
            Event::Fault => {
                if self.now < self.plan.faults_end {
                    self.fault()?;
                    self.schedule_fault();
                }
            }
            Event::Heal => self.heal(),
        }
        Ok(())
    }

    /// Until when an event has to wait because the process that it concerns is stopped.
    fn frozen_until(&self, event: &Event) -> Option<Timestamp> {
        let until = match event {
            Event::ToLeader(_) | Event::Commit(_) | Event::Wake(_) | Event::Client(..) => self.leader_frozen,
            Event::Dial(worker) | Event::Notice(worker, _) | Event::Beat(worker) | Event::Due(worker) => {
                self.frozen[*worker]
            }
            Event::ToWorker(link) => self.frozen[self.wires.get(link)?.worker],
            Event::Join(_)
            | Event::Rise(_)
            | Event::LeaderStarts
            | Event::LeaderThaws(_)
            | Event::Fault
            | Event::Heal => return None,
        };
        (until > self.now).then_some(until)
    }

    fn schedule(&mut self, at: Timestamp, event: Event) {
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    /// Some time from now, up to `most`.
    fn soon(&mut self, most: Millis) -> Timestamp {
        self.now + Millis(self.rng.below(most.0 + 1))
    }

    /// A line of the transcript; not made where nobody reads it.
    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            transcript.push(format!("{:>7} {}", self.now.0, line()));
        }
    }

    fn beat(&mut self, worker: usize) {
        self.send_to_leader(worker, links::ToLeader::Heartbeat);
        self.schedule(self.now + HEARTBEAT, Event::Beat(worker));
    }

    fn check_end(&self) -> Checked {
        let refolded =
            part_core::State::fold(&self.store.ledger).map_err(|misfit| Violation(misfit.to_string()))?;
        crate::ensure(refolded == self.store.folded, || {
            "folding the whole ledger gives another state".to_owned()
        })
    }

    /// Says which runs have not ended, and why not.
    fn never_ends(&mut self) -> Violation {
        let mut open = Vec::new();
        for run in self.store.folded.runs().filter(|run| run.finished.is_none()) {
            for (index, spec) in run.specs.iter().enumerate() {
                let id = part_core::SpecIndex(index as u32);
                let explained =
                    self.leader.as_ref().and_then(|leader| leader.core.explain(run.id, id, self.now));
                let facts = explained.map(|explained| explained.facts).unwrap_or_default();
                if !facts.first().is_some_and(|fact| fact.starts_with("decided")) {
                    open.push(format!("{}: {}", spec.name, facts.join("; ")));
                }
            }
        }
        let workers: Vec<String> =
            self.workers.iter().map(|worker| format!("{}: {}", worker.name, worker.describe())).collect();
        self.tell(|| format!("workers: {workers:#?}"));
        Violation(format!(
            "time is up; leader there: {}; {}; open: {open:#?}",
            self.leader.is_some(),
            self.clients.describe()
        ))
    }

    pub(crate) fn into_story(mut self) -> Story {
        let counts = self.store.counts;
        self.figures.records = self.store.ledger.len() as u64;
        self.figures.attempts = counts.attempts;
        self.figures.lost = counts.lost;
        self.figures.superseded = counts.superseded;
        self.figures.runs = counts.finished_runs;
        self.figures.ended = self.now;
        Story { figures: self.figures, ledger: self.store.ledger }
    }

    pub(crate) fn into_transcript(self) -> (Timestamp, Vec<String>) {
        (self.now, self.transcript.unwrap_or_default())
    }
}
