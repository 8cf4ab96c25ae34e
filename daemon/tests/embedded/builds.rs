//! Builds: submissions that join one run, further attempts that run what is left, plans and reports.

use crate::common::{end_of, follow, shell_run};
use crate::mesh::Place;
use part_core::{Expect, Joining, Submission, SubmissionId};
use part_proto::convert::submission_to_wire;
use part_proto::v1::run_service_client::RunServiceClient;
use part_proto::v1::{self, RunVerdict, plan_request::Part};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Passes unless there is a file of the spec's name with `bad-` in front; notes that it ran.
const SCRIPT: &str = r#"echo "$1" >> ran; [ ! -e "bad-$1" ]"#;

fn of_build(place: &Place, label: &str, joining: Joining, specs: &[&str]) -> Submission {
    let mut submission = shell_run(place.workspace(), SCRIPT, specs);
    submission.build = "pipeline/7".to_owned();
    submission.joining = joining;
    submission.groups[0].label = label.to_owned();
    submission
}

async fn submitted(channel: &Channel, submission: &Submission) -> Result<v1::SubmitResponse, Status> {
    let messages = tokio_stream::iter(submission_to_wire(submission));
    Ok(RunServiceClient::new(channel.clone()).submit(messages).await?.into_inner())
}

/// What ran since it was last asked, sorted.
fn ran(place: &Place) -> Vec<String> {
    let file = place.workspace().join("ran");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, "").expect("a file");
    let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
    names.sort();
    names
}

async fn ended(channel: &Channel, run: &str) -> RunVerdict {
    end_of(&follow(channel, run, 0, |_| false).await).0
}

#[tokio::test]
async fn two_submissions_join_and_the_next_attempt_runs_what_failed() {
    let place = Place::new();
    let mesh = place.mesh(2).await;
    let channel = mesh.channel();
    let bad = place.workspace().join("bad-b");
    std::fs::write(&bad, "").expect("a file");

    // The first waits for the second, which comes from another job.
    let mut one = of_build(&place, "one", Joining::Current, &["a", "b"]);
    one.policy.expect = Some(Expect::Count(2));
    let two = of_build(&place, "two", Joining::Current, &["a", "c"]);
    let first = submitted(&channel, &one).await.expect("accepted");
    assert_eq!((first.attempt, first.joined, first.specs, first.carried), (1, false, 2, 0));
    let joined = submitted(&channel, &two).await.expect("accepted");
    assert_eq!((&joined.run, joined.joined, joined.new, joined.attempt), (&first.run, true, true, 1));
    assert_eq!(ended(&channel, &first.run).await, RunVerdict::Failed);
    assert_eq!(ran(&place), ["a", "a", "b", "c"]);

    // The same number again, with what it stood for and with something else.
    let again = submitted(&channel, &two).await.expect("accepted");
    assert_eq!((&again.run, again.new, again.joined, again.specs), (&first.run, false, true, 2));
    let other = Submission { id: two.id, ..of_build(&place, "other", Joining::Current, &["a"]) };
    assert_eq!(submitted(&channel, &other).await.expect_err("other content").code(), Code::AlreadyExists);

    // The second attempt: only what failed runs, once that is mended.
    std::fs::remove_file(&bad).expect("mended");
    let fresh = |submission: &Submission| Submission {
        id: SubmissionId(uuid::Uuid::now_v7().as_u128()),
        ..submission.clone()
    };
    let one = Submission { policy: Default::default(), ..fresh(&one) };
    let second = submitted(&channel, &one).await.expect("accepted");
    assert_eq!((second.attempt, second.joined, second.specs, second.carried), (2, false, 1, 1));
    assert_eq!((&second.carried_from, second.all_again), (&first.run, false));
    assert_eq!(ended(&channel, &second.run).await, RunVerdict::Passed);
    assert_eq!(ran(&place), ["b"]);
    let again = submitted(&channel, &one).await.expect("accepted");
    assert_eq!((again.new, again.specs, again.carried, again.carried_from), (false, 1, 1, first.run.clone()));

    // The third has nothing left to do, so all of it runs again; and so it does when it is told to.
    let third = submitted(&channel, &fresh(&one)).await.expect("accepted");
    assert_eq!((third.attempt, third.specs, third.carried, third.all_again), (3, 2, 0, true));
    assert_eq!(ended(&channel, &third.run).await, RunVerdict::Passed);
    assert_eq!(ran(&place), ["a", "b"]);
    let all = Submission { run_all: true, joining: Joining::Never, ..fresh(&one) };
    let fourth = submitted(&channel, &all).await.expect("accepted");
    assert_eq!((fourth.attempt, fourth.specs, fourth.all_again), (4, 2, false));
    assert_eq!(ended(&channel, &fourth.run).await, RunVerdict::Passed);
    assert_eq!(ran(&place), ["a", "b"]);

    let mut runs = RunServiceClient::new(channel.clone());
    let list = v1::ListRunsRequest { build: "pipeline/7".to_owned(), ..Default::default() };
    let listed = runs.list_runs(list).await.expect("answered").into_inner().runs;
    assert_eq!(listed.iter().map(|run| run.attempt).collect::<Vec<_>>(), [4, 3, 2, 1]);
    let source = listed[2].source.clone().expect("a source");
    assert_eq!(source.rerun_of, first.run, "the ledger says which attempt came before");
    let get = v1::GetRunRequest { run: first.run.clone() };
    let info = runs.get_run(get).await.expect("found").into_inner().run.expect("a run");
    assert_eq!(info.groups, ["one", "two"]);
    mesh.stop(false).await;
}

