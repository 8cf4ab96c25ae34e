//! Rehearses a submission with the real core, in a time that only counts, and says what came of it. Pure.

use super::critical;
use crate::bounds;
use part_core::rehearse::{Act, Begun, Placement, Rehearsal, RehearsalError, Rehearsed, VirtualWorker};
use part_core::{
    Estimate, GroupSubmission, Joining, Millis, Requirements, RunPolicy, SpecIndex, SpecSubmission,
    Submission, Timestamp, WorkerView,
};
use part_proto::{status, v1};
use prost::Message as _;
use std::collections::{BTreeMap, HashMap};
use tonic::Status;

/// What a spec is taken for where nothing is known about any.
const UNKNOWN: Millis = Millis::seconds(10);
/// The numbers of slots that a plan looks at besides the one that was asked for.
const OTHER_SLOTS: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// As many slots are worth having as bring the end this near to the earliest one, in hundredths.
const WORTH: u64 = 110;

/// Who a submission is rehearsed with.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// So many workers with one slot each, that can do everything.
    Slots(u32),
    /// These workers.
    Mesh(Vec<WorkerView>),
}

/// Plans a submission whose history is filled in.
pub(super) fn plan(submission: &Submission, stage: &Stage) -> Result<v1::PlanResponse, Status> {
    let script = Script::of(submission);
    let workers = stage.workers();
    let rehearsed = script.play(stage.cast(submission), workers.clone()).map_err(|error| refused(&error))?;
    let carried = specs(submission).filter(|spec| spec.carried.is_some()).count() as u32;
    let unknown = specs(submission).filter(|spec| spec.carried.is_none() && spec.history.is_empty()).count();
    let on = |slots: u32| {
        let others = Stage::Slots(slots);
        let played =
            script.play(others.cast(submission), others.workers()).map_err(|error| refused(&error))?;
        Ok(v1::WhatIf { slots, makespan_ms: played.makespan().0 })
    };
    let what_if = OTHER_SLOTS.into_iter().map(on).collect::<Result<Vec<_>, Status>>()?;
    let mut ordered: Vec<&Placement> = rehearsed.placements.iter().collect();
    ordered.sort_by_key(|placement| (placement.start, placement.attempt));
    let chain = critical::chain(&ordered);
    let mut response = v1::PlanResponse {
        attempts: attempts(submission, &script, &ordered),
        makespan_ms: rehearsed.makespan().0,
        bound_ms: bound(&rehearsed, &workers).0,
        slots: workers.iter().map(|worker| worker.slots).sum(),
        critical: chain.iter().map(|place| *place as u32).collect(),
        worth: worth(&what_if, on)?,
        what_if,
        unknown: unknown as u32,
        carried,
    };
    keep_to_size(&mut response);
    Ok(response)
}

/// What a rehearsal that came to no end means for whoever wants a plan.
fn refused(error: &RehearsalError) -> Status {
    match error {
        RehearsalError::Refused { source, .. } => status::of_refusal(source),
        RehearsalError::Stuck { waiting, .. } => status::wrong_state(format!(
            "{waiting} specs would wait for a worker that can run them; plan for so many slots that can (--slots N)"
        )),
    }
}

fn specs(submission: &Submission) -> impl Iterator<Item = &SpecSubmission> {
    submission.groups.iter().flat_map(|group| &group.specs)
}

impl Stage {
    fn workers(&self) -> Vec<VirtualWorker> {
        match self {
            Stage::Slots(slots) => (1..=*slots).map(able).collect(),
            Stage::Mesh(workers) => workers.iter().map(like).collect(),
        }
    }

    /// The submission as it is rehearsed: a run of its own, that asks for nothing that the stage has not.
    fn cast(&self, submission: &Submission) -> Submission {
        let mut own = submission.clone();
        (own.joining, own.past) = (Joining::Never, Vec::new());
        let RunPolicy { weight, priority, failed_first, retry_budget, .. } = own.policy;
        own.policy = RunPolicy { weight, priority, failed_first, retry_budget, ..RunPolicy::default() };
        if let Stage::Slots(_) = self {
            own.groups.iter_mut().for_each(|group| group.requirements = Requirements::default());
        }
        own
    }
}

