//! What a decision costs, in steps (the same everywhere) and in time (of the machine that this runs on).

use crate::{BenchError, Rng, Table};
use part_core::rehearse::RehearsalError;
use part_core::{
    AttemptId, AttemptVerdict, Bounds, Capabilities, Command, Config, Core, Effect, Finish, GroupPolicy,
    GroupSubmission, Incarnation, Input, Introduction, Joining, Millis, Pending, Recipe, Refusal, Reply,
    Report, ReportBody, RequestId, Requirements, RunId, RunPolicy, Sample, SlotId, Source, SpecSubmission,
    State, Submission, SubmissionId, Term, Timestamp, WorkerId, Workspace,
};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// How large a mesh is, and what waits in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Workers of one slot.
    pub workers: u32,
    /// Specs, over all runs.
    pub specs: u32,
    /// Runs, of five projects.
    pub runs: u32,
    /// Sets of requirements; every run has a group of each.
    pub classes: u32,
}

/// What decisions cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Steps per decision: looks at a queue, a run or a worker.
    pub steps: f64,
    /// Time of each input in which an attempt ended and another was given to its slot.
    pub turnover: Vec<Duration>,
    /// Time of each input in which an attempt ended and nothing waited.
    pub ends: Vec<Duration>,
}

/// A century: nobody is silent here.
const NEVER: Millis = Millis::seconds(100 * 365 * 24 * 3600);
/// Attempts that take about as long as this, in virtual milliseconds.
const TYPICAL: u64 = 10_000;
/// Classes that a worker can do.
const ABLE: u32 = 16;

/// A core with workers, and what ends next.
struct Stand {
    core: Core,
    now: Timestamp,
    ends: BinaryHeap<Reverse<(Timestamp, u32, AttemptId)>>,
    reports: u64,
    rng: Rng,
}

/// Plays so many ends of attempts in a mesh of this size, while everything else waits.
pub fn costs(size: Size, ends: usize) -> Result<Costs, BenchError> {
    let mut stand = Stand::new(size);
    stand.submit(size)?;
    let mut costs = Costs::default();
    let before = stand.core.effort();
    for _ in 0..ends {
        costs.turnover.extend(stand.end_one());
    }
    costs.steps = (stand.core.effort() - before) as f64 / costs.turnover.len().max(1) as f64;
    drop(stand);
    // As many specs as slots, and any slot does: when one ends, nothing waits.
    let mut stand = Stand::new(size);
    stand.submit(Size { specs: size.workers, runs: 1, classes: 1, ..size })?;
    for _ in 0..ends.min(size.workers as usize / 2) {
        costs.ends.extend(stand.end_one());
    }
    Ok(costs)
}

impl Stand {
    fn new(size: Size) -> Stand {
        let bounds = Bounds { suspect_after: NEVER, lost_after: NEVER, ..Bounds::DEFAULT };
        let (core, _) = Core::new(Config { term: Term(1), bounds }, State::default(), Timestamp(0));
        let mut stand =
            Stand { core, now: Timestamp(0), ends: BinaryHeap::new(), reports: 0, rng: Rng::new(1) };
        for number in 0..size.workers {
            let able = (0..ABLE).map(|offset| (number + offset * offset) % size.classes);
            let capabilities =
                Capabilities(able.map(|class| (format!("label.c{class}"), String::new())).collect());
            let introduction = Introduction {
                worker: worker(number),
                incarnation: Incarnation(1),
                host: String::new(),
                term_seen: Term(1),
                capabilities,
                slots: vec![SlotId(0)],
                extra_slots: Vec::new(),
                cpus: 0,
                scarce: None,
                held: Vec::new(),
                draining: false,
                problem: None,
                version: String::new(),
            };
            let pending = stand.core.handle(stand.now, Input::WorkerIntroduced { introduction });
            stand.take(pending);
        }
        stand
    }

    fn submit(&mut self, size: Size) -> Result<(), BenchError> {
        for run in 0..size.runs {
            let submission = Box::new(self.submission(size, run)?);
            let (request, id) = (RequestId(u64::from(run)), RunId(u128::from(run) + 1));
            let pending = self.core.handle(self.now, Input::RunSubmitted { request, run: id, submission });
            if let Some(source) = self.take(pending) {
                let source = Box::new(RehearsalError::Refused { number: run as usize, source });
                return Err(BenchError::Rehearsal { suite: format!("run {run}"), source });
            }
        }
        Ok(())
    }

