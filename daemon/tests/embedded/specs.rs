//! What a spec gets, and what is made of its end.

use crate::common::{end_of, finishes, follow, run_of, shell_run, submit};
use crate::mesh::{Place, blob};
use part_core::{Millis, Submission};
use part_proto::v1::{self, AttemptVerdict, Finish, RunVerdict};

/// Runs a submission in a mesh of its own to its end.
async fn run(place: &Place, submission: &Submission) -> (RunVerdict, Vec<Finish>) {
    let mesh = place.mesh(1).await;
    let run = submit(&mesh.channel(), submission).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    mesh.stop(false).await;
    assert_eq!(place.left_over(), Vec::<std::path::PathBuf>::new(), "nothing is left");
    (end_of(&events).0, finishes(&events))
}

fn output(finish: &Finish) -> &str {
    finish.output.as_ref().and_then(|output| output.inline.as_deref()).expect("output")
}

#[tokio::test]
async fn a_spec_knows_where_it_is_and_has_its_users_environment() {
    let place = Place::new();
    let script = r#"echo "$PART_GROUP|$PART_SPEC|$PART_ATTEMPT|$PART_SLOT|$PART_PROJECT|$EXTRA"
        test -n "$PART_WORKER" && test -n "$PART_RUN_ID" && env | cut -d= -f1 | sort > names || exit 1
        cd "$PART_SCRATCH_DIR" && cd "$PART_ARTIFACTS_DIR" || exit 1
        test "$1" != twice || test "$PART_ATTEMPT" = 2"#;
    let mut submission = shell_run(place.workspace(), script, &["twice"]);
    submission.groups[0].policy.retries = 1;
    submission.groups[0].recipe.env.insert("EXTRA".to_owned(), "slot {slot}".to_owned());
    let (verdict, ends) = run(&place, &submission).await;
    assert_eq!(verdict, RunVerdict::Passed);
    let said: Vec<&str> = ends.iter().map(|end| output(end).trim()).collect();
    assert_eq!(said, ["all|twice|1|0|test|slot 0", "all|twice|2|0|test|slot 0"]);
    let names = std::fs::read_to_string(place.workspace().join("names")).expect("written");
    let missing: Vec<String> = std::env::vars()
        .map(|(name, _)| name)
        .filter(|ours| !names.lines().any(|name| name == ours))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "all that a spec has when its user runs it by hand");
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let place = Place::new();
    let (verdict, ends) = run(&place, &run_of(place.workspace(), &["no-such-program"], &["a"])).await;
    assert_eq!((verdict, ends[0].verdict()), (RunVerdict::Failed, AttemptVerdict::Crashed));
    assert!(ends[0].message.contains("no-such-program"), "{}", ends[0].message);

    let mut submission = shell_run(place.workspace(), "true", &["a"]);
    submission.groups[0].recipe.folder = "gone".to_owned();
    let (verdict, ends) = run(&place, &submission).await;
    assert_eq!((verdict, ends[0].verdict()), (RunVerdict::Failed, AttemptVerdict::Crashed));
    assert!(ends[0].message.contains("gone"), "{}", ends[0].message);

    let (verdict, ends) = run(&place, &shell_run(&place.workspace().join("away"), "true", &["a"])).await;
    assert_eq!(verdict, RunVerdict::Incomplete, "a workspace that vanished is not the spec's fault");
    assert!(ends[0].message.contains("cannot find the workspace"), "{}", ends[0].message);

    let big = "x".repeat(2 << 20);
    let mut submission = shell_run(place.workspace(), "true", &["a"]);
    submission.groups[0].recipe.env.insert("BIG".to_owned(), big);
    let (verdict, ends) = run(&place, &submission).await;
    assert_eq!((verdict, ends.len(), ends[0].verdict()), (RunVerdict::Failed, 1, AttemptVerdict::Crashed));
    assert!(ends[0].message.contains("bytes for its arguments and environment"), "{}", ends[0].message);
}

#[tokio::test]
async fn a_copied_workspace_is_the_attempts_own() {
    let place = Place::new();
    std::fs::write(place.workspace().join("file"), "original").expect("a file");
    let mut submission = shell_run(place.workspace(), "cat file; echo changed > file; pwd", &["a", "b"]);
    submission.groups[0].recipe.copy_workspace = true;
    let (verdict, ends) = run(&place, &submission).await;
    assert_eq!(verdict, RunVerdict::Passed);
    assert!(ends.iter().all(|end| output(end).starts_with("original")));
    assert_ne!(output(&ends[0]), output(&ends[1]), "each in a folder of its own");
    assert_eq!(std::fs::read_to_string(place.workspace().join("file")).expect("there"), "original");
}

#[tokio::test]
async fn silence_has_a_limit() {
    let place = Place::new();
    let mut submission = shell_run(place.workspace(), "echo begun; sleep 600", &["a"]);
    submission.groups[0].recipe.idle_timeout = Some(Millis(300));
    let (verdict, ends) = run(&place, &submission).await;
    assert_eq!((verdict, ends[0].verdict()), (RunVerdict::Failed, AttemptVerdict::TimedOut));
    assert!(ends[0].message.contains("without output"), "{}", ends[0].message);
    assert_eq!(output(&ends[0]), "begun\n");
}

#[tokio::test]
async fn output_is_kept_up_to_its_bound_whatever_it_is() {
    let place = Place::new();
    let script = r#"case $1 in
        bytes) printf 'no \377 text' ;;
        flood) echo first; head -c 80000000 /dev/zero | tr '\0' x; echo; echo last ;;
        esac"#;
    let mesh = place.mesh(2).await;
    let run = submit(&mesh.channel(), &shell_run(place.workspace(), script, &["bytes", "flood"])).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    assert_eq!(end_of(&events).0, RunVerdict::Passed);
    let mut outputs: Vec<v1::Output> = finishes(&events).into_iter().filter_map(|end| end.output).collect();
    outputs.sort_by_key(|output| output.total_bytes);
    let digest = |output: &v1::Output| output.blob.clone().expect("a blob");
    assert_eq!(blob(&mesh.channel(), &digest(&outputs[0])).await, b"no \xff text");
    let flood = blob(&mesh.channel(), &digest(&outputs[1])).await;
    assert_eq!(outputs[1].total_bytes, 80_000_012);
    assert_eq!(outputs[1].dropped_bytes, 80_000_012 - (64 << 20));
    assert!(flood.starts_with(b"first\nxxx") && flood.ends_with(b"xxx\nlast\n"));
    let room_for_the_remark = 200;
    assert!(((64 << 20)..(64 << 20) + room_for_the_remark).contains(&flood.len()), "{} bytes", flood.len());
    mesh.stop(false).await;
}
