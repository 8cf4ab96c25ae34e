//! The stages of an attempt: prepare, run under the shim, evaluate, report.

use super::evaluate::evaluate;
use super::journal::Overtime;
use super::live::Live;
use super::prepare::{Prepared, prepare};
use super::{Asked, Host, Job};
use crate::bounds;
use crate::load::CpuWait;
use crate::shim::{ExitRecord, ShimError, ShimHandle, StopMode};
use crate::slot::SlotSays;
use part_core::{AttemptId, AttemptVerdict, CancelMode, Finish, LostCause, Millis, ReportBody, TestResult};
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// Where an attempt begins.
#[derive(Clone, Default)]
pub(crate) enum Begin {
    /// Afresh.
    #[default]
    Afresh,
    /// An earlier life of the worker began it, and it still runs under the slot's shim.
    Running,
    /// It ended in an earlier life of the worker.
    Ended(Arc<ExitRecord>),
}

/// Runs an attempt, or several in one process, and says everything about them. Always ends with their ends being
/// reported.
pub(crate) async fn run(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    job: Job,
    begin: Begin,
    speak: &mpsc::Sender<SlotSays>,
) {
    let attempts: Vec<AttemptId> = job.orders().map(|order| order.attempt).collect();
    let asked = Arc::clone(&job.reins.asked);
    let results = match stages(host, shim, job, begin, speak).await {
        Ok(results) => results,
        Err(finish) => without_result(&attempts, &asked, *finish),
    };
    for (attempt, (tests, finish)) in attempts.into_iter().zip(results) {
        for (batch, tests) in (0..).zip(batches(tests)) {
            say(speak, ReportBody::Tests { attempt, batch, tests }).await;
        }
        say(speak, ReportBody::Finished { attempt, finish: Box::new(finish) }).await;
    }
}

/// The ends of attempts whose process never was, or nobody could watch. What one alone would have brought about or was
/// asked for, another one of several has nothing to do with.
fn without_result(attempts: &[AttemptId], asked: &Asked, finish: Finish) -> Vec<(Vec<TestResult>, Finish)> {
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let shared = attempts.len() > 1;
    let setups = shares(finish.timing.setup, &vec![Millis::ZERO; attempts.len()]);
    let end = |(attempt, setup): (&AttemptId, Millis)| {
        let innocent = finish.verdict == AttemptVerdict::Cancelled && !asked.contains(attempt)
            || finish.lost == Some(LostCause::ShimDied);
        let mut finish = match innocent && shared {
            true => Finish::lost(LostCause::BatchEnded, finish.message.clone()),
            false => finish.clone(),
        };
        finish.timing.setup = setup;
        (Vec::new(), finish)
    };
    attempts.iter().zip(setups).map(end).collect()
}

async fn say(speak: &mpsc::Sender<SlotSays>, body: ReportBody) {
    // The agent is gone only when the worker ends; its successor finds the attempt's folder.
    drop(speak.send(SlotSays::Report(body)).await);
}

/// The end of an attempt that the worker itself could not carry out; it goes again, elsewhere if possible.
pub(super) fn worker_failed(message: String) -> Box<Finish> {
    Box::new(Finish::lost(LostCause::WorkerFailed, message))
}

