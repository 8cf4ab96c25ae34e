//! What may run at the same time within a group: stages that follow each other, and chains whose specs do.

use crate::chain::Chain;
use crate::queue::{Class, Place};
use crate::{Group, Millis, Parallel, Spec, SpecIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A group's part that is not stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveGroup {
    pub(crate) class: Class,
    /// Durations that are known of its specs: forecasts what is unknown.
    typical: Mean,
    /// What processes cost beside the tests, as measured in this run.
    overhead: Mean,
    /// By history, until this run has measured it.
    known_overhead: Option<Millis>,
    parallel: Parallel,
    stages: Vec<Stage>,
    /// The stage that is open.
    open: usize,
    assembly_stages: BTreeMap<Arc<str>, usize>,
    serial_stage: usize,
    chains: BTreeMap<ChainKey, LiveChain>,
}

/// A sum of durations and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, duration: Millis) {
        self.sum = self.sum.saturating_add(duration.0);
        self.count += 1;
    }

    fn get(self) -> Option<Millis> {
        self.sum.checked_div(self.count).map(Millis)
    }
}

/// Specs that run before those of later stages.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stage {
    /// Specs of it that are not decided.
    undecided: u32,
    /// Specs of it that wait for it to be open.
    parked: BTreeSet<SpecIndex>,
}

/// What names a chain within its group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ChainKey {
    /// All of the group.
    Group,
    /// Its collections that run beside nothing.
    Serial,
    /// An assembly.
    Assembly(Arc<str>),
    /// A collection of an assembly.
    Collection(Arc<str>, Arc<str>),
}

impl From<Chain<'_>> for ChainKey {
    fn from(chain: Chain<'_>) -> ChainKey {
        match chain {
            Chain::Group => ChainKey::Group,
            Chain::Serial => ChainKey::Serial,
            Chain::Assembly(name) => ChainKey::Assembly(Arc::from(name)),
            Chain::Collection(assembly, name) => ChainKey::Collection(Arc::from(assembly), Arc::from(name)),
        }
    }
}

/// Specs that never run at the same time.
#[derive(Clone, Debug, Default, PartialEq)]
struct LiveChain {
    /// Those that wait for their turn, in the order in which they get it.
    parked: BTreeSet<Place>,
    /// The one whose turn it is: queued, or on a slot.
    turn: Option<SpecIndex>,
    /// Expected time of all that are not decided, in milliseconds.
    remaining: u64,
}

/// Measurements of the overhead before they are believed.
const OVERHEADS: u64 = 2;