/// A worker that can do everything that the core asks for by itself.
fn able(number: u32) -> VirtualWorker {
    let mut worker = VirtualWorker::new(format!("slot {number}"), 1);
    for fact in ["part.batch", "part.select"] {
        worker.capabilities.0.insert(fact.to_owned(), "1".to_owned());
    }
    worker
}

/// One like a worker that is there.
fn like(view: &WorkerView) -> VirtualWorker {
    let slots = (view.slots.len() as u32).saturating_sub(view.extra_slots);
    VirtualWorker {
        extra_slots: view.extra_slots,
        cpus: view.cpus,
        capabilities: view.capabilities.clone(),
        speed: if view.slowness > 0.0 { 1.0 / view.slowness } else { 1.0 },
        ..VirtualWorker::new(view.worker.0.clone(), slots)
    }
}

/// How long everything takes.
#[derive(Debug)]
pub(super) struct Script<'a> {
    /// By group label: what a process costs beside its specs.
    overheads: HashMap<&'a str, Millis>,
    /// By group label and whole name.
    specs: HashMap<(&'a str, &'a str), Role<'a>>,
}

#[derive(Debug)]
struct Role<'a> {
    /// What it takes besides its process.
    own: Millis,
    /// How long its tests take, where that is known.
    tests: BTreeMap<&'a str, u64>,
    listed: usize,
}

impl<'a> Script<'a> {
    fn of(submission: &'a Submission) -> Script<'a> {
        let (mut script, usual) =
            (Script { overheads: HashMap::new(), specs: HashMap::new() }, usual(specs(submission)));
        for group in &submission.groups {
            let overhead = group.overhead.unwrap_or(Millis::ZERO);
            script.overheads.insert(&group.label, overhead);
            let usual = self::usual(group.specs.iter()).or(usual).unwrap_or(UNKNOWN);
            for spec in &group.specs {
                let expected = Estimate::from_samples(&spec.history).map_or(usual, |known| known.expected());
                let role = Role {
                    own: Millis((expected - overhead).0.max(1)),
                    tests: spec.tests.iter().map(|(test, time)| (test.as_str(), time.0)).collect(),
                    listed: spec.expected_tests.as_ref().map_or(0, Vec::len),
                };
                script.specs.insert((&group.label, &spec.name), role);
            }
        }
        script
    }

    fn play(&self, submission: Submission, workers: Vec<VirtualWorker>) -> Result<Rehearsed, RehearsalError> {
        let mut rehearsal = Rehearsal::new();
        for worker in workers {
            rehearsal.worker(worker);
        }
        rehearsal.overhead(|order, _| {
            let group = order.attempts.first().map(|attempt| attempt.group.as_ref());
            group.and_then(|group| self.overheads.get(group).copied()).unwrap_or(Millis::ZERO)
        });
        rehearsal.submit(Timestamp(0), submission);
        rehearsal.play(|begun: Begun<'_>| {
            let order = begun.order;
            let role = self.specs.get(&(order.group.as_ref(), whole_name(&order.spec)));
            let takes = role.map(|role| order.only.as_deref().map_or(role.own, |only| role.part(only)));
            Act::passes(takes.unwrap_or(UNKNOWN))
        })
    }
}

impl Role<'_> {
    /// What only some of the tests take: their share of the whole. What is not known is taken for an average test.
    fn part(&self, only: &[String]) -> Millis {
        let average = self.own.0 / self.listed.max(1) as u64;
        let time = |test: &str| self.tests.get(test).copied().unwrap_or(average).max(1);
        let known: u64 = self.tests.values().map(|time| (*time).max(1)).sum();
        let rest = self.listed.saturating_sub(self.tests.len()) as u64 * average.max(1);
        let part: u64 = only.iter().map(|test| time(test)).sum();
        let share = u128::from(self.own.0) * u128::from(part) / u128::from((known + rest).max(1));
        Millis(u64::try_from(share).unwrap_or(self.own.0).clamp(1, self.own.0))
    }
}