#[tokio::test]
async fn an_open_run_says_what_it_waits_for_and_a_joined_one_runs_again() {
    let place = Place::new();
    let other = Place::new();
    let mesh = place.mesh(2).await;
    let channel = mesh.channel();
    let mut one = of_build(&place, "one", Joining::Current, &["a", "b"]);
    one.policy.expect = Some(Expect::Labels(vec!["one".to_owned(), "two".to_owned()]));
    std::fs::write(place.workspace().join("bad-b"), "").expect("a file");
    let first = submitted(&channel, &one).await.expect("accepted");
    let decided = |fact: &v1::event::Fact| matches!(fact, v1::event::Fact::SpecDecided(_));
    let mut left = 2;
    follow(&channel, &first.run, 0, |fact| {
        left -= i32::from(decided(fact));
        left == 0
    })
    .await;
    let mut runs = RunServiceClient::new(channel.clone());
    let get = v1::GetRunRequest { run: first.run.clone() };
    let info = runs.get_run(get).await.expect("found").into_inner().run.expect("a run");
    assert!(info.open_because.contains("two"), "{}", info.open_because);

    // The second group has files of its own; both run again in theirs, as one run.
    let two = of_build(&other, "two", Joining::Current, &["x"]);
    submitted(&channel, &two).await.expect("accepted");
    assert_eq!(ended(&channel, &first.run).await, RunVerdict::Failed);
    std::fs::remove_file(place.workspace().join("bad-b")).expect("mended");
    ran(&place);
    ran(&other);
    let rerun = v1::RerunRequest {
        run: first.run.clone(),
        failed_only: false,
        submission_id: uuid::Uuid::now_v7().as_bytes().to_vec(),
        build: String::new(),
    };
    let again = runs.rerun(rerun.clone()).await.expect("accepted").into_inner();
    assert_eq!((again.attempt, again.specs, again.new), (2, 3, true));
    assert_eq!(ended(&channel, &again.run).await, RunVerdict::Passed);
    assert_eq!((ran(&place), ran(&other)), (vec!["a".to_owned(), "b".to_owned()], vec!["x".to_owned()]));
    let repeated = runs.rerun(rerun).await.expect("accepted").into_inner();
    assert_eq!((&repeated.run, repeated.new, repeated.specs), (&again.run, false, 3));

    let report = v1::ReportRequest { run: again.run.clone() };
    let report = runs.report(report).await.expect("a report").into_inner();
    assert_eq!(report.shares.len(), 3, "each group, and the whole run");
    assert!(!report.chain.is_empty() && report.summary.is_some());
    mesh.stop(false).await;
}

async fn planned(channel: &Channel, slots: u32, submission: &Submission) -> Result<v1::PlanResponse, Status> {
    let options = Part::Options(v1::PlanOptions { slots });
    let submission = submission_to_wire(submission).into_iter().map(Part::Submit);
    let parts = std::iter::once(options).chain(submission);
    let messages: Vec<_> = parts.map(|part| v1::PlanRequest { part: Some(part) }).collect();
    Ok(RunServiceClient::new(channel.clone()).plan(tokio_stream::iter(messages)).await?.into_inner())
}

#[tokio::test]
async fn a_plan_says_what_would_run_and_runs_nothing() {
    let place = Place::new();
    let mesh = place.mesh(2).await;
    let channel = mesh.channel();
    let submission = of_build(&place, "one", Joining::Current, &["a", "b", "c"]);
    let fresh = |id: u128| Submission { id: SubmissionId(id), ..submission.clone() };
    let plan = planned(&channel, 3, &submission).await.expect("a plan");
    assert_eq!((plan.attempts.len(), plan.slots, plan.unknown, plan.carried), (3, 3, 3, 0));
    assert!(plan.attempts.iter().all(|attempt| attempt.start_ms == 0 && attempt.unknown));
    assert_eq!(plan.what_if.iter().map(|one| one.slots).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32]);
    assert_eq!(ran(&place), Vec::<String>::new());

    std::fs::write(place.workspace().join("bad-b"), "").expect("a file");
    let run = submitted(&channel, &fresh(1)).await.expect("accepted").run;
    assert_eq!(ended(&channel, &run).await, RunVerdict::Failed);
    let plan = planned(&channel, 0, &fresh(2)).await.expect("a plan for the mesh");
    let specs: Vec<&str> = plan.attempts.iter().map(|attempt| attempt.spec.as_str()).collect();
    assert_eq!((specs, plan.slots, plan.carried, plan.unknown), (vec!["b"], 2, 2, 0));

    let mut odd = fresh(3);
    odd.groups[0].requirements = part_core::Requirements::new(vec!["label.gpu".parse().expect("one")]);
    let refused = planned(&channel, 0, &odd).await.expect_err("nobody can run it");
    assert!(refused.message().contains("label.gpu"), "{refused}");
    assert_eq!(planned(&channel, 1, &odd).await.expect("somebody could").attempts.len(), 1);
    let refused = planned(&channel, 1 << 30, &odd).await.expect_err("too many slots");
    assert_eq!(refused.code(), Code::InvalidArgument);
    mesh.stop(false).await;
}
