//! Several meshes in one home, at once and one after the other.

use crate::common::{end_of, follow, shell_run, submit};
use crate::mesh::Place;
use part_proto::v1::{
    self, RunVerdict, mesh_service_client::MeshServiceClient, run_service_client::RunServiceClient,
};
use std::collections::BTreeSet;
use std::path::PathBuf;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_meshes_at_once_share_a_home_and_no_slot() {
    let place = Place::new();
    // Each spec holds a folder by the name of its slot while it runs.
    let script = r#"mkdir "slot-$PART_SLOT" && echo "$PART_SLOT $1" >> slots && rmdir "slot-$PART_SLOT""#;
    let names: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (first, second) = tokio::join!(place.mesh(2), place.mesh(2));
    let one = async |mesh: &partd::embedded::Embedded| {
        let run = submit(&mesh.channel(), &shell_run(place.workspace(), script, &names)).await;
        end_of(&follow(&mesh.channel(), &run, 0, |_| false).await).0
    };
    let verdicts = tokio::join!(one(&first), one(&second));
    assert_eq!(verdicts, (RunVerdict::Passed, RunVerdict::Passed));
    let slots = std::fs::read_to_string(place.workspace().join("slots")).expect("ran");
    assert_eq!(slots.lines().count(), 40);
    let slots: BTreeSet<&str> = slots.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(slots.is_subset(&BTreeSet::from(["0", "1", "2", "3"])), "{slots:?}");
    tokio::join!(first.stop(false), second.stop(false));
    assert_eq!(place.left_over(), Vec::<PathBuf>::new());

    let next = place.mesh(1).await;
    let workers = MeshServiceClient::new(next.channel()).list_workers(v1::ListWorkersRequest {}).await;
    assert_eq!(workers.expect("answered").into_inner().workers[0].slots[0].slot, 0, "numbers are used again");
    next.stop(false).await;
}

#[tokio::test]
async fn a_viewer_reads_what_others_run_and_leads_nothing() {
    let place = Place::new();
    let mesh = place.mesh(1).await;
    let script = "while [ ! -e go ]; do sleep 0.02; done";
    let run = submit(&mesh.channel(), &shell_run(place.workspace(), script, &["a"])).await;
    let viewer = place.viewer().await;
    let mut runs = RunServiceClient::new(viewer.channel());
    let info = runs.get_run(v1::GetRunRequest { run: run.clone() }).await.expect("found").into_inner().run;
    let info = info.expect("a run");
    assert!(!info.abandoned && info.led_at.ends_with("sock"), "{info:?}");
    let messages = part_proto::convert::submission_to_wire(&shell_run(place.workspace(), "true", &["a"]));
    let refused = runs.submit(tokio_stream::iter(messages)).await.expect_err("refused");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);

    // The process that leads it takes what the viewer may not.
    let leader = partd::embedded::connect(info.led_at.into());
    let channel = viewer.channel();
    let (events, ()) = tokio::join!(follow(&channel, &run, 0, |_| false), async {
        let cancel = v1::CancelRequest { run: run.clone(), kill: false, by: "a test".to_owned() };
        RunServiceClient::new(leader.clone()).cancel(cancel).await.expect("accepted");
    });
    assert_eq!(end_of(&events).0, RunVerdict::Cancelled);
    viewer.stop(false).await;
    drop(leader);
    mesh.stop(false).await;
    assert_eq!(place.left_over(), Vec::<PathBuf>::new());
}
