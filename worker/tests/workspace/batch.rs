//! Several specs in one process: a stand-in for a framework that writes a journal and a report.

use crate::leader::PATIENCE;
use crate::world::{World, attempt};
use part_core::{
    AttemptOrder, AttemptVerdict, CancelMode, Command, Finish, LostCause, Millis, ReportFormat, ReportPlace,
    ReportSource, SlotId, StartOrder, Workspace,
};
use std::sync::Arc;

/// What the stand-in does for each spec: says in the journal that it begins, does what the spec's file says, says that
/// it is over; and at its end writes the whole report.
const FRAMEWORK: &str = r#"
report=$1; shift
tests=""
for spec in "$@"; do
  echo "{\"event\":\"begin\",\"spec\":\"$spec\",\"at\":$(date +%s%3N)}" >> "$PART_JOURNAL"
  took=0
  . "./$spec"
  file="{\"name\":\"$spec\",\"assertionResults\":[{\"title\":\"t\",\"status\":\"$status\",\"duration\":$took}]}"
  escaped=$(printf '%s' "{\"testResults\":[$file]}" | sed 's/"/\\"/g')
  echo "{\"event\":\"end\",\"spec\":\"$spec\",\"format\":\"jest-json\",\"report\":\"$escaped\"}" >> "$PART_JOURNAL"
  tests="$tests${tests:+,}$file"
done
echo "ran $*"
echo "{\"testResults\":[$tests]}" > "$report"
case $tests in *failed*) exit 1 ;; esac
"#;

/// An order for these specs together.
fn order(
    world: &World,
    workspace: &Workspace,
    slot: u32,
    specs: &[&str],
    limit: Option<Millis>,
) -> StartOrder {
    let attempt_of = |(number, spec): (u32, &&str)| {
        let mut order = world.script(1, number, "");
        let recipe = Arc::make_mut(&mut order.recipe);
        recipe.batch = ["sh", "framework", "{report}", "{specs}"].map(str::to_owned).to_vec();
        recipe.command = recipe.batch.clone();
        recipe.report =
            ReportSource { format: ReportFormat::JestJson, place: ReportPlace::File("{report}".to_owned()) };
        recipe.grace = Millis(100);
        AttemptOrder { spec: (*spec).into(), timeout: limit, ..order }
    };
    let attempts = (0..).zip(specs).map(attempt_of).collect();
    StartOrder { slot: SlotId(slot), workspace: workspace.clone(), attempts, cpus: None }
}

const FILES: &[(&str, &str)] = &[
    ("framework", FRAMEWORK),
    ("good", "status=passed; took=4; echo \"good $PPID\" >> \"$WITNESS\""),
    ("also", "status=passed; took=1"),
    ("bad", "status=failed"),
    ("dies", "kill -9 $$"),
    ("waits", "status=passed; echo waits >> \"$WITNESS\"; mkfifo fifo; read go < fifo"),
];

async fn ends(world: &World, count: u32) -> Vec<Finish> {
    let mut ends = Vec::new();
    for spec in 0..count {
        ends.push(world.leader.end(attempt(1, spec)).await);
    }
    ends
}

fn verdicts(ends: &[Finish]) -> Vec<(AttemptVerdict, Option<LostCause>)> {
    ends.iter().map(|end| (end.verdict, end.lost)).collect()
}

const PASSED: (AttemptVerdict, Option<LostCause>) = (AttemptVerdict::Passed, None);
const AGAIN: (AttemptVerdict, Option<LostCause>) = (AttemptVerdict::Lost, Some(LostCause::BatchEnded));

