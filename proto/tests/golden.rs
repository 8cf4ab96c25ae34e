//! The link as protocol version 1 spoke it, byte for byte: what was recorded from that version must be understood for
//! as long as it is the minor version before, and what this version says must not break its decoder.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail loudly, and looks for one kind among many"
)]

use part_core::{
    AttemptId, AttemptVerdict, CancelMode, Command, Finish, HeldState, Introduction, Millis, ReportBody,
    RunId, SlotId, SpecIndex, Term, TestOutcome, Timestamp, Workspace,
};
use part_proto::convert::{
    LeaderSays, WorkerSays, command_from_wire, command_to_wire, drain_to_wire, heartbeat_to_wire,
    introduction_to_wire, leader_heartbeat_to_wire, report_to_wire, worker_message_from_wire,
};
use part_proto::v1;
use prost::Message;

/// Recorded from version 0.1.0, protocol 1.
const INTRODUCTION: &str = "0a780a017710091a016820032a0b0a026f7312056c696e7578320200013a240a220a1e72756e5f303030303030303030303030336730303030303030303030303018023a2a0a240a1e72756e5f30303030303030303030303033673030303030303030303030301001180210011801400148015205302e312e30";
const STARTED: &str = "1228080412240a220a1e72756e5f30303030303030303030303033673030303030303030303030301802";
const TESTS: &str = "124008041a3c0a220a1e72756e5f3030303030303030303030303367303030303030303030303030180210011a140a0174120154180220052a016d40014a03613a31";
const FINISHED: &str = "1238080422340a220a1e72756e5f30303030303030303030303033673030303030303030303030301802120e080312046c6174652a0032004200";
const HEARTBEAT: &str = "1a00";
const DRAIN: &str = "22020801";
const WELCOME: &str =
    "0803122e080812240a1e72756e5f30303030303030303030303033673030303030303030303030301001180218e0d4032001";
const START: &str = "08031a50080112022f771a480a220a1e72756e5f303030303030303030303030336730303030303030303030303018021201701a01672201732a140a0767656e65726963120474727565300170882730013a0174";
const CANCEL: &str = "080322260a220a1e72756e5f303030303030303030303030336730303030303030303030303018021001";
const ACKNOWLEDGEMENT: &str = "08032a020808";
const LEADER_HEARTBEAT: &str = "08033200";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}

fn attempt(spec: u32) -> AttemptId {
    AttemptId { run: RunId(7), spec: SpecIndex(spec), number: 2 }
}

fn worker(hex: &str) -> WorkerSays {
    let wire = v1::WorkerMessage::decode(bytes(hex).as_slice()).expect("a message");
    worker_message_from_wire(wire).expect("understood")
}

fn leader(hex: &str) -> (Term, LeaderSays) {
    let wire = v1::LeaderMessage::decode(bytes(hex).as_slice()).expect("a message");
    command_from_wire(wire).expect("understood")
}

