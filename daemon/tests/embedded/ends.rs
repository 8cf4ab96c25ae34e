//! How a mesh ends: told to, hurried, or killed with its process.

use crate::common::{end_of, follow, lives, shell_run, submit, wait_for_lines, wait_until};
use crate::mesh::Place;
use part_core::Submission;
use part_proto::v1::{self, RunVerdict, SpecVerdict, event::Fact, run_service_client::RunServiceClient};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Says its process and that of a child, ignores what is polite, and stays.
const STAYS: &str = r#"trap '' TERM; sleep 600 & echo $$ >> pids; echo $! >> pids; wait; sleep 600"#;

fn pids(place: &Place) -> Vec<String> {
    let text = std::fs::read_to_string(place.workspace().join("pids")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn stays(place: &Place, specs: &[&str]) -> Submission {
    let mut submission = shell_run(place.workspace(), STAYS, specs);
    submission.groups[0].recipe.grace = part_core::Millis(1500);
    submission
}

#[tokio::test]
async fn a_mesh_that_is_told_to_end_stops_its_specs_side_by_side() {
    let place = Place::new();
    let mesh = place.mesh(3).await;
    let run = submit(&mesh.channel(), &stays(&place, &["a", "b", "c", "d"])).await;
    wait_for_lines(&place.workspace().join("pids"), 6).await;
    let told = Instant::now();
    mesh.stop(false).await;
    let took = told.elapsed();
    assert!(took >= Duration::from_millis(1500), "they had their grace: {took:?}");
    assert!(!pids(&place).iter().any(|pid| lives(pid)), "and then nobody was left");
    assert_eq!(place.left_over(), Vec::<PathBuf>::new());
    // Not three times the grace; half of what that would be is left to a crowded machine.
    assert!(took < Duration::from_millis(4500) || crowded(), "{took:?}");

    let viewer = place.viewer().await;
    let events = follow(&viewer.channel(), &run, 0, |_| false).await;
    assert_eq!(end_of(&events).0, RunVerdict::Incomplete, "its run is closed");
    viewer.stop(false).await;
}

fn crowded() -> bool {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().and_then(|load| load.parse::<f64>().ok()).is_none_or(|load| load > 4.0)
}

#[tokio::test]
async fn a_mesh_that_is_hurried_kills_and_leaves_nobody() {
    let place = Place::new();
    let mesh = place.mesh(2).await;
    let mut submission = stays(&place, &["a", "b"]);
    submission.groups[0].recipe.grace = part_core::Millis::seconds(600);
    submit(&mesh.channel(), &submission).await;
    wait_for_lines(&place.workspace().join("pids"), 4).await;
    mesh.stop(true).await;
    assert!(!pids(&place).iter().any(|pid| lives(pid)));
    assert_eq!(place.left_over(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_cancel_that_is_repeated_kills() {
    let place = Place::new();
    let mesh = place.mesh(1).await;
    let mut submission = stays(&place, &["a", "b"]);
    submission.groups[0].recipe.grace = part_core::Millis::seconds(600);
    let run = submit(&mesh.channel(), &submission).await;
    wait_for_lines(&place.workspace().join("pids"), 2).await;
    let mut runs = RunServiceClient::new(mesh.channel());
    for kill in [false, true] {
        let cancel = v1::CancelRequest { run: run.clone(), kill, by: "a test".to_owned() };
        runs.cancel(cancel).await.expect("accepted");
    }
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    assert_eq!(end_of(&events).0, RunVerdict::Cancelled);
    assert!(!pids(&place).iter().any(|pid| lives(pid)));
    mesh.stop(false).await;
}

/// The variables that make a client of a test of this program; see [`a_client`].
const CLIENT_HOME: &str = "PART_TEST_CLIENT_HOME";
const CLIENT_WORKSPACE: &str = "PART_TEST_CLIENT_WORKSPACE";

/// The first passes, the second fails, the third stays, the fourth waits.
const CLIENTS_RUN: &str = r#"case $1 in
    *pass) true ;;
    *fail) test -e mended ;;
    *) echo $$ >> pids; test -e mended || { trap '' TERM; sleep 600; } ;;
    esac"#;

fn clients_run(workspace: &Path) -> Submission {
    shell_run(workspace, CLIENTS_RUN, &["1 pass", "2 fail", "3 stays", "4 waits"])
}

#[tokio::test]
#[ignore = "a process of its own for another test"]
async fn a_client() {
    let variable = |name| std::env::var_os(name).expect(name);
    let options = partd::embedded::EmbeddedOptions {
        home: variable(CLIENT_HOME).into(),
        slots: Some(1),
        extra_slots: Some(0),
        worker: true,
        program: env!("CARGO_BIN_EXE_partd").into(),
    };
    let mesh = partd::embedded::Embedded::start(options).await.expect("a mesh");
    let workspace = PathBuf::from(variable(CLIENT_WORKSPACE));
    let run = submit(&mesh.channel(), &clients_run(&workspace)).await;
    std::fs::write(workspace.join("run"), run).expect("written");
    // Until it is killed, or whoever started it is gone.
    let gone = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await;
    gone.expect("no panic").expect("a pipe");
}

/// A client in a process of its own; killed at the latest with the test.
struct Client(Child);

impl Client {
    fn start(place: &Place) -> Client {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "ends::a_client", "--ignored"])
            .env(CLIENT_HOME, place.home())
            .env(CLIENT_WORKSPACE, place.workspace())
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        Client(command.spawn().expect("started"))
    }

    fn kill(&mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("gone");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Killed already where all went well.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn what_a_killed_client_left_is_closed_kept_and_finished_by_a_rerun() {
    let place = Place::new();
    let mut client = Client::start(&place);
    wait_for_lines(&place.workspace().join("pids"), 1).await;
    let run = std::fs::read_to_string(place.workspace().join("run")).expect("submitted");

    // Somebody watches from another process, and sees the end although nobody is left to tell it.
    let viewer = place.viewer().await;
    let channel = viewer.channel();
    let watched = tokio::spawn({
        let run = run.clone();
        async move { follow(&channel, &run, 0, |_| false).await }
    });
    client.kill();
    let events = watched.await.expect("no panic");
    assert_eq!(end_of(&events).0, RunVerdict::Incomplete);
    let mut verdicts: Vec<(u32, i32)> = events
        .iter()
        .filter_map(|event| match &event.fact {
            Some(Fact::SpecDecided(decided)) => Some((decided.spec, decided.verdict)),
            _ => None,
        })
        .collect();
    verdicts.sort_unstable();
    assert_eq!(verdicts[0], (0, SpecVerdict::Passed as i32), "what was recorded is kept: {verdicts:?}");
    viewer.stop(false).await;

    std::fs::write(place.workspace().join("mended"), "").expect("written");
    let mesh = place.mesh(1).await;
    assert!(!pids(&place).iter().any(|pid| lives(pid)), "whoever starts next finds nobody left");
    let again = v1::RerunRequest {
        run,
        failed_only: true,
        submission_id: uuid::Uuid::now_v7().as_bytes().to_vec(),
        ..v1::RerunRequest::default()
    };
    let again = RunServiceClient::new(mesh.channel()).rerun(again).await.expect("accepted").into_inner();
    assert_eq!((again.specs, again.carried), (3, 1));
    let (verdict, summary) = end_of(&follow(&mesh.channel(), &again.run, 0, |_| false).await);
    assert_eq!((verdict, summary.passed, summary.carried, summary.attempts), (RunVerdict::Passed, 4, 1, 3));
    mesh.stop(false).await;
    assert_eq!(place.left_over(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_home_that_cannot_be_used_is_named() {
    let place = Place::new();
    let home = place.home().join("file");
    std::fs::write(&home, "").expect("a file");
    let options = partd::embedded::EmbeddedOptions {
        home,
        slots: None,
        extra_slots: None,
        worker: true,
        program: "x".into(),
    };
    let Err(error) = partd::embedded::Embedded::start(options).await else { panic!("started") };
    assert!(error.to_string().contains("file"), "{error}");
    wait_until("nothing is left", || place.left_over() == [place.home().join("file")]).await;
}
