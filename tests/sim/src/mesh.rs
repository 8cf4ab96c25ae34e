//! The world: a clock, a queue of events, and everybody who takes part in a mesh.

mod agent;
mod clients;
mod clock;
mod commit;
mod coordinator;
mod daemon;
mod driver;
mod etcd;
mod event;
mod faults;
mod host;
mod links;
mod mutant;
mod net;
mod reality;
mod seat;
mod silence;
mod slots;
mod store;
mod twist;
mod watch;

pub use mutant::Mutant;

use crate::plan::Plan;
use crate::play::{Figures, Story};
use crate::{Checked, Rng, Violation};
use agent::Agent;
use clients::{Ask, Client};
use clock::Mono;
use daemon::Daemon;
use etcd::Etcd;
use event::{CallId, Event, Node, Proc};
use host::Host;
use net::Net;
use part_core::{Millis, Term, Timestamp, WorkerId};
use reality::Reality;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use store::Store;

/// Events after which a story is taken to go round in circles.
const MOST_EVENTS: u64 = 1_000_000;

/// One story while it is told.
pub(crate) struct World {
    plan: Plan,
    rng: Rng,
    mutant: Option<Mutant>,
    now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Event>,
    events: u64,
    calls: u64,
    /// Of everything that happened: two plays of one seed must give the same.
    trace: u64,
    hosts: Vec<Host>,
    clients: Vec<Client>,
    net: Net,
    etcd: Etcd,
    store: Store,
    reality: Reality,
    /// Workers that an operator holds back.
    held_back: BTreeMap<WorkerId, String>,
    /// When something was last wrong with etcd and with the store.
    etcd_wrong: Timestamp,
    store_wrong: Timestamp,
    /// The next core that decides something panics.
    core_panics: bool,
    /// Terms in which a commit was not answered.
    unsure: BTreeSet<Term>,
    /// When each earlier term was over.
    terms_over: BTreeMap<Term, Timestamp>,
    /// When the present term began.
    term_begun: Timestamp,
    figures: Figures,
    transcript: Option<VecDeque<String>>,
    /// Lines of the transcript that are kept: the last ones.
    lines: usize,
}