async fn stages(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    mut job: Job,
    begin: Begin,
    speak: &mpsc::Sender<SlotSays>,
) -> Result<Vec<(Vec<TestResult>, Finish)>, Box<Finish>> {
    let taken = Instant::now();
    if let Some(mode) = *job.reins.wish.borrow()
        && !job.found
    {
        return Err(Box::new(Finish::declared(AttemptVerdict::Cancelled, cancelled(mode))));
    }
    let prepared = prepare(host, &job).await.map_err(|mut finish| {
        finish.timing.setup = millis(taken.elapsed());
        finish
    })?;
    let setup = taken.elapsed();
    let mut cpu_wait = None;
    let record = match begin {
        Begin::Ended(record) => record,
        Begin::Running => {
            say_started(&job, speak).await;
            supervise(host, shim, &mut job, &prepared).await?
        }
        Begin::Afresh => {
            if let Err(finish) = start(host, shim, &job, &prepared).await {
                // A process can take its shim down before that has said that it started: it did start.
                if finish.lost == Some(LostCause::ShimDied) {
                    say_started(&job, speak).await;
                }
                return Err(finish);
            }
            let waited = CpuWait::begin();
            say_started(&job, speak).await;
            let record = supervise(host, shim, &mut job, &prepared).await?;
            cpu_wait = waited.and_then(|waited| waited.share());
            record
        }
    };
    let ended = Instant::now();
    let evaluated = evaluate(host, &job, prepared, record).await;
    clear_temp(host, &job).await;
    let mut results = evaluated?;
    let nothing = vec![Millis::ZERO; results.len()];
    let setups = shares(millis(setup), &nothing);
    let teardowns = shares(millis(ended.elapsed()), &nothing);
    for (((_, finish), setup), teardown) in results.iter_mut().zip(setups).zip(teardowns) {
        finish.timing.setup = setup;
        finish.timing.teardown = teardown;
        finish.cpu_wait = cpu_wait;
    }
    Ok(results)
}

async fn say_started(job: &Job, speak: &mpsc::Sender<SlotSays>) {
    for order in job.orders() {
        say(speak, ReportBody::Started { attempt: order.attempt }).await;
    }
}

/// Lets go of its temporary files. What cannot be removed now goes before the slot's next attempt.
async fn clear_temp(host: &Host, job: &Job) {
    let (temp, slot, folder) = (host.temp.clone(), job.slot, host.attempt_folder(job.order.attempt));
    match tokio::task::spawn_blocking(move || temp.clear(slot, &folder)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(slot = slot.0, %error, "temporary files stay"),
        Err(error) => tracing::warn!(slot = slot.0, %error, "clearing temporary files failed"),
    }
}

fn cancelled(mode: CancelMode) -> &'static str {
    match mode {
        CancelMode::Graceful => "cancelled before it started",
        CancelMode::Kill => "killed before it started",
    }
}

/// Starts it under the slot's shim. One that was kept from an earlier attempt may have died since; then there is
/// another try with a new one.
async fn start(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    job: &Job,
    prepared: &Prepared,
) -> Result<(), Box<Finish>> {
    let (program, verb) = &host.options.shim;
    let folder = host.slot_folder(job.slot);
    let launch = || ShimHandle::launch(program, verb, &folder, host.options.mode);
    let unlaunched = |error| worker_failed(format!("the shim cannot be started: {}", chain(&error)));
    let kept = shim.is_some();
    let handle = match shim.take() {
        Some(handle) => handle,
        None => launch().await.map_err(unlaunched)?,
    };
    let mut started = handle.start(prepared.order.clone()).await;
    let handle = shim.insert(handle);
    if kept && matches!(started, Err(ShimError::Lost { .. })) {
        tracing::warn!(slot = job.slot.0, "the slot's shim died between two attempts; starting another");
        *handle = launch().await.map_err(unlaunched)?;
        started = handle.start(prepared.order.clone()).await;
    }
    match started {
        Ok(_) => Ok(()),
        Err(error @ ShimError::OrderTooLarge { .. }) => {
            let message = format!("could not start: {}", chain(&error));
            Err(Box::new(match job.others.is_empty() {
                true => Finish::declared(AttemptVerdict::Crashed, message),
                false => Finish::lost(LostCause::BatchEnded, message),
            }))
        }
        Err(error) => Err(give_up(host, shim, job, &error).await),
    }
}

/// Waits for its end under the slot's shim, passing on the wish to stop.
async fn supervise(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    job: &mut Job,
    prepared: &Prepared,
) -> Result<Arc<ExitRecord>, Box<Finish>> {
    let ended = match shim.as_ref() {
        Some(shim) => under_shim(shim, job, Overtime::of(job, prepared)).await,
        None => return Err(worker_failed("the slot has no shim".to_owned())),
    };
    match ended {
        Ok(record) => Ok(record),
        Err(error) => Err(give_up(host, shim, job, &error).await),
    }
}

