//! Specs that harm what runs them.

use crate::common::{end_of, finishes, follow, lives, shell_run, submit};
use crate::mesh::{Place, everything};
use part_core::Submission;
use part_proto::v1::{AttemptVerdict, RunVerdict};

#[tokio::test]
async fn a_spec_that_kills_its_shim_is_stopped_and_leaves_nobody() {
    let place = Place::new();
    let script = r#"case $1 in
        evil) setsid sleep 600 & echo $! >> pids; kill -9 $PPID; sleep 600 ;;
        esac"#;
    let mesh = place.mesh(1).await;
    let run = submit(&mesh.channel(), &shell_run(place.workspace(), script, &["evil", "good"])).await;
    let mut ended_while_alive = false;
    let pids = || std::fs::read_to_string(place.workspace().join("pids")).unwrap_or_default();
    let events = follow(&mesh.channel(), &run, 0, |fact| {
        if let part_proto::v1::event::Fact::AttemptFinished(_) = fact {
            ended_while_alive |= pids().lines().any(lives);
        }
        false
    })
    .await;
    let (verdict, summary) = end_of(&events);
    assert_eq!((verdict, summary.passed), (RunVerdict::Failed, 1));
    let lost: Vec<_> =
        finishes(&events).into_iter().filter(|end| end.verdict() == AttemptVerdict::Lost).collect();
    // Twice is enough: the third worker is spared.
    assert_eq!(lost.len(), 2);
    assert!(lost[0].message.contains("the shim failed"), "{}", lost[0].message);
    let decided = events.iter().find_map(|event| match &event.fact {
        Some(part_proto::v1::event::Fact::SpecDecided(decided)) if !decided.because.is_empty() => {
            Some(decided)
        }
        Some(_) | None => None,
    });
    let because = decided.map(|decided| decided.because.clone()).unwrap_or_default();
    assert!(because.contains("attempt"), "the evidence is said: {because:?}");
    assert_eq!(pids().lines().count(), 2);
    assert!(!pids().lines().any(lives), "its processes are gone");
    mesh.stop(false).await;
}

#[tokio::test]
async fn a_shim_that_dies_between_two_attempts_costs_neither() {
    let place = Place::new();
    let mesh = place.mesh(1).await;
    let once = async |name: &str| {
        let run = submit(&mesh.channel(), &shell_run(place.workspace(), "echo $PPID", &[name])).await;
        let events = follow(&mesh.channel(), &run, 0, |_| false).await;
        assert_eq!(end_of(&events).0, RunVerdict::Passed);
        let ends = finishes(&events);
        assert_eq!(ends.len(), 1);
        ends[0].output.as_ref().and_then(|output| output.inline.clone()).expect("its shim")
    };
    let shim = once("before").await;
    let pid = rustix::process::Pid::from_raw(shim.trim().parse().expect("a number")).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    assert_ne!(once("after").await, shim);
    mesh.stop(false).await;
}

#[tokio::test]
async fn names_of_any_length_and_kind_are_specs() {
    let place = Place::new();
    let long = "n".repeat(4096);
    let names =
        [long.as_str(), "new\nline", "-rf", "$(touch witness)", "\u{202e}evil", "{spec}", "zero\0byte"];
    let mesh = place.mesh(2).await;
    let run =
        submit(&mesh.channel(), &shell_run(place.workspace(), r#"test "$1" = "$PART_SPEC""#, &names)).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    let (_, summary) = end_of(&events);
    // No program can have a zero byte in its arguments, and `-rf` is given as a path; the rest is as any other.
    let ends = finishes(&events);
    let not_passed: Vec<&str> = ends
        .iter()
        .filter(|end| end.verdict() != AttemptVerdict::Passed)
        .map(|end| end.message.as_str())
        .collect();
    assert_eq!((summary.passed, summary.failed), (5, 2), "{not_passed:?}");
    assert!(!place.workspace().join("witness").exists());
    mesh.stop(false).await;

    let too_long = "n".repeat(4097);
    let mesh = place.mesh(1).await;
    let submission: Submission = shell_run(place.workspace(), "true", &[too_long.as_str()]);
    let messages = tokio_stream::iter(part_proto::convert::submission_to_wire(&submission));
    let mut runs = part_proto::v1::run_service_client::RunServiceClient::new(mesh.channel());
    let refused = runs.submit(messages).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    mesh.stop(false).await;
}

#[tokio::test]
async fn what_a_spec_locks_away_is_removed_with_its_attempt() {
    let place = Place::new();
    let script = r#"cd "$PART_SCRATCH_DIR" && mkdir -p a/b && touch a/b/c && chmod 500 a/b && chmod 000 a"#;
    let mesh = place.mesh(1).await;
    let run = submit(&mesh.channel(), &shell_run(place.workspace(), script, &["a"])).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    assert_eq!(end_of(&events).0, RunVerdict::Passed);
    mesh.stop(false).await;
    assert_eq!(everything(&place.home().join("local")), Vec::<std::path::PathBuf>::new());
}
