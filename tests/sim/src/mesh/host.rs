//! A host: its disk, the processes under its shims, its slots, and how much of that outlives what.
//!
//! As in `worker/src/slot.rs`, `worker/src/held.rs` and `worker/src/attempt`, with time in place of work.

use super::World;
use super::agent::Agent;
use super::clock::HostClock;
use super::daemon::Daemon;
use super::event::{Event, Node, Proc};
use super::mutant::Mutant;
use super::slots::Slot;
use crate::plan::HostPlan;
use crate::suite::Ending;
use crate::{Checked, ensure};
use part_core::desk::{Desk, Identity};
use part_core::{
    AttemptId, AttemptVerdict, Capabilities, Incarnation, Millis, SlotId, Term, Timestamp, WorkerId,
};
use std::collections::BTreeMap;

/// One machine.
pub(super) struct Host {
    pub(super) worker: WorkerId,
    pub(super) capabilities: Capabilities,
    pub(super) clock: HostClock,
    /// False for a stand-alone worker.
    pub(super) is_daemon: bool,
    /// False while the machine is down.
    pub(super) up: bool,
    /// True once it is down for good.
    pub(super) gone: bool,
    /// Counts its starts.
    pub(super) boot: u64,
    /// Counts its process's lives.
    pub(super) life: u64,
    /// Until when its process is stopped.
    pub(super) frozen: Timestamp,
    pub(super) daemon: Option<Daemon>,
    pub(super) agent: Option<Agent>,
    pub(super) slots: u32,
    pub(super) draining: bool,
    pub(super) problem: Option<String>,
    /// Attempts' folders.
    pub(super) disk: BTreeMap<AttemptId, Folder>,
    /// What runs under the shims.
    pub(super) processes: BTreeMap<AttemptId, Process>,
    /// The highest term that a worker here was spoken to in, in this life of it.
    pub(super) term_heard: Term,
    /// Where its worker's next link goes, whoever leads.
    pub(super) misled: Option<Proc>,
    /// When something was last wrong with it.
    pub(super) trouble: Timestamp,
    /// When it last could not use the store.
    pub(super) storeless: Timestamp,
}

/// An attempt's folder: the order, and how it ended.
pub(super) struct Folder {
    pub(super) slot: SlotId,
    pub(super) spec: String,
    pub(super) ended: Option<AttemptVerdict>,
}

/// A process under a shim.
pub(super) struct Process {
    pub(super) slot: SlotId,
    pub(super) ends: Timestamp,
    pub(super) ending: Ending,
}

impl Host {
    /// A host before its process starts for the first time.
    pub(super) fn new(plan: &HostPlan) -> Host {
        Host {
            worker: WorkerId(plan.name.clone()),
            capabilities: plan.capabilities.clone(),
            clock: HostClock::new(plan.rate, plan.wall),
            is_daemon: plan.daemon,
            up: true,
            gone: false,
            boot: 1,
            life: 0,
            frozen: Timestamp(0),
            daemon: None,
            agent: None,
            slots: plan.slots,
            draining: false,
            problem: None,
            disk: BTreeMap::new(),
            processes: BTreeMap::new(),
            term_heard: Term(0),
            misled: None,
            trouble: Timestamp(0),
            storeless: Timestamp(0),
        }
    }

    /// True when nothing is left of any attempt.
    pub(super) fn is_at_rest(&self) -> bool {
        let idle = self.agent.as_ref().is_none_or(|agent| {
            agent.slots.values().all(Slot::is_idle)
                && agent.desk.unacknowledged().next().is_none()
                && agent.desk.introduction(false, None, None).held.is_empty()
        });
        idle && self.processes.is_empty() && self.disk.is_empty()
    }
}

impl World {
    /// A host's process starts: what is on the disk and under shims is taken over.
    pub(super) fn rise(&mut self, place: usize) -> Checked {
        let fewer = self.rng.chance(10).then(|| self.rng.between(1, 3) as u32);
        let host = &mut self.hosts[place];
        if host.agent.is_some() || host.gone {
            return Ok(());
        }
        if !host.up {
            host.up = true;
            host.boot += 1;
        }
        host.life += 1;
        host.slots = fewer.unwrap_or(host.slots);
        host.term_heard = Term(0);
        host.frozen = self.now;
        let identity = Identity {
            worker: host.worker.clone(),
            incarnation: Incarnation(host.life),
            host: host.worker.0.clone(),
            capabilities: host.capabilities.clone(),
            slots: (0..host.slots).map(SlotId).collect(),
            version: String::new(),
            cpus: 0,
            extra_slots: Vec::new(),
        };
        let mut slots: BTreeMap<SlotId, Slot> =
            identity.slots.iter().map(|slot| (*slot, Slot::default())).collect();
        let mut desk = Desk::new(identity);
        self.take_over(place, &mut desk, &mut slots)?;
        let proc = self.proc(place);
        let numbers: Vec<SlotId> = slots.keys().copied().collect();
        // A stand-alone worker knows several daemons and none better than the others.
        let asks = if self.hosts[place].is_daemon { place } else { self.some_daemon() };
        let host = &mut self.hosts[place];
        host.agent = Some(Agent::new(desk, slots, asks));
        host.daemon = host.is_daemon.then(Daemon::default);
        let is_daemon = host.is_daemon;
        self.note_trouble(place);
        self.tell(|| format!("{proc:?} starts"));
        self.schedule(self.now, Event::Dial(proc));
        self.schedule(self.now, Event::WorkerBeats(proc));
        if is_daemon {
            self.schedule(self.now, Event::Coordinate(proc));
        }
        numbers.into_iter().try_for_each(|slot| self.slot_goes_on(proc, slot))
    }