/// Waits until a spec that waits does so.
async fn waits(world: &World) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while !world.seen().iter().any(|line| line == "waits") {
        assert!(tokio::time::Instant::now() < until, "{:?}", world.seen());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_of_several_specs_has_an_end_of_its_own() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    let introduced = world.leader.introduction().await;
    assert_eq!(introduced.capabilities.0.get("part.batch").map(String::as_str), Some("1"));
    assert_eq!(introduced.capabilities.0.get("part.select").map(String::as_str), Some("1"));
    world.leader.say(Command::Start(order(&world, &workspace, 0, &["good", "bad", "also"], None))).await;
    let ends = ends(&world, 3).await;
    assert_eq!(verdicts(&ends), [PASSED, (AttemptVerdict::Failed, None), PASSED], "{ends:#?}");
    for (spec, end) in (0..).zip(&ends) {
        world.leader.started(attempt(1, spec)).await;
        assert_eq!(end.output.inline.as_deref(), Some("ran good bad also\n"));
        assert_eq!(end.tests.total(), 1);
    }
    // Each has its own tests' time, and the same share of the rest.
    assert_eq!(ends.iter().map(|end| end.timing.tests.0).collect::<Vec<_>>(), [4, 0, 1]);
    let rest: Vec<u64> = ends.iter().map(|end| end.timing.run.0 - end.timing.tests.0).collect();
    assert!(rest.iter().all(|share| (rest[2]..=rest[2] + 1).contains(share)), "{ends:#?}");
    assert_eq!(world.seen().len(), 1, "one process");
    // Their folder goes with the last of them.
    let until = tokio::time::Instant::now() + PATIENCE;
    while std::fs::read_dir(world.home().join("attempts")).expect("a folder").next().is_some() {
        assert!(tokio::time::Instant::now() < until);
        tokio::task::yield_now().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_crash_is_the_fault_of_the_spec_that_ran() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    world
        .leader
        .say(Command::Start(order(&world, &workspace, 0, &["good", "bad", "dies", "also"], None)))
        .await;
    let ends = ends(&world, 4).await;
    let crashed = (AttemptVerdict::Crashed, None);
    assert_eq!(verdicts(&ends), [PASSED, (AttemptVerdict::Failed, None), crashed, AGAIN], "{ends:#?}");
    world.stop().await;
}

#[tokio::test]
async fn a_spec_uses_up_nobody_elses_time() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    let limit = Some(Millis::seconds(2));
    let specs = ["good", "waits", "also", "bad", "bad", "bad", "bad", "bad", "bad", "bad"];
    let begun = tokio::time::Instant::now();
    world.leader.say(Command::Start(order(&world, &workspace, 0, &specs, limit))).await;
    let ends = ends(&world, 10).await;
    let late = (AttemptVerdict::TimedOut, None);
    assert_eq!(verdicts(&ends)[..3], [PASSED, late, AGAIN], "{ends:#?}");
    assert_eq!(ends[1].message, "stopped after its time limit of 2.0s");
    // Together they may take 20 s.
    assert!(begun.elapsed().as_secs() < 18, "{:?}", begun.elapsed());
    world.stop().await;
}

#[tokio::test]
async fn who_is_cancelled_stops_the_others_who_go_again() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    world.leader.say(Command::Start(order(&world, &workspace, 0, &["good", "waits", "also"], None))).await;
    waits(&world).await;
    world.leader.say(Command::Cancel { attempt: attempt(1, 2), mode: CancelMode::Graceful }).await;
    let ends = ends(&world, 3).await;
    assert_eq!(verdicts(&ends), [PASSED, AGAIN, (AttemptVerdict::Cancelled, None)], "{ends:#?}");
    world.stop().await;
}

#[tokio::test]
async fn several_specs_outlive_their_worker_together() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    world.leader.say(Command::Start(order(&world, &workspace, 0, &["good", "waits", "bad"], None))).await;
    waits(&world).await;
    world.stop().await;
    world.start().await;
    world.leader.started(attempt(1, 2)).await;
    let fifo = std::fs::read_dir(world.home().join("workspaces")).expect("a folder");
    let fifo =
        fifo.filter_map(Result::ok).map(|place| place.path().join("tree/fifo")).find(|fifo| fifo.exists());
    let fifo = fifo.expect("it waits");
    let write = tokio::task::spawn_blocking(move || std::fs::write(fifo, "go\n"));
    write.await.expect("no panic").expect("it waits for this");
    let ends = ends(&world, 3).await;
    assert_eq!(verdicts(&ends), [PASSED, PASSED, (AttemptVerdict::Failed, None)], "{ends:#?}");
    world.stop().await;
}

#[tokio::test]
async fn who_cannot_share_a_process_runs_one_after_the_other() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    let mut order = order(&world, &workspace, 0, &["good", "dies", "good"], None);
    for attempt in &mut order.attempts {
        let recipe = Arc::make_mut(&mut attempt.recipe);
        recipe.batch.clear();
        recipe.env.insert("PART_JOURNAL".to_owned(), "/dev/null".to_owned());
    }
    world.leader.say(Command::Start(order)).await;
    let ends = ends(&world, 3).await;
    assert_eq!(verdicts(&ends), [PASSED, (AttemptVerdict::Crashed, None), PASSED], "{ends:#?}");
    world.stop().await;
}
