//! A slot: one attempt at a time, under a shim that is kept from attempt to attempt.

use crate::attempt::{self, Host, Job};
use crate::held::Found;
use crate::shim::{Mode, ShimHandle};
use part_core::{AttemptId, CancelMode, ReportBody, SlotId, StartOrder, Workspace};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How long a leaving worker waits for its tied slots; longer than any grace period that is left after a stop.
const LEAVE: Duration = Duration::from_secs(30);

/// What a slot tells the agent.
pub(crate) enum SlotSays {
    /// A fact for the leader.
    Report(ReportBody),
}

/// The agent's side of a slot.
pub(crate) struct Slot {
    orders: mpsc::Sender<StartOrder>,
    cancels: Cancels,
    host: Arc<Host>,
    task: JoinHandle<()>,
}

/// For each attempt that is not over: whether it is to stop.
type Cancels = Arc<Mutex<BTreeMap<AttemptId, watch::Sender<Option<CancelMode>>>>>;

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
        Slot { orders, cancels, host, task: tokio::spawn(task.work(queue, found)) }
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
            cancel.send_modify(|wanted| *wanted = (*wanted).max(Some(mode)));
        }
    }

    /// Removes what is left of an attempt.
    pub(crate) fn forget(&self, attempt: AttemptId) {
        let folder = self.host.attempt_folder(attempt);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = std::fs::remove_dir_all(&folder)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %folder.display(), %error, "an attempt's folder could not be removed");
            }
        });
    }

    /// Ends the slot. Tied attempts are stopped first; detached ones go on under their shims.
    pub(crate) async fn leave(self, mode: Mode) {
        match mode {
            Mode::Detached => self.task.abort(),
            Mode::Tied => {
                let running: Vec<AttemptId> =
                    self.cancels.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
                running.iter().for_each(|attempt| self.cancel(*attempt, CancelMode::Graceful));
                drop(self.orders);
                let abort = self.task.abort_handle();
                if tokio::time::timeout(LEAVE, self.task).await.is_err() {
                    // The shim sees its owner go, and ends the tree itself.
                    abort.abort();
                }
            }
        }
    }
}

fn register(cancels: &Cancels, attempt: AttemptId) {
    cancels.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, watch::channel(None).0);
}

fn unregister(cancels: &Cancels, attempt: AttemptId) {
    cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&attempt);
}

impl Task {
    async fn work(mut self, mut orders: mpsc::Receiver<StartOrder>, found: Vec<Found>) {
        for found in found {
            let job = Job::found(self.slot, found.order, found.workspace, self.wish(found.attempt));
            if let Some(shim) = found.shim {
                self.shim = Some(shim);
            }
            self.attempt(job, found.ended.then_some(found.record).flatten(), found.running).await;
        }
        while let Some(order) = orders.recv().await {
            let Workspace::InPlace(workspace) = order.workspace;
            for attempt in order.attempts {
                let wish = self.wish(attempt.attempt);
                let job = Job::new(self.slot, attempt, workspace.clone().into(), wish);
                self.attempt(job, None, false).await;
            }
        }
        if let Some(shim) = self.shim.take()
            && let Err(error) = shim.exit().await
        {
            tracing::debug!(slot = self.slot.0, %error, "the shim did not end by itself");
        }
    }

    async fn attempt(
        &mut self,
        job: Job,
        record: Option<Arc<crate::shim::ExitRecord>>,
        running: bool,
    ) {
        let attempt = job.order.attempt;
        attempt::run(&self.host, &mut self.shim, job, attempt::Begin { record, running }, &self.speak).await;
        unregister(&self.cancels, attempt);
    }

    fn wish(&self, attempt: AttemptId) -> watch::Receiver<Option<CancelMode>> {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        cancels.get(&attempt).map_or_else(|| watch::channel(None).1, watch::Sender::subscribe)
    }
}
