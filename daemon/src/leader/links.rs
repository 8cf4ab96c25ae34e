//! The leader's ends of the links to workers.

use part_core::{Command, Term, WorkerId};
use part_proto::convert::command_to_wire;
use part_proto::v1;
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Where messages for one worker go.
pub(crate) type LinkSender = mpsc::Sender<v1::LeaderMessage>;

/// Tells one link from the next of the same worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId(pub(crate) uuid::Uuid);

/// All open links, by worker.
#[derive(Default)]
pub(super) struct Links {
    open: BTreeMap<WorkerId, (LinkId, LinkSender)>,
}

impl Links {
    /// A new link takes the place of the worker's earlier one.
    pub(super) fn open(&mut self, worker: WorkerId, link: LinkId, sender: LinkSender) {
        self.open.insert(worker, (link, sender));
    }

    /// True while this link is the worker's own. What comes over any other is from before: from an earlier link, or
    /// meant for an earlier leader, and its reports have come again over this one or will.
    pub(super) fn is_open(&self, worker: &WorkerId, link: LinkId) -> bool {
        self.open.get(worker).is_some_and(|(open, _)| *open == link)
    }

    /// Forgets a link that closed. False when another one has taken its place already.
    pub(super) fn close(&mut self, worker: &WorkerId, link: LinkId) -> bool {
        match self.open.get(worker) {
            Some((open, _)) if *open != link => false,
            Some(_) | None => {
                self.open.remove(worker);
                true
            }
        }
    }

    /// Closes a link from this end.
    pub(super) fn cut(&mut self, worker: &WorkerId) {
        self.open.remove(worker);
    }

    /// Passes on something that is not the core's; false when it cannot be sent now.
    pub(super) fn pass_on(&self, worker: &WorkerId, message: v1::LeaderMessage) -> bool {
        self.open.get(worker).is_some_and(|(_, sender)| sender.try_send(message).is_ok())
    }

    /// Sends a command. Never waits: a worker that does not take its messages loses the link, and with its next
    /// introduction everything that was on the way is settled.
    pub(super) fn send(&mut self, term: Term, worker: &WorkerId, command: &Command) {
        let Some((_, sender)) = self.open.get(worker) else { return };
        if sender.try_send(command_to_wire(term, command)).is_err() {
            tracing::warn!(%worker, "the worker does not take its messages; its link is closed");
            self.open.remove(worker);
        }
    }
}