    fn submission(&mut self, size: Size, run: u32) -> Result<Submission, BenchError> {
        let each = (size.specs / size.runs / size.classes).max(1);
        let mut groups = Vec::new();
        for class in 0..size.classes {
            let requirements = match class {
                0 => Requirements::default(),
                _ => crate::mesh::requirements(&[&format!("label.c{class}")])?,
            };
            let mut spec = |number: u32| {
                let duration = Millis(self.rng.log_normal(TYPICAL as f64, 1.0).max(1.0) as u64);
                SpecSubmission {
                    name: format!("spec {class}/{number}"),
                    history: vec![Sample { at: Timestamp(0), duration, tests: None }],
                    ..SpecSubmission::default()
                }
            };
            groups.push(GroupSubmission {
                label: format!("class {class}"),
                suite: "suite".to_owned(),
                requirements,
                policy: GroupPolicy::default(),
                recipe: Recipe::of_command(vec!["true".to_owned()]),
                overhead: None,
                specs: (0..each).map(&mut spec).collect(),
            });
        }
        Ok(Submission {
            id: SubmissionId(u128::from(run) + 1),
            project: format!("project {}", run % 5),
            build: run.to_string(),
            joining: Joining::Never,
            past: Vec::new(),
            run_all: false,
            source: Source::default(),
            workspace: Workspace::InPlace("/srv/suite".to_owned()),
            policy: RunPolicy::default(),
            content: None,
            groups,
        })
    }

    /// Lets the next attempt end, and says how long the core took over it.
    fn end_one(&mut self) -> Option<Duration> {
        let Reverse((at, number, attempt)) = self.ends.pop()?;
        self.now = at;
        self.reports += 1;
        let finish = Box::new(Finish::declared(AttemptVerdict::Passed, ""));
        let report = Report { number: self.reports, body: ReportBody::Finished { attempt, finish } };
        let input = Input::Reported { worker: worker(number), incarnation: Incarnation(1), report };
        let start = Instant::now();
        let pending = self.core.handle(self.now, input);
        let took = start.elapsed();
        self.take(pending);
        Some(took)
    }

    /// Obeys orders; what was refused, if anything was.
    fn take(&mut self, pending: Pending) -> Option<Refusal> {
        let mut refused = None;
        for effect in pending.confirm() {
            match effect {
                Effect::Command { worker, command: Command::Start(order) } => {
                    let number = worker.0.trim_start_matches('w').parse().unwrap_or(0);
                    for attempt in order.attempts {
                        let takes = self.rng.log_normal(TYPICAL as f64, 1.0).max(1.0) as u64;
                        self.ends.push(Reverse((self.now + Millis(takes), number, attempt.attempt)));
                    }
                }
                Effect::Reply { reply: Reply::Refused(refusal), .. } => refused = Some(refusal),
                Effect::Command {
                    command: Command::Welcome { .. } | Command::Cancel { .. } | Command::Acknowledge { .. },
                    ..
                }
                | Effect::Reply { reply: Reply::Submitted { .. } | Reply::Cancelling, .. }
                | Effect::CloseLink { .. }
                | Effect::RunAdvanced { .. } => {}
            }
        }
        refused
    }
}

fn worker(number: u32) -> WorkerId {
    WorkerId(format!("w{number}"))
}

fn nanoseconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| time.as_nanos() as f64).collect()
}

/// Sizes of the table.
const SIZES: [Size; 5] = [
    Size { workers: 100, specs: 10_000, runs: 1, classes: 8 },
    Size { workers: 100, specs: 10_000, runs: 20, classes: 64 },
    Size { workers: 1000, specs: 100_000, runs: 20, classes: 64 },
    Size { workers: 10_000, specs: 100_000, runs: 20, classes: 64 },
    Size { workers: 10_000, specs: 1_000_000, runs: 20, classes: 64 },
];

/// The table.
pub fn tables() -> Result<Vec<Table>, BenchError> {
    let mut table = Table::new(
        "What a decision costs",
        "One attempt ends and another is given to its slot, while everything else waits. Steps are looks at a queue, a run or a worker, and the same everywhere. The other columns are of the machine that wrote this table, and the only ones that depend on it: the whole input (taking the report, records, verdicts, the decision, the order), the same input where nothing waits, and the difference of their medians.",
        [
            "workers × specs, runs, classes",
            "steps",
            "whole input: median (p99)",
            "nothing waits: median",
            "decision and order",
        ],
    );
    for size in SIZES {
        let costs = costs(size, (size.specs as usize / 4).min(50_000))?;
        let (turnover, ends) = (nanoseconds(&costs.turnover), nanoseconds(&costs.ends));
        let median = |numbers: &[f64]| crate::percentile(numbers, 0.5);
        let cells = [
            format!("{:.1}", costs.steps),
            format!("{:.1} µs ({:.1})", median(&turnover) / 1e3, crate::percentile(&turnover, 0.99) / 1e3),
            format!("{:.1} µs", median(&ends) / 1e3),
            format!("{:.1} µs", (median(&turnover) - median(&ends)) / 1e3),
        ];
        let Size { workers, specs, runs, classes } = size;
        table.row(format!("{workers} × {specs}, {runs}, {classes}"), cells);
    }
    Ok(vec![table])
}
