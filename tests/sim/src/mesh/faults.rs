//! What goes wrong, and how everything is mended in the end.

use super::World;
use super::driver::Mail;
use super::event::{Event, Node, Proc, ToLeader};
use super::seat::Seat;
use crate::Checked;
use crate::plan::{DAY, Fault};
use part_core::{Input, Millis, Timestamp};

/// Something that is mended after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    /// One node reaches another again.
    Way(Node, Node),
    EtcdAnswers,
    EtcdIsQuick,
    StoreAnswers,
    StoreIsQuick,
    StoreWorks,
    StoreSpeaks,
}

impl World {
    pub(super) fn schedule_fault(&mut self) {
        let at = self.now + Millis(self.rng.between(1, 2 * self.plan.fault_every.0));
        self.schedule(at, Event::Fault);
    }

    /// One thing goes wrong.
    pub(super) fn fault(&mut self) -> Checked {
        if self.now >= self.plan.faults_end {
            return Ok(());
        }
        self.schedule_fault();
        let kinds: Vec<Fault> = self.plan.faults.iter().copied().collect();
        let Some(kind) = self.rng.pick(&kinds).copied() else { return Ok(()) };
        let host = self.rng.below(self.hosts.len() as u64) as usize;
        let leader = self.some_leader();
        self.figures.faults += 1;
        self.tell(|| format!("FAULT {kind:?} (h{host}, leader {leader:?})"));
        match kind {
            Fault::ProcessDies => self.process_dies(host, Millis(4_000)),
            Fault::LeaderDies => self.process_dies(leader.unwrap_or(host), Millis(8_000)),
            Fault::HostDies => self.machine_dies(host),
            Fault::ProcessFreezes => self.freezes(host),
            Fault::LeaderFreezes => self.freezes(leader.unwrap_or(host)),
            Fault::Parted => self.parts(host, false),
            Fault::PartedOneWay => self.parts(host, true),
            Fault::CutOff => self.cuts_off(host),
            Fault::LeaderCut => self.cuts_leader(leader.unwrap_or(host)),
            Fault::LinkBreaks => self.breaks_link(host),
            Fault::LinkDoubles => self.doubles_link(host)?,
            Fault::EtcdAway => {
                self.etcd.up = false;
                self.mend_later(Mend::EtcdAnswers, 40_000);
            }
            Fault::EtcdSlow => {
                self.etcd.slow = true;
                self.mend_later(Mend::EtcdIsQuick, 20_000);
            }
            Fault::EtcdRevokes => {
                let pick = self.rng.bits();
                if let Some(lease) = self.etcd.some_lease(pick) {
                    self.revoke(lease);
                }
            }
            Fault::EtcdWiped => self.etcd_wiped(),
            Fault::WatchDies => {
                let proc = self.proc(host);
                self.etcd.unwatch(proc);
            }
            Fault::StoreAway => {
                self.store.up = false;
                self.mend_later(Mend::StoreAnswers, 25_000);
            }
            Fault::StoreSlow => {
                self.store.slow = true;
                self.mend_later(Mend::StoreIsQuick, 15_000);
            }
            Fault::StoreFails => {
                self.store.fails = true;
                self.mend_later(Mend::StoreWorks, 10_000);
            }
            Fault::StoreMute => {
                self.store.mute = true;
                self.mend_later(Mend::StoreSpeaks, 6_000);
            }
            Fault::ClockJumps => {
                let wall = self.rng.below(40 * DAY);
                self.hosts[host].clock.set_wall(wall);
            }
            Fault::Drains => self.drains(host, !self.hosts[host].draining),
            Fault::Sickens => {
                let problem = self.hosts[host].problem.is_none().then(|| "its disk is full".to_owned());
                self.sickens(host, problem);
            }
            Fault::HeldBack => self.holds_back(host)?,
            Fault::Abandons => self.abandons()?,
            Fault::Misled => {
                if let Some(leader) = self.some_zombie().or(leader) {
                    self.misleads(host, leader);
                }
            }
            Fault::CorePanics => self.core_panics = true,
            Fault::ClientLeaves => {
                let client = self.rng.below(self.clients.len() as u64) as usize;
                self.watches(client);
            }
        }
        self.note_troubles();
        Ok(())
    }

    /// A host whose daemon leads, or thinks so.
    fn some_leader(&mut self) -> Option<usize> {
        let leads = |daemon: &super::daemon::Daemon| !matches!(daemon.seat, Seat::Vacant);
        let places = self.hosts.iter().enumerate();
        let leaders: Vec<usize> = places
            .filter(|(_, host)| host.daemon.as_ref().is_some_and(leads))
            .map(|(place, _)| place)
            .collect();
        self.rng.pick(&leaders).copied()
    }

