//! The link between leader and worker.

use super::error::{WireError, required};
use super::finish::{finish_from_wire, finish_to_wire, test_from_wire, test_to_wire};
use super::ids::{attempt_from_wire, attempt_to_wire};
use super::recipe::{recipe_from_wire, recipe_to_wire};
use super::workspace::{workspace_from_wire, workspace_to_wire};
use crate::v1::{
    self, leader_message::Body as FromLeader, report::Body as WireReport, worker_message::Body as FromWorker,
};
use crate::{LINK_PROTOCOL, LINK_PROTOCOL_OLDEST};
use part_core::{
    AttemptId, AttemptOrder, CancelMode, Capabilities, Command, HeldAttempt, HeldState, Incarnation,
    Introduction, Millis, Report, ReportBody, SlotId, StartOrder, Term, Timestamp, WorkerId,
};
use std::sync::Arc;

/// What a worker's message says.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerSays {
    /// Its introduction.
    Introduction {
        /// What it says.
        introduction: Box<Introduction>,
        /// The protocol version that both ends speak.
        protocol: u32,
        /// Its clock; none when it does not say.
        wall: Option<Timestamp>,
    },
    /// A report.
    Report(Report),
    /// It is there.
    Heartbeat,
    /// It drains, or no longer.
    Drain(bool),
    /// What its own probes say.
    Health {
        /// Why it can run nothing now.
        problem: Option<String>,
        /// Its clock.
        wall: Timestamp,
        /// What is too scarce for its extra slots.
        scarce: Option<String>,
    },
}

/// What a leader's message says.
#[derive(Clone, Debug, PartialEq)]
pub enum LeaderSays {
    /// An order or answer.
    Command(Command),
    /// It is there.
    Heartbeat {
        /// `HOST:PORT` of every daemon of the mesh; empty when it does not say.
        daemons: Vec<String>,
    },
    /// Send the output of a running attempt.
    Output {
        /// The attempt.
        attempt: AttemptId,
        /// What to call it.
        watch: u128,
    },
}

/// A worker's introduction for the wire.
pub fn introduction_to_wire(said: &Introduction, wall: Timestamp) -> v1::WorkerMessage {
    let held = |held: &HeldAttempt| v1::HeldAttempt {
        attempt: Some(attempt_to_wire(held.attempt)),
        slot: held.slot.0,
        reported: held.state == HeldState::Reported,
    };
    worker_message(FromWorker::Introduction(v1::Introduction {
        worker: said.worker.0.clone(),
        incarnation: said.incarnation.0,
        host: said.host.clone(),
        term_seen: said.term_seen.0,
        capabilities: said.capabilities.0.clone().into_iter().collect(),
        slots: said.slots.iter().map(|slot| slot.0).collect(),
        held: said.held.iter().map(held).collect(),
        draining: said.draining,
        protocol: LINK_PROTOCOL_OLDEST,
        version: said.version.clone(),
        protocol_newest: LINK_PROTOCOL,
        problem: said.problem.clone().unwrap_or_default(),
        wall_ms: wall.0,
        extra_slots: said.extra_slots.iter().map(|slot| slot.0).collect(),
        cpus: said.cpus,
        scarce: said.scarce.clone().unwrap_or_default(),
    }))
}

/// A report for the wire.
pub fn report_to_wire(report: &Report) -> v1::WorkerMessage {
    let body = match &report.body {
        ReportBody::Started { attempt } => {
            WireReport::Started(v1::StartedReport { attempt: Some(attempt_to_wire(*attempt)) })
        }
        ReportBody::Tests { attempt, batch, tests } => WireReport::Tests(v1::TestsReport {
            attempt: Some(attempt_to_wire(*attempt)),
            batch: *batch,
            tests: tests.iter().map(test_to_wire).collect(),
        }),
        ReportBody::Finished { attempt, finish } => WireReport::Finished(v1::FinishedReport {
            attempt: Some(attempt_to_wire(*attempt)),
            finish: Some(finish_to_wire(finish)),
        }),
    };
    worker_message(FromWorker::Report(v1::Report { number: report.number, body: Some(body) }))
}

/// A worker's heartbeat.
pub fn heartbeat_to_wire() -> v1::WorkerMessage {
    worker_message(FromWorker::Heartbeat(v1::Heartbeat::default()))
}

/// What a worker's own probes say.
pub fn health_to_wire(problem: Option<&str>, scarce: Option<&str>, wall: Timestamp) -> v1::WorkerMessage {
    let problem = problem.unwrap_or_default().to_owned();
    let scarce = scarce.unwrap_or_default().to_owned();
    worker_message(FromWorker::Health(v1::Health { problem, wall_ms: wall.0, scarce }))
}

/// A worker starts or stops draining.
pub fn drain_to_wire(draining: bool) -> v1::WorkerMessage {
    worker_message(FromWorker::Drain(v1::DrainChange { draining }))
}

