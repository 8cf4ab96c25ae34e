//! A slot: one process at a time, of one attempt or of several, under a shim that is kept from process to process.

use crate::attempt::{self, Asked, Host, Job, Listener, Reins};
use crate::bounds;
use crate::folder::remove_folder;
use crate::held::Found;
use crate::shim::{Mode, ShimHandle};
use futures::FutureExt;
use part_core::{AttemptId, AttemptOrder, CancelMode, Finish, LostCause, ReportBody, SlotId, StartOrder};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a slot tells the agent.
pub(crate) enum SlotSays {
    /// A fact for the leader.
    Report(ReportBody),
}

/// The agent's side of a slot.
pub(crate) struct Slot {
    slot: SlotId,
    orders: mpsc::Sender<StartOrder>,
    cancels: Cancels,
    /// The folder of each attempt that is not forgotten: several may share one, which goes with the last of them.
    folders: Mutex<BTreeMap<AttemptId, Arc<PathBuf>>>,
    host: Arc<Host>,
    task: JoinHandle<()>,
}

/// For each attempt that is not over: the agent's ends.
type Cancels = Arc<Mutex<BTreeMap<AttemptId, Held>>>;

/// What the agent holds of an attempt, and until its slot takes them, the attempt's own ends.
struct Held {
    /// For its process: who shares it is stopped with it.
    cancel: watch::Sender<Option<CancelMode>>,
    asked: Asked,
    listen: mpsc::Sender<Listener>,
    /// Of the first attempt of a process.
    reins: Option<Reins>,
}

/// The slot's own side.
struct Task {
    slot: SlotId,
    host: Arc<Host>,
    speak: mpsc::Sender<SlotSays>,
    cancels: Cancels,
    shim: Option<ShimHandle>,
}

impl Slot {
    pub(crate) fn spawn(
        slot: SlotId,
        host: Arc<Host>,
        speak: mpsc::Sender<SlotSays>,
        found: Vec<Found>,
    ) -> Slot {
        let (orders, queue) = mpsc::channel(1);
        let cancels = Cancels::default();
        let mut folders = BTreeMap::new();
        for found in &found {
            let attempts: Vec<AttemptId> = found.attempts().collect();
            register(&cancels, &attempts);
            folders.extend(folder_of(&host, &attempts));
        }
        let folders = Mutex::new(folders);
        let task = Task { slot, host: Arc::clone(&host), speak, cancels: Arc::clone(&cancels), shim: None };
        Slot { slot, orders, cancels, folders, host, task: tokio::spawn(task.work(queue, found)) }
    }

    /// Takes an order, or gives it back when the slot is taken.
    pub(crate) fn start(&self, order: StartOrder) -> Result<(), StartOrder> {
        let processes: Vec<Vec<AttemptId>> = processes(&order.attempts)
            .into_iter()
            .map(|attempts| attempts.iter().map(|order| order.attempt).collect())
            .collect();
        processes.iter().for_each(|attempts| register(&self.cancels, attempts));
        match self.orders.try_send(order) {
            Ok(()) => {
                let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
                processes.iter().for_each(|attempts| folders.extend(folder_of(&self.host, attempts)));
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(order) | mpsc::error::TrySendError::Closed(order)) => {
                processes.iter().flatten().for_each(|attempt| unregister(&self.cancels, *attempt));
                Err(order)
            }
        }
    }

    pub(crate) fn cancel(&self, attempt: AttemptId, mode: CancelMode) {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancel) = cancels.get(&attempt) {
            cancel.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt);
            cancel.cancel.send_modify(|wanted| *wanted = (*wanted).max(Some(mode)));
        }
    }

    /// Lets somebody see what a running attempt writes. False when it does not run, or too many look already.
    pub(crate) fn listen(&self, attempt: AttemptId, listener: Listener) -> bool {
        let held = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&attempt).is_some_and(|held| held.listen.try_send(listener).is_ok())
    }

    /// Removes what is left of an attempt, once nobody needs it who shared its process.
    pub(crate) fn forget(&self, attempt: AttemptId) {
        let folder = self.folders.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
        let Some(folder) = folder.and_then(Arc::into_inner) else { return };
        tokio::task::spawn_blocking(move || {
            if let Err(error) = remove_folder(&folder) {
                tracing::warn!(folder = %folder.display(), %error, "an attempt's folder could not be removed");
            }
        });
    }

    /// Ends the slot. Tied attempts are stopped first, without grace once `hurry` is cancelled; detached ones go on
    /// under their shims.
    pub(crate) async fn leave(mut self, mode: Mode, hurry: &CancellationToken) {
        drop(self.orders);
        if mode == Mode::Detached {
            let idle = self.cancels.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            // With nothing to outlive the worker, the shim goes with it.
            if idle && tokio::time::timeout(bounds::LEAVE_IDLE, &mut self.task).await.is_ok() {
                return;
            }
            self.task.abort();
            // Cancelled, or over already.
            drop(self.task.await);
            return;
        }
        stop_all(&self.cancels, CancelMode::Graceful);
        tokio::select! {
            _ = &mut self.task => return,
            () = hurry.cancelled() => {}
            () = tokio::time::sleep(bounds::LEAVE) => {}
        }
        stop_all(&self.cancels, CancelMode::Kill);
        if tokio::time::timeout(bounds::LEAVE_KILLED, &mut self.task).await.is_err() {
            tracing::warn!(slot = self.slot.0, "the slot's attempt does not end; its shim is ended");
            self.task.abort();
            self.host.end_shim(self.slot).await;
        }
    }
}

