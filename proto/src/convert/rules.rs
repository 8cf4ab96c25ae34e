//! Rules of runs and groups, and why a spec was chosen.

use super::error::WireError;
use crate::v1;
use part_core::{
    Algorithm, Expect, GroupPolicy, Joining, Lock, Millis, Parallel, Part, Rule, RunPolicy, Threads, Turn,
    Why,
};

/// A run's further rules for the wire.
pub(crate) fn run_rules_to_wire(policy: &RunPolicy) -> v1::RunRules {
    let (expect_groups, expect_labels) = expect_to_wire(policy.expect.as_ref());
    v1::RunRules {
        completion_delay_ms: policy.completion_delay.0,
        expect_groups,
        expect_labels,
        weight: policy.weight.unwrap_or(0),
        priority: policy.priority,
        retry_budget: policy.retry_budget,
        wait_for_workers_ms: policy.wait_for_workers.map(|wait| wait.0),
        failed_first: policy.failed_first,
    }
}

/// A run's policy from the wire; absent rules are the usual ones.
pub(crate) fn run_policy_from_wire(
    max_failures: Option<u32>,
    lost_after_ms: Option<u64>,
    worker_kills: Option<u32>,
    rules: Option<v1::RunRules>,
) -> RunPolicy {
    let rules = rules.unwrap_or_default();
    RunPolicy {
        max_failures,
        lost_after: lost_after_ms.map(Millis),
        worker_kills,
        completion_delay: Millis(rules.completion_delay_ms),
        expect: expect_from_wire(rules.expect_groups, rules.expect_labels),
        weight: (rules.weight > 0).then_some(rules.weight),
        priority: rules.priority,
        retry_budget: rules.retry_budget,
        wait_for_workers: rules.wait_for_workers_ms.map(Millis),
        failed_first: rules.failed_first,
    }
}

/// The groups that a run waits for: their number (0 for none) and their labels.
pub(crate) fn expect_to_wire(expect: Option<&Expect>) -> (u32, Vec<String>) {
    match expect {
        Some(Expect::Count(count)) => (*count, Vec::new()),
        Some(Expect::Labels(labels)) => (0, labels.clone()),
        None => (0, Vec::new()),
    }
}

/// The groups that a run waits for; labels win over a number.
pub(crate) fn expect_from_wire(count: u32, labels: Vec<String>) -> Option<Expect> {
    match (labels.is_empty(), count) {
        (false, _) => Some(Expect::Labels(labels)),
        (true, 0) => None,
        (true, count) => Some(Expect::Count(count)),
    }
}

/// Which run of its build a submission becomes part of, with the attempt where it names one.
pub(crate) fn joining_to_wire(joining: Joining) -> (v1::Joining, u32) {
    match joining {
        Joining::Never => (v1::Joining::Never, 0),
        Joining::Current => (v1::Joining::Current, 0),
        Joining::Attempt(attempt) => (v1::Joining::Attempt, attempt),
    }
}

/// Which run of its build a submission becomes part of; never, where a client does not say.
pub(crate) fn joining_from_wire(value: i32, attempt: u32) -> Result<Joining, WireError> {
    let unknown = || WireError::wrong("header.joining", format!("{value} is not known here"));
    match v1::Joining::try_from(value).map_err(|_| unknown())? {
        v1::Joining::Unspecified | v1::Joining::Never => Ok(Joining::Never),
        v1::Joining::Current => Ok(Joining::Current),
        v1::Joining::Attempt if attempt > 0 => Ok(Joining::Attempt(attempt)),
        v1::Joining::Attempt => Err(WireError::wrong("header.attempt", "attempts count from 1")),
    }
}

/// A group's further rules for the wire.
pub(crate) fn group_rules_to_wire(policy: &GroupPolicy) -> v1::GroupRules {
    let parallel = match policy.parallel {
        Parallel::None => v1::Parallel::None,
        Parallel::Collections => v1::Parallel::Collections,
        Parallel::Assemblies => v1::Parallel::Assemblies,
        Parallel::All => v1::Parallel::All,
    };
    let (threads, threads_per_hundred_cpus) = match policy.threads {
        Threads::Default => (0, 0),
        Threads::Unlimited => (-1, 0),
        Threads::Count(count) => (i32::try_from(count).unwrap_or(i32::MAX), 0),
        Threads::PerHundredCpus(share) => (0, share),
    };
    v1::GroupRules {
        parallel: parallel.into(),
        threads,
        threads_per_hundred_cpus,
        algorithm: algorithm_to_wire(policy.algorithm).into(),
        timeout_percent: policy.timeout_percent.unwrap_or(0),
        backups: policy.backups,
        no_batches: policy.no_batches,
        split: policy.split,
    }
}

