//! The worker's process: the real desk, with a model of the agent around it.
//!
//! As in `worker/src/agent.rs` and `worker/src/directory.rs`.

use super::World;
use super::clock::Mono;
use super::event::{ConnId, Event, Node, Proc, ToLeader, ToWorker};
use super::mutant::Mutant;
use super::slots::Slot;
use crate::{Checked, ensure};
use part_core::desk::{Act, Desk};
use part_core::{AttemptId, CancelMode, Command, HeldState, Millis, SlotId, StartOrder, Term};
use std::collections::BTreeMap;

/// Heartbeats this often.
const HEARTBEAT: Millis = Millis(2_000);
/// Silence of the leader after which the worker gives the link up.
const LEADER_SILENCE: Millis = Millis(7_000);
/// First wait before a link is opened again; doubled up to [`RELINK_SLOWEST`].
const RELINK_FIRST: Millis = Millis(100);
/// Longest wait before a link is opened again.
const RELINK_SLOWEST: Millis = Millis(1_000);
/// How long a daemon that does not answer is waited for.
const FIND_LEADER: Millis = Millis(3_000);

/// What a worker's process has in memory.
pub(super) struct Agent {
    pub(super) desk: Desk,
    pub(super) link: Option<Link>,
    /// When something was last heard over the link.
    heard: Mono,
    /// The host whose daemon answered last: it is asked first.
    pub(super) answering: usize,
    wait: Millis,
    pub(super) slots: BTreeMap<SlotId, Slot>,
    /// Attempts that are to stop and are not over.
    pub(super) cancels: BTreeMap<AttemptId, CancelMode>,
}

/// The link that it believes to have.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) conn: ConnId,
    /// True once the leader has said something over it.
    spoke: bool,
}

impl Agent {
    pub(super) fn new(desk: Desk, slots: BTreeMap<SlotId, Slot>, host: usize) -> Agent {
        Agent {
            desk,
            link: None,
            heard: Mono::default(),
            answering: host,
            wait: RELINK_FIRST,
            slots,
            cancels: BTreeMap::new(),
        }
    }
}

impl World {
    /// Finds the leader and opens a link to it.
    pub(super) fn dial(&mut self, proc: Proc) -> Checked {
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        if agent.link.is_some() {
            return Ok(());
        }
        let first = agent.answering;
        if let Some(leader) = self.hosts[proc.host].misled.take() {
            return self.open_link(proc, leader);
        }
        let start = self.some_daemon();
        let daemons = self.hosts.iter().filter(|host| host.is_daemon).count();
        let mut candidates = vec![first];
        candidates.extend((0..daemons).map(|host| (host + start) % daemons).filter(|host| *host != first));
        let mut waited = Millis(0);
        for host in candidates {
            match self.who_leads(proc.host, host) {
                Some(leader) => {
                    if let Some(agent) = self.agent(proc) {
                        agent.answering = host;
                    }
                    return self.open_link(proc, leader);
                }
                None => waited = waited + Millis(self.rng.below(FIND_LEADER.0)),
            }
        }
        self.redial(proc, waited);
        Ok(())
    }

    /// Who leads, as the daemon of a host sees it; none when it cannot be asked or does not know.
    fn who_leads(&mut self, from: usize, host: usize) -> Option<Proc> {
        let near = from == host || self.net.joined(Node::Host(from), Node::Host(host));
        let proc = self.proc(host);
        let answers = near && self.hosts[host].frozen <= self.now;
        let daemon = self.daemon(proc).filter(|_| answers)?;
        if daemon.seat.leads() {
            return Some(proc);
        }
        daemon.coordinator.picture.leader.map(|note| note.proc).filter(|leader| *leader != proc)
    }

