//! A leader that gives orders, keeps bytes, and listens.

use part_core::{
    AttemptId, AttemptOrder, Command, Finish, Introduction, ReportBody, SlotId, StartOrder, Term,
};
use part_proto::convert::{WorkerSays, command_to_wire, worker_message_from_wire};
use part_proto::pieces::{Packer, raw_digest};
use part_proto::v1::blob_service_server::{BlobService, BlobServiceServer};
use part_proto::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use part_proto::v1::{self, PutBlobResponse};
use part_workspace::Digest;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// Longer than anything here takes on a crowded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A leader.
#[derive(Clone)]
pub(crate) struct Leader(Arc<Inner>);

struct Inner {
    blobs: Mutex<HashMap<Digest, Vec<u8>>>,
    /// Numbers of blobs that were asked for, by call.
    asked: Mutex<Vec<usize>>,
    /// The way to the linked worker.
    link: watch::Sender<Option<mpsc::Sender<v1::LeaderMessage>>>,
    /// What it said about itself.
    said: watch::Sender<Option<Introduction>>,
    /// Everything that ended or started.
    ends: watch::Sender<HashMap<AttemptId, Finish>>,
    started: watch::Sender<Vec<AttemptId>>,
}

impl Leader {
    pub(crate) async fn start() -> (Leader, Channel) {
        let leader = Leader(Arc::new(Inner {
            blobs: Mutex::default(),
            asked: Mutex::default(),
            link: watch::channel(None).0,
            said: watch::channel(None).0,
            ends: watch::channel(HashMap::new()).0,
            started: watch::channel(Vec::new()).0,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let router = Server::builder()
            .add_service(WorkerServiceServer::new(leader.clone()))
            .add_service(BlobServiceServer::new(leader.clone()));
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        let endpoint = Endpoint::try_from(format!("http://{address}")).expect("an address");
        (leader, endpoint.connect_lazy())
    }

    pub(crate) fn keep(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.0.blobs.lock().expect("not poisoned").insert(digest, bytes.to_vec());
        digest
    }

    pub(crate) fn lose(&self, digest: Digest) {
        self.0.blobs.lock().expect("not poisoned").remove(&digest);
    }

    pub(crate) fn text(&self, digest: &str) -> String {
        let digest = digest.parse().expect("a digest");
        let bytes = self.0.blobs.lock().expect("not poisoned").get(&digest).cloned().expect("a blob");
        String::from_utf8(bytes).expect("text")
    }

    /// How many blobs each call asked for, since the last time.
    pub(crate) fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.asked.lock().expect("not poisoned"))
    }

    /// Waits until a worker is linked, and gives an order.
    pub(crate) async fn order(&self, slot: u32, order: AttemptOrder, workspace: part_core::Workspace) {
        self.order_held(slot, order, workspace, None).await;
    }

    /// The same, with a limit on the CPUs of its group.
    pub(crate) async fn order_held(
        &self,
        slot: u32,
        order: AttemptOrder,
        workspace: part_core::Workspace,
        cpus: Option<u32>,
    ) {
        self.say(Command::Start(StartOrder { slot: SlotId(slot), workspace, attempts: vec![order], cpus }))
            .await;
    }

    /// Waits until a worker is linked, and gives what it said about itself.
    pub(crate) async fn introduction(&self) -> Introduction {
        let mut said = self.0.said.subscribe();
        let said = tokio::time::timeout(PATIENCE, said.wait_for(Option::is_some)).await;
        said.expect("in time").expect("the leader lives").clone().expect("an introduction")
    }

    pub(crate) async fn say(&self, command: Command) {
        let mut link = self.0.link.subscribe();
        let linked = tokio::time::timeout(PATIENCE, link.wait_for(Option::is_some)).await;
        let out = linked.expect("in time").expect("the leader lives").clone().expect("a link");
        out.send(command_to_wire(Term(1), &command)).await.expect("the link is open");
    }

    /// Waits for an attempt's end.
    pub(crate) async fn end(&self, attempt: AttemptId) -> Finish {
        let mut ends = self.0.ends.subscribe();
        let ended = tokio::time::timeout(PATIENCE, ends.wait_for(|ends| ends.contains_key(&attempt))).await;
        ended.expect("in time").expect("the leader lives").get(&attempt).cloned().expect("an end")
    }

    /// Waits until an attempt's process has started.
    pub(crate) async fn started(&self, attempt: AttemptId) {
        let mut started = self.0.started.subscribe();
        let has =
            tokio::time::timeout(PATIENCE, started.wait_for(|started| started.contains(&attempt))).await;
        drop(has.expect("in time").expect("the leader lives"));
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl WorkerService for Leader {
    type LinkStream = Answers<v1::LeaderMessage>;

    async fn link(
        &self,
        request: Request<Streaming<v1::WorkerMessage>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let (out, orders) = mpsc::channel(64);
        let mut said = request.into_inner();
        let leader = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = said.next().await {
                match worker_message_from_wire(message).expect("understood") {
                    WorkerSays::Introduction { introduction, .. } => {
                        leader.0.said.send_replace(Some(*introduction));
                        let welcome = Command::Welcome {
                            acknowledged: 0,
                            discard: Vec::new(),
                            lost_after: part_core::Millis::seconds(60),
                        };
                        out.send(command_to_wire(Term(1), &welcome)).await.expect("the worker listens");
                        leader.0.link.send_replace(Some(out.clone()));
                    }
                    WorkerSays::Report(report) => {
                        let acknowledge = Command::Acknowledge { through: report.number };
                        match report.body {
                            ReportBody::Started { attempt } => {
                                leader.0.started.send_modify(|started| started.push(attempt));
                            }
                            ReportBody::Tests { .. } => {}
                            ReportBody::Finished { attempt, finish } => {
                                leader.0.ends.send_modify(|ends| drop(ends.insert(attempt, *finish)));
                            }
                        }
                        drop(out.send(command_to_wire(Term(1), &acknowledge)).await);
                    }
                    WorkerSays::Heartbeat | WorkerSays::Drain { .. } | WorkerSays::Health { .. } => {}
                }
            }
            leader.0.link.send_replace(None);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(orders).map(Ok))))
    }

