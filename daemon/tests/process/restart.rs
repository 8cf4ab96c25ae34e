//! A daemon that is killed, and the one that follows it.

use crate::common::{end_of, finishes, follow, lives, shell_run, submit, wait_for_lines, wait_until};
use crate::partd::Partd;
use part_proto::v1::event::Fact;
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::v1::{RunVerdict, StatusRequest, WatchRequest};
use rustix::process::Signal;
use std::path::Path;
use std::time::Duration;

/// Each spec says that it began, waits for the file `go`, and says that it ended.
const WAITS_FOR_GO: &str =
    r#"echo "begin $1" >> witness; while [ ! -e go ]; do sleep 0.05; done; echo "end $1" >> witness"#;

fn witness(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("witness")).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_killed_daemon_costs_no_attempt() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut first = Partd::start(home.path());
    let run = submit(&first.channel(), &shell_run(workspace.path(), WAITS_FOR_GO, &["a", "b", "c"])).await;
    let before = follow(&first.channel(), &run, 0, |fact| matches!(fact, Fact::AttemptStarted(_))).await;
    wait_for_lines(&workspace.path().join("witness"), 2).await;
    first.kill();

    let second = Partd::start(home.path());
    std::fs::write(workspace.path().join("go"), "").expect("go");
    let cursor = before.last().expect("some").number;
    let after = follow(&second.channel(), &run, cursor, |_| false).await;

    let numbers: Vec<u64> = before.iter().chain(&after).map(|event| event.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "every event once, in order");
    let (verdict, summary) = end_of(&after);
    assert_eq!((verdict, summary.passed, summary.attempts), (RunVerdict::Passed, 3, 3));
    let expected = ["begin a", "begin b", "begin c", "end a", "end b", "end c"];
    assert_eq!(witness(workspace.path()), expected, "what ran when the daemon died was not run again");
}

#[tokio::test]
async fn what_ended_while_no_daemon_was_there_is_reported() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut first = Partd::start(home.path());
    let script = r#"echo "begin $1" >> witness; while [ ! -e go ]; do sleep 0.05; done; echo "end $1" >> witness; exit 3"#;
    let run = submit(&first.channel(), &shell_run(workspace.path(), script, &["a", "b"])).await;
    wait_for_lines(&workspace.path().join("witness"), 2).await;
    first.kill();
    std::fs::write(workspace.path().join("go"), "").expect("go");
    wait_for_lines(&workspace.path().join("witness"), 4).await;

    let second = Partd::start(home.path());
    let events = follow(&second.channel(), &run, 0, |_| false).await;
    let codes: Vec<_> = finishes(&events).into_iter().filter_map(|finish| finish.exit).collect();
    assert_eq!(codes, [part_proto::v1::finish::Exit::ExitCode(3); 2]);
    assert_eq!(witness(workspace.path()), ["begin a", "begin b", "end a", "end b"]);
}

#[tokio::test]
async fn a_daemon_that_is_told_to_end_finishes_what_runs() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut partd = Partd::start(home.path());
    let run = submit(&partd.channel(), &shell_run(workspace.path(), WAITS_FOR_GO, &["a", "b", "c"])).await;
    wait_for_lines(&workspace.path().join("witness"), 2).await;
    let (ended, go) =
        tokio::join!(partd.terminate(), async { std::fs::write(workspace.path().join("go"), "") });
    go.expect("go");
    assert!(ended.success());
    let begun = witness(workspace.path()).iter().filter(|line| line.starts_with("begin")).count();
    let ended = witness(workspace.path()).iter().filter(|line| line.starts_with("end")).count();
    assert_eq!(begun, ended, "nothing was cut off");

    let next = Partd::start(home.path());
    let events = follow(&next.channel(), &run, 0, |_| false).await;
    assert_eq!(end_of(&events).1.passed, 3, "what waited went on after the restart");
    assert_eq!(witness(workspace.path()).len(), 6);
}

