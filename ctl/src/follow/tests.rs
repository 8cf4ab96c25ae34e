//! The loop against a scripted server.

use super::*;
use crate::exit::Exit;
use crate::mesh::Mesh;
use crate::out::{Capture, Format};
use crate::render::human::Commands;
use crate::render::{Reporter, Verbosity};
use crate::testing::{BEGIN, RUN, Script, Scripted, Step, finish, summary};
use crate::text::Palette;
use crate::view::verdict::{Circumstances, conclude};
use crate::view::{Keep, Own, Submitted};
use part_core::{AttemptVerdict, CancelReason, Output, RunVerdict, SpecVerdict, Timestamp};
use part_proto::v1::{Event, RunInfo};
use std::time::Duration;
use tonic::Status;

/// Tries again at once; the total decides how long.
const fn patience(total: Duration) -> Patience {
    Patience { first: Duration::from_millis(1), longest: Duration::from_millis(2), total }
}

fn steps(events: Vec<Event>) -> Vec<Step> {
    events.into_iter().map(|event| Step::Event(Box::new(event))).collect()
}

struct Told {
    stdout: String,
    stderr: String,
    followed: Followed,
    server: Scripted,
}

impl Told {
    fn exit(&self) -> Exit {
        let circumstances =
            Circumstances { interrupted: self.followed.interrupted, ..Circumstances::default() };
        conclude(&self.followed.view, &Submitted::Unknown, circumstances).exit
    }
}

async fn tell(watches: Vec<Vec<Step>>, blobs: Vec<Vec<u8>>, format: Format, interrupts: &[Exit]) -> Told {
    tell_for(Duration::from_secs(60), watches, blobs, format, interrupts).await
}

async fn tell_for(
    total: Duration,
    watches: Vec<Vec<Step>>,
    blobs: Vec<Vec<u8>>,
    format: Format,
    interrupts: &[Exit],
) -> Told {
    let server = Scripted::start(watches, blobs, Vec::new()).await;
    tell_from(server, total, format, interrupts, false).await
}

/// `own`: this client has submitted the group `mine`, and nothing else.
async fn tell_from(
    (server, mut mesh): (Scripted, Mesh),
    total: Duration,
    format: Format,
    interrupts: &[Exit],
    own: bool,
) -> Told {
    let capture = Capture::default();
    let mut out = capture.out(format, Palette::PLAIN);
    let mut reporter = Reporter::new(&out, Verbosity::Normal, Commands::default(), true);
    let (queue, mut signals) = Signals::scripted();
    for exit in interrupts {
        queue.try_send(*exit).expect("there is room");
    }
    let what = Follow {
        clients: mesh.clients().clone(),
        leader: mesh.clients().clone(),
        run: RUN.to_string(),
        until: None,
        live_after: 0,
        own: own.then(|| Own::of(["mine".to_owned()])),
        on_interrupt: OnInterrupt::Cancel { by: "dev".into() },
        keep: Keep::Failures,
        patience: patience(total),
        clock: || Timestamp(BEGIN),
    };
    let mut followed = follow(what, &mut mesh, &mut signals, &mut out, &mut reporter).await;
    if let Some(own) = &followed.own {
        own.narrow(&mut followed.view);
    }
    let conclusion = conclude(&followed.view, &Submitted::Unknown, Circumstances::default());
    reporter.conclude(&mut out, &followed.view, &conclusion);
    assert!(out.finish().is_ok());
    Told { stdout: capture.stdout(), stderr: capture.stderr(), followed, server }
}

fn small() -> Script {
    Script::new()
        .group("package/admin", 1, &[("e2e/orders.spec.js", Some(4000)), ("e2e/stock.spec.js", None)])
        .sealed()
}

fn flaky_run() -> Vec<Event> {
    small()
        .start(0, 1, 0)
        .start(1, 1, 1)
        .after(820)
        .pass(1, 1)
        .after(3200)
        .fail(0, 1)
        .start(0, 2, 1)
        .after(3900)
        .pass(0, 2)
        .finish(RunVerdict::Passed, summary(2, 2))
        .events()
}

#[tokio::test]
async fn a_run_is_told_for_people() {
    let told = tell(vec![steps(flaky_run())], Vec::new(), Format::Human, &[]).await;
    assert_eq!(told.exit(), Exit::Passed);
    insta::assert_snapshot!(format!("{}--- stderr\n{}", told.stdout, told.stderr));
}