    async fn find_leader(
        &self,
        _: Request<v1::FindLeaderRequest>,
    ) -> Result<Response<v1::FindLeaderResponse>, Status> {
        Ok(Response::new(v1::FindLeaderResponse::default()))
    }

    async fn send_output(
        &self,
        _: Request<Streaming<v1::OutputChunk>>,
    ) -> Result<Response<v1::SendOutputResponse>, Status> {
        Err(Status::unimplemented("nobody looks"))
    }
}

#[tonic::async_trait]
impl BlobService for Leader {
    type GetStream = Answers<v1::BlobChunk>;
    type GetManyStream = Answers<v1::GetManyResponse>;

    async fn put(
        &self,
        request: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<PutBlobResponse>, Status> {
        let mut chunks = request.into_inner();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            bytes.extend(chunk?.data);
        }
        let digest = self.keep(&bytes).to_string();
        Ok(Response::new(PutBlobResponse { digest, bytes: bytes.len() as u64 }))
    }

    async fn get_many(
        &self,
        request: Request<v1::GetManyRequest>,
    ) -> Result<Response<Self::GetManyStream>, Status> {
        let digests = request.into_inner().digests;
        self.0.asked.lock().expect("not poisoned").push(digests.len());
        let mut packer = Packer::new();
        let mut answers = Vec::new();
        for digest in digests {
            let digest = raw_digest(&digest).expect("a digest");
            match self.0.blobs.lock().expect("not poisoned").get(&Digest(digest)) {
                Some(bytes) => packer.blob(digest, bytes.clone().into()),
                None => {
                    answers.push(Err(Status::not_found(format!("blob {} is not there", Digest(digest)))));
                    break;
                }
            }
        }
        let mut messages = Vec::new();
        while let Some(pieces) = packer.take_full().or_else(|| packer.take_rest()) {
            messages.push(Ok(v1::GetManyResponse { pieces }));
        }
        messages.extend(answers);
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    async fn get(&self, _: Request<v1::GetBlobRequest>) -> Result<Response<Self::GetStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn missing(&self, _: Request<v1::MissingRequest>) -> Result<Response<v1::MissingResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn put_many(
        &self,
        _: Request<Streaming<v1::PutManyRequest>>,
    ) -> Result<Response<v1::PutManyResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn find_manifest(
        &self,
        _: Request<v1::FindManifestRequest>,
    ) -> Result<Response<v1::FindManifestResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn put_manifest(
        &self,
        _: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<PutBlobResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}
