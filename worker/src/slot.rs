//! A slot: one attempt at a time, under a shim that is kept from attempt to attempt.

use crate::attempt::{self, Host, Job, Listener, Reins};
use crate::bounds;
use crate::folder::remove_folder;
use crate::held::Found;
use crate::shim::{Mode, ShimHandle};
use futures::FutureExt;
use part_core::{AttemptId, CancelMode, Finish, LostCause, ReportBody, SlotId, StartOrder};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
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
    host: Arc<Host>,
    task: JoinHandle<()>,
}

/// For each attempt that is not over: the agent's ends.
type Cancels = Arc<Mutex<BTreeMap<AttemptId, Held>>>;

/// What the agent holds of an attempt, and until its slot takes them, the attempt's own ends.
struct Held {
    cancel: watch::Sender<Option<CancelMode>>,
    listen: mpsc::Sender<Listener>,
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
        for found in &found {
            register(&cancels, found.order.attempt);
        }
        let task = Task { slot, host: Arc::clone(&host), speak, cancels: Arc::clone(&cancels), shim: None };
        Slot { slot, orders, cancels, host, task: tokio::spawn(task.work(queue, found)) }
    }

    /// Takes an order, or gives it back when the slot is taken.
    pub(crate) fn start(&self, order: StartOrder) -> Result<(), StartOrder> {
        let attempts: Vec<AttemptId> = order.attempts.iter().map(|attempt| attempt.attempt).collect();
        attempts.iter().for_each(|attempt| register(&self.cancels, *attempt));
        self.orders.try_send(order).map_err(|refused| {
            attempts.iter().for_each(|attempt| unregister(&self.cancels, *attempt));
            match refused {
                mpsc::error::TrySendError::Full(order) | mpsc::error::TrySendError::Closed(order) => order,
            }
        })
    }

    pub(crate) fn cancel(&self, attempt: AttemptId, mode: CancelMode) {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancel) = cancels.get(&attempt) {
            cancel.cancel.send_modify(|wanted| *wanted = (*wanted).max(Some(mode)));
        }
    }

    /// Lets somebody see what a running attempt writes. False when it does not run, or too many look already.
    pub(crate) fn listen(&self, attempt: AttemptId, listener: Listener) -> bool {
        let held = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&attempt).is_some_and(|held| held.listen.try_send(listener).is_ok())
    }

    /// Removes what is left of an attempt.
    pub(crate) fn forget(&self, attempt: AttemptId) {
        let folder = self.host.attempt_folder(attempt);
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
    cancels.values().for_each(|held| held.cancel.send_modify(|wanted| *wanted = (*wanted).max(Some(mode))));
}

fn register(cancels: &Cancels, attempt: AttemptId) {
    cancels.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, Held::new());
}

fn unregister(cancels: &Cancels, attempt: AttemptId) {
    cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
}

impl Task {
    async fn work(mut self, mut orders: mpsc::Receiver<StartOrder>, found: Vec<Found>) {
        for found in found {
            let reins = self.reins(found.order.attempt);
            let job = Job::found(self.slot, found.order, found.workspace, reins);
            if let Some(shim) = found.shim {
                self.shim = Some(shim);
            }
            let in_use = found.in_use;
            self.attempt(job, found.begin).await;
            drop(in_use);
        }
        while let Some(order) = orders.recv().await {
            for attempt in order.attempts {
                let reins = self.reins(attempt.attempt);
                let job = Job::new(self.slot, attempt, order.workspace.clone(), reins).held_to(order.cpus);
                self.attempt(job, attempt::Begin::default()).await;
            }
        }
        if let Some(shim) = self.shim.take()
            && let Err(error) = shim.exit().await
        {
            tracing::debug!(slot = self.slot.0, %error, "the shim did not end by itself");
        }
    }

    async fn attempt(&mut self, job: Job, begin: attempt::Begin) {
        let attempt = job.order.attempt;
        let run = attempt::run(&self.host, &mut self.shim, job, begin, &self.speak);
        if let Err(panic) = AssertUnwindSafe(run).catch_unwind().await {
            // Our bug. The slot lives on, and the attempt has an end that somebody sees.
            drop(self.shim.take());
            self.host.end_shim(self.slot).await;
            let finish =
                Finish::lost(LostCause::WorkerFailed, format!("the worker panicked: {}", words(&*panic)));
            let body = ReportBody::Finished { attempt, finish: Box::new(finish) };
            // The agent is gone only when the worker ends.
            drop(self.speak.send(SlotSays::Report(body)).await);
        }
        unregister(&self.cancels, attempt);
    }

    fn reins(&self, attempt: AttemptId) -> Reins {
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        let held = cancels.entry(attempt).or_insert_with(Held::new);
        held.reins
            .take()
            .unwrap_or_else(|| Reins { wish: held.cancel.subscribe(), listeners: mpsc::channel(1).1 })
    }
}

impl Held {
    fn new() -> Held {
        let (cancel, wish) = watch::channel(None);
        let (listen, listeners) = mpsc::channel(bounds::LIVE_LISTENERS);
        Held { cancel, listen, reins: Some(Reins { wish, listeners }) }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