/// The mean of what is known; none where nothing is.
fn usual<'s>(specs: impl Iterator<Item = &'s SpecSubmission>) -> Option<Millis> {
    let known = specs.filter_map(|spec| Estimate::from_samples(&spec.history));
    let (mut sum, mut count) = (0, 0);
    for estimate in known {
        (sum, count) = (sum + estimate.expected().0, count + 1);
    }
    (count > 0).then(|| Millis(sum / count))
}

/// The name of the spec that an attempt's spec is a part of, or its own.
pub(super) fn whole_name(name: &str) -> &str {
    let part = name.rsplit_once(" (part ").filter(|(_, rest)| {
        let numbers = rest.strip_suffix(')').and_then(|rest| rest.split_once(" of "));
        numbers.is_some_and(|(number, count)| number.parse::<u32>().is_ok() && count.parse::<u32>().is_ok())
    });
    part.map_or(name, |(whole, _)| whole)
}

fn attempts(submission: &Submission, script: &Script<'_>, ordered: &[&Placement]) -> Vec<v1::PlannedAttempt> {
    let groups: HashMap<&str, &GroupSubmission> =
        submission.groups.iter().map(|group| (group.label.as_str(), group)).collect();
    let mut known = HashMap::new();
    for (label, group) in groups {
        known.extend(group.specs.iter().map(|spec| ((label, spec.name.as_str()), spec)));
    }
    let places: HashMap<SpecIndex, usize> =
        ordered.iter().enumerate().map(|(place, placement)| (placement.attempt.spec, place)).collect();
    let mut shared: HashMap<SpecIndex, u32> = HashMap::new();
    ordered.iter().filter_map(|placement| placement.batch).for_each(|b| *shared.entry(b).or_default() += 1);
    let waits = critical::Waits::of(ordered, |placement| {
        known.get(&(placement.group.as_ref(), whole_name(&placement.spec))).copied()
    });
    let attempt = |(place, placement): (usize, &&Placement)| {
        let name = whole_name(&placement.spec);
        let spec = known.get(&(placement.group.as_ref(), name));
        let batch = placement.batch.filter(|first| shared.get(first).is_some_and(|count| *count > 1));
        v1::PlannedAttempt {
            group: placement.group.as_ref().to_owned(),
            spec: placement.spec.as_ref().to_owned(),
            worker: placement.worker.0.clone(),
            slot: placement.slot.0,
            start_ms: placement.start.0,
            end_ms: placement.end.0,
            unknown: script.specs.contains_key(&(placement.group.as_ref(), name))
                && spec.is_some_and(|spec| spec.history.is_empty()),
            batch: batch.and_then(|first| places.get(&first)).map(|place| *place as u32),
            because: waits.because(place),
        }
    };
    ordered.iter().enumerate().map(attempt).collect()
}

/// No schedule of the same attempts is shorter on these workers: neither than their work shared evenly, nor than the
/// longest of them on the fastest.
fn bound(rehearsed: &Rehearsed, workers: &[VirtualWorker]) -> Millis {
    let speed: BTreeMap<&str, f64> =
        workers.iter().map(|worker| (worker.worker.0.as_str(), worker.speed)).collect();
    let work = rehearsed.placements.iter().map(|placement| {
        placement.took().0 as f64 * speed.get(placement.worker.0.as_str()).copied().unwrap_or(1.0)
    });
    let (mut total, mut longest) = (0.0_f64, 0.0_f64);
    for work in work {
        (total, longest) = (total + work, longest.max(work));
    }
    let all: f64 = workers.iter().map(|worker| f64::from(worker.slots) * worker.speed).sum();
    let fastest = workers.iter().map(|worker| worker.speed).fold(0.0, f64::max);
    if all <= 0.0 || fastest <= 0.0 {
        return Millis::ZERO;
    }
    Millis((total / all).max(longest / fastest).ceil() as u64).min(rehearsed.makespan())
}

