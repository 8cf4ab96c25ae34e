//! The leader's mailbox: the one way in, bounded.

use super::links::{LinkId, LinkSender};
use crate::bounds;
use part_core::{
    AttemptId, Core, Incarnation, Input, Introduction, Reply, RequestId, Term, Timestamp, WorkerId,
};
use tokio::sync::{mpsc, oneshot};

/// What can be put into the mailbox.
pub(crate) enum Mail {
    /// A worker said something over this link.
    Said { worker: WorkerId, link: LinkId, input: Input },
    /// A worker opened a link; what the leader says to it goes into `sender`.
    LinkOpened { introduction: Introduction, link: LinkId, sender: LinkSender },
    /// That link closed.
    LinkClosed { worker: WorkerId, incarnation: Incarnation, link: LinkId },
    /// A client asks for something and waits for the answer.
    Request { make: Box<dyn FnOnce(RequestId) -> Input + Send>, answer: oneshot::Sender<Reply> },
    /// Something that concerns no client and no link.
    Told(Input),
    /// A worker has obeyed this term.
    TermSeen(Term),
    /// Somebody wants to see what a running attempt writes; the answer says whether its worker was told.
    Output { attempt: AttemptId, watch: u128, answer: oneshot::Sender<bool> },
    /// Somebody wants to look at the core. Sees only what is committed.
    Look(Look),
}

/// A look at the core and the time.
pub(crate) type Look = Box<dyn FnOnce(&Core, Timestamp) + Send>;

/// A handle for those who put something in.
#[derive(Clone)]
pub(crate) struct Mailbox {
    mail: mpsc::Sender<Mail>,
}

/// Why a request was not answered: the leader is gone, starting, or too busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered;

/// Makes a mailbox and its end for the leader.
pub(crate) fn mailbox() -> (Mailbox, mpsc::Receiver<Mail>) {
    let (mail, received) = mpsc::channel(bounds::MAILBOX);
    (Mailbox { mail }, received)
}

impl Mailbox {
    /// Passes on what a worker said, waiting while the mailbox is full. It counts only while that link is open.
    pub(crate) async fn said(&self, worker: WorkerId, link: LinkId, input: Input) -> Result<(), Unanswered> {
        self.mail.send(Mail::Said { worker, link, input }).await.map_err(|_| Unanswered)
    }

    /// Tells the leader something.
    pub(crate) async fn tell(&self, input: Input) -> Result<(), Unanswered> {
        self.mail.send(Mail::Told(input)).await.map_err(|_| Unanswered)
    }

    /// A worker has obeyed a higher term than this leader's.
    pub(crate) async fn term_seen(&self, term: Term) -> Result<(), Unanswered> {
        self.mail.send(Mail::TermSeen(term)).await.map_err(|_| Unanswered)
    }

    /// Lets a running attempt's worker send its output under the name `watch`; false when it does not run.
    pub(crate) async fn output(&self, attempt: AttemptId, watch: u128) -> Result<bool, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.mail.send(Mail::Output { attempt, watch, answer }).await.map_err(|_| Unanswered)?;
            answered.await.map_err(|_| Unanswered)
        };
        tokio::time::timeout(bounds::REQUEST, asked).await.unwrap_or(Err(Unanswered))
    }

    /// Registers a worker's link.
    pub(crate) async fn link_opened(
        &self,
        introduction: Introduction,
        link: LinkId,
        sender: LinkSender,
    ) -> Result<(), Unanswered> {
        self.mail.send(Mail::LinkOpened { introduction, link, sender }).await.map_err(|_| Unanswered)
    }

    /// Says that a link closed. A leader that is gone needs no telling.
    pub(crate) async fn link_closed(&self, worker: WorkerId, incarnation: Incarnation, link: LinkId) {
        if self.mail.send(Mail::LinkClosed { worker, incarnation, link }).await.is_err() {
            tracing::debug!("a link closed after its leader");
        }
    }

    /// Asks, and waits for the committed answer.
    pub(crate) async fn request(
        &self,
        make: impl FnOnce(RequestId) -> Input + Send + 'static,
    ) -> Result<Reply, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let mail = Mail::Request { make: Box::new(make), answer };
        let asked = async {
            self.mail.send(mail).await.map_err(|_| Unanswered)?;
            answered.await.map_err(|_| Unanswered)
        };
        tokio::time::timeout(bounds::REQUEST, asked).await.unwrap_or(Err(Unanswered))
    }

    /// Looks at the core between two inputs.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Core, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let (answer, answered) = oneshot::channel();
        let look = move |core: &Core, now: Timestamp| {
            // Whoever asked may have given up.
            drop(answer.send(look(core, now)));
        };
        let asked = async {
            self.mail.send(Mail::Look(Box::new(look))).await.map_err(|_| Unanswered)?;
            answered.await.map_err(|_| Unanswered)
        };
        tokio::time::timeout(bounds::REQUEST, asked).await.unwrap_or(Err(Unanswered))
    }
}