#[tokio::test]
async fn a_daemon_that_was_stopped_for_a_while_loses_no_attempt() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let partd = Partd::start(home.path());
    let mut submission = shell_run(workspace.path(), WAITS_FOR_GO, &["a", "b"]);
    // As short as the mesh allows: six seconds.
    submission.policy.lost_after = Some(part_core::Millis(1));
    let run = submit(&partd.channel(), &submission).await;
    wait_for_lines(&workspace.path().join("witness"), 2).await;
    partd.signal(Signal::STOP);
    // Time that passes is what this is about.
    tokio::time::sleep(Duration::from_secs(7)).await;
    partd.signal(Signal::CONT);
    std::fs::write(workspace.path().join("go"), "").expect("go");
    let (verdict, summary) = end_of(&follow(&partd.channel(), &run, 0, |_| false).await);
    assert_eq!((verdict, summary.attempts), (RunVerdict::Passed, 2));
    assert_eq!(witness(workspace.path()), ["begin a", "begin b", "end a", "end b"]);
}

#[tokio::test]
async fn who_watches_a_daemon_that_ends_is_told() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut partd = Partd::start(home.path());
    let run = submit(&partd.channel(), &shell_run(workspace.path(), WAITS_FOR_GO, &["a"])).await;
    let mut events =
        partd.runs().watch(WatchRequest { run: run.clone(), after: 0 }).await.expect("watched").into_inner();
    wait_for_lines(&workspace.path().join("witness"), 1).await;
    partd.signal(Signal::TERM);
    let mut mesh = MeshServiceClient::new(partd.channel());
    while !mesh.status(StatusRequest {}).await.expect("answered").into_inner().draining {}
    // Again: now, not when the specs are done.
    assert!(partd.terminate().await.success());
    let said = loop {
        match events.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch ended as if the run had"),
            Err(status) => break status,
        }
    };
    assert_eq!((said.code(), said.message()), (tonic::Code::Unavailable, "the daemon is stopping"));
    std::fs::write(workspace.path().join("go"), "").expect("go");
    let next = Partd::start(home.path());
    let (verdict, summary) = end_of(&follow(&next.channel(), &run, 0, |_| false).await);
    assert_eq!((verdict, summary.attempts), (RunVerdict::Passed, 1));
}

#[tokio::test]
async fn a_result_outlives_the_workspace_that_it_came_from() {
    let (home, place) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("place"));
    let workspace = place.path().join("workspace");
    std::fs::create_dir(&workspace).expect("a folder");
    let mut first = Partd::start(home.path());
    let script = r#"echo $$ > pid; while [ ! -e ../go ]; do sleep 0.05; done; exit 3"#;
    let run = submit(&first.channel(), &shell_run(&workspace, script, &["a"])).await;
    wait_for_lines(&workspace.join("pid"), 1).await;
    let pid = std::fs::read_to_string(workspace.join("pid")).expect("a number");
    first.kill();
    std::fs::write(place.path().join("go"), "").expect("go");
    wait_until("the spec ends", || !lives(&pid)).await;
    std::fs::remove_dir_all(&workspace).expect("removed");

    let second = Partd::start(home.path());
    let events = follow(&second.channel(), &run, 0, |_| false).await;
    let codes: Vec<_> = finishes(&events).into_iter().filter_map(|finish| finish.exit).collect();
    assert_eq!(codes, [part_proto::v1::finish::Exit::ExitCode(3)]);
}

#[tokio::test]
async fn what_no_leader_knows_any_more_is_stopped_and_forgotten() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut first = Partd::start(home.path());
    let script = "echo $$ >> pids; test $1 = ended || sleep 600";
    submit(&first.channel(), &shell_run(workspace.path(), script, &["a", "b"])).await;
    wait_for_lines(&workspace.path().join("pids"), 2).await;
    let pids = std::fs::read_to_string(workspace.path().join("pids")).expect("numbers");
    first.kill();
    for name in ["part.db", "part.db-wal", "part.db-shm"] {
        std::fs::remove_file(home.path().join(name)).expect("removed");
    }
    let second = Partd::start(home.path());
    wait_until("they are stopped", || !pids.lines().any(lives)).await;
    let attempts = home.path().join("worker/attempts");
    wait_until("they are forgotten", || {
        std::fs::read_dir(&attempts).is_ok_and(|mut left| left.next().is_none())
    })
    .await;
    let run = submit(&second.channel(), &shell_run(workspace.path(), "true", &["a", "b", "c"])).await;
    let (verdict, summary) = end_of(&follow(&second.channel(), &run, 0, |_| false).await);
    assert_eq!((verdict, summary.attempts), (RunVerdict::Passed, 3), "the slots are free");
}
