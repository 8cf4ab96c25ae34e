//! A stand-alone worker from its start to its end.

use super::admission::Admission;
use crate::join::{JoinError, JoinOptions};
use crate::{Control, Directory, Worker, WorkerOptions, bounds, extra_slots, probe, shim};
use part_core::{Bounds, CancelMode, Incarnation, SlotId};
use part_trust::{Address, Dialer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How a worker is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// No new work; what runs may finish within the grace, the rest goes back then.
    pub drain: CancellationToken,
    /// What runs goes back now, killed.
    pub hurry: CancellationToken,
}

/// Joins, works until it is told to stop, and gives back what still runs then.
///
/// # Errors
///
/// When the worker is not admitted, its folder cannot be used, or its certificate could not be renewed in time. What it
/// ran then goes on under its shims, and is adopted by the next start.
pub async fn work(options: JoinOptions, stop: Stop) -> Result<(), JoinError> {
    let admission = tokio::select! {
        admission = Admission::obtain(&options) => admission?,
        () = stop.drain.cancelled() => return Ok(()),
        () = stop.hurry.cancelled() => return Ok(()),
    };
    let (drain, draining) = watch::channel(false);
    let directory = directory(&options.addresses, admission.dialer.clone());
    let told = worker_options(&options, &admission.name).await?;
    let mut worker = Worker::start(told, directory, draining).await.map_err(JoinError::Worker)?;
    let mut control = worker.control();
    tracing::info!(name = admission.name, slots = options.slots, adopted = control.held(), "working");
    let leave = CancellationToken::new();
    // Detached attempts are never hurried by the worker's own end: they were given back, or outlive it.
    let mut running = tokio::spawn(worker.run(leave.clone(), CancellationToken::new()));
    let renewing = admission.keep_renewing();
    let result = tokio::select! {
        ended = &mut running => return Err(JoinError::Panicked(match ended {
            Ok(()) => "it ended without being told to".to_owned(),
            Err(error) => error.to_string(),
        })),
        error = renewing => Err(error),
        () = stop.drain.cancelled() => Ok(()),
        () = stop.hurry.cancelled() => Ok(()),
    };
    if result.is_ok() {
        drain.send_replace(true);
        finish(&mut control, &stop, options.drain_grace).await;
    }
    leave.cancel();
    match timeout(bounds::LEAVE + bounds::LEAVE_KILLED, running).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(JoinError::Panicked(error.to_string())),
        Err(_) => tracing::warn!("the worker did not end in time"),
    }
    result
}

/// Lets what runs finish within the grace, then gives the rest back and waits until the leader knows.
async fn finish(control: &mut Control, stop: &Stop, grace: Duration) {
    tracing::info!(running = control.held(), ?grace, "draining: no new work, running specs finish");
    tokio::select! {
        () = control.idle() => return,
        () = stop.hurry.cancelled() => {}
        () = tokio::time::sleep(grace) => {}
    }
    tracing::warn!(running = control.held(), "what still runs is stopped and goes back to the mesh");
    if !stop.hurry.is_cancelled() {
        control.give_back(CancelMode::Graceful);
        tokio::select! {
            () = control.idle() => return,
            () = stop.hurry.cancelled() => {}
            () = tokio::time::sleep(bounds::LEAVE) => {}
        }
    }
    control.give_back(CancelMode::Kill);
    if timeout(bounds::LEAVE_KILLED, control.idle()).await.is_err() {
        tracing::warn!(
            held = control.held(),
            "the leader does not know yet what was given back; it finds out by the worker's silence"
        );
    }
}

async fn worker_options(options: &JoinOptions, name: &str) -> Result<WorkerOptions, JoinError> {
    let mut capabilities = probe(&options.home.join("cache")).await;
    for (label, value) in &options.labels {
        capabilities.0.insert(format!("label.{label}"), value.clone());
    }
    let slots = options.slots.clamp(1, Bounds::DEFAULT.slots_per_worker as u32);
    let extra = options.extra_slots.unwrap_or_else(|| extra_slots(slots));
    let extra = extra.min(Bounds::DEFAULT.slots_per_worker as u32);
    let program = std::env::current_exe().map_err(JoinError::Program)?;
    Ok(WorkerOptions {
        name: name.to_owned(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        slots: (0..slots).map(SlotId).collect(),
        extra_slots: (slots..slots + extra).map(SlotId).collect(),
        home: options.home.join("worker"),
        shim: (program, vec!["shim".into()]),
        mode: shim::Mode::Detached,
        inherit_env: false,
        capabilities,
        incarnation: Incarnation(uuid::Uuid::now_v7().as_u64_pair().0),
        cache_bytes: None,
    })
}

/// The daemons that were named, and those that they tell of.
fn directory(addresses: &[Address], dialer: Dialer) -> Directory {
    let connect = move |address: &str| match address.parse::<Address>() {
        Ok(address) => Ok(dialer.channel(&address)),
        Err(error) => Err(error.to_string()),
    };
    Directory::of(addresses.iter().map(ToString::to_string).collect(), Arc::new(connect))
}
