//! What goes wrong, and how everything is mended in the end.

use super::links::ToLeader;
use super::{Event, World};
use crate::Checked;
use crate::worker::Death;
use part_core::{Input, Millis, Timestamp};

impl World {
    pub(super) fn schedule_fault(&mut self) {
        if let Some(every) = self.plan.fault_every {
            let at = self.now + Millis(self.rng.between(1, 2 * every.0));
            self.schedule(at, Event::Fault);
        }
    }

    /// One thing goes wrong.
    pub(super) fn fault(&mut self) -> Checked {
        self.figures.faults += 1;
        let worker = self.rng.below(self.workers.len() as u64) as usize;
        match self.rng.below(100) {
            0..20 => self.worker_dies(worker),
            20..38 => self.link_breaks(worker),
            38..46 => self.reconnects(worker),
            46..56 => self.worker_freezes(worker),
            56..66 => {
                if self.leader_frozen <= self.now {
                    self.leader_dies(Millis(15_000))?;
                }
            }
            66..76 => self.commit_fails = true,
            76..83 => self.leader_freezes(),
            83..90 => self.drains(worker, !self.workers[worker].draining),
            90..96 => self.report_comes_again(worker),
            96..97 => self.run_is_abandoned()?,
            _ => self.feed(Input::TimePassed)?,
        }
        Ok(())
    }

    fn worker_dies(&mut self, worker: usize) {
        if !self.workers[worker].up {
            return;
        }
        let (death, down) = match self.rng.below(100) {
            0..50 => (Death::Process, 5_000),
            50..85 => (Death::Machine, 30_000),
            _ => (Death::Disk, 90_000),
        };
        // Without the first two some runs could not end.
        self.workers[worker].gone = worker >= 2 && death == Death::Disk && self.rng.chance(50);
        self.kill_worker(worker, death, Millis(down));
    }

    /// A link breaks: both ends hear of it, or neither for a while.
    fn link_breaks(&mut self, worker: usize) {
        let Some((link, _)) = self.workers[worker].link else { return };
        let silently = self.rng.chance(50);
        self.tell(|| format!("  the link of w{worker} breaks, silently: {silently}"));
        let notices = if silently { Millis(130_000) } else { Millis(2_000) };
        if !silently {
            self.send_to_leader(worker, ToLeader::Closed);
        }
        if let Some(wire) = self.wires.get_mut(&link) {
            wire.cut = true;
        }
        let at = self.soon(notices);
        self.schedule(at, Event::Notice(worker, link));
    }

    /// A worker opens a new link while the leader still holds the old one for good.
    fn reconnects(&mut self, worker: usize) {
        if let Some((link, _)) = self.workers[worker].link {
            self.tell(|| format!("  w{worker} opens another link"));
            // The old one closes too, but who knows which news comes first.
            self.send_to_leader(worker, ToLeader::Closed);
            self.notice(worker, link);
        }
    }

    fn worker_freezes(&mut self, worker: usize) {
        let most = if self.rng.chance(50) { 8_000 } else { 90_000 };
        self.frozen[worker] = self.frozen[worker].max(self.soon(Millis(most)));
        let until = self.frozen[worker];
        self.tell(|| format!("  w{worker} is stopped until {}", until.0));
    }

    fn leader_freezes(&mut self) {
        if self.leader.is_none() || self.leader_frozen > self.now {
            return;
        }
        let most = if self.rng.chance(50) { 5_000 } else { 100_000 };
        let until = self.soon(Millis(most));
        let lasted = until.since(self.now);
        self.tell(|| format!("  the leader is stopped for {lasted}"));
        // Scheduled before anything that waits for it, so that it is the first that the core hears.
        self.schedule(until, Event::LeaderThaws(lasted));
        self.leader_frozen = until;
    }

    fn drains(&mut self, worker: usize, draining: bool) {
        self.workers[worker].draining = draining;
        self.send_to_leader(worker, ToLeader::Draining(draining));
    }

    fn run_is_abandoned(&mut self) -> Checked {
        let leader = self.leader.iter().filter(|_| self.leader_frozen <= self.now);
        let open: Vec<_> = leader.flat_map(|leader| leader.core.state().runs()).map(|run| run.id).collect();
        match self.rng.pick(&open) {
            Some(run) => self.feed(Input::RunAbandoned { run: *run, detail: "abandoned".to_owned() }),
            None => Ok(()),
        }
    }

    fn report_comes_again(&mut self, worker: usize) {
        if let Some(report) = self.workers[worker].last_sent.clone() {
            self.send_to_leader(worker, ToLeader::Report(report));
        }
    }

    /// Everything is mended: from here on every run must end in bounded time.
    pub(super) fn heal(&mut self) {
        self.tell(|| "  all faults are over".to_owned());
        self.commit_fails = false;
        for worker in 0..self.workers.len() {
            self.frozen[worker] = Timestamp(0);
            self.rise(worker);
            self.drains(worker, false);
            if let Some((link, _)) = self.workers[worker].link
                && self.wires.get(&link).is_some_and(|wire| wire.cut)
            {
                self.notice(worker, link);
            }
        }
    }
}
