//! What the owner of a worker sees and says while it runs.

use part_core::CancelMode;
use tokio::sync::watch;

/// The owner's end.
pub struct Control {
    holds: watch::Receiver<usize>,
    give_back: watch::Sender<Option<CancelMode>>,
}

/// The worker's end.
pub(crate) struct Controlled {
    holds: watch::Sender<usize>,
    give_back: watch::Receiver<Option<CancelMode>>,
}

pub(crate) fn control(held: usize) -> (Control, Controlled) {
    let (holds, held) = watch::channel(held);
    let (give_back, wanted) = watch::channel(None);
    (Control { holds: held, give_back }, Controlled { holds, give_back: wanted })
}

impl Control {
    /// Waits until nothing is held any more: all attempts have ended, and the leader knows. Also when the worker has
    /// ended.
    pub async fn idle(&mut self) {
        // An error means that the worker is gone, and with it what it held.
        drop(self.holds.wait_for(|held| *held == 0).await.map(|_| ()));
    }

    /// Attempts that have not ended, or whose end the leader has not acknowledged.
    pub fn held(&self) -> usize {
        *self.holds.borrow()
    }

    /// Stops what runs, politely or at once, and reports it, so that it starts elsewhere without a wait.
    pub fn give_back(&self, mode: CancelMode) {
        self.give_back.send_replace(Some(mode));
    }
}

impl Default for Controlled {
    /// Of a worker that nobody controls.
    fn default() -> Controlled {
        control(0).1
    }
}

impl Controlled {
    /// The owner's next wish; none when there is no owner.
    pub(crate) async fn wanted(&mut self) -> Option<CancelMode> {
        self.give_back.changed().await.ok()?;
        *self.give_back.borrow_and_update()
    }

    pub(crate) fn holds(&self, held: usize) {
        self.holds.send_if_modified(|known| std::mem::replace(known, held) != held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_owner_learns_when_nothing_is_held_and_is_heard() {
        let (mut owner, mut worker) = control(1);
        assert!(tokio::time::timeout(Duration::from_millis(20), owner.idle()).await.is_err());
        owner.give_back(CancelMode::Graceful);
        assert_eq!(worker.wanted().await, Some(CancelMode::Graceful));
        worker.holds(0);
        owner.idle().await;
        assert_eq!(owner.held(), 0);
        worker.holds(2);
        drop(worker);
        owner.idle().await;
        assert_eq!(Controlled::default().wanted().await, None, "without an owner");
    }
}
