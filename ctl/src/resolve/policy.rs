//! The rules of a run and of its groups: flags over part.toml over what a framework's own files say.

use super::request::Overrides;
use crate::bounds::COMPLETION_DELAY;
use crate::config::{Balance, RunDefaults, Settings};
use part_core::{GroupPolicy, RunPolicy};

/// The rules of a run. `alone`: nobody else can join it, so that nobody is waited for unasked.
pub(crate) fn run_policy(run: &RunDefaults, overrides: &Overrides, alone: bool) -> RunPolicy {
    let unasked = if alone { part_core::Millis::ZERO } else { COMPLETION_DELAY };
    RunPolicy {
        max_failures: overrides.max_failures.or(run.max_failures),
        lost_after: overrides.lost_after.or(run.lost_after),
        worker_kills: run.worker_kills,
        completion_delay: overrides.completion_delay.or(run.completion_delay).unwrap_or(unasked),
        expect: overrides.expect.clone().or_else(|| run.expect.clone()),
        weight: overrides.weight.or(run.weight),
        priority: overrides.priority.or(run.priority).unwrap_or(0),
        retry_budget: overrides.retry_budget.or(run.retry_budget),
        wait_for_workers: overrides.wait_for_workers.or(run.wait_for_workers),
        failed_first: overrides.failed_first.or(run.failed_first).unwrap_or(false),
    }
}

/// The rules of a group. `framework`: what the framework's own files say.
pub(crate) fn group_policy(settings: &Settings, framework: Balance) -> GroupPolicy {
    let Balance { parallel, threads, algorithm, backups, batches, split } = framework.under(settings.balance);
    GroupPolicy {
        retries: settings.retries.unwrap_or(0),
        parallel: parallel.unwrap_or_default(),
        threads: threads.unwrap_or_default(),
        algorithm: algorithm.unwrap_or_default(),
        timeout_percent: settings.timeout_percent,
        backups: backups.unwrap_or(false),
        no_batches: !batches.unwrap_or(true),
        split: split.unwrap_or(false),
    }
}
