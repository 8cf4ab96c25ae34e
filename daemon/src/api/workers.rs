//! The leader's side of the links.

use super::services::{Shared, unanswered};
use crate::bounds;
use crate::clock::Clock;
use crate::cluster::Coordinator;
use crate::leader::{LinkId, LinkSender, Mailbox};
use crate::seat::Leadership;
use crate::trust::peer_of;
use part_core::{Incarnation, Input, Term, Timestamp, WorkerId};
use part_proto::convert::{WorkerSays, leader_heartbeat_to_wire, worker_message_from_wire};
use part_proto::v1::worker_service_server::WorkerService;
use part_proto::{status, v1};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// The worker service.
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

impl Workers {
    pub(crate) fn new(shared: Arc<Shared>) -> Workers {
        Workers { shared }
    }
}

#[tonic::async_trait]
impl WorkerService for Workers {
    type LinkStream = Pin<Box<dyn Stream<Item = Result<v1::LeaderMessage, Status>> + Send>>;

    async fn link(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let mailbox = self.shared.mailbox()?;
        let peer = peer_of(&request);
        let mut said = request.into_inner();
        let first = tokio::time::timeout(bounds::INTRODUCTION, said.message()).await;
        let first = first.map_err(|_| status::unavailable("no introduction came in time"))??;
        let first = first.ok_or_else(|| status::unavailable("the link closed before an introduction"))?;
        let understood = worker_message_from_wire(first).map_err(|error| status::of_wire_error(&error))?;
        let WorkerSays::Introduction { mut introduction, protocol, wall } = understood else {
            return Err(status::wrong_state("a link begins with an introduction"));
        };
        peer.may_be_worker(&introduction.worker)?;
        if protocol < part_proto::LINK_PROTOCOL && self.shared.clustered {
            let version = &introduction.version;
            introduction.problem =
                Some(format!("its version {version} cannot lay out shipped workspaces; upgrade it"));
        }
        if introduction.problem.is_none() {
            introduction.problem = wall.and_then(clock_problem);
        }
        let slots = part_core::Bounds::DEFAULT.slots_per_worker;
        if introduction.slots.len() > slots || introduction.extra_slots.len() > slots {
            return Err(status::exhausted(format!(
                "a worker has at most {slots} slots, and as many extra ones"
            )));
        }
        let (worker, incarnation) = (introduction.worker.clone(), introduction.incarnation);
        let term = mailbox.look(|core, _| core.term()).await.map_err(unanswered)?;
        if introduction.term_seen > term {
            // Either this leader's term is over, or the store lost terms; the leader finds out which.
            mailbox.term_seen(introduction.term_seen).await.map_err(unanswered)?;
            return Err(status::unavailable(format!(
                "the worker has obeyed term {}, this leader is at term {term}; try again",
                introduction.term_seen
            )));
        }
        let (sender, messages) = mpsc::channel(bounds::LINK_QUEUE);
        let beating = sender.downgrade();
        let link = LinkId(uuid::Uuid::now_v7());
        mailbox.link_opened(*introduction, link, sender).await.map_err(unanswered)?;
        // Asked again: the leader that took the link may be a newer one.
        let term = mailbox.look(|core, _| core.term()).await.map_err(unanswered)?;
        let closing = self.shared.closing.clone();
        let from = Linked { mailbox, worker, incarnation, link, shared: Arc::clone(&self.shared) };
        tokio::spawn(from.listen(said, term, beating, closing));
        let messages = tokio_stream::wrappers::ReceiverStream::new(messages).map(Ok);
        Ok(Response::new(Box::pin(messages)))
    }

    async fn find_leader(
        &self,
        _: Request<v1::FindLeaderRequest>,
    ) -> Result<Response<v1::FindLeaderResponse>, Status> {
        let address = match self.shared.seat.now() {
            Leadership::Here(_) => String::new(),
            Leadership::There(leader) => leader.address,
            Leadership::Vacant(why) => return Err(status::unavailable(why)),
            Leadership::ReadOnly => return Err(status::wrong_state("this process only reads")),
        };
        Ok(Response::new(v1::FindLeaderResponse { address, daemons: self.shared.daemons() }))
    }

