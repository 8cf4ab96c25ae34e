use super::*;
use crate::{
    AttemptVerdict, GroupPolicy, GroupSubmission, Joining, Millis, Recipe, Record, Refusal, Requirements,
    RunId, RunPolicy, RunVerdict, Source, SpecSubmission, Submission, SubmissionId, Timestamp, Workspace,
};

fn submission(number: u128, specs: &[&str], policy: GroupPolicy) -> Submission {
    let spec = |name: &&str| SpecSubmission { name: (*name).to_owned(), ..SpecSubmission::default() };
    let group = GroupSubmission {
        label: "all".to_owned(),
        suite: "all".to_owned(),
        requirements: Requirements::default(),
        policy,
        recipe: Recipe::of_command(vec!["true".to_owned()]),
        overhead: None,
        specs: specs.iter().map(spec).collect(),
    };
    Submission {
        id: SubmissionId(number),
        project: "shop".to_owned(),
        build: number.to_string(),
        joining: Joining::Never,
        past: Vec::new(),
        run_all: false,
        source: Source::default(),
        workspace: Workspace::InPlace("/srv/shop".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        groups: vec![group],
    }
}

fn plain(number: u128, specs: &[&str]) -> Submission {
    submission(number, specs, GroupPolicy::default())
}

#[test]
fn what_runs_where_and_when_is_noted() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.worker(VirtualWorker::new("w", 2)).submit(Timestamp(500), plain(1, &["a", "b", "c"]));
    let played =
        rehearsal.play(|begun| Act::passes(Millis(begun.order.spec.len() as u64 * 1000))).expect("ends");
    let places: Vec<_> =
        played.placements.iter().map(|p| (p.spec.as_ref(), p.slot.0, p.start.0, p.end.0)).collect();
    assert_eq!(places, [("a", 0, 500, 1500), ("b", 1, 500, 1500), ("c", 0, 1500, 2500)]);
    assert_eq!((played.makespan(), played.runs.len()), (Millis(2000), 1));
    assert_eq!((played.runs[0].verdict, played.runs[0].response()), (RunVerdict::Passed, Millis(2000)));
    assert_eq!(played.of_run(RunId(1)).len(), 3);
}

#[test]
fn the_same_rehearsal_gives_the_same_result() {
    let play = || {
        let mut rehearsal = Rehearsal::new();
        rehearsal.worker(VirtualWorker::new("w", 3)).worker(VirtualWorker::new("v", 2)).keep_entries();
        rehearsal.submit(Timestamp(0), plain(1, &["a", "b", "c", "d", "e", "f"]));
        rehearsal.submit(Timestamp(10), plain(2, &["g", "h"]));
        rehearsal
            .play(|begun| Act::passes(Millis(100 + u64::from(begun.order.attempt.spec.0))))
            .expect("ends")
    };
    let (one, other) = (play(), play());
    assert_eq!(one, other);
    assert_eq!(one.entries.len(), one.records);
}

#[test]
fn a_fast_worker_takes_less_and_overhead_comes_once_per_process() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.worker(VirtualWorker { speed: 2.0, ..VirtualWorker::new("w", 1) });
    rehearsal.overhead(|_, _| Millis(3000)).submit(Timestamp(0), plain(1, &["a", "b"])).keep_entries();
    let played = rehearsal.play(|_| Act::passes(Millis(1000))).expect("ends");
    assert_eq!(played.makespan(), Millis(4000));
    let timings = played.entries.iter().filter_map(|entry| {
        let Record::AttemptFinished { finish, .. } = &entry.record else { return None };
        Some((finish.timing.run.0, finish.timing.tests.0))
    });
    assert_eq!(timings.collect::<Vec<_>>(), [(2000, 500), (2000, 500)]);
}

#[test]
fn who_computes_shares_the_cpus_and_who_waits_does_not() {
    let takes = |cpu: f64| {
        let mut rehearsal = Rehearsal::new();
        rehearsal.worker(VirtualWorker { cpus: 2, ..VirtualWorker::new("w", 4) });
        rehearsal.submit(Timestamp(0), plain(1, &["a", "b", "c", "d"]));
        let act = |_: Begun<'_>| Act { cpu, ..Act::passes(Millis(1000)) };
        rehearsal.play(act).expect("ends").makespan()
    };
    assert_eq!((takes(0.0), takes(0.5), takes(1.0)), (Millis(1000), Millis(1000), Millis(2000)));
    // Three quarters of a second of computing becomes one and a quarter with four of them on two CPUs: then each uses
    // 0.75 of 1.5 seconds, and together they use two.
    assert_eq!(takes(0.75), Millis(1500));
}

