//! What can be asked of a daemon from outside: health, reflection, a second daemon, strange clients.

use crate::common::{end_of, finishes, follow, shell_run, submit};
use crate::partd::{Partd, command};
use part_proto::v1::event::Fact;
use part_proto::v1::{self, mesh_service_client::MeshServiceClient};
use partd::embedded::{Embedded, EmbeddedOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tonic::transport::Channel;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

#[tokio::test]
async fn one_port_answers_http_and_grpc() {
    let home = tempfile::tempdir().expect("home");
    let partd = Partd::start(home.path());
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(http(&partd.address, &get("/healthz")).starts_with("HTTP/1.1 200"));
    assert!(http(&partd.address, &get("/readyz")).ends_with("ready\n"));
    let health = HealthClient::new(partd.channel())
        .check(HealthCheckRequest { service: "part.v1.RunService".to_owned() })
        .await
        .expect("answered");
    assert_eq!(health.into_inner().status(), ServingStatus::Serving);
    let mut mesh = MeshServiceClient::new(partd.channel());
    let workers = mesh.list_workers(v1::ListWorkersRequest {}).await.expect("answered").into_inner().workers;
    assert_eq!((workers.len(), workers[0].slots.len(), workers[0].worker.as_str()), (1, 2, "here"));
    let findings = mesh.doctor(v1::DoctorRequest {}).await.expect("answered").into_inner().findings;
    assert!(findings.iter().all(|finding| finding.level != v1::FindingLevel::Error as i32), "{findings:?}");
}

#[tokio::test]
async fn a_second_daemon_on_one_home_is_refused_by_name() {
    let home = tempfile::tempdir().expect("home");
    let _first = Partd::start(home.path());
    let second = command(home.path()).stderr(Stdio::piped()).output().expect("ran");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success());
    assert!(said.contains("is used by another daemon (process "), "{said}");
}

#[tokio::test]
async fn a_submission_sent_twice_is_one_run() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let partd = Partd::start(home.path());
    let submission = shell_run(workspace.path(), "echo $1 >> witness", &["a", "b"]);
    let run = submit(&partd.channel(), &submission).await;
    assert_eq!(submit(&partd.channel(), &submission).await, run);
    follow(&partd.channel(), &run, 0, |_| false).await;
    // Also after it is finished and out of the leader's memory.
    assert_eq!(submit(&partd.channel(), &submission).await, run);
    let witness = std::fs::read_to_string(workspace.path().join("witness")).expect("ran");
    assert_eq!(witness.lines().count(), 2);
}

#[tokio::test]
async fn cancelling_stops_what_runs_and_what_waits() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let partd = Partd::start(home.path());
    let run = submit(&partd.channel(), &shell_run(workspace.path(), "sleep 600", &["a", "b", "c"])).await;
    follow(&partd.channel(), &run, 0, |fact| matches!(fact, Fact::AttemptStarted(_))).await;
    let cancel = v1::CancelRequest { run: run.clone(), kill: false, by: "a test".to_owned() };
    partd.runs().cancel(cancel).await.expect("accepted");
    let events = follow(&partd.channel(), &run, 0, |_| false).await;
    let (verdict, summary) = end_of(&events);
    assert_eq!((verdict, summary.cancelled), (v1::RunVerdict::Cancelled, 3));
}

#[tokio::test]
async fn specs_get_an_allow_list_of_the_daemons_environment() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut command = command(home.path());
    command.env("SECRET_OF_THE_DAEMON", "x").env("LC_ALL", "C.UTF-8");
    let partd = Partd::from(command, home.path());
    let run = submit(&partd.channel(), &shell_run(workspace.path(), "env", &["a"])).await;
    let events = follow(&partd.channel(), &run, 0, |_| false).await;
    let output = finishes(&events)[0].output.clone().and_then(|output| output.inline).expect("output");
    let has = |name: &str| output.lines().any(|line| line.starts_with(&format!("{name}=")));
    assert!(has("PATH") && has("LC_ALL") && has("PART_SPEC"), "{output}");
    assert!(!has("SECRET_OF_THE_DAEMON") && !has("PARTD_LOG") && !has("CARGO_MANIFEST_DIR"), "{output}");
}