    /// A host whose daemon leads in a term that is over.
    fn some_zombie(&self) -> Option<usize> {
        self.hosts.iter().position(|host| match host.daemon.as_ref().map(|daemon| &daemon.seat) {
            Some(Seat::Leading(leader)) => leader.core.term() < self.store.term,
            Some(_) | None => false,
        })
    }

    fn mend_later(&mut self, mend: Mend, most: u64) {
        let at = self.now + Millis(self.rng.below(most) + 1);
        self.schedule(at, Event::Mend(mend));
    }

    pub(super) fn mend(&mut self, mend: Mend) {
        self.tell(|| format!("MENDED {mend:?}"));
        self.note_troubles();
        match mend {
            Mend::Way(from, to) => self.net.mend(from, to),
            Mend::EtcdAnswers => self.etcd_returns(),
            Mend::EtcdIsQuick => self.etcd.slow = false,
            Mend::StoreAnswers => self.store.up = true,
            Mend::StoreIsQuick => self.store.slow = false,
            Mend::StoreWorks => self.store.fails = false,
            Mend::StoreSpeaks => self.store.mute = false,
        }
    }

    fn machine_dies(&mut self, host: usize) {
        let disk = self.rng.chance(25);
        // Without the first two some runs could not end, and without most daemons nobody could lead.
        let stays = disk && host >= 2 && self.rng.chance(30) && !self.hosts.iter().any(|host| host.gone);
        let down = Millis(if self.rng.chance(50) { 10_000 } else { 80_000 });
        self.host_dies(host, down, disk);
        self.hosts[host].gone = stays;
    }

    fn freezes(&mut self, host: usize) {
        let most = if self.rng.chance(50) { 8_000 } else { 110_000 };
        let until = self.now + Millis(self.rng.below(most));
        self.hosts[host].frozen = self.hosts[host].frozen.max(until);
    }

    fn cut_for_a_while(&mut self, from: Node, to: Node, most: u64) {
        self.net.cut(from, to);
        self.mend_later(Mend::Way(from, to), most);
    }

    /// How long a cut lasts: often shorter than anybody's patience, often longer.
    fn cut_most(&mut self) -> u64 {
        match self.rng.below(3) {
            0 => 5_000,
            1 => 20_000,
            _ => 160_000,
        }
    }

    fn parts(&mut self, host: usize, one_way: bool) {
        let other = match self.rng.below(5) {
            0 => Node::Etcd,
            1 => Node::Store,
            _ => Node::Host(self.rng.below(self.hosts.len() as u64) as usize),
        };
        let most = self.cut_most();
        self.cut_for_a_while(Node::Host(host), other, most);
        if !one_way {
            self.cut_for_a_while(other, Node::Host(host), most);
        }
    }

    fn cuts_off(&mut self, host: usize) {
        let most = self.cut_most();
        let me = Node::Host(host);
        let hosts = (0..self.hosts.len()).filter(|other| *other != host).map(Node::Host);
        let clients = (0..self.clients.len()).map(Node::Client);
        let all: Vec<Node> = hosts.chain(clients).chain([Node::Etcd, Node::Store]).collect();
        let outward = self.rng.chance(30);
        for other in all {
            self.cut_for_a_while(me, other, most);
            if !outward {
                self.cut_for_a_while(other, me, most);
            }
        }
    }

    /// The leader is cut off from one kind of others only.
    fn cuts_leader(&mut self, host: usize) {
        let most = self.cut_most();
        let others: Vec<Node> = match self.rng.below(6) {
            0..3 => vec![Node::Etcd],
            3 => vec![Node::Store],
            4 => vec![Node::Etcd, Node::Store],
            _ => (0..self.hosts.len()).filter(|other| *other != host).map(Node::Host).collect(),
        };
        let one_way = self.rng.chance(30);
        for other in others {
            self.cut_for_a_while(Node::Host(host), other, most);
            if !one_way {
                self.cut_for_a_while(other, Node::Host(host), most);
            }
        }
    }

    fn breaks_link(&mut self, host: usize) {
        let link = self.hosts[host].agent.as_ref().and_then(|agent| agent.link);
        if let Some(link) = link {
            self.reset(link.conn);
        }
    }

    /// A worker opens another link; the old one's data still comes, and nobody says that it is over.
    fn doubles_link(&mut self, host: usize) -> Checked {
        let proc = self.proc(host);
        self.link_ends(proc, false)
    }

