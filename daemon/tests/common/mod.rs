//! What the tests of embedded meshes and of real daemons share: shell specs, and following a run.

use part_core::{
    GroupPolicy, GroupSubmission, Recipe, Requirements, RunPolicy, Source, SpecSubmission, Submission,
    SubmissionId, Workspace,
};
use part_proto::convert::submission_to_wire;
use part_proto::v1::{self, event::Fact, run_service_client::RunServiceClient};
use std::path::Path;
use std::time::{Duration, Instant};
use tonic::transport::Channel;

/// Longer than anything here takes on a crowded machine; a test that gets there has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A run of specs of one command in one group; each gets its name as `{spec}`.
pub(crate) fn run_of(workspace: &Path, command: &[&str], specs: &[&str]) -> Submission {
    let spec = |name: &&str| SpecSubmission {
        name: (*name).to_owned(),
        size_bytes: 0,
        history: Vec::new(),
        expected_tests: None,
        carried: None,
        ..part_core::SpecSubmission::default()
    };
    Submission {
        id: SubmissionId(uuid::Uuid::now_v7().as_u128()),
        project: "test".to_owned(),
        // One that nobody had before: an earlier attempt's passes would stand for its specs.
        build: uuid::Uuid::now_v7().to_string(),
        source: Source::default(),
        workspace: Workspace::InPlace(workspace.display().to_string()),
        policy: RunPolicy::default(),
        content: None,
        groups: vec![GroupSubmission {
            label: "all".to_owned(),
            suite: "main".to_owned(),
            requirements: Requirements::default(),
            policy: GroupPolicy { retries: 0, ..GroupPolicy::default() },
            recipe: Recipe::of_command(command.iter().map(|word| (*word).to_owned()).collect()),
            specs: specs.iter().map(spec).collect(),
            overhead: None,
        }],
        joining: part_core::Joining::Never,
        past: Vec::new(),
        run_all: false,
    }
}

/// A run of shell specs; each has its name as `$1`.
pub(crate) fn shell_run(workspace: &Path, script: &str, specs: &[&str]) -> Submission {
    // A brace of the shell's is no placeholder.
    let script = script.replace('{', "{{").replace('}', "}}");
    run_of(workspace, &["sh", "-c", &script, "sh", "{spec}"], specs)
}

/// Submits a run; gives its id.
pub(crate) async fn submit(channel: &Channel, submission: &Submission) -> String {
    let messages = tokio_stream::iter(submission_to_wire(submission));
    RunServiceClient::new(channel.clone()).submit(messages).await.expect("accepted").into_inner().run
}

/// A run's events from a cursor until `enough`, or its end.
pub(crate) async fn follow(
    channel: &Channel,
    run: &str,
    after: u64,
    mut enough: impl FnMut(&Fact) -> bool,
) -> Vec<v1::Event> {
    let request = v1::WatchRequest { run: run.to_owned(), after };
    let follow = async {
        let mut client = RunServiceClient::new(channel.clone());
        let mut stream = client.watch(request).await.expect("watched").into_inner();
        let mut events = Vec::new();
        while let Some(event) = stream.message().await.expect("an event") {
            let done = event.fact.as_ref().is_some_and(&mut enough);
            events.push(event);
            if done {
                break;
            }
        }
        events
    };
    tokio::time::timeout(PATIENCE, follow).await.expect("in time")
}

/// How a run ended that was followed to its end.
pub(crate) fn end_of(events: &[v1::Event]) -> (v1::RunVerdict, v1::RunSummary) {
    match events.last().and_then(|event| event.fact.as_ref()) {
        Some(Fact::RunFinished(finished)) => (finished.verdict(), finished.summary.clone().expect("figures")),
        other => panic!("the last event is {other:?}"),
    }
}

/// The ends of the attempts among events, in order.
pub(crate) fn finishes(events: &[v1::Event]) -> Vec<v1::Finish> {
    let finish = |event: &v1::Event| match &event.fact {
        Some(Fact::AttemptFinished(finished)) => finished.finish.clone(),
        _ => None,
    };
    events.iter().filter_map(finish).collect()
}

/// Waits until something holds.
pub(crate) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a file holds at least so many lines.
pub(crate) async fn wait_for_lines(file: &Path, lines: usize) {
    let count = || std::fs::read_to_string(file).unwrap_or_default().lines().count();
    wait_until(&format!("{lines} lines in {}", file.display()), || count() >= lines).await;
}

/// True while a process lives.
pub(crate) fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // A zombie is not alive: somebody just has not asked for its end yet.
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}