/// The smallest number of slots that comes near to what the most of them give: the first of those that were looked at,
/// and then what lies between it and the one before.
fn worth(
    what_if: &[v1::WhatIf],
    on: impl Fn(u32) -> Result<v1::WhatIf, Status>,
) -> Result<Option<u32>, Status> {
    let Some(best) = what_if.iter().map(|one| one.makespan_ms).min() else { return Ok(None) };
    let near = |one: &v1::WhatIf| one.makespan_ms.saturating_mul(100) <= best.saturating_mul(WORTH);
    let Some(first) = what_if.iter().position(near) else { return Ok(None) };
    let mut enough = what_if[first].slots;
    let mut few = first.checked_sub(1).map_or(0, |before| what_if[before].slots);
    while enough - few > 1 {
        let middle = few + (enough - few) / 2;
        if near(&on(middle)?) {
            enough = middle;
        } else {
            few = middle;
        }
    }
    Ok(Some(enough))
}

/// Of a plan that is too large for a message, only what decides how long it takes is sent.
fn keep_to_size(response: &mut v1::PlanResponse) {
    if response.encoded_len() <= bounds::ANSWER_BYTES {
        return;
    }
    let attempts = std::mem::take(&mut response.attempts);
    let critical = std::mem::take(&mut response.critical);
    let kept = critical.iter().filter_map(|place| attempts.get(*place as usize));
    for attempt in kept {
        response.attempts.push(v1::PlannedAttempt { batch: None, ..attempt.clone() });
        if response.encoded_len() > bounds::ANSWER_BYTES {
            response.attempts.pop();
            break;
        }
    }
    response.critical = (0..response.attempts.len() as u32).collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::rehearsed::{Played, group, spec, submission};
    use part_core::Lock;

    fn planned(submission: &Submission, slots: u32) -> v1::PlanResponse {
        plan(submission, &Stage::Slots(slots)).expect("a plan")
    }

    fn rows(plan: &v1::PlanResponse) -> Vec<(&str, &str, u64, u64)> {
        let row = |a: &'_ v1::PlannedAttempt| (a.start_ms, a.end_ms);
        plan.attempts.iter().map(|a| (a.worker.as_str(), a.spec.as_str(), row(a).0, row(a).1)).collect()
    }

    #[test]
    fn the_longest_go_first_and_the_end_has_a_chain() {
        let specs = vec![spec("a", 5000), spec("b", 4000), spec("c", 3000), spec("d", 2000)];
        let plan = planned(&submission(1, vec![group("all", specs)]), 2);
        assert_eq!(
            rows(&plan),
            [
                ("slot 1", "a", 0, 5000),
                ("slot 2", "b", 0, 4000),
                ("slot 2", "c", 4000, 7000),
                ("slot 1", "d", 5000, 7000)
            ]
        );
        assert_eq!((plan.makespan_ms, plan.bound_ms, plan.slots, plan.unknown), (7000, 7000, 2, 0));
        let chain: Vec<&str> =
            plan.critical.iter().map(|p| plan.attempts[*p as usize].spec.as_str()).collect();
        assert_eq!(chain, ["b", "c"]);
        let what_if: Vec<(u32, u64)> = plan.what_if.iter().map(|one| (one.slots, one.makespan_ms)).collect();
        assert_eq!(what_if, [(1, 14_000), (2, 7000), (4, 5000), (8, 5000), (16, 5000), (32, 5000)]);
        assert_eq!(plan.worth, Some(3), "the longest takes 5 s, and the others fit beside it");
        assert!(plan.attempts.iter().all(|a| !a.unknown && a.batch.is_none() && a.because.is_empty()));
    }

    #[test]
    fn what_is_unknown_is_guessed_and_what_is_carried_does_not_run() {
        let mut carried = spec("done", 9000);
        let attempt = part_core::AttemptId { run: part_core::RunId(1), spec: SpecIndex(0), number: 1 };
        carried.carried = Some(part_core::Carried { attempt, duration: Millis(1) });
        let specs = vec![spec("known", 4000), spec("new", 0), carried];
        let plan = planned(&submission(1, vec![group("all", specs)]), 2);
        assert_eq!((plan.unknown, plan.carried, plan.attempts.len()), (1, 1, 2));
        let new = plan.attempts.iter().find(|attempt| attempt.spec == "new").expect("it runs");
        assert!(new.unknown);
        assert_eq!(new.end_ms - new.start_ms, 6500, "as long as the others of its group");
        let nothing = planned(&submission(1, vec![group("all", vec![spec("new", 0)])]), 1);
        assert_eq!((nothing.makespan_ms, nothing.unknown), (UNKNOWN.0, 1));
    }

    #[test]
    fn collections_locks_and_serial_specs_say_what_they_waited_for() {
        let mut specs =
            vec![spec("a", 4000), spec("b", 3000), spec("c", 2500), spec("d", 2000), spec("last", 1000)];
        for of_collection in [0, 1] {
            specs[of_collection].collection = Some("users".to_owned());
        }
        for locked in [2, 3] {
            specs[locked].locks = vec![Lock { name: "billing".to_owned(), permits: 1 }];
        }
        specs[4].serial = true;
        let plan = planned(&submission(1, vec![group("all", specs)]), 8);
        let because = |name: &str| {
            let attempt = plan.attempts.iter().find(|attempt| attempt.spec == name).expect("it runs");
            (attempt.start_ms, attempt.because.clone())
        };
        assert_eq!(because("a"), (0, String::new()));
        assert_eq!(because("b"), (4000, "waited for a of collection users".to_owned()));
        assert_eq!(because("d"), (2500, "waited for lock billing, which c held".to_owned()));
        assert_eq!(because("last"), (7000, "runs after everything else of its group".to_owned()));
        let chain: Vec<&str> =
            plan.critical.iter().map(|p| plan.attempts[*p as usize].spec.as_str()).collect();
        assert_eq!(chain, ["a", "b", "last"]);
        assert!(plan.what_if[5].makespan_ms == 8000 && plan.worth == Some(2), "{:?}", plan.what_if);
    }

    #[test]
    fn a_spec_that_is_split_takes_as_long_as_its_tests() {
        let mut big = spec("big", 100_000);
        big.expected_tests = Some(["t1", "t2", "t3"].map(str::to_owned).to_vec());
        big.tests = vec![("t1".to_owned(), Millis(60_000)), ("t2".to_owned(), Millis(20_000))];
        let mut all = group("all", vec![big, spec("small", 1000)]);
        Played::splitting(&mut all);
        let plan = planned(&submission(1, vec![all]), 4);
        let parts: Vec<&v1::PlannedAttempt> =
            plan.attempts.iter().filter(|attempt| attempt.spec.starts_with("big (part")).collect();
        assert!(parts.len() >= 2 && plan.makespan_ms < 60_000, "{:?}", rows(&plan));
        let whole: u64 = parts.iter().map(|part| part.end_ms - part.start_ms).sum();
        assert!((99_000..=100_000).contains(&whole), "{whole}");
    }

    #[test]
    fn names_of_parts_are_told_from_others() {
        let table = [
            ("a.ts (part 1 of 3)", "a.ts"),
            ("a (part 1 of 2) b", "a (part 1 of 2) b"),
            ("a (part one of 2)", "a (part one of 2)"),
            ("a", "a"),
        ];
        for (name, whole) in table {
            assert_eq!(whole_name(name), whole);
        }
    }

    #[test]
    fn a_plan_that_is_too_large_keeps_what_decides_it() {
        let long = "x".repeat(3000);
        let specs = (0..1500).map(|number| spec(&format!("{long}{number}"), 1000)).collect();
        let plan = planned(&submission(1, vec![group("all", specs)]), 4);
        assert!(plan.encoded_len() <= bounds::ANSWER_BYTES && plan.makespan_ms == 375_000);
        assert_eq!((plan.attempts.len(), plan.critical.len()), (375, 375));
        assert_eq!(plan.attempts.last().map(|attempt| attempt.end_ms), Some(plan.makespan_ms));
    }
}