#[tokio::test]
async fn a_run_is_told_for_programs() {
    let told = tell(vec![steps(flaky_run())], Vec::new(), Format::Json, &[]).await;
    assert_eq!(told.stderr, "");
    for line in told.stdout.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        assert_eq!(value["v"], 1);
    }
    insta::assert_snapshot!(told.stdout);
}

#[tokio::test]
async fn a_failure_is_told_with_the_end_of_its_output() {
    let long: String =
        (1..=500).map(|line| format!("line {line} \u{1b}[2J\u{1b}[31mred\u{1b}[0m\n")).collect();
    let mut ended = finish(AttemptVerdict::Crashed, 900);
    ended.message = "the process ended before its report".into();
    ended.exit = Some(part_core::ExitStatus::Signal(11));
    ended.output = Output {
        total_bytes: long.len() as u64,
        dropped_bytes: 0,
        inline: None,
        blob: Some(blake3::hash(long.as_bytes()).to_hex().to_string()),
    };
    let events = small()
        .start(0, 1, 0)
        .end(0, 1, ended, Vec::new())
        .decide(0, SpecVerdict::NotPassed(AttemptVerdict::Crashed))
        .start(1, 1, 1)
        .pass(1, 1)
        .finish(RunVerdict::Failed, summary(2, 1))
        .events();
    let told = tell(vec![steps(events)], vec![long.into_bytes()], Format::Human, &[]).await;
    assert_eq!(told.exit(), Exit::Failed);
    assert!(
        told.stdout.contains("line 441 red\n") && told.stdout.contains("line 500 red\n"),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("line 440 "));
    assert!(told.stdout.contains("ended by signal 11 (SIGSEGV)"));
    assert!(
        told.stdout.contains("end of the output (12.9 kB in all; the rest: partctl logs "),
        "{}",
        told.stdout
    );
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_nothing_comes_twice() {
    let events = flaky_run();
    let mut first = steps(events[..7].to_vec());
    first.push(Step::Fail(Status::unavailable("the daemon is going down")));
    // The second daemon is not there yet, the third repeats what was seen.
    let watches = vec![first, vec![Step::Fail(Status::unavailable("not yet"))], steps(events[3..].to_vec())];
    let whole = tell(vec![steps(events)], Vec::new(), Format::Human, &[]).await;
    let told = tell(watches, Vec::new(), Format::Human, &[]).await;
    assert_eq!(told.exit(), Exit::Passed);
    assert_eq!(told.stdout, whole.stdout);
    assert_eq!(told.server.cursors(), [0, 7, 7]);
    assert!(told.stderr.contains("connection was lost (the daemon is going down)"), "{}", told.stderr);
    assert!(told.stderr.contains("connected again"), "{}", told.stderr);
}

#[tokio::test]
async fn a_gap_is_never_green() {
    let mut events = flaky_run();
    events.remove(6);
    let told = tell(vec![steps(events)], Vec::new(), Format::Human, &[]).await;
    let trouble = told.followed.trouble.as_ref().expect("a gap is trouble");
    assert_eq!(trouble.causes(), ["events of the run are missing: number 8 came after number 6"]);
    assert_eq!(told.exit(), Exit::Mesh);
}

#[tokio::test]
async fn a_daemon_that_stays_away_is_given_up() {
    let short = Duration::from_millis(5);
    let watches = vec![steps(flaky_run()[..5].to_vec())];
    let told = tell_for(short, watches, Vec::new(), Format::Human, &[]).await;
    let trouble = told.followed.trouble.as_ref().expect("it never came back");
    assert_eq!(trouble.to_string(), "cannot follow the run: the script is over");
    assert_eq!(told.exit(), Exit::Mesh);
    assert!(told.server.cursors().len() >= 2);
    // What makes no sense to try again is not tried again.
    let told =
        tell(vec![vec![Step::Fail(Status::not_found("no such run"))]], Vec::new(), Format::Human, &[]).await;
    assert_eq!(told.server.cursors(), [0]);
    assert_eq!(told.exit(), Exit::Mesh);
}

fn cancelled(after: usize) -> Vec<Step> {
    let open = small().start(0, 1, 0).events();
    let seen = open.len();
    let ended = finish(AttemptVerdict::Cancelled, 100);
    let whole = small()
        .start(0, 1, 0)
        .cancel(CancelReason::Requested { by: "dev".into() })
        .end(0, 1, ended, Vec::new())
        .decide(0, SpecVerdict::Cancelled)
        .finish(RunVerdict::Cancelled, summary(2, 0))
        .events();
    let mut script = steps(open);
    script.push(Step::Cancelled(after));
    script.extend(steps(whole[seen..].to_vec()));
    script
}

#[tokio::test]
async fn an_interrupt_cancels_and_follows_to_the_end() {
    let told = tell(vec![cancelled(1)], Vec::new(), Format::Human, &[Exit::Interrupted]).await;
    assert_eq!(told.server.cancels(), [false]);
    assert_eq!(told.exit(), Exit::Interrupted);
    assert!(told.stdout.contains("CANCELLED"), "{}", told.stdout);
    assert!(told.stderr.contains("Ctrl-C again kills"), "{}", told.stderr);
}

#[tokio::test]
async fn a_second_interrupt_kills_and_a_third_leaves() {
    let told =
        tell(vec![cancelled(2)], Vec::new(), Format::Human, &[Exit::Interrupted, Exit::Interrupted]).await;
    let mut cancels = told.server.cancels();
    cancels.sort_unstable();
    assert_eq!(cancels, [false, true]);
    assert_eq!(told.exit(), Exit::Interrupted);

    let mut hanging = steps(small().start(0, 1, 0).events());
    hanging.push(Step::Hang);
    let told = tell(vec![hanging], Vec::new(), Format::Human, &[Exit::Terminated; 3]).await;
    assert!(told.followed.left);
    assert_eq!(told.exit(), Exit::Terminated);
}

/// A run that was opened by others, with the group `mine` joining; the step is its state after that.
fn company() -> Script {
    Script::joinable()
        .group("theirs", 0, &[("theirs.js", None)])
        .sealed()
        .start_on("other", 0, 1, 0, None)
        .joined(8)
        .group("mine", 0, &[("a.js", Some(2000)), ("b.js", None)])
        .sealed()
        .start(1, 1, 0)
        .start(2, 1, 1)
}

fn info(finished_at: Option<u64>, because: &str) -> RunInfo {
    RunInfo { run: RUN.to_string(), open_because: because.into(), finished_at, ..RunInfo::default() }
}

async fn tell_own(events: Vec<Event>, then: Vec<Step>, info: RunInfo, interrupts: &[Exit]) -> Told {
    let mut script = steps(events);
    script.extend(then);
    let server = Scripted::start(vec![script], Vec::new(), vec![info]).await;
    tell_from(server, Duration::from_secs(60), Format::Human, interrupts, true).await
}

#[tokio::test]
async fn a_submit_ends_with_its_own_groups_and_says_what_the_run_waits_for() {
    let events = company().after(500).pass(1, 1).after(100).pass(2, 1).events();
    let told = tell_own(events, vec![Step::Hang], info(None, "waiting 40s for more groups"), &[]).await;
    assert_eq!(told.exit(), Exit::Passed);
    let open = told.followed.open.as_ref().expect("the run goes on");
    assert_eq!(open.words(), "waiting 40s for more groups; 1 spec of group theirs to be decided");
    insta::assert_snapshot!(format!("{}--- stderr\n{}", told.stdout, told.stderr));
}

#[tokio::test]
async fn the_verdict_of_a_submit_is_that_of_its_own_groups() {
    // Others fail: it passes. It fails: others that pass do not help.
    let theirs = company().fail(0, 1).decide(0, SpecVerdict::NotPassed(AttemptVerdict::Failed));
    let events = theirs.pass(1, 1).pass(2, 1).finish(RunVerdict::Failed, summary(3, 2)).events();
    let told = tell_own(events, Vec::new(), info(Some(1), ""), &[]).await;
    assert_eq!((told.exit(), told.followed.open.is_none()), (Exit::Passed, true));
    assert!(!told.stdout.contains("theirs.js"), "{}", told.stdout);

    let mine =
        company().pass(0, 1).pass(1, 1).fail(2, 1).decide(2, SpecVerdict::NotPassed(AttemptVerdict::Failed));
    let told = tell_own(mine.events(), vec![Step::Hang], info(None, ""), &[]).await;
    assert_eq!(told.exit(), Exit::Failed);
    assert_eq!(told.followed.open.as_ref().map(StillOpen::words).as_deref(), Some("it is being closed"));
    assert!(told.stdout.contains("why: 1 of 2 tests failed"), "{}", told.stdout);
}

#[tokio::test]
async fn a_run_that_ends_with_the_own_groups_is_followed_to_its_end() {
    // The end is on its way when the daemon says that the run is finished.
    let alone = || Script::joinable().group("mine", 0, &[("a.js", None)]).sealed().start(0, 1, 0).pass(0, 1);
    let whole = alone().finish(RunVerdict::Passed, summary(1, 1)).events();
    let told = tell_own(whole, Vec::new(), info(Some(1), ""), &[]).await;
    assert_eq!((told.exit(), told.followed.view.finished.is_some()), (Exit::Passed, true));
    assert!(told.stdout.contains("time  4.3s on 2 slots"), "{}", told.stdout);
    // Nobody knows what it waits for: the own result stands all the same.
    let server = Scripted::start(
        vec![[steps(alone().events()), vec![Step::Hang]].into_iter().flatten().collect()],
        Vec::new(),
        Vec::new(),
    )
    .await;
    let told = tell_from(server, Duration::from_secs(60), Format::Human, &[], true).await;
    let open = told.followed.open.as_ref().expect("the run goes on");
    assert_eq!(open.words(), "what the run waits for could not be asked: no such run");
    assert_eq!(told.exit(), Exit::Passed);
}

#[tokio::test]
async fn a_joined_run_that_is_cancelled_is_followed_to_its_end() {
    let ended = finish(AttemptVerdict::Cancelled, 100);
    let events = company()
        .pass(1, 1)
        .cancel(CancelReason::Requested { by: "ci".into() })
        .end(2, 1, ended.clone(), Vec::new())
        .decide(2, SpecVerdict::Cancelled)
        .end(0, 1, ended, Vec::new())
        .decide(0, SpecVerdict::Cancelled)
        .finish(RunVerdict::Cancelled, summary(3, 1))
        .events();
    let told = tell_own(events, Vec::new(), info(None, ""), &[]).await;
    assert_eq!(told.exit(), Exit::Interrupted);
    assert!(told.followed.open.is_none() && told.stdout.contains("cancelled by ci"), "{}", told.stdout);
}

#[tokio::test]
async fn an_interrupt_does_not_stop_the_groups_of_others() {
    let (server, mut mesh) = Scripted::start(
        vec![[steps(company().events()), vec![Step::Hang]].into_iter().flatten().collect()],
        Vec::new(),
        Vec::new(),
    )
    .await;
    let capture = Capture::default();
    let mut out = capture.out(Format::Human, Palette::PLAIN);
    let mut reporter = Reporter::new(&out, Verbosity::Normal, Commands::default(), true);
    let (queue, mut signals) = Signals::scripted();
    let what = Follow {
        clients: mesh.clients().clone(),
        leader: mesh.clients().clone(),
        run: RUN.to_string(),
        own: Some(Own::of(["mine".to_owned()])),
        until: None,
        live_after: 0,
        on_interrupt: OnInterrupt::Cancel { by: "dev".into() },
        keep: Keep::Failures,
        patience: patience(Duration::from_secs(60)),
        clock: || Timestamp(BEGIN),
    };
    let following = follow(what, &mut mesh, &mut signals, &mut out, &mut reporter);
    let interrupt = async {
        // The groups of others are known once the header is told.
        while !capture.stderr_so_far().contains("specs in 2 groups") {
            tokio::task::yield_now().await;
        }
        queue.send(Exit::Interrupted).await.expect("it follows");
    };
    let both = async { tokio::join!(following, interrupt).0 };
    let followed = tokio::time::timeout(Duration::from_secs(60), both).await.expect("it is left");
    assert!(followed.left && followed.interrupted == Some(Exit::Interrupted));
    assert_eq!(server.cancels(), Vec::<bool>::new());
    assert!(capture.stderr().contains("others have groups in this run"), "it says why");
}