    async fn send_output(
        &self,
        request: Request<Streaming<v1::OutputChunk>>,
    ) -> Result<Response<v1::SendOutputResponse>, Status> {
        self.shared.outputs.bring(request.into_inner()).await?;
        Ok(Response::new(v1::SendOutputResponse {}))
    }
}

impl Shared {
    /// Where the daemons of the mesh are; nothing for a host of its own.
    fn daemons(&self) -> Vec<String> {
        let view = self.coordinator.as_ref().filter(|_| self.clustered).map(Coordinator::now);
        view.map_or_else(Vec::new, |view| view.members.values().map(|m| m.address.clone()).collect())
    }
}

/// Why a worker with this clock can run nothing; none when it is roughly right.
fn clock_problem(wall: Timestamp) -> Option<String> {
    let now = Clock::start().now();
    let (ahead, behind) = (wall.since(now), now.since(wall));
    let limit = part_core::Millis(bounds::CLOCK_OFF.as_millis() as u64);
    match (ahead > limit, behind > limit) {
        (true, _) => Some(format!("its clock is {ahead} ahead of the leader's")),
        (_, true) => Some(format!("its clock is {behind} behind the leader's")),
        (false, false) => None,
    }
}

/// One open link.
struct Linked {
    mailbox: Mailbox,
    worker: WorkerId,
    incarnation: Incarnation,
    link: LinkId,
    shared: Arc<Shared>,
}

impl Linked {
    /// Passes on what the worker says, and beats, until the link ends.
    async fn listen(
        self,
        said: Streaming<v1::WorkerMessage>,
        term: Term,
        sender: mpsc::WeakSender<v1::LeaderMessage>,
        closing: CancellationToken,
    ) {
        let why = tokio::select! {
            () = closing.cancelled() => "the daemon is stopping".to_owned(),
            why = self.hear(said) => why,
            () = beat(&self.shared, term, sender) => "closed by the leader, or another link took its place".to_owned(),
        };
        tracing::debug!(worker = %self.worker, why, "link closed");
        let Linked { mailbox, worker, incarnation, link, shared: _ } = self;
        mailbox.link_closed(worker, incarnation, link).await;
    }

    /// Passes on what the worker says; gives the reason for the end.
    async fn hear(&self, mut said: Streaming<v1::WorkerMessage>) -> String {
        loop {
            match said.message().await {
                Ok(Some(message)) => {
                    if let Err(why) = self.pass_on(message).await {
                        return why;
                    }
                }
                Ok(None) => return "the worker closed it".to_owned(),
                Err(status) => return status.message().to_owned(),
            }
        }
    }

    async fn pass_on(&self, message: v1::WorkerMessage) -> Result<(), String> {
        let (worker, incarnation) = (self.worker.clone(), self.incarnation);
        let input = match worker_message_from_wire(message).map_err(|error| error.to_string())? {
            WorkerSays::Introduction { .. } => return Err("a second introduction".to_owned()),
            WorkerSays::Report(report) => Input::Reported { worker, incarnation, report },
            WorkerSays::Heartbeat => Input::Heartbeat { worker, incarnation },
            WorkerSays::Drain(draining) => Input::DrainChanged { worker, draining },
            WorkerSays::Health { problem, wall, scarce } => {
                let pressure = Input::PressureChanged { worker: worker.clone(), incarnation, scarce };
                self.tell(pressure).await?;
                let problem = problem.or_else(|| clock_problem(wall));
                Input::HealthChanged { worker, incarnation, problem }
            }
        };
        self.tell(input).await
    }

    async fn tell(&self, input: Input) -> Result<(), String> {
        let passed = self.mailbox.said(self.worker.clone(), self.link, input).await;
        passed.map_err(|_| "the leader is gone".to_owned())
    }
}

/// Says that the leader is there, also while it has no time to listen, until the link is no longer open.
async fn beat(shared: &Shared, term: Term, sender: mpsc::WeakSender<v1::LeaderMessage>) {
    let mut beat = tokio::time::interval(bounds::HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        match sender.upgrade() {
            // A full queue is no silence: something else is on its way.
            Some(sender) => {
                drop(LinkSender::try_send(&sender, leader_heartbeat_to_wire(term, shared.daemons())))
            }
            None => return,
        }
    }
}