impl LiveGroup {
    /// A group with its specs, none of them waiting yet.
    pub(crate) fn new<'a>(
        class: Class,
        group: &Group,
        specs: impl Iterator<Item = &'a Spec> + Clone,
    ) -> LiveGroup {
        let mut live = LiveGroup {
            class,
            typical: Mean::default(),
            overhead: Mean::default(),
            known_overhead: group.overhead,
            parallel: group.policy.parallel,
            stages: Vec::new(),
            open: 0,
            assembly_stages: BTreeMap::new(),
            serial_stage: 0,
            chains: BTreeMap::new(),
        };
        live.plan_stages(specs.clone());
        for spec in specs {
            if let Some(estimate) = spec.estimate {
                live.typical.add(estimate.expected());
            }
            for (attempt, finish) in spec.finishes() {
                if finish.counts_for_history() {
                    live.learn(attempt.slot_time());
                    live.measure_overhead(attempt.batch.is_some(), finish.timing);
                }
            }
            if !spec.is_decided() {
                let stage = live.stage_of(spec);
                live.stages[stage].undecided += 1;
                if let Some(key) = live.chain_of(spec) {
                    live.chains.entry(key).or_default().remaining += expected(spec);
                }
            }
        }
        live.open_next_stage();
        live
    }

    /// One stage for each assembly, the longest first, where they follow each other; then what runs beside nothing.
    fn plan_stages<'a>(&mut self, specs: impl Iterator<Item = &'a Spec>) {
        let mut assemblies: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for spec in specs.filter(|_| self.parallel == Parallel::Collections) {
            *assemblies.entry(assembly_of(spec)).or_default() += expected(spec).max(1);
        }
        let mut order: Vec<(Arc<str>, u64)> = assemblies.into_iter().collect();
        order.sort_by(|(name, time), (other, than)| than.cmp(time).then_with(|| name.cmp(other)));
        for (stage, (assembly, _)) in order.into_iter().enumerate() {
            self.assembly_stages.insert(assembly, stage);
        }
        self.serial_stage = self.assembly_stages.len().max(1);
        self.stages = vec![Stage::default(); self.serial_stage + 1];
    }

    fn stage_of(&self, spec: &Spec) -> usize {
        match spec.serial && self.parallel != Parallel::None {
            true => self.serial_stage,
            false => self.assembly_stages.get(&assembly_of(spec)).copied().unwrap_or(0),
        }
    }

    /// The chain that a spec belongs to; none when it may run beside everything of its stage.
    pub(crate) fn chain_of(&self, spec: &Spec) -> Option<ChainKey> {
        Chain::of(self.parallel, spec).map(ChainKey::from)
    }

    /// True while specs of earlier stages are to be decided first.
    pub(crate) fn is_too_early(&self, spec: &Spec) -> bool {
        self.stage_of(spec) > self.open
    }

    pub(crate) fn park_for_stage(&mut self, spec: &Spec, index: SpecIndex) {
        let stage = self.stage_of(spec);
        self.stages[stage].parked.insert(index);
    }

    /// Opens the next stage with something left, if all before are decided; returns the specs that waited for it.
    fn open_next_stage(&mut self) -> BTreeSet<SpecIndex> {
        while self.open + 1 < self.stages.len() && self.stages[self.open].undecided == 0 {
            self.open += 1;
        }
        std::mem::take(&mut self.stages[self.open].parked)
    }

    /// Notes that a spec is decided; returns those that may go now since a stage opened.
    pub(crate) fn decided(&mut self, spec: &Spec, index: SpecIndex) -> BTreeSet<SpecIndex> {
        let stage = self.stage_of(spec);
        self.stages[stage].undecided = self.stages[stage].undecided.saturating_sub(1);
        self.stages[stage].parked.remove(&index);
        if let Some(chain) = self.chain_of(spec).and_then(|key| self.chains.get_mut(&key)) {
            chain.remaining = chain.remaining.saturating_sub(expected(spec));
            chain.parked.retain(|place| place.spec != index);
        }
        self.open_next_stage()
    }

    /// Has a spec wait for its turn in its chain.
    pub(crate) fn park_in_chain(&mut self, key: ChainKey, place: Place) {
        self.chains.entry(key).or_default().parked.insert(place);
    }

    /// Gives the next spec of a chain its turn, unless it is somebody's already.
    pub(crate) fn next_turn(&mut self, key: &ChainKey) -> Option<SpecIndex> {
        let chain = self.chains.get_mut(key).filter(|chain| chain.turn.is_none())?;
        let next = chain.parked.pop_first()?;
        chain.turn = Some(next.spec);
        Some(next.spec)
    }

    /// Gives each chain in which it is nobody's turn to the next.
    pub(crate) fn next_turns(&mut self) -> Vec<SpecIndex> {
        let free = self.chains.values_mut().filter(|chain| chain.turn.is_none());
        let next = free.filter_map(|chain| {
            chain.turn = chain.parked.pop_first().map(|place| place.spec);
            chain.turn
        });
        next.collect()
    }

    /// A spec's turn in its chain is over.
    pub(crate) fn end_turn(&mut self, key: &ChainKey, index: SpecIndex) {
        if let Some(chain) = self.chains.get_mut(key).filter(|chain| chain.turn == Some(index)) {
            chain.turn = None;
        }
    }

    /// A spec has its turn already: it runs since an earlier leader.
    pub(crate) fn take_turn(&mut self, key: ChainKey, index: SpecIndex) {
        self.chains.entry(key).or_default().turn = Some(index);
    }

    /// Whose turn it is in a chain.
    pub(crate) fn turn(&self, key: &ChainKey) -> Option<SpecIndex> {
        self.chains.get(key)?.turn
    }

    /// Expected time of all of a chain that is not decided, in milliseconds.
    pub(crate) fn remaining(&self, key: &ChainKey) -> u64 {
        self.chains.get(key).map_or(0, |chain| chain.remaining)
    }

    pub(crate) fn is_parked(&self, spec: &Spec, index: SpecIndex) -> bool {
        let in_chain = || {
            let chain = self.chain_of(spec).and_then(|key| self.chains.get(&key));
            chain.is_some_and(|chain| chain.parked.iter().any(|place| place.spec == index))
        };
        self.stages[self.stage_of(spec)].parked.contains(&index) || in_chain()
    }

    /// Takes out a spec that waits for its turn or its stage. False when it does not.
    pub(crate) fn unpark(&mut self, spec: &Spec, index: SpecIndex) -> bool {
        let stage = self.stage_of(spec);
        if self.stages[stage].parked.remove(&index) {
            return true;
        }
        let chain = self.chain_of(spec).and_then(|key| self.chains.get_mut(&key));
        let Some(chain) = chain else { return false };
        let before = chain.parked.len();
        chain.parked.retain(|place| place.spec != index);
        chain.parked.len() < before
    }

    pub(crate) fn clear_parked(&mut self) {
        self.stages.iter_mut().for_each(|stage| stage.parked.clear());
        self.chains.values_mut().for_each(|chain| chain.parked.clear());
    }

    /// What a spec waits for besides a slot, in words; none when it waits for a slot only.
    pub(crate) fn why_parked(&self, spec: &Spec) -> Option<String> {
        if self.is_too_early(spec) {
            let before = self.stages[..self.stage_of(spec)].iter().map(|stage| stage.undecided).sum::<u32>();
            let what =
                if spec.serial { "it runs beside nothing of its group" } else { "its assembly comes later" };
            return Some(format!("{what}: {before} specs of the group are to be decided first"));
        }
        let key = self.chain_of(spec)?;
        self.turn(&key)?;
        Some(match key {
            ChainKey::Group => "one spec of its group runs at a time".to_owned(),
            ChainKey::Serial => "it runs beside nothing of its group".to_owned(),
            ChainKey::Assembly(name) => format!("one spec of assembly {name} runs at a time"),
            ChainKey::Collection(_, name) => format!("one spec of collection {name} runs at a time"),
        })
    }

    /// The mean duration of its specs, where anything is known.
    pub(crate) fn typical(&self) -> Option<Millis> {
        self.typical.get()
    }

    pub(crate) fn learn(&mut self, duration: Millis) {
        self.typical.add(duration);
    }

    /// Notes what a process cost beside the tests. Shares of a process that others shared say nothing.
    pub(crate) fn measure_overhead(&mut self, shared: bool, timing: crate::Timing) {
        if !shared && timing.tests > Millis::ZERO {
            self.overhead.add(timing.total() - timing.tests);
        }
    }

    /// What a process costs beside the tests: as measured in this run, else by history.
    pub(crate) fn overhead(&self) -> Option<Millis> {
        let measured = self.overhead.get().filter(|_| self.overhead.count >= OVERHEADS);
        measured.or(self.known_overhead)
    }
}

fn assembly_of(spec: &Spec) -> Arc<str> {
    spec.assembly.clone().unwrap_or_else(|| Arc::from(""))
}

fn expected(spec: &Spec) -> u64 {
    spec.estimate.map_or(crate::queue::UNKNOWN_WORK, |estimate| estimate.expected().0)
}