fn worker_message(body: FromWorker) -> v1::WorkerMessage {
    v1::WorkerMessage { body: Some(body) }
}

/// What a worker said.
pub fn worker_message_from_wire(wire: v1::WorkerMessage) -> Result<WorkerSays, WireError> {
    Ok(match required("body", wire.body)? {
        FromWorker::Introduction(wire) => {
            let protocol = negotiated(wire.protocol, wire.protocol_newest, "the worker", "this daemon")?;
            let wall = (wire.wall_ms > 0).then_some(Timestamp(wire.wall_ms));
            let introduction = Box::new(introduction_from_wire(wire)?);
            WorkerSays::Introduction { introduction, protocol, wall }
        }
        FromWorker::Report(wire) => WorkerSays::Report(report_from_wire(wire)?),
        FromWorker::Heartbeat(_) => WorkerSays::Heartbeat,
        FromWorker::Health(wire) => WorkerSays::Health {
            problem: (!wire.problem.is_empty()).then_some(wire.problem),
            wall: Timestamp(wire.wall_ms),
            scarce: (!wire.scarce.is_empty()).then_some(wire.scarce),
        },
        FromWorker::Drain(wire) => WorkerSays::Drain(wire.draining),
    })
}

/// The newest version that both ends speak. A program that knows one version only does not name its newest.
fn negotiated(oldest: u32, newest: u32, they: &'static str, we: &'static str) -> Result<u32, WireError> {
    let newest = newest.max(oldest);
    if oldest > LINK_PROTOCOL || newest < LINK_PROTOCOL_OLDEST {
        let what = format!(
            "{they} speaks versions {oldest} to {newest} of the protocol, {we} {LINK_PROTOCOL_OLDEST} to \
             {LINK_PROTOCOL}; bring both programs within one minor version of each other"
        );
        return Err(WireError::wrong("protocol", what));
    }
    Ok(newest.min(LINK_PROTOCOL))
}

fn introduction_from_wire(wire: v1::Introduction) -> Result<Introduction, WireError> {
    if wire.worker.is_empty() {
        return Err(WireError::Missing { field: "introduction.worker" });
    }
    let mut held = Vec::new();
    for wire in &wire.held {
        let state = if wire.reported { HeldState::Reported } else { HeldState::Running };
        held.push(HeldAttempt {
            attempt: attempt_from_wire(wire.attempt.as_ref())?,
            slot: SlotId(wire.slot),
            state,
        });
    }
    Ok(Introduction {
        worker: WorkerId(wire.worker),
        incarnation: Incarnation(wire.incarnation),
        host: wire.host,
        term_seen: Term(wire.term_seen),
        capabilities: Capabilities(wire.capabilities.into_iter().collect()),
        slots: wire.slots.into_iter().map(SlotId).collect(),
        extra_slots: wire.extra_slots.into_iter().map(SlotId).collect(),
        cpus: wire.cpus,
        scarce: (!wire.scarce.is_empty()).then_some(wire.scarce),
        held,
        draining: wire.draining,
        problem: (!wire.problem.is_empty()).then_some(wire.problem),
        version: wire.version,
    })
}

fn report_from_wire(wire: v1::Report) -> Result<Report, WireError> {
    let body = match required("report.body", wire.body)? {
        WireReport::Started(wire) => {
            ReportBody::Started { attempt: attempt_from_wire(wire.attempt.as_ref())? }
        }
        WireReport::Tests(wire) => ReportBody::Tests {
            attempt: attempt_from_wire(wire.attempt.as_ref())?,
            batch: wire.batch,
            tests: wire.tests.into_iter().map(test_from_wire).collect::<Result<_, _>>()?,
        },
        WireReport::Finished(wire) => ReportBody::Finished {
            attempt: attempt_from_wire(wire.attempt.as_ref())?,
            finish: Box::new(finish_from_wire(required("report.finished.finish", wire.finish)?)?),
        },
    };
    Ok(Report { number: wire.number, body })
}

/// A command for the wire.
pub fn command_to_wire(term: Term, command: &Command) -> v1::LeaderMessage {
    let body = match command {
        Command::Welcome { acknowledged, discard, lost_after } => FromLeader::Welcome(v1::Welcome {
            acknowledged: *acknowledged,
            discard: discard.iter().map(|attempt| attempt_to_wire(*attempt)).collect(),
            lost_after_ms: lost_after.0,
            protocol: LINK_PROTOCOL_OLDEST,
            protocol_newest: LINK_PROTOCOL,
        }),
        Command::Start(order) => FromLeader::Start(start_to_wire(order)),
        Command::Cancel { attempt, mode } => FromLeader::Cancel(v1::CancelOrder {
            attempt: Some(attempt_to_wire(*attempt)),
            kill: *mode == CancelMode::Kill,
        }),
        Command::Acknowledge { through } => {
            FromLeader::Acknowledgement(v1::Acknowledgement { through: *through })
        }
    };
    v1::LeaderMessage { term: term.0, body: Some(body) }
}

