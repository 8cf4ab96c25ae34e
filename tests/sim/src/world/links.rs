//! Links and what travels on them: in order, late, and not at all once a link is cut.

use super::{Event, World};
use crate::Checked;
use crate::worker::{Death, LinkId, Wants};
use part_core::{Command, Input, Introduction, Millis, Report, Term};
use std::collections::VecDeque;

/// One link with what is under way on it.
pub(super) struct Wire {
    pub(super) worker: usize,
    /// Nothing gets through any more, and neither end knows.
    pub(super) cut: bool,
    to_leader: VecDeque<ToLeader>,
    to_worker: VecDeque<ToWorker>,
}

impl Wire {
    /// The leader's end is gone, with everything that was on its way there.
    pub(super) fn lose_leader(&mut self) {
        self.cut = true;
        self.to_leader.clear();
    }
}

/// What a worker sends.
#[derive(Clone, Debug)]
pub(super) enum ToLeader {
    Introduce(Introduction),
    Heartbeat,
    Report(Report),
    Draining(bool),
    Closed,
}

/// What a leader sends.
#[derive(Clone, Debug)]
pub(super) enum ToWorker {
    Order(Term, Command),
    Closed,
}

impl World {
    /// Opens a link, if there is a leader to open it to.
    pub(super) fn dial(&mut self, worker: usize) {
        if !self.workers[worker].up || self.workers[worker].link.is_some() {
            return;
        }
        if self.leader.is_none() {
            let at = self.soon(Millis(1_500));
            self.schedule(at, Event::Dial(worker));
            return;
        }
        self.links += 1;
        let link = LinkId(self.links);
        let wire = Wire { worker, cut: false, to_leader: VecDeque::new(), to_worker: VecDeque::new() };
        self.wires.insert(link, wire);
        self.workers[worker].link = Some((link, false));
        self.workers[worker].last_sent = None;
        let introduction = self.workers[worker].introduction();
        self.send_to_leader(worker, ToLeader::Introduce(introduction));
    }

    pub(super) fn send_to_leader(&mut self, worker: usize, message: ToLeader) {
        let Some((link, _)) = self.workers[worker].link else { return };
        let at = self.soon(self.plan.delay);
        let Some(wire) = self.wires.get_mut(&link) else { return };
        if !wire.cut {
            wire.to_leader.push_back(message);
            self.schedule(at, Event::ToLeader(link));
        }
    }

    pub(super) fn send_to_worker(&mut self, link: LinkId, message: ToWorker) {
        let at = self.soon(self.plan.delay);
        let Some(wire) = self.wires.get_mut(&link) else { return };
        if !wire.cut {
            wire.to_worker.push_back(message);
            self.schedule(at, Event::ToWorker(link));
        }
    }

    /// The next message on a link reaches the leader. What comes over a link that was replaced is dropped, and so is the
    /// news of its end.
    pub(super) fn reach_leader(&mut self, link: LinkId) -> Checked {
        let Some(wire) = self.wires.get_mut(&link) else { return Ok(()) };
        let (worker, message) = (wire.worker, wire.to_leader.pop_front());
        let (Some(message), Some(leader)) = (message, self.leader.as_mut()) else { return Ok(()) };
        let name = self.workers[worker].name.clone();
        if let ToLeader::Introduce(introduction) = message {
            leader.opened(&name, link, introduction.incarnation);
            return self.feed(Input::WorkerIntroduced { introduction });
        }
        let Some(incarnation) = leader.life_on(&name, link) else { return Ok(()) };
        match message {
            ToLeader::Introduce(_) => Ok(()),
            ToLeader::Heartbeat => self.feed(Input::Heartbeat { worker: name, incarnation }),
            ToLeader::Report(report) => self.feed(Input::Reported { worker: name, incarnation, report }),
            ToLeader::Draining(draining) => self.feed(Input::DrainChanged { worker: name, draining }),
            ToLeader::Closed => {
                leader.closed(&name);
                self.feed(Input::LinkClosed { worker: name, incarnation })
            }
        }
    }

    pub(super) fn reach_worker(&mut self, link: LinkId) -> Checked {
        let Some(wire) = self.wires.get_mut(&link) else { return Ok(()) };
        let (worker, message) = (wire.worker, wire.to_worker.pop_front());
        if self.workers[worker].link.is_none_or(|(own, _)| own != link) {
            return Ok(());
        }
        match message {
            None => {}
            Some(ToWorker::Closed) => self.notice(worker, link),
            Some(ToWorker::Order(term, order)) => {
                self.workers[worker].has_seen(term);
                self.tell(|| format!("  w{worker} gets {order:?}"));
                let now = self.now;
                let obeyed =
                    self.workers[worker].obey(order, now, &self.plan.natures, &self.store, &mut self.rng)?;
                self.grant(worker, obeyed);
            }
        }
        Ok(())
    }

    /// A worker finds its link dead and will open another.
    pub(super) fn notice(&mut self, worker: usize, link: LinkId) {
        if self.workers[worker].link.is_some_and(|(own, _)| own == link) {
            self.workers[worker].link = None;
            let at = self.soon(Millis(3_000));
            self.schedule(at, Event::Dial(worker));
        }
    }

    pub(super) fn due(&mut self, worker: usize) {
        if self.workers[worker].up {
            let (now, rng) = (self.now, &mut self.rng);
            let wants = self.workers[worker].time_passed(now, rng);
            self.grant(worker, wants);
        }
    }

    /// Gives a worker what it wants.
    fn grant(&mut self, worker: usize, wants: Wants) {
        for report in wants.send {
            self.send_to_leader(worker, ToLeader::Report(report));
        }
        for at in wants.due {
            self.schedule(at, Event::Due(worker));
        }
        if wants.dies {
            let death = if self.rng.chance(30) { Death::Disk } else { Death::Machine };
            self.kill_worker(worker, death, Millis(8_000));
        }
    }

    /// Ends a worker's process; its link closes, or nobody hears of it.
    pub(super) fn kill_worker(&mut self, worker: usize, death: Death, down: Millis) {
        self.tell(|| format!("  w{worker} dies: {death:?}"));
        if self.rng.chance(60) {
            self.send_to_leader(worker, ToLeader::Closed);
        }
        self.workers[worker].die(death);
        let at = self.soon(down);
        self.schedule(at, Event::Rise(worker));
    }

    pub(super) fn rise(&mut self, worker: usize) {
        if !self.workers[worker].up && !self.workers[worker].gone {
            let slots = if self.rng.chance(20) { Some(self.rng.between(1, 3) as u32) } else { None };
            self.workers[worker].rise(slots);
            self.tell(|| format!("  w{worker} rises"));
            self.due(worker);
            self.schedule(self.now, Event::Dial(worker));
        }
    }
}
