//! pytest-xdist's two schedulers, after their documented rules: nodes hold queues of their own, and the controller looks
//! at them whenever a test has ended.

use super::Slot;
use crate::Suite;
use std::cmp::Reverse;
use std::collections::VecDeque;

/// The fewest tests that a node is to hold: it begins one only when it knows the next, or that there is none.
const LEAST: usize = 2;
/// A test of a tenth of a second or more is long: its node is not filled up while it still holds two.
const LONG: u64 = 100;

/// A node: the tests that it holds, the running one in front.
#[derive(Clone, Default)]
struct Node {
    holds: VecDeque<usize>,
    /// When the running one ends; none while nothing runs.
    ends: Option<u64>,
}

struct Nodes<'a> {
    suite: &'a Suite,
    slots: &'a [Slot],
    nodes: Vec<Node>,
    /// Tests that no node holds.
    pending: VecDeque<usize>,
    now: u64,
}

pub(super) fn load(suite: &Suite, slots: &[Slot]) -> u64 {
    let mut all = Nodes::new(suite, slots);
    let count = all.nodes.len().max(1);
    if all.pending.len() < LEAST * count {
        all.deal_round();
    } else {
        let chunk = (all.pending.len() / count / 4).max(LEAST);
        (0..count).for_each(|node| all.send(node, chunk));
    }
    while let Some((node, took)) = all.next_end() {
        let (left, holds) = (all.pending.len(), all.nodes[node].holds.len());
        let (low, high) = ((left / count / 4).max(LEAST), (left / count / 2).max(LEAST));
        if left > 0 && holds < low && !(took >= LONG && holds >= LEAST) {
            all.send(node, high - holds);
        }
    }
    all.now
}

pub(super) fn worksteal(suite: &Suite, slots: &[Slot]) -> u64 {
    let mut all = Nodes::new(suite, slots);
    all.deal_shares((0..slots.len()).collect());
    while all.next_end().is_some() {
        while all.steal() {}
    }
    all.now
}

impl<'a> Nodes<'a> {
    fn new(suite: &'a Suite, slots: &'a [Slot]) -> Self {
        let nodes = vec![Node::default(); slots.len()];
        Nodes { suite, slots, nodes, pending: (0..suite.jobs.len()).collect(), now: 0 }
    }

    fn send(&mut self, node: usize, count: usize) {
        let count = count.min(self.pending.len());
        let tests = self.pending.drain(..count);
        self.nodes[node].holds.extend(tests);
        self.begin(node);
    }

    fn deal_round(&mut self) {
        while !self.pending.is_empty() {
            (0..self.nodes.len()).for_each(|node| self.send(node, 1));
        }
    }

    /// Gives everything that is pending to these nodes, in runs of equal count.
    fn deal_shares(&mut self, nodes: Vec<usize>) {
        for (dealt, node) in nodes.iter().enumerate() {
            self.send(*node, self.pending.len() / (nodes.len() - dealt));
        }
    }

    /// Moves half of what the fullest node holds to those that run out; false when there is nothing to move.
    fn steal(&mut self) -> bool {
        let idle: Vec<usize> =
            (0..self.nodes.len()).filter(|node| self.nodes[*node].holds.len() < LEAST).collect();
        let fullest =
            (0..self.nodes.len()).max_by_key(|node| (self.nodes[*node].holds.len(), Reverse(*node)));
        let Some(fullest) = fullest.filter(|_| !idle.is_empty()) else { return false };
        let holds = self.nodes[fullest].holds.len();
        let stolen = (holds / 2).min(holds.saturating_sub(LEAST));
        self.pending = self.nodes[fullest].holds.split_off(holds - stolen);
        self.deal_shares(idle);
        stolen > 0
    }

    fn begin(&mut self, node: usize) {
        if let (Some(job), None) = (self.nodes[node].holds.front(), self.nodes[node].ends) {
            let slot = self.slots[node];
            let from = self.now.max(slot.from.0);
            self.nodes[node].ends = Some(from + slot.takes(&self.suite.jobs[*job]));
        }
    }

    /// Lets the next test end: its node, and how long it took.
    fn next_end(&mut self) -> Option<(usize, u64)> {
        let running = self.nodes.iter().enumerate().filter_map(|(node, is)| Some((is.ends?, node)));
        let (at, node) = running.min()?;
        self.now = at;
        self.nodes[node].ends = None;
        let job = self.nodes[node].holds.pop_front()?;
        self.begin(node);
        Some((node, self.slots[node].takes(&self.suite.jobs[job])))
    }
}