#[test]
fn shorter_company_gives_the_cpus_back() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.worker(VirtualWorker { cpus: 1, ..VirtualWorker::new("w", 2) });
    rehearsal.submit(Timestamp(0), plain(1, &["a", "bb"]));
    let played = rehearsal
        .play(|begun| Act { cpu: 1.0, ..Act::passes(Millis(begun.order.spec.len() as u64 * 1000)) })
        .expect("ends");
    let ends: Vec<_> = played.placements.iter().map(|placement| placement.end.0).collect();
    assert_eq!(ends, [2000, 3000]);
}

#[test]
fn attempts_fail_time_out_and_go_again() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.worker(VirtualWorker::new("w", 1));
    let mut submission = submission(1, &["a", "b"], GroupPolicy { retries: 1, ..GroupPolicy::default() });
    submission.groups[0].recipe.timeout = Some(Millis(700));
    rehearsal.submit(Timestamp(0), submission);
    let played = rehearsal
        .play(|begun| match (begun.order.spec.as_ref(), begun.order.attempt.number) {
            ("a", 1) => Act::ends(Millis(100), AttemptVerdict::Failed),
            ("a", _) => Act::passes(Millis(100)),
            _ => Act::passes(Millis(1000)),
        })
        .expect("ends");
    let verdicts: Vec<_> =
        played.placements.iter().map(|p| (p.spec.as_ref(), p.took().0, p.verdict)).collect();
    use AttemptVerdict::{Failed, Passed, TimedOut};
    let expected = [("a", 100, Failed), ("a", 100, Passed), ("b", 700, TimedOut), ("b", 700, TimedOut)];
    assert_eq!(verdicts, expected);
    assert_eq!(played.runs[0].verdict, RunVerdict::Failed);
}

#[test]
fn workers_come_late_drain_and_die() {
    let mut rehearsal = Rehearsal::new();
    let late = VirtualWorker { joins: Timestamp(1500), ..VirtualWorker::new("late", 1) };
    let drains =
        VirtualWorker { leaves: Leaving::Drains(Timestamp(2500)), ..VirtualWorker::new("drains", 1) };
    let dies = VirtualWorker { leaves: Leaving::Dies(Timestamp(500)), ..VirtualWorker::new("dies", 1) };
    rehearsal.worker(late).worker(drains).worker(dies);
    rehearsal.submit(Timestamp(0), plain(1, &["a", "b", "c", "d", "e", "f", "g"]));
    let played = rehearsal.play(|_| Act::passes(Millis(1000))).expect("ends");
    let of = |name: &str| -> Vec<_> {
        let own = played.placements.iter().filter(|placement| placement.worker.0 == name);
        own.map(|placement| (placement.start.0, placement.verdict)).collect()
    };
    assert_eq!(of("drains").len(), 3);
    assert_eq!(of("dies"), [(0, AttemptVerdict::Lost)]);
    assert_eq!(of("late").iter().map(|(start, _)| *start).min(), Some(1500));
    assert_eq!(played.runs[0].verdict, RunVerdict::Passed);
}

#[test]
fn what_cannot_be_played_is_said() {
    let play = |worker: VirtualWorker, submission: Submission| {
        let mut rehearsal = Rehearsal::new();
        rehearsal.worker(worker).submit(Timestamp(0), submission);
        rehearsal.play(|_| Act::passes(Millis(1))).expect_err("cannot be played")
    };
    let refused = play(VirtualWorker::new("w", 1), plain(1, &[]));
    assert!(
        matches!(refused, RehearsalError::Refused { number: 0, source: Refusal::Invalid(_) }),
        "{refused}"
    );
    let gone = VirtualWorker { leaves: Leaving::Drains(Timestamp(0)), ..VirtualWorker::new("w", 1) };
    let stuck = play(gone, plain(1, &["a", "b"]));
    assert_eq!(stuck, RehearsalError::Stuck { run: RunId(1), waiting: 2 });
}
