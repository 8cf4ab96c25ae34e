//! A daemon that is killed, and the one that follows it.

use crate::common::{end_of, finishes, follow, shell_run, submit, wait_for_lines};
use crate::partd::Partd;
use part_proto::v1::event::Fact;
use part_proto::v1::{RunVerdict, SpecVerdict};
use std::path::Path;

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
    wait_for_lines(&workspace.path().join("witness"), 2);
    first.kill();

    let second = Partd::start(home.path());
    std::fs::write(workspace.path().join("go"), "").expect("go");
    let cursor = before.last().expect("some").number;
    let after = follow(&second.channel(), &run, cursor, |_| false).await;

    let numbers: Vec<u64> = before.iter().chain(&after).map(|event| event.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "every event once, in order");
    let decided: Vec<i32> = after
        .iter()
        .filter_map(|event| match &event.fact {
            Some(Fact::SpecDecided(decided)) => Some(decided.verdict),
            _ => None,
        })
        .collect();
    assert_eq!(decided, [SpecVerdict::Passed as i32; 3]);
    let expected = ["begin a", "begin b", "begin c", "end a", "end b", "end c"];
    assert_eq!(witness(workspace.path()), expected, "what ran when the daemon died was not run again");
    match &after.last().expect("an end").fact {
        Some(Fact::RunFinished(finished)) => assert_eq!(finished.verdict, RunVerdict::Passed as i32),
        other => panic!("the last event is {other:?}"),
    }
}

#[tokio::test]
async fn what_ended_while_no_daemon_was_there_is_reported() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut first = Partd::start(home.path());
    let script = r#"echo "begin $1" >> witness; while [ ! -e go ]; do sleep 0.05; done; echo "end $1" >> witness; exit 3"#;
    let run = submit(&first.channel(), &shell_run(workspace.path(), script, &["a", "b"])).await;
    wait_for_lines(&workspace.path().join("witness"), 2);
    first.kill();
    std::fs::write(workspace.path().join("go"), "").expect("go");
    wait_for_lines(&workspace.path().join("witness"), 4);

    let second = Partd::start(home.path());
    let events = follow(&second.channel(), &run, 0, |_| false).await;
    let codes: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Some(Fact::AttemptFinished(finished)) => finished.finish.as_ref().and_then(|finish| finish.exit),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [part_proto::v1::finish::Exit::ExitCode(3); 2]);
    assert_eq!(witness(workspace.path()), ["begin a", "begin b", "end a", "end b"]);
}

#[tokio::test]
async fn a_daemon_that_is_told_to_end_finishes_what_runs() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut partd = Partd::start(home.path());
    let run = submit(&partd.channel(), &shell_run(workspace.path(), WAITS_FOR_GO, &["a", "b", "c"])).await;
    wait_for_lines(&workspace.path().join("witness"), 2);
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| partd.terminate());
        std::fs::write(workspace.path().join("go"), "").expect("go");
        assert!(ended.join().expect("joined").success());
    });
    let begun = witness(workspace.path()).iter().filter(|line| line.starts_with("begin")).count();
    let ended = witness(workspace.path()).iter().filter(|line| line.starts_with("end")).count();
    assert_eq!(begun, ended, "nothing was cut off");

    let next = Partd::start(home.path());
    let events = follow(&next.channel(), &run, 0, |_| false).await;
    let decided = events.iter().filter(|event| matches!(event.fact, Some(Fact::SpecDecided(_)))).count();
    assert_eq!(decided, 3, "what waited went on after the restart");
    assert_eq!(witness(workspace.path()).len(), 6);
}
