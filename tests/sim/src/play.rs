//! Plays a seed and says how it went.

use crate::mesh::{Mutant, World};
use crate::{Checked, Violation};
use part_core::{Entry, Timestamp};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What happened in a story, in numbers. Two plays of one seed must give the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Stories.
    pub seeds: u64,
    /// Virtual time in seconds.
    pub seconds: u64,
    /// Events.
    pub events: u64,
    /// Inputs that cores took.
    pub inputs: u64,
    /// Faults that were made.
    pub faults: u64,
    /// Messages that were lost on their way.
    pub lost_messages: u64,
    /// Records that were committed.
    pub records: u64,
    /// Attempts that were assigned.
    pub attempts: u64,
    /// Processes that were started for attempts.
    pub processes: u64,
    /// Attempts that were lost with their workers.
    pub lost: u64,
    /// Late results that were kept as evidence.
    pub superseded: u64,
    /// Terms that were begun.
    pub terms: u64,
    /// Leadership periods that found their footing.
    pub periods: u64,
    /// Commits that were refused because their term was over.
    pub fenced: u64,
    /// Commits that were refused because they were recorded already.
    pub misfits: u64,
    /// Commits and reads that were done although nobody heard of it.
    pub answers_lost: u64,
    /// Commands of older terms that workers refused.
    pub refused_commands: u64,
    /// Orders that slots refused.
    pub refused_orders: u64,
    /// Runs that ended.
    pub runs: u64,
}

impl Figures {
    /// Adds another story's figures.
    pub fn add(&mut self, other: &Figures) {
        self.seeds += other.seeds;
        self.seconds += other.seconds;
        self.events += other.events;
        self.inputs += other.inputs;
        self.faults += other.faults;
        self.lost_messages += other.lost_messages;
        self.records += other.records;
        self.attempts += other.attempts;
        self.processes += other.processes;
        self.lost += other.lost;
        self.superseded += other.superseded;
        self.terms += other.terms;
        self.periods += other.periods;
        self.fenced += other.fenced;
        self.misfits += other.misfits;
        self.answers_lost += other.answers_lost;
        self.refused_commands += other.refused_commands;
        self.refused_orders += other.refused_orders;
        self.runs += other.runs;
    }
}

/// A story that ended well.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Its figures.
    pub figures: Figures,
    /// A hash of every event, in order.
    pub trace: u64,
    /// Everything that was committed.
    pub ledger: Vec<Entry>,
}

/// A story in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed that tells it again.
    pub seed: u64,
    /// When, in virtual time.
    pub at: Timestamp,
    /// Which promise.
    pub violation: Violation,
    /// What happened until then, one event a line.
    pub transcript: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for line in &self.transcript {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {} broke a promise at {} ms: {}", self.seed, self.at.0, self.violation)?;
        write!(f, "replay it: cargo run -p part-sim -- --seed {}", self.seed)
    }
}

/// Lines of a transcript that are usually enough to see what went wrong.
pub const LINES: usize = 2_000;

/// Plays a seed. A failing one is played a second time to write down what happened last, in so many lines.
pub fn play(seed: u64, mutant: Option<Mutant>, lines: usize) -> Result<Story, Box<Failure>> {
    let mut world = World::new(seed, mutant, 0);
    match unfold(&mut world) {
        Ok(()) => Ok(world.into_story()),
        Err(violation) => {
            let mut again = World::new(seed, mutant, lines.max(1));
            let repeated = unfold(&mut again);
            let violation = match repeated == Err(violation.clone()) {
                true => violation,
                false => {
                    Violation(format!("{violation}; and the second play went another way: {repeated:?}"))
                }
            };
            let (at, transcript) = again.into_transcript();
            Err(Box::new(Failure { seed, at, violation, transcript }))
        }
    }
}

/// A panic of the core is a violation like any other, so that its seed is told.
fn unfold(world: &mut World) -> Checked {
    catch_unwind(AssertUnwindSafe(|| world.unfold())).unwrap_or_else(|cause| {
        let text =
            cause.downcast_ref::<String>().map(String::as_str).or(cause.downcast_ref::<&str>().copied());
        Err(Violation(format!("panic: {}", text.unwrap_or("of unknown cause"))))
    })
}