    /// What an earlier life left: attempts that run are adopted, those that ended reported, the others dropped.
    fn take_over(&mut self, place: usize, desk: &mut Desk, slots: &mut BTreeMap<SlotId, Slot>) -> Checked {
        let none = self.mutant == Some(Mutant::NoTakeover);
        let host = &mut self.hosts[place];
        let offered = |folder: &Folder| slots.contains_key(&folder.slot);
        let kept = |id: &AttemptId, folder: &Folder| {
            !none && offered(folder) && (folder.ended.is_some() || host.processes.contains_key(id))
        };
        for (id, folder) in &host.disk {
            let alive = folder.ended.is_some() || host.processes.contains_key(id);
            let needed = self.store.ledger.place(*id).is_some_and(|(holder, _)| *holder == host.worker);
            // Whoever takes slots away says that what was on them may go.
            let lost = alive && needed && offered(folder) && !kept(id, folder);
            ensure(!lost, || format!("[4] {} comes back and throws {id} away", host.worker))?;
        }
        host.disk.retain(|id, folder| kept(id, folder));
        let disk = &host.disk;
        // Processes that nobody takes over are ended.
        host.processes.retain(|id, _| disk.contains_key(id));
        let mut found: Vec<(bool, AttemptId)> =
            host.disk.iter().map(|(id, folder)| (folder.ended.is_none(), *id)).collect();
        // What ended is reported before the slot waits for what still runs.
        found.sort();
        for (_, attempt) in found {
            let folder = &host.disk[&attempt];
            desk.adopt(attempt, folder.slot);
            if let Some(slot) = slots.get_mut(&folder.slot) {
                slot.push_found(attempt, &folder.spec);
            }
        }
        Ok(())
    }

    /// A host's process dies; its machine and its shims live on, and tell whoever was connected.
    pub(super) fn process_dies(&mut self, place: usize, down: Millis) {
        let proc = self.proc(place);
        let host = &mut self.hosts[place];
        let Some(agent) = host.agent.take() else { return };
        let daemon = host.daemon.take();
        host.frozen = self.now;
        self.tell(|| format!("{proc:?} dies"));
        if let Some(link) = agent.link {
            self.worker_closes(link.conn, true);
        }
        if let Some(super::seat::Seat::Leading(leader)) = daemon.map(|daemon| daemon.seat) {
            for conn in leader.links.values() {
                self.leader_closes(*conn, true);
            }
        }
        self.etcd.unwatch(proc);
        self.note_trouble(place);
        let at = self.now + Millis(self.rng.below(down.0) + 50);
        self.schedule(at, Event::Rise(place));
    }

    /// A machine goes down, with everything that runs on it and sometimes its disk.
    pub(super) fn host_dies(&mut self, place: usize, down: Millis, disk: bool) {
        if !self.hosts[place].up {
            return;
        }
        self.drop_conns_of(place);
        self.process_dies(place, down);
        let host = &mut self.hosts[place];
        host.up = false;
        host.processes.clear();
        if disk {
            host.disk.clear();
        }
        self.tell(|| format!("h{place} goes down, its disk with it: {disk}"));
        let at = self.now + Millis(self.rng.below(down.0) + 50);
        self.schedule(at, Event::Rise(place));
    }

    /// When something was last wrong between a host and the others.
    pub(super) fn trouble_of(&self, place: usize) -> Timestamp {
        let host = &self.hosts[place];
        let wrong = host.agent.is_none() || host.frozen > self.now || self.net.touches(Node::Host(place));
        if wrong { self.now } else { host.trouble.max(host.frozen) }
    }

    pub(super) fn note_trouble(&mut self, place: usize) {
        (self.hosts[place].trouble, self.hosts[place].storeless) = (self.now, self.now);
    }
}
