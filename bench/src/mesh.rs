//! Part itself: a suite is submitted to the real core, and played by virtual workers.

use crate::{BenchError, Job, Suite};
use part_core::rehearse::{Act, Begun, Rehearsal, Rehearsed, VirtualWorker};
use part_core::{
    Bounds, Capabilities, GroupPolicy, GroupSubmission, Joining, Millis, Recipe, Requirement, Requirements,
    RunPolicy, Sample, Source, SpecSubmission, Submission, SubmissionId, Timestamp, Workspace,
};

/// Slots of one virtual worker, where a scene says nothing else.
const SLOTS_PER_WORKER: u32 = 4;

/// How a suite is submitted.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Rules of its groups.
    pub policy: GroupPolicy,
    /// What a process costs beside the tests; the core knows it where processes may be shared.
    pub overhead: Millis,
    /// Several specs may share a process.
    pub batches: bool,
    /// What specs of each class require; empty where there is one class that requires nothing.
    pub classes: Vec<Requirements>,
    /// Whose it is: projects share the mesh.
    pub project: usize,
}

/// Suites that come at their times, and the workers that they come to.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// The workers.
    pub workers: Vec<VirtualWorker>,
    /// The suites, with the time at which each comes.
    pub suites: Vec<(Timestamp, Suite, Terms)>,
    /// The core's bounds, where they are not the usual ones.
    pub bounds: Option<Bounds>,
}

/// So many slots of usual speed, on workers of four.
pub fn workers(slots: u32) -> Vec<VirtualWorker> {
    let worker = |number: u32| {
        let left = slots - number * SLOTS_PER_WORKER;
        VirtualWorker::new(format!("w{number:03}"), left.min(SLOTS_PER_WORKER))
    };
    (0..slots.div_ceil(SLOTS_PER_WORKER)).map(worker).collect()
}

/// What a worker has that can do these things, and whatever the core asks for before it lets specs share a process.
pub fn capabilities(facts: &[&str]) -> Capabilities {
    let fact = |fact: &&str| match fact.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => ((*fact).to_owned(), String::new()),
    };
    let batch = ("part.batch".to_owned(), "1".to_owned());
    Capabilities(facts.iter().map(fact).chain([batch]).collect())
}

/// Conditions, as they are written.
pub fn requirements(conditions: &[&str]) -> Result<Requirements, BenchError> {
    let parse = |text: &&str| {
        text.parse::<Requirement>()
            .map_err(|source| BenchError::Requirement { text: (*text).to_owned(), source })
    };
    Ok(Requirements::new(conditions.iter().map(parse).collect::<Result<_, _>>()?))
}

/// Runs a suite on so many slots of usual speed: how long it took from the first start to the last end.
pub fn makespan(suite: &Suite, slots: u32) -> Result<Millis, BenchError> {
    let mesh = Mesh {
        workers: workers(slots),
        suites: vec![(Timestamp(0), suite.clone(), Terms::default())],
        bounds: None,
    };
    Ok(mesh.play(|_, job| Act::passes(job.takes))?.makespan())
}