fn stop_all(cancels: &Cancels, mode: CancelMode) {
    let cancels = cancels.lock().unwrap_or_else(PoisonError::into_inner);
    for (attempt, held) in cancels.iter() {
        held.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(*attempt);
    }
    cancels.values().for_each(|held| held.cancel.send_modify(|wanted| *wanted = (*wanted).max(Some(mode))));
}

/// The attempts of one process.
fn register(cancels: &Cancels, attempts: &[AttemptId]) {
    cancels
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(attempts.iter().copied().zip(Held::of(attempts.len())));
}

/// Which attempts of an order share a process: all of them, where their recipe can run several specs in one, and else
/// each has its own, one after the other.
fn processes(attempts: &[AttemptOrder]) -> Vec<&[AttemptOrder]> {
    let together = |first: &AttemptOrder| {
        let alike = |other: &AttemptOrder| other.only.is_none() && other.recipe == first.recipe;
        !first.recipe.batch.is_empty() && attempts.iter().all(alike)
    };
    match attempts {
        [first, ..] if together(first) => vec![attempts],
        _ => attempts.chunks(1).collect(),
    }
}

/// The folder of a process, for each of its attempts.
fn folder_of(host: &Host, attempts: &[AttemptId]) -> Vec<(AttemptId, Arc<PathBuf>)> {
    let Some(first) = attempts.first() else { return Vec::new() };
    let folder = Arc::new(host.attempt_folder(*first));
    attempts.iter().map(|attempt| (*attempt, Arc::clone(&folder))).collect()
}

fn unregister(cancels: &Cancels, attempt: AttemptId) {
    cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
}

impl Task {
    async fn work(mut self, mut orders: mpsc::Receiver<StartOrder>, found: Vec<Found>) {
        for found in found {
            let reins = self.reins(found.order.attempt);
            let job = Job::found(self.slot, found.order, found.workspace, reins).with(found.others);
            if let Some(shim) = found.shim {
                self.shim = Some(shim);
            }
            let in_use = found.in_use;
            self.attempt(job, found.begin).await;
            drop(in_use);
        }
        while let Some(order) = self.next(&mut orders).await {
            for attempts in processes(&order.attempts) {
                let Some((first, others)) = attempts.split_first() else { continue };
                let reins = self.reins(first.attempt);
                let job = Job::new(self.slot, first.clone(), order.workspace.clone(), reins);
                let job = job.with(others.to_vec()).held_to(order.cpus);
                self.attempt(job, attempt::Begin::default()).await;
            }
        }
        self.end_shim().await;
    }

    /// The next order. A slot that has none for long lets go of its shim: few use a worker's extra slots.
    async fn next(&mut self, orders: &mut mpsc::Receiver<StartOrder>) -> Option<StartOrder> {
        match tokio::time::timeout(bounds::SHIM_IDLE, orders.recv()).await {
            Ok(order) => order,
            Err(_) => {
                self.end_shim().await;
                orders.recv().await
            }
        }
    }

    async fn end_shim(&mut self) {
        if let Some(shim) = self.shim.take()
            && let Err(error) = shim.exit().await
        {
            tracing::debug!(slot = self.slot.0, %error, "the shim did not end by itself");
        }
    }

    async fn attempt(&mut self, job: Job, begin: attempt::Begin) {
        let attempts: Vec<AttemptId> = job.orders().map(|order| order.attempt).collect();
        let run = attempt::run(&self.host, &mut self.shim, job, begin, &self.speak);
        if let Err(panic) = AssertUnwindSafe(run).catch_unwind().await {
            // Our bug. The slot lives on, and the attempt has an end that somebody sees.
            drop(self.shim.take());
            self.host.end_shim(self.slot).await;
            let finish =
                Finish::lost(LostCause::WorkerFailed, format!("the worker panicked: {}", words(&*panic)));
            for attempt in &attempts {
                let body = ReportBody::Finished { attempt: *attempt, finish: Box::new(finish.clone()) };
                // The agent is gone only when the worker ends.
                drop(self.speak.send(SlotSays::Report(body)).await);
            }
        }
        attempts.iter().for_each(|attempt| unregister(&self.cancels, *attempt));
    }

    fn reins(&self, attempt: AttemptId) -> Reins {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        let held = cancels.entry(attempt).or_insert_with(Held::alone);
        held.reins.take().unwrap_or_else(|| Reins {
            wish: held.cancel.subscribe(),
            asked: Arc::clone(&held.asked),
            listeners: mpsc::channel(1).1,
        })
    }
}

impl Held {
    /// Of an attempt with a process of its own.
    fn alone() -> Held {
        let (cancel, wish) = watch::channel(None);
        let (listen, listeners) = mpsc::channel(bounds::LIVE_LISTENERS);
        let asked = Asked::default();
        Held { cancel, listen, reins: Some(Reins { wish, asked: Arc::clone(&asked), listeners }), asked }
    }

    /// Of so many attempts of one process.
    fn of(count: usize) -> Vec<Held> {
        let first = Held::alone();
        let share = |_| Held {
            cancel: first.cancel.clone(),
            asked: Arc::clone(&first.asked),
            listen: first.listen.clone(),
            reins: None,
        };
        let others: Vec<Held> = (1..count).map(share).collect();
        std::iter::once(first).chain(others).collect()
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