impl World {
    pub(crate) fn new(seed: u64, mutant: Option<Mutant>, lines: usize) -> Self {
        let mut rng = Rng::new(seed);
        let plan = Plan::from_seed(&mut rng);
        let mut world = World {
            rng,
            mutant,
            now: Timestamp(0),
            queue: BTreeMap::new(),
            events: 0,
            calls: 0,
            trace: 0xcbf2_9ce4_8422_2325,
            hosts: plan.hosts.iter().map(Host::new).collect(),
            clients: plan.clients.iter().map(|_| Client::default()).collect(),
            net: Net::default(),
            etcd: Etcd::new(),
            store: Store::new(),
            reality: Reality::default(),
            held_back: BTreeMap::new(),
            etcd_wrong: Timestamp(0),
            store_wrong: Timestamp(0),
            core_panics: false,
            unsure: BTreeSet::new(),
            terms_over: BTreeMap::new(),
            term_begun: Timestamp(0),
            figures: Figures::default(),
            transcript: (lines > 0).then(VecDeque::new),
            lines,
            plan,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for host in 0..self.hosts.len() {
            self.schedule(self.plan.hosts[host].joins, Event::Rise(host));
        }
        for client in 0..self.clients.len() {
            let comes = Millis(self.plan.clients[client].comes.0);
            self.ask_later(client, Ask::Submit, comes);
            if self.plan.clients[client].errs {
                self.ask_later(client, Ask::Nonsense, comes);
            }
        }
        if !self.plan.faults.is_empty() {
            self.schedule_fault();
            self.schedule(self.plan.faults_end, Event::Heal);
        }
        self.schedule(self.plan.faults_end, Event::Rest);
    }

    /// Tells the story to its end.
    pub(crate) fn unfold(&mut self) -> Checked {
        while let Some(((at, number), event)) = self.queue.pop_first() {
            if at > self.plan.deadline || self.events > MOST_EVENTS {
                return Err(self.never_ends());
            }
            self.now = at;
            if let Some(until) = self.stopped_until(&event) {
                // Keeps its number, so that a process that goes on finds everything in order.
                self.queue.insert((until, number), event);
                continue;
            }
            self.mix(at.0);
            if let Event::Rest = event {
                if self.is_at_rest() {
                    return self.check_end();
                }
                self.schedule(self.now + Millis(1_000), Event::Rest);
                continue;
            }
            self.happen(event)?;
        }
        Err(self.never_ends())
    }

    fn happen(&mut self, event: Event) -> Checked {
        match event {
            Event::Post(letter) => self.arrives(*letter)?,
            Event::ToLeader(conn) => self.reaches_leader(conn)?,
            Event::ToWorker(conn) => self.reaches_worker(conn)?,
            Event::CallTimesOut(proc, call) => self.called_back(proc, call, None)?,
            Event::Coordinate(proc) if self.is_alive(proc) => self.coordinate(proc)?,
            Event::Campaign(proc) => self.campaign(proc)?,
            Event::FindFooting(proc) => self.find_footing(proc)?,
            Event::Turn(proc, number) => self.turn(proc, number)?,
            Event::CommitAgain(proc, term) => self.commit_again(proc, term)?,
            Event::LeaderBeats(proc, term) => self.leader_beats(proc, term)?,
            Event::WorkerBeats(proc) if self.is_alive(proc) => self.worker_beats(proc)?,
            Event::Coordinate(_) | Event::WorkerBeats(_) => {}
            Event::Dial(proc) => self.dial(proc)?,
            Event::WatchLooks(proc, watch) => self.watch_looks(proc, watch),
            Event::SlotReady(proc, attempt) if self.is_alive(proc) => self.slot_ready(proc, attempt)?,
            Event::SlotHears(proc, attempt) if self.is_alive(proc) => self.slot_hears(proc, attempt)?,
            Event::SlotReady(..) | Event::SlotHears(..) => {}
            Event::ProcessEnds(host, boot, attempt) => self.process_ends(host, boot, attempt)?,
            Event::Rise(host) => self.rise(host)?,
            Event::LeaseEnds(lease, at) => self.lease_ends(lease, at),
            Event::StoreActs(letter) => self.store_acts(*letter)?,
            Event::Client(client, ask) => self.asks(client, ask),
            Event::ClientTimesOut(client, call) => self.client_times_out(client, call),
            Event::ClientLooks(client) => self.client_looks(client),
            Event::Fault => self.fault()?,
            Event::Mend(mend) => self.mend(mend),
            Event::Heal => self.heal()?,
            Event::Rest => {}
        }
        if self.events.is_multiple_of(64) {
            self.sweep_conns();
        }
        Ok(())
    }

    /// Until when an event has to wait because the process that it concerns is stopped.
    fn stopped_until(&self, event: &Event) -> Option<Timestamp> {
        let host = match event {
            Event::Post(letter) => match letter.to {
                Node::Host(host) => host,
                Node::Etcd | Node::Store | Node::Client(_) => return None,
            },
            Event::ToLeader(conn) => self.net.conns.get(conn)?.leader.host,
            Event::ToWorker(conn) => self.net.conns.get(conn)?.worker.host,
            Event::CallTimesOut(proc, _)
            | Event::Coordinate(proc)
            | Event::Campaign(proc)
            | Event::FindFooting(proc)
            | Event::Turn(proc, _)
            | Event::CommitAgain(proc, _)
            | Event::LeaderBeats(proc, _)
            | Event::WorkerBeats(proc)
            | Event::Dial(proc)
            | Event::WatchLooks(proc, _)
            | Event::SlotReady(proc, _)
            | Event::SlotHears(proc, _) => proc.host,
            Event::ProcessEnds(..)
            | Event::Rise(_)
            | Event::LeaseEnds(..)
            | Event::StoreActs(_)
            | Event::Client(..)
            | Event::ClientTimesOut(..)
            | Event::ClientLooks(_)
            | Event::Fault
            | Event::Mend(_)
            | Event::Heal
            | Event::Rest => return None,
        };
        let until = self.hosts[host].frozen;
        (until > self.now).then_some(until)
    }

    fn schedule(&mut self, at: Timestamp, event: Event) {
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    /// Folds something into the trace.
    fn mix(&mut self, value: u64) {
        self.trace = (self.trace ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5);
    }

    fn next_call(&mut self) -> CallId {
        self.calls += 1;
        CallId(self.calls)
    }

    fn proc(&self, host: usize) -> Proc {
        Proc { host, life: self.hosts[host].life }
    }

    fn is_alive(&self, proc: Proc) -> bool {
        let host = &self.hosts[proc.host];
        host.life == proc.life && host.agent.is_some()
    }

    fn daemon(&mut self, proc: Proc) -> Option<&mut Daemon> {
        let host = &mut self.hosts[proc.host];
        host.daemon.as_mut().filter(|_| host.life == proc.life)
    }

    fn daemon_state(&mut self, proc: Proc, change: impl FnOnce(&mut Daemon)) {
        if let Some(daemon) = self.daemon(proc) {
            change(daemon);
        }
    }

    fn agent(&mut self, proc: Proc) -> Option<&mut Agent> {
        let host = &mut self.hosts[proc.host];
        host.agent.as_mut().filter(|_| host.life == proc.life)
    }

    fn mono(&self, host: usize) -> Mono {
        self.hosts[host].clock.mono(self.now)
    }

    fn when(&self, host: usize, mono: Mono) -> Timestamp {
        self.hosts[host].clock.when(mono)
    }

    /// A line of the transcript; not made where nobody reads it.
    fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            if transcript.len() == self.lines {
                transcript.pop_front();
            }
            transcript.push_back(format!("{:>7} {}", self.now.0, line()));
        }
    }