/// A leader's heartbeat, with the addresses of all daemons.
pub fn leader_heartbeat_to_wire(term: Term, daemons: Vec<String>) -> v1::LeaderMessage {
    v1::LeaderMessage { term: term.0, body: Some(FromLeader::Heartbeat(v1::Heartbeat { daemons })) }
}

/// Asks a worker for the output of a running attempt.
pub fn output_order_to_wire(term: Term, attempt: AttemptId, watch: u128) -> v1::LeaderMessage {
    let order =
        v1::OutputOrder { attempt: Some(attempt_to_wire(attempt)), watch: watch.to_be_bytes().to_vec() };
    v1::LeaderMessage { term: term.0, body: Some(FromLeader::Output(order)) }
}

fn start_to_wire(order: &StartOrder) -> v1::StartOrder {
    let (workspace_in_place, shipped) = workspace_to_wire(&order.workspace);
    let attempt = |attempt: &AttemptOrder| v1::AttemptOrder {
        attempt: Some(attempt_to_wire(attempt.attempt)),
        project: attempt.project.as_ref().to_owned(),
        group: attempt.group.as_ref().to_owned(),
        spec: attempt.spec.as_ref().to_owned(),
        recipe: Some(recipe_to_wire(&attempt.recipe)),
        tests_were_listed: attempt.expected_tests.is_some(),
        expected_tests: attempt.expected_tests.as_deref().unwrap_or_default().to_vec(),
        only: attempt.only.as_deref().unwrap_or_default().to_vec(),
        timeout_ms: attempt.timeout.map(|limit| limit.0),
    };
    v1::StartOrder {
        slot: order.slot.0,
        workspace_in_place,
        attempts: order.attempts.iter().map(attempt).collect(),
        shipped,
        cpus: order.cpus.unwrap_or(0),
    }
}

/// What a leader said, and in which term.
pub fn command_from_wire(wire: v1::LeaderMessage) -> Result<(Term, LeaderSays), WireError> {
    let command = match required("body", wire.body)? {
        FromLeader::Heartbeat(v1::Heartbeat { daemons }) => {
            return Ok((Term(wire.term), LeaderSays::Heartbeat { daemons }));
        }
        FromLeader::Output(order) => {
            let attempt = attempt_from_wire(order.attempt.as_ref())?;
            let watch = <[u8; 16]>::try_from(order.watch.as_slice())
                .map_err(|_| WireError::wrong("output.watch", "it has not 16 bytes"))?;
            return Ok((Term(wire.term), LeaderSays::Output { attempt, watch: u128::from_be_bytes(watch) }));
        }
        FromLeader::Welcome(welcome) => {
            negotiated(welcome.protocol, welcome.protocol_newest, "the leader", "this worker")?;
            let discard = welcome.discard.iter().map(|attempt| attempt_from_wire(Some(attempt)));
            Command::Welcome {
                acknowledged: welcome.acknowledged,
                discard: discard.collect::<Result<_, _>>()?,
                lost_after: Millis(welcome.lost_after_ms),
            }
        }
        FromLeader::Start(start) => Command::Start(start_from_wire(start)?),
        FromLeader::Cancel(cancel) => Command::Cancel {
            attempt: attempt_from_wire(cancel.attempt.as_ref())?,
            mode: if cancel.kill { CancelMode::Kill } else { CancelMode::Graceful },
        },
        FromLeader::Acknowledgement(wire) => Command::Acknowledge { through: wire.through },
    };
    Ok((Term(wire.term), LeaderSays::Command(command)))
}

fn start_from_wire(wire: v1::StartOrder) -> Result<StartOrder, WireError> {
    let mut attempts = Vec::new();
    for attempt in wire.attempts {
        attempts.push(AttemptOrder {
            attempt: attempt_from_wire(attempt.attempt.as_ref())?,
            project: Arc::from(attempt.project),
            group: Arc::from(attempt.group),
            spec: Arc::from(attempt.spec),
            recipe: Arc::new(recipe_from_wire(required("attempt.recipe", attempt.recipe)?)?),
            expected_tests: attempt.tests_were_listed.then(|| Arc::from(attempt.expected_tests)),
            only: (!attempt.only.is_empty()).then(|| Arc::from(attempt.only)),
            timeout: attempt.timeout_ms.map(Millis),
        });
    }
    Ok(StartOrder {
        slot: SlotId(wire.slot),
        workspace: workspace_from_wire(wire.workspace_in_place, wire.shipped)?,
        attempts,
        cpus: (wire.cpus > 0).then_some(wire.cpus),
    })
}