/// A shim that failed is not to be trusted again. It and what it ran are ended before anybody hears of the attempt's
/// end.
async fn give_up(host: &Host, shim: &mut Option<ShimHandle>, job: &Job, error: &ShimError) -> Box<Finish> {
    drop(shim.take());
    host.end_shim(job.slot).await;
    Box::new(Finish::lost(LostCause::ShimDied, format!("the shim failed: {}", chain(error))))
}

async fn under_shim(
    shim: &ShimHandle,
    job: &mut Job,
    mut overtime: Overtime,
) -> Result<Arc<ExitRecord>, ShimError> {
    let name = job.name();
    let mut asked = None;
    let nobody = mpsc::channel(1).1;
    let mut live = Live::new(std::mem::replace(&mut job.reins.listeners, nobody));
    loop {
        let wanted = *job.reins.wish.borrow_and_update();
        if wanted > asked {
            asked = wanted;
            let mode = match wanted {
                Some(CancelMode::Kill) => StopMode::Kill,
                Some(CancelMode::Graceful) | None => StopMode::Graceful,
            };
            shim.stop(&name, mode).await?;
        }
        tokio::select! {
            ended = shim.finished(&name) => return ended,
            error = live.serve(shim, &name) => return Err(error),
            () = overtime.passed() => drop(shim.stop(&name, StopMode::Graceful).await?),
            changed = job.reins.wish.changed() => if changed.is_err() {
                return shim.finished(&name).await;
            },
        }
    }
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

pub(super) fn millis(duration: std::time::Duration) -> part_core::Millis {
    part_core::Millis(duration.as_millis() as u64)
}

/// `whole` divided among several: to each its own, and of the rest the same. Where their own is more than the whole, as
/// much less of it. Adds up to the whole.
pub(super) fn shares(whole: Millis, own: &[Millis]) -> Vec<Millis> {
    let owned: u64 = own.iter().map(|own| own.0).sum();
    let count = own.len().max(1) as u64;
    let rest = whole.0.saturating_sub(owned);
    let share = |own: &Millis| match owned > whole.0 {
        true => (u128::from(own.0) * u128::from(whole.0) / u128::from(owned)) as u64,
        false => own.0 + rest / count,
    };
    let mut shares: Vec<Millis> = own.iter().map(|own| Millis(share(own))).collect();
    // What cannot be divided goes to the first ones.
    let given: u64 = shares.iter().map(|share| share.0).sum();
    shares.iter_mut().take(whole.0.saturating_sub(given) as usize).for_each(|share| share.0 += 1);
    shares
}

/// Tests in reports of bounded size.
fn batches(tests: Vec<TestResult>) -> Vec<Vec<TestResult>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for test in tests {
        let texts = [&test.message, &test.detail, &test.output];
        let size =
            test.id.len() + test.name.len() + texts.into_iter().flatten().map(String::len).sum::<usize>();
        let full = batch.len() >= bounds::TESTS_PER_REPORT || bytes + size > bounds::TEST_BYTES_PER_REPORT;
        if full && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes += size;
        batch.push(test);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        for (whole, own, wanted) in [
            (100, vec![0], vec![100]),
            (100, vec![10, 20], vec![45, 55]),
            (101, vec![0, 0], vec![51, 50]),
            (100, vec![0, 0, 1], vec![33, 33, 34]),
            (10, vec![30, 10], vec![8, 2]),
            (0, vec![0, 0], vec![0, 0]),
            (7, vec![5, 5, 5], vec![3, 2, 2]),
        ] {
            let millis = |all: &[u64]| all.iter().copied().map(Millis).collect::<Vec<_>>();
            assert_eq!(shares(Millis(whole), &millis(&own)), millis(&wanted), "{whole} {own:?}");
        }
    }
}
