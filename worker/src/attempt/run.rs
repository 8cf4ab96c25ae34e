//! The stages of an attempt: prepare, run under the shim, evaluate, report.

use super::evaluate::evaluate;
use super::prepare::{Prepared, prepare};
use super::{Host, Job};
use crate::bounds;
use crate::shim::{ExitRecord, ShimError, ShimHandle, StopMode};
use crate::slot::SlotSays;
use part_core::{AttemptVerdict, CancelMode, Finish, ReportBody, TestResult};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// Where an attempt begins: afresh, or where an earlier life of the worker left it.
#[derive(Default)]
pub(crate) struct Begin {
    /// It ended already.
    pub(crate) record: Option<Arc<ExitRecord>>,
    /// It still runs under the slot's shim.
    pub(crate) running: bool,
}

/// Runs an attempt and says everything about it. Always ends with its end being reported.
pub(crate) async fn run(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    job: Job,
    begin: Begin,
    speak: &mpsc::Sender<SlotSays>,
) {
    let attempt = job.order.attempt;
    let (tests, finish) = match stages(host, shim, job, begin, speak).await {
        Ok(result) => result,
        Err(finish) => (Vec::new(), *finish),
    };
    let mut batch = 0;
    for tests in batches(tests) {
        say(speak, ReportBody::Tests { attempt, batch, tests }).await;
        batch += 1;
    }
    say(speak, ReportBody::Finished { attempt, finish: Box::new(finish) }).await;
}

async fn say(speak: &mpsc::Sender<SlotSays>, body: ReportBody) {
    // The agent is gone only when the worker ends; its successor finds the attempt's folder.
    drop(speak.send(SlotSays::Report(body)).await);
}

/// The end of an attempt that the worker itself could not carry out; it goes again, elsewhere if possible.
fn worker_failed(message: String) -> Box<Finish> {
    Box::new(Finish::declared(AttemptVerdict::Lost, message))
}

async fn stages(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    mut job: Job,
    begin: Begin,
    speak: &mpsc::Sender<SlotSays>,
) -> Result<(Vec<TestResult>, Finish), Box<Finish>> {
    let taken = Instant::now();
    if let Some(mode) = *job.wish.borrow()
        && !job.found
    {
        return Err(Box::new(Finish::declared(AttemptVerdict::Cancelled, cancelled(mode))));
    }
    let prepared = prepare(host, &job).await?;
    let setup = taken.elapsed();
    let record = match begin.record {
        Some(record) => record,
        None => supervise(host, shim, &mut job, &prepared, begin.running, speak).await?,
    };
    let ended = Instant::now();
    let (tests, mut finish) = evaluate(host, &job, &prepared, &record).await;
    finish.timing.setup = millis(setup);
    finish.timing.teardown = millis(ended.elapsed());
    Ok((tests, finish))
}

fn cancelled(mode: CancelMode) -> &'static str {
    match mode {
        CancelMode::Graceful => "cancelled before it started",
        CancelMode::Kill => "killed before it started",
    }
}

/// Runs it under the slot's shim until its end, passing on the wish to stop.
async fn supervise(
    host: &Host,
    shim: &mut Option<ShimHandle>,
    job: &mut Job,
    prepared: &Prepared,
    running: bool,
    speak: &mpsc::Sender<SlotSays>,
) -> Result<Arc<ExitRecord>, Box<Finish>> {
    if shim.is_none() {
        *shim = Some(launch(host, job).await?);
    }
    let ended = match shim.as_ref() {
        Some(shim) => under_shim(shim, job, prepared, running, speak).await,
        None => return Err(worker_failed("the slot has no shim".to_owned())),
    };
    match ended {
        Ok(record) => Ok(record),
        Err(error) => {
            // This shim is not to be trusted again; what it may have left is ended before the next one starts.
            *shim = None;
            Err(worker_failed(format!("the shim failed: {}", chain(&error))))
        }
    }
}

async fn launch(host: &Host, job: &Job) -> Result<ShimHandle, Box<Finish>> {
    let (program, verb) = &host.options.shim;
    let launched = ShimHandle::launch(program, verb, &host.slot_folder(job.slot), host.options.mode).await;
    launched.map_err(|error| worker_failed(format!("the shim cannot be started: {}", chain(&error))))
}

async fn under_shim(
    shim: &ShimHandle,
    job: &mut Job,
    prepared: &Prepared,
    running: bool,
    speak: &mpsc::Sender<SlotSays>,
) -> Result<Arc<ExitRecord>, ShimError> {
    let name = job.name();
    if !running {
        shim.start(prepared.order.clone()).await?;
    }
    say(speak, ReportBody::Started { attempt: job.order.attempt }).await;
    let mut asked = None;
    loop {
        let wanted = *job.wish.borrow_and_update();
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
            changed = job.wish.changed() => if changed.is_err() {
                return shim.finished(&name).await;
            },
        }
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
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

/// Tests in reports of bounded size.
fn batches(tests: Vec<TestResult>) -> Vec<Vec<TestResult>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for test in tests {
        let texts = [&test.message, &test.detail, &test.output];
        let size = test.id.len()
            + test.name.len()
            + texts.into_iter().flatten().map(String::len).sum::<usize>();
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