fn introduction() -> Introduction {
    match worker(INTRODUCTION) {
        WorkerSays::Introduction { introduction, .. } => *introduction,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_old_worker_is_understood_by_this_leader() {
    let WorkerSays::Introduction { introduction, protocol, wall } = worker(INTRODUCTION) else {
        panic!("another message");
    };
    assert_eq!((protocol, wall), (1, None), "the newest version that both speak");
    assert_eq!((introduction.worker.0.as_str(), introduction.incarnation.0), ("w", 9));
    assert_eq!((introduction.term_seen, introduction.draining), (Term(3), true));
    assert_eq!((introduction.problem.as_deref(), introduction.version.as_str()), (None, "0.1.0"));
    assert_eq!(introduction.slots, [SlotId(0), SlotId(1)]);
    let held: Vec<_> = introduction.held.iter().map(|held| (held.attempt, held.slot, held.state)).collect();
    assert_eq!(
        held,
        [(attempt(0), SlotId(0), HeldState::Running), (attempt(1), SlotId(1), HeldState::Reported)]
    );
    let body = |hex| match worker(hex) {
        WorkerSays::Report(report) if report.number == 4 => report.body,
        other => panic!("{other:?}"),
    };
    assert_eq!(body(STARTED), ReportBody::Started { attempt: attempt(0) });
    match body(TESTS) {
        ReportBody::Tests { attempt: of, batch: 1, tests } => {
            assert_eq!((of, tests.len(), tests[0].outcome), (attempt(0), 1, TestOutcome::Failed));
            assert_eq!((tests[0].retries, tests[0].location.as_deref()), (1, Some("a:1")));
        }
        other => panic!("{other:?}"),
    }
    let finish = Box::new(Finish::declared(AttemptVerdict::TimedOut, "late"));
    assert_eq!(body(FINISHED), ReportBody::Finished { attempt: attempt(0), finish });
    assert_eq!(worker(HEARTBEAT), WorkerSays::Heartbeat);
    assert_eq!(worker(DRAIN), WorkerSays::Drain(true));
}

#[test]
fn an_old_leader_is_understood_by_this_worker() {
    let command = |hex| match leader(hex) {
        (Term(3), LeaderSays::Command(command)) => command,
        other => panic!("{other:?}"),
    };
    let (acknowledged, discard, lost_after) = (8, vec![attempt(1)], Millis(60_000));
    assert_eq!(command(WELCOME), Command::Welcome { acknowledged, discard, lost_after });
    match command(START) {
        Command::Start(order) => {
            assert_eq!((order.slot, order.workspace), (SlotId(1), Workspace::InPlace("/w".to_owned())));
            assert_eq!(order.attempts[0].recipe.command, ["true"]);
            assert_eq!(order.attempts[0].expected_tests.as_deref(), Some(["t".to_owned()].as_slice()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(command(CANCEL), Command::Cancel { attempt: attempt(0), mode: CancelMode::Kill });
    assert_eq!(command(ACKNOWLEDGEMENT), Command::Acknowledge { through: 8 });
    assert_eq!(leader(LEADER_HEARTBEAT), (Term(3), LeaderSays::Heartbeat { daemons: Vec::new() }));
}

/// What version 1 decodes of a message: the fields that it knows. An unknown field is skipped by every decoder; so it is
/// enough that the old bytes are there, field for field, and the version is one that it accepts.
#[test]
fn what_this_version_says_begins_with_what_the_old_one_said() {
    let encoded = introduction_to_wire(&introduction(), Timestamp(0)).encode_to_vec();
    let fields = |message: &[u8]| {
        let message = v1::WorkerMessage::decode(message).expect("a message");
        match message.body {
            Some(v1::worker_message::Body::Introduction(said)) => {
                v1::Introduction { protocol_newest: 0, problem: String::new(), wall_ms: 0, ..said }
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fields(&encoded), fields(&bytes(INTRODUCTION)), "and protocol says 1, which it insists on");
    let reports = [(STARTED, worker(STARTED)), (TESTS, worker(TESTS)), (FINISHED, worker(FINISHED))];
    for (hex, said) in reports {
        let WorkerSays::Report(report) = said else { panic!("another message") };
        assert_eq!(report_to_wire(&report).encode_to_vec(), bytes(hex));
    }
    assert_eq!(heartbeat_to_wire().encode_to_vec(), bytes(HEARTBEAT));
    assert_eq!(drain_to_wire(true).encode_to_vec(), bytes(DRAIN));
    assert_eq!(leader_heartbeat_to_wire(Term(3), Vec::new()).encode_to_vec(), bytes(LEADER_HEARTBEAT));
    for hex in [START, CANCEL, ACKNOWLEDGEMENT] {
        let (term, LeaderSays::Command(command)) = leader(hex) else { panic!("another message") };
        assert_eq!(command_to_wire(term, &command).encode_to_vec(), bytes(hex));
    }
    let (term, LeaderSays::Command(welcome)) = leader(WELCOME) else { panic!("another message") };
    let mut message = command_to_wire(term, &welcome);
    if let Some(v1::leader_message::Body::Welcome(welcome)) = &mut message.body {
        assert_eq!((welcome.protocol, welcome.protocol_newest), (1, 2));
        welcome.protocol_newest = 0;
    }
    assert_eq!(message.encode_to_vec(), bytes(WELCOME));
}

#[test]
fn versions_that_are_too_far_apart_are_refused_with_both_named() {
    let mut wire = introduction_to_wire(&introduction(), Timestamp(0));
    if let Some(v1::worker_message::Body::Introduction(said)) = &mut wire.body {
        (said.protocol, said.protocol_newest) = (7, 9);
    }
    let text = worker_message_from_wire(wire).expect_err("too new").to_string();
    assert!(
        text.contains("the worker speaks versions 7 to 9") && text.contains("this daemon 1 to 2"),
        "{text}"
    );
}