    fn open_link(&mut self, proc: Proc, leader: Proc) -> Checked {
        let mono = self.mono(proc.host);
        let conn = self.open_conn(proc, leader);
        let (draining, problem) = (self.hosts[proc.host].draining, self.hosts[proc.host].problem.clone());
        let forgets = self.mutant == Some(Mutant::ForgetsTerms);
        let resends = self.mutant != Some(Mutant::NeverSendsAgain);
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        if resends {
            agent.desk.rewind();
        }
        let mut introduction = agent.desk.introduction(draining, problem, None);
        if forgets {
            introduction.term_seen = Term(0);
        }
        agent.link = Some(Link { conn, spoke: false });
        agent.heard = mono;
        self.tell(|| format!("w{} opens {conn:?} to {leader:?}", proc.host));
        self.send_to_leader(conn, ToLeader::Introduce(Box::new(introduction)));
        Ok(())
    }

    fn redial(&mut self, proc: Proc, waited: Millis) {
        let Some(agent) = self.agent(proc) else { return };
        let wait = agent.wait;
        agent.wait = Millis(2 * wait.0).min(RELINK_SLOWEST);
        let at = self.mono(proc.host) + wait + waited;
        let at = self.when(proc.host, at);
        self.schedule(at, Event::Dial(proc));
    }

    /// A worker finds its link dead and will open another.
    pub(super) fn link_ends(&mut self, proc: Proc, tells: bool) -> Checked {
        let drops = self.mutant == Some(Mutant::DropsReportsWithLink);
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        let Some(link) = agent.link.take() else { return Ok(()) };
        let (term, through) = (agent.desk.term_seen(), u64::MAX);
        self.worker_closes(link.conn, tells);
        if drops {
            self.obey(proc, term, Command::Acknowledge { through })?;
        }
        self.redial(proc, Millis(0));
        Ok(())
    }

    /// A worker says that it is there, or finds that its leader is not.
    pub(super) fn worker_beats(&mut self, proc: Proc) -> Checked {
        let mono = self.mono(proc.host);
        let at = self.when(proc.host, mono + HEARTBEAT);
        self.schedule(at, Event::WorkerBeats(proc));
        let thaws = self.hosts[proc.host].frozen == self.now && self.rng.chance(50);
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        let Some(link) = agent.link else { return Ok(()) };
        // One that goes on after it was stopped may look at what came meanwhile first, or at the clock.
        if mono.since(agent.heard) > LEADER_SILENCE && !thaws {
            return self.link_ends(proc, true);
        }
        self.send_to_leader(link.conn, ToLeader::Heartbeat);
        Ok(())
    }

    /// A message of a leader is at a worker that is there.
    pub(super) fn worker_hears(&mut self, id: ConnId, message: ToWorker) -> Checked {
        let Some(proc) = self.net.conns.get(&id).map(|conn| conn.worker) else { return Ok(()) };
        let mono = self.mono(proc.host);
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        let Some(link) = agent.link.as_mut().filter(|link| link.conn == id) else { return Ok(()) };
        agent.heard = mono;
        let (term, command) = match message {
            ToWorker::Closed => return self.link_ends(proc, false),
            ToWorker::Heartbeat(term) => (term, None),
            ToWorker::Command(term, command) => (term, Some(command)),
        };
        (link.spoke, agent.wait) = (true, RELINK_FIRST);
        match command {
            Some(command) => self.obey(proc, term, command)?,
            None => {
                let forgets = self.mutant == Some(Mutant::ForgetsTerms);
                let obeyed = self.agent(proc).is_some_and(|agent| agent.desk.obeys(term) || forgets);
                self.figures.refused_commands += u64::from(!obeyed);
                self.note_term(proc, term, obeyed, || "a heartbeat".to_owned())?;
            }
        }
        self.flush(proc);
        Ok(())
    }

    /// Lets the desk hear a command, checks that it was right to obey it, and does what follows.
    fn obey(&mut self, proc: Proc, term: Term, command: Command) -> Checked {
        let forgets = self.mutant == Some(Mutant::ForgetsTerms);
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        let refused = agent.desk.refused_commands();
        let heeded = if forgets { term.max(agent.desk.term_seen()) } else { term };
        let obeyed = heeded >= agent.desk.term_seen();
        self.tell(|| format!("w{} hears in term {term}: {command:?}", proc.host));
        if obeyed {
            self.note_term(proc, term, true, || format!("{command:?}"))?;
            self.check_obeyed(proc, &command)?;
        }
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        let acts = agent.desk.hear(heeded, command);
        ensure(obeyed == (agent.desk.refused_commands() == refused), || "the desk miscounts".to_owned())?;
        self.figures.refused_commands += u64::from(!obeyed);
        acts.into_iter().try_for_each(|act| self.act(proc, act))
    }