impl Mesh {
    /// Plays it to the end of all runs. `act` says how an attempt of a job goes.
    pub fn play(&self, mut act: impl FnMut(&Begun<'_>, &Job) -> Act) -> Result<Rehearsed, BenchError> {
        let mut rehearsal = Rehearsal::new();
        if let Some(bounds) = &self.bounds {
            rehearsal.bounds(bounds.clone());
        }
        for worker in &self.workers {
            rehearsal.worker(worker.clone());
        }
        let mut jobs = Vec::new();
        for (number, (at, suite, terms)) in self.suites.iter().enumerate() {
            let (submission, order) = submission(number, suite, terms);
            rehearsal.submit(*at, submission);
            jobs.push(order);
        }
        rehearsal.overhead(|order, _| {
            let run = order.attempts.first().map_or(0, |attempt| attempt.attempt.run.0);
            self.suites.get(place(run)).map_or(Millis::ZERO, |(_, _, terms)| terms.overhead)
        });
        let played = rehearsal.play(|begun| {
            let id = begun.order.attempt;
            let job = jobs.get(place(id.run.0)).and_then(|jobs| jobs.get(id.spec.0 as usize));
            // Every attempt is one of a spec that was submitted.
            job.map_or(Act::passes(Millis::ZERO), |job| act(&begun, job))
        });
        let names: Vec<&str> = self.suites.iter().map(|(_, suite, _)| suite.name.as_str()).collect();
        played.map_err(|source| BenchError::Rehearsal { suite: names.join(", "), source: Box::new(source) })
    }
}

/// A run's place among the submissions: runs are numbered from 1.
fn place(run: u128) -> usize {
    run.saturating_sub(1) as usize
}

/// A job's history as the daemon would know it: slots were taken for the process's overhead as well.
fn samples(job: &Job, overhead: Millis) -> Vec<Sample> {
    let with_overhead = |sample: Sample| match overhead {
        Millis::ZERO => sample,
        _ => Sample { duration: sample.duration + overhead, tests: Some(sample.duration), ..sample },
    };
    job.samples().into_iter().map(with_overhead).collect()
}

/// The submission of a suite, and its jobs in the order in which the core numbers specs.
fn submission<'a>(number: usize, suite: &'a Suite, terms: &Terms) -> (Submission, Vec<&'a Job>) {
    let anything = [Requirements::default()];
    let classes = if terms.classes.is_empty() { &anything[..] } else { &terms.classes };
    let (mut groups, mut order) = (Vec::new(), Vec::new());
    for (class, requirements) in classes.iter().enumerate() {
        let of_class = |job: &&Job| job.class.min(classes.len() - 1) == class;
        let jobs: Vec<&Job> = suite.jobs.iter().filter(of_class).collect();
        if jobs.is_empty() {
            continue;
        }
        let specs = jobs.iter().map(|job| SpecSubmission {
            name: job.name.clone(),
            size_bytes: job.size_bytes,
            history: samples(job, terms.overhead),
            ..SpecSubmission::default()
        });
        let mut recipe = Recipe::of_command(vec!["true".to_owned()]);
        if terms.batches {
            recipe.batch = vec!["true".to_owned(), "{specs}".to_owned()];
        }
        groups.push(GroupSubmission {
            label: format!("class {class}"),
            suite: "suite".to_owned(),
            requirements: requirements.clone(),
            policy: terms.policy.clone(),
            recipe,
            overhead: (terms.overhead > Millis::ZERO).then_some(terms.overhead),
            specs: specs.collect(),
        });
        order.extend(jobs);
    }
    let submission = Submission {
        id: SubmissionId(number as u128 + 1),
        project: format!("project {}", terms.project),
        build: number.to_string(),
        joining: Joining::Never,
        past: Vec::new(),
        run_all: false,
        source: Source::default(),
        workspace: Workspace::InPlace("/srv/suite".to_owned()),
        policy: RunPolicy::default(),
        content: None,
        groups,
    };
    (submission, order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_groups_and_jobs_keep_their_durations() {
        let jobs = (0..6).map(|number| {
            let takes = Millis(1000 * (number + 1));
            Job { class: number as usize % 2, ..Job::new(format!("spec {number}"), takes) }
        });
        let suite = Suite { name: "two classes".to_owned(), jobs: jobs.collect() };
        let classes = vec![requirements(&["label.a"]).expect("a label"), Requirements::default()];
        let terms = Terms { classes, ..Terms::default() };
        let gifted =
            VirtualWorker { capabilities: capabilities(&["label.a"]), ..VirtualWorker::new("gifted", 1) };
        let mesh = Mesh {
            workers: vec![gifted, VirtualWorker::new("plain", 1)],
            suites: vec![(Timestamp(0), suite, terms)],
            bounds: None,
        };
        let played = mesh.play(|_, job| Act::passes(job.takes)).expect("runs");
        for placement in &played.placements {
            let number: u64 = placement.spec.trim_start_matches("spec ").parse().expect("a number");
            assert_eq!(placement.took(), Millis(1000 * (number + 1)));
            assert!(number % 2 == 1 || placement.worker.0 == "gifted", "{placement:?}");
        }
        assert_eq!(played.placements.len(), 6);
    }

    #[test]
    fn slots_are_spread_over_workers_of_four() {
        let slots: Vec<u32> = workers(10).iter().map(|worker| worker.slots).collect();
        assert_eq!(slots, [4, 4, 2]);
    }
}