    /// A worker loses its link or its life, best one that has heard of a newer leader; the next link goes to this one.
    fn misleads(&mut self, host: usize, leader: usize) {
        let newest = self.store.term;
        let knows = |host: &super::host::Host| host.term_heard == newest && host.agent.is_some();
        let host = self.hosts.iter().position(knows).unwrap_or(host);
        self.hosts[host].misled = Some(self.proc(leader));
        if self.rng.chance(70) && host != leader {
            self.process_dies(host, Millis(300));
        } else {
            self.breaks_link(host);
        }
    }

    fn say_over_link(&mut self, host: usize, message: ToLeader) {
        let link = self.hosts[host].agent.as_ref().and_then(|agent| agent.link);
        if let Some(link) = link {
            self.send_to_leader(link.conn, message);
        }
    }

    fn drains(&mut self, host: usize, draining: bool) {
        self.hosts[host].draining = draining;
        self.say_over_link(host, ToLeader::Draining(draining));
    }

    fn sickens(&mut self, host: usize, problem: Option<String>) {
        self.hosts[host].problem.clone_from(&problem);
        self.say_over_link(host, ToLeader::Health(problem));
    }

    fn leaders(&self) -> Vec<Proc> {
        let places = self.hosts.iter().enumerate();
        let leads = places.filter(|(_, host)| {
            host.daemon.as_ref().is_some_and(|daemon| !matches!(daemon.seat, Seat::Vacant))
        });
        leads.map(|(place, _)| self.proc(place)).collect()
    }

    fn tell_leaders(&mut self, input: &Input) -> Checked {
        self.leaders().into_iter().try_for_each(|proc| self.mail(proc, Mail::Told(input.clone())))
    }

    fn holds_back(&mut self, host: usize) -> Checked {
        let worker = self.hosts[host].worker.clone();
        let by = match self.held_back.remove(&worker) {
            Some(_) => None,
            None => Some("an operator".to_owned()),
        };
        if let Some(by) = &by {
            self.held_back.insert(worker.clone(), by.clone());
        }
        self.tell_leaders(&Input::HeldBack { worker, by })
    }

    fn abandons(&mut self) -> Checked {
        let runs: Vec<_> =
            self.store.ledger.folded.runs().filter(|run| run.finished.is_none()).map(|run| run.id).collect();
        match self.rng.pick(&runs).copied() {
            Some(run) if self.rng.chance(10) => {
                self.tell_leaders(&Input::RunAbandoned { run, detail: "abandoned".to_owned() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whoever is in trouble now was so until now.
    fn note_troubles(&mut self) {
        for host in 0..self.hosts.len() {
            self.hosts[host].trouble = self.trouble_of(host);
            self.hosts[host].storeless = self.storeless_of(host);
        }
        (self.etcd_wrong, self.store_wrong) = (self.etcd_trouble(), self.store_trouble());
    }

    /// When a host last could not use the store.
    pub(super) fn storeless_of(&self, place: usize) -> Timestamp {
        let host = &self.hosts[place];
        let cut = !self.net.joined(Node::Host(place), Node::Store);
        let wrong = host.agent.is_none() || host.frozen > self.now || cut;
        let host = if wrong { self.now } else { host.storeless.max(host.frozen) };
        host.max(self.store_trouble())
    }

    /// When something was last wrong with etcd.
    pub(super) fn etcd_trouble(&self) -> Timestamp {
        if self.etcd.up && !self.etcd.slow { self.etcd_wrong } else { self.now }
    }

    /// When something was last wrong with the store.
    pub(super) fn store_trouble(&self) -> Timestamp {
        let store = &self.store;
        let well = store.up && !store.slow && !store.fails && !store.mute;
        if well { self.store_wrong } else { self.now }
    }

    /// Everything is mended: from here on every run must end in bounded time. Processes that are stopped go on when
    /// their time has come.
    pub(super) fn heal(&mut self) -> Checked {
        self.tell(|| "ALL FAULTS ARE OVER".to_owned());
        self.note_troubles();
        self.net.mend_all();
        self.plan.loss = 0;
        for mend in [
            Mend::EtcdAnswers,
            Mend::EtcdIsQuick,
            Mend::StoreAnswers,
            Mend::StoreIsQuick,
            Mend::StoreWorks,
            Mend::StoreSpeaks,
        ] {
            self.mend(mend);
        }
        let held: Vec<_> = std::mem::take(&mut self.held_back).into_keys().collect();
        for worker in held {
            self.tell_leaders(&Input::HeldBack { worker, by: None })?;
        }
        for host in 0..self.hosts.len() {
            self.drains(host, false);
            self.sickens(host, None);
            self.rise(host)?;
        }
        Ok(())
    }
}