/// A group's policy from the wire; absent rules are the usual ones.
pub(crate) fn group_policy_from_wire(
    retries: u32,
    rules: Option<v1::GroupRules>,
) -> Result<GroupPolicy, WireError> {
    let rules = rules.unwrap_or_default();
    let unknown =
        || WireError::wrong("group.rules.parallel", format!("{} is not known here", rules.parallel));
    let parallel = match v1::Parallel::try_from(rules.parallel).map_err(|_| unknown())? {
        v1::Parallel::Unspecified | v1::Parallel::Collections => Parallel::Collections,
        v1::Parallel::None => Parallel::None,
        v1::Parallel::Assemblies => Parallel::Assemblies,
        v1::Parallel::All => Parallel::All,
    };
    let threads = match (rules.threads_per_hundred_cpus, rules.threads) {
        (0, 0) => Threads::Default,
        (0, -1) => Threads::Unlimited,
        (0, count) => Threads::Count(u32::try_from(count).map_err(|_| {
            WireError::wrong("group.rules.threads", format!("{count} is neither a number of threads nor -1"))
        })?),
        (share, _) => Threads::PerHundredCpus(share),
    };
    Ok(GroupPolicy {
        retries,
        parallel,
        threads,
        algorithm: algorithm_from_wire(rules.algorithm)?,
        timeout_percent: (rules.timeout_percent > 0).then_some(rules.timeout_percent),
        backups: rules.backups,
        no_batches: rules.no_batches,
        split: rules.split,
    })
}

/// An algorithm for the wire.
pub(crate) fn algorithm_to_wire(algorithm: Algorithm) -> v1::Algorithm {
    match algorithm {
        Algorithm::Conservative => v1::Algorithm::Conservative,
        Algorithm::Aggressive => v1::Algorithm::Aggressive,
    }
}

/// An algorithm from the wire; conservative, where nothing is said.
pub(crate) fn algorithm_from_wire(value: i32) -> Result<Algorithm, WireError> {
    let unknown = || WireError::wrong("algorithm", format!("{value} is not known here"));
    Ok(match v1::Algorithm::try_from(value).map_err(|_| unknown())? {
        v1::Algorithm::Unspecified | v1::Algorithm::Conservative => Algorithm::Conservative,
        v1::Algorithm::Aggressive => Algorithm::Aggressive,
    })
}

/// Locks for the wire.
pub(crate) fn locks_to_wire(locks: &[Lock]) -> Vec<v1::Lock> {
    locks.iter().map(|lock| v1::Lock { name: lock.name.clone(), permits: lock.permits }).collect()
}

/// Locks from the wire.
pub(crate) fn locks_from_wire(wire: Vec<v1::Lock>) -> Vec<Lock> {
    wire.into_iter().map(|lock| Lock { name: lock.name, permits: lock.permits }).collect()
}

/// A part of a spec for the wire, with the number of its tests in place of the tests.
pub(crate) fn part_to_wire(part: &Part) -> v1::Part {
    v1::Part { of: part.of.clone(), number: part.number, count: part.count, tests: part.tests.len() as u32 }
}

/// Why a spec was chosen, for the wire.
pub(crate) fn why_to_wire(why: &Why) -> v1::Why {
    let rule = match why.rule {
        Rule::Again => v1::Rule::Again,
        Rule::FailedLast => v1::Rule::FailedLast,
        Rule::Unknown => v1::Rule::Unknown,
        Rule::Longest => v1::Rule::Longest,
        Rule::Retry => v1::Rule::Retry,
        Rule::Batch => v1::Rule::Batch,
        Rule::Backup => v1::Rule::Backup,
    };
    let turn = match why.turn {
        Turn::Alone => v1::Turn::Alone,
        Turn::Scarce => v1::Turn::Scarce,
        Turn::Priority => v1::Turn::Priority,
        Turn::Share => v1::Turn::Share,
        Turn::Shortest => v1::Turn::Shortest,
        Turn::Guaranteed => v1::Turn::Guaranteed,
    };
    v1::Why {
        rule: rule.into(),
        turn: turn.into(),
        waiting: why.waiting,
        candidates: why.candidates,
        after: why.after.map(|attempt| attempt.to_string()).unwrap_or_default(),
    }
}