#[tokio::test]
async fn a_home_may_be_named_as_seen_from_here() {
    let (place, workspace) = (tempfile::tempdir().expect("place"), tempfile::tempdir().expect("workspace"));
    let mut command = command(Path::new("data"));
    command.current_dir(place.path());
    let partd = Partd::from(command, &place.path().join("data"));
    let run = submit(&partd.channel(), &shell_run(workspace.path(), "true", &["a"])).await;
    let (verdict, _) = end_of(&follow(&partd.channel(), &run, 0, |_| false).await);
    assert_eq!(verdict, v1::RunVerdict::Passed);
}

#[tokio::test]
async fn a_daemon_and_an_embedded_mesh_share_a_home_and_no_slot() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let slots = async |channel: &Channel| -> Vec<u32> {
        let workers = MeshServiceClient::new(channel.clone()).list_workers(v1::ListWorkersRequest {}).await;
        let workers = workers.expect("answered").into_inner().workers;
        workers.iter().flat_map(|worker| worker.slots.iter().map(|slot| slot.slot)).collect()
    };
    let options = || EmbeddedOptions {
        home: home.path().to_owned(),
        slots: Some(1),
        extra_slots: Some(0),
        worker: true,
        program: env!("CARGO_BIN_EXE_partd").into(),
    };
    let first = Embedded::start(options()).await.expect("a mesh");
    let partd = Partd::start(home.path());
    let second = Embedded::start(options()).await.expect("a mesh");
    let taken =
        [slots(&first.channel()).await, slots(&partd.channel()).await, slots(&second.channel()).await];
    assert_eq!(taken, [vec![0], vec![1, 2], vec![3]]);
    for channel in [first.channel(), partd.channel(), second.channel()] {
        let run = submit(&channel, &shell_run(workspace.path(), "true", &["a"])).await;
        assert_eq!(end_of(&follow(&channel, &run, 0, |_| false).await).0, v1::RunVerdict::Passed);
    }
    first.stop(false).await;
    second.stop(false).await;
}

#[tokio::test]
async fn requirements_that_nobody_meets_are_refused_with_the_reason() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let partd = Partd::start(home.path());
    let mut submission = shell_run(workspace.path(), "true", &["a"]);
    let requirement = "label.nonsense".parse().expect("a requirement");
    submission.groups[0].requirements = part_core::Requirements::new(vec![requirement]);
    let messages = tokio_stream::iter(part_proto::convert::submission_to_wire(&submission));
    let refused = partd.runs().submit(messages).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("label.nonsense"), "{}", refused.message());
}

#[tokio::test]
async fn garbage_and_silence_do_not_disturb_others() {
    let home = tempfile::tempdir().expect("home");
    let partd = Partd::start(home.path());
    let mut garbage = TcpStream::connect(&partd.address).expect("connected");
    garbage.write_all(&[0xff; 4096]).expect("sent");
    let _silent: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(&partd.address).expect("connected")).collect();
    let wrong = v1::WatchRequest { run: "run_nonsense".to_owned(), after: 0 };
    let refused = partd.runs().watch(wrong).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    let empty = partd.runs().submit(tokio_stream::iter([])).await.expect_err("refused");
    assert_eq!(empty.code(), tonic::Code::InvalidArgument);
    let status =
        MeshServiceClient::new(partd.channel()).status(v1::StatusRequest {}).await.expect("answered");
    assert_eq!(status.into_inner().open_runs, 0);
}

/// Processes whose command line names `home`.
fn processes_of(home: &std::path::Path) -> Vec<String> {
    let home = home.to_str().expect("a plain path");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(home)).collect()
}

#[tokio::test]
async fn a_daemon_that_ended_with_nothing_to_do_leaves_no_process() {
    let (home, workspace) = (tempfile::tempdir().expect("home"), tempfile::tempdir().expect("workspace"));
    let mut partd = Partd::start(home.path());
    let run = submit(&partd.channel(), &shell_run(workspace.path(), "true", &["a", "b"])).await;
    follow(&partd.channel(), &run, 0, |_| false).await;
    assert!(!processes_of(home.path()).is_empty(), "the daemon and its shims");
    assert!(partd.terminate().await.success());
    assert_eq!(processes_of(home.path()), Vec::<String>::new());
}