    /// A worker obeys only the highest term it has seen, in this life.
    fn note_term(&mut self, proc: Proc, term: Term, obeyed: bool, what: impl FnOnce() -> String) -> Checked {
        let host = &mut self.hosts[proc.host];
        let seen = host.term_heard;
        host.term_heard = seen.max(term);
        ensure(!obeyed || term >= seen, || {
            format!("[3] worker {} has seen term {seen} and obeys {} of term {term}", host.worker, what())
        })
    }

    /// What may be dropped at a leader's word must be in the ledger.
    fn check_obeyed(&mut self, proc: Proc, command: &Command) -> Checked {
        let worker = self.hosts[proc.host].worker.clone();
        let (through, discard) = match command {
            Command::Welcome { acknowledged, discard, .. } => (*acknowledged, discard.as_slice()),
            Command::Acknowledge { through } => (*through, [].as_slice()),
            Command::Start(_) | Command::Cancel { .. } => return Ok(()),
        };
        let Some(agent) = self.hosts[proc.host].agent.as_ref() else { return Ok(()) };
        let ledger = &self.store.ledger;
        for report in agent.desk.unacknowledged().filter(|report| report.number <= through) {
            ensure(ledger.has(&report.body, &worker), || {
                format!("[2] {worker} is told that {report:?} is durable, but it is not in the ledger")
            })?;
        }
        let held = agent.desk.introduction(false, None, None).held;
        for id in discard {
            let runs = held.iter().any(|held| held.attempt == *id && held.state == HeldState::Running);
            let needed = ledger.place(*id).is_some_and(|(holder, _)| *holder == worker);
            ensure(!(runs && needed), || {
                format!("[4] {worker} is to throw {id} away, which the ledger still counts on")
            })?;
        }
        Ok(())
    }

    fn act(&mut self, proc: Proc, act: Act) -> Checked {
        match act {
            Act::Start(order) => self.start_order(proc, order),
            Act::Cancel { attempt, slot: _, mode } => {
                self.cancel_attempt(proc, attempt, mode);
                Ok(())
            }
            Act::Forget { attempt, slot: _ } => self.forget_attempt(proc, attempt),
        }
    }

    fn start_order(&mut self, proc: Proc, order: StartOrder) -> Checked {
        let shares = self.mutant == Some(Mutant::SharesSlots);
        let Some(agent) = self.agent(proc) else { return Ok(()) };
        let way = agent.slots.get(&order.slot).and_then(|slot| slot.in_the_way(&agent.cancels));
        ensure(way.is_none(), || format!("[5] {order:?} reaches a slot on which {way:?} runs"))?;
        let refused = match agent.slots.get_mut(&order.slot) {
            None => Some("there is no such slot here"),
            Some(slot) if slot.takes_order() || shares => {
                for attempt in &order.attempts {
                    slot.push_order(attempt.attempt, attempt.spec.as_ref());
                }
                None
            }
            Some(_) => Some("the slot is taken"),
        };
        match refused {
            Some(why) => {
                agent.desk.refuse(&order, why);
                self.figures.refused_orders += 1;
                self.flush(proc);
                Ok(())
            }
            None => self.slot_goes_on(proc, order.slot),
        }
    }

    /// Sends what the desk still has to say.
    pub(super) fn flush(&mut self, proc: Proc) {
        let Some(agent) = self.agent(proc) else { return };
        let Some(link) = agent.link.filter(|link| link.spoke) else { return };
        let mut reports = Vec::new();
        while let Some(report) = agent.desk.next_report() {
            reports.push(report.clone());
        }
        for report in reports {
            self.send_to_leader(link.conn, ToLeader::Report(report));
        }
    }
}