    fn is_at_rest(&self) -> bool {
        let idle = self.clients_are_done() && self.hosts.iter().all(|host| host.gone || host.is_at_rest());
        idle && self.not_working().is_empty()
    }

    /// The workers that the leader of the present term would give no work to; all of them when there is no leader.
    fn not_working(&self) -> Vec<WorkerId> {
        let mut working = BTreeSet::new();
        for (place, host) in self.hosts.iter().enumerate() {
            if let Some(seat::Seat::Leading(leader)) = host.daemon.as_ref().map(|daemon| &daemon.seat)
                && leader.core.term() == self.store.term
            {
                let workers = leader.core.workers(leader.now(self.mono(place)));
                let works = workers.into_iter().filter(crate::check::takes_work);
                working.extend(works.map(|worker| worker.worker));
            }
        }
        let hosts = self.hosts.iter().filter(|host| !host.gone);
        hosts.map(|host| host.worker.clone()).filter(|worker| !working.contains(worker)).collect()
    }

    /// Says what has not ended.
    fn never_ends(&mut self) -> Violation {
        let clients: Vec<String> = self.clients.iter().map(Client::describe).collect();
        let mut restless = Vec::new();
        for host in self.hosts.iter().filter(|host| !host.gone && !host.is_at_rest()) {
            let processes: Vec<_> = host.processes.keys().map(ToString::to_string).collect();
            let disk: Vec<_> = host.disk.keys().map(ToString::to_string).collect();
            restless.push(format!("{}: runs {processes:?}, keeps {disk:?}", host.worker));
        }
        let leaders: Vec<String> = self.describe_leaders();
        let idle = self.not_working();
        Violation(format!(
            "[L] time is up in term {}; workers without work: {idle:?}; leaders: {leaders:?}; clients: {clients:#?}; hosts: {restless:#?}",
            self.store.term
        ))
    }

    fn describe_leaders(&self) -> Vec<String> {
        let mut leaders = Vec::new();
        for (place, host) in self.hosts.iter().enumerate() {
            if let Some(seat::Seat::Leading(leader)) = host.daemon.as_ref().map(|daemon| &daemon.seat) {
                let now = leader.now(self.mono(place));
                let mut waits = Vec::new();
                for run in leader.core.state().runs() {
                    for (index, spec) in run.specs.iter().enumerate() {
                        let id = part_core::SpecIndex(index as u32);
                        let facts = leader.core.explain(run.id, id, now).map(|explained| explained.facts);
                        if !matches!(spec.phase, part_core::SpecPhase::Decided(_)) {
                            waits.push(format!("{}: {:?}", spec.name, facts.unwrap_or_default()));
                        }
                    }
                }
                leaders.push(format!("h{place} in term {}: {waits:#?}", leader.core.term()));
            }
        }
        leaders
    }

    pub(crate) fn into_story(mut self) -> Story {
        let counts = self.store.ledger.counts;
        self.figures.seeds = 1;
        self.figures.events = self.events;
        self.figures.records = self.store.ledger.entries.len() as u64;
        self.figures.attempts = counts.attempts;
        self.figures.lost = counts.lost;
        self.figures.superseded = counts.superseded;
        self.figures.runs = counts.finished_runs;
        self.figures.seconds = self.now.0 / 1000;
        Story { figures: self.figures, trace: self.trace, ledger: self.store.ledger.entries }
    }

    pub(crate) fn into_transcript(self) -> (Timestamp, Vec<String>) {
        (self.now, self.transcript.unwrap_or_default().into())
    }
}
