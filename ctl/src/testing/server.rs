//! A server that says what a test wrote down, over real gRPC.

use crate::mesh::Mesh;
use part_core::Submission;
use part_proto::convert::SubmissionAssembler;
use part_proto::v1::blob_service_server::{BlobService, BlobServiceServer};
use part_proto::v1::run_service_server::{RunService, RunServiceServer};
use part_proto::v1::{self, Event};
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

/// One step of a watch.
pub(crate) enum Step {
    /// Sends an event.
    Event(Box<Event>),
    /// Ends the stream with an error.
    Fail(Status),
    /// Waits until so many cancels came.
    Cancelled(usize),
    /// Sends nothing more, and keeps the stream open.
    Hang,
}

/// A server and what was asked of it.
#[derive(Clone)]
pub(crate) struct Scripted(Arc<Inner>);

struct Inner {
    watches: Mutex<VecDeque<Vec<Step>>>,
    cursors: Mutex<Vec<u64>>,
    cancels: watch::Sender<Vec<bool>>,
    blobs: HashMap<String, Vec<u8>>,
    infos: Mutex<Vec<v1::RunInfo>>,
    answers: Mutex<VecDeque<Result<v1::SubmitResponse, Status>>>,
    submissions: Mutex<Vec<Submission>>,
    plans: Mutex<VecDeque<Result<v1::PlanResponse, Status>>>,
    planned: Mutex<Vec<(u32, Submission)>>,
    report: Mutex<Option<v1::ReportResponse>>,
}

impl Scripted {
    /// A server whose watches follow these scripts, one after the other, with these blobs and runs.
    pub(crate) async fn start(
        watches: Vec<Vec<Step>>,
        blobs: Vec<Vec<u8>>,
        infos: Vec<v1::RunInfo>,
    ) -> (Scripted, Mesh) {
        let scripted = Scripted(Arc::new(Inner {
            watches: Mutex::new(watches.into()),
            cursors: Mutex::default(),
            cancels: watch::channel(Vec::new()).0,
            blobs: blobs
                .into_iter()
                .map(|bytes| (blake3::hash(&bytes).to_hex().to_string(), bytes))
                .collect(),
            infos: Mutex::new(infos),
            answers: Mutex::default(),
            submissions: Mutex::default(),
            plans: Mutex::default(),
            planned: Mutex::default(),
            report: Mutex::default(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let router = Server::builder()
            .add_service(RunServiceServer::new(scripted.clone()))
            .add_service(BlobServiceServer::new(scripted.clone()));
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        let endpoint = Endpoint::try_from(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("it listens");
        (scripted, Mesh::through(channel))
    }

    /// What the next submission is answered.
    pub(crate) fn answer(&self, answer: Result<v1::SubmitResponse, Status>) {
        self.0.answers.lock().expect("not poisoned").push_back(answer);
    }

    /// The submissions that came.
    pub(crate) fn submissions(&self) -> Vec<Submission> {
        self.0.submissions.lock().expect("not poisoned").clone()
    }

    /// What the next plan is.
    pub(crate) fn plans(&self, answer: Result<v1::PlanResponse, Status>) {
        self.0.plans.lock().expect("not poisoned").push_back(answer);
    }

    /// What was to be planned, and for how many slots.
    pub(crate) fn planned(&self) -> Vec<(u32, Submission)> {
        self.0.planned.lock().expect("not poisoned").clone()
    }

    /// The report of every run.
    pub(crate) fn reports(&self, report: v1::ReportResponse) {
        *self.0.report.lock().expect("not poisoned") = Some(report);
    }

    /// The cursors that watches asked for.
    pub(crate) fn cursors(&self) -> Vec<u64> {
        self.0.cursors.lock().expect("no test panics while it holds the lock").clone()
    }

    /// The cancels that came: true for a kill.
    pub(crate) fn cancels(&self) -> Vec<bool> {
        self.0.cancels.borrow().clone()
    }
}

#[tonic::async_trait]
impl RunService for Scripted {
    type FollowOutputStream = Pin<Box<dyn Stream<Item = Result<v1::FollowedOutput, Status>> + Send>>;
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Event, Status>> + Send>>;

    async fn follow_output(
        &self,
        _: Request<v1::FollowOutputRequest>,
    ) -> Result<Response<Self::FollowOutputStream>, Status> {
        Err(Status::not_found("nothing runs here"))
    }

    async fn plan(
        &self,
        request: Request<Streaming<v1::PlanRequest>>,
    ) -> Result<Response<v1::PlanResponse>, Status> {
        let mut messages = request.into_inner();
        let (mut slots, mut assembler) = (None, SubmissionAssembler::default());
        while let Some(message) = messages.message().await? {
            match message.part {
                Some(v1::plan_request::Part::Options(options)) if slots.is_none() => {
                    slots = Some(options.slots)
                }
                Some(v1::plan_request::Part::Submit(message)) if slots.is_some() => {
                    assembler.push(message).map_err(|error| Status::invalid_argument(error.to_string()))?;
                }
                Some(_) | None => return Err(Status::invalid_argument("the options come first, and once")),
            }
        }
        let submission = assembler.finish().map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.0.planned.lock().expect("not poisoned").push((slots.unwrap_or(0), submission));
        let answer = self.0.plans.lock().expect("not poisoned").pop_front();
        answer.unwrap_or_else(|| Err(Status::unimplemented("no plans are scripted"))).map(Response::new)
    }

    async fn report(&self, _: Request<v1::ReportRequest>) -> Result<Response<v1::ReportResponse>, Status> {
        let report = self.0.report.lock().expect("not poisoned").clone();
        report.map(Response::new).ok_or_else(|| Status::unimplemented("no reports are scripted"))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        self.0.cursors.lock().expect("not poisoned").push(request.into_inner().after);
        let steps = self.0.watches.lock().expect("not poisoned").pop_front();
        let steps = steps.ok_or_else(|| Status::unavailable("the script is over"))?;
        let (out, events) = mpsc::channel(4);
        let mut cancels = self.0.cancels.subscribe();
        tokio::spawn(async move {
            for step in steps {
                let item = match step {
                    Step::Event(event) => Ok(*event),
                    Step::Fail(status) => Err(status),
                    Step::Cancelled(wanted) => {
                        cancels.wait_for(|cancels| cancels.len() >= wanted).await.expect("the server lives");
                        continue;
                    }
                    Step::Hang => return out.closed().await,
                };
                if out.send(item).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(events))))
    }

    async fn cancel(
        &self,
        request: Request<v1::CancelRequest>,
    ) -> Result<Response<v1::CancelResponse>, Status> {
        let kill = request.into_inner().kill;
        self.0.cancels.send_modify(|cancels| cancels.push(kill));
        Ok(Response::new(v1::CancelResponse {}))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let v1::ListRunsRequest { project, build, .. } = request.into_inner();
        let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        let infos = self.0.infos.lock().expect("not poisoned");
        let runs = infos.iter().filter(|run| fits(&project, &run.project) && fits(&build, &run.build));
        Ok(Response::new(v1::ListRunsResponse { runs: runs.cloned().collect() }))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let wanted = request.into_inner().run;
        let infos = self.0.infos.lock().expect("not poisoned");
        let mut found = infos.iter().filter(|info| wanted == "latest" || info.run.starts_with(&wanted));
        match (found.next(), found.next()) {
            (Some(info), None) => Ok(Response::new(v1::GetRunResponse { run: Some(info.clone()) })),
            (Some(_), Some(_)) => Err(Status::failed_precondition("it could be several")),
            (None, _) => Err(Status::not_found("no such run")),
        }
    }

    async fn submit(
        &self,
        request: Request<Streaming<v1::SubmitRequest>>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let mut messages = request.into_inner();
        let mut assembler = SubmissionAssembler::default();
        while let Some(message) = messages.message().await? {
            assembler.push(message).map_err(|error| Status::invalid_argument(error.to_string()))?;
        }
        let submission = assembler.finish().map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.0.submissions.lock().expect("not poisoned").push(submission);
        let answer = self.0.answers.lock().expect("not poisoned").pop_front();
        answer.unwrap_or_else(|| Err(Status::unimplemented("not scripted"))).map(Response::new)
    }

    async fn rerun(&self, _: Request<v1::RerunRequest>) -> Result<Response<v1::SubmitResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn explain(&self, _: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn history(&self, _: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}

#[tonic::async_trait]
impl BlobService for Scripted {
    type GetStream = Pin<Box<dyn Stream<Item = Result<v1::BlobChunk, Status>> + Send>>;
    type GetManyStream = Pin<Box<dyn Stream<Item = Result<v1::GetManyResponse, Status>> + Send>>;

    async fn missing(&self, _: Request<v1::MissingRequest>) -> Result<Response<v1::MissingResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn put_many(
        &self,
        _: Request<Streaming<v1::PutManyRequest>>,
    ) -> Result<Response<v1::PutManyResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get_many(
        &self,
        _: Request<v1::GetManyRequest>,
    ) -> Result<Response<Self::GetManyStream>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn find_manifest(
        &self,
        _: Request<v1::FindManifestRequest>,
    ) -> Result<Response<v1::FindManifestResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn put_manifest(
        &self,
        _: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<v1::PutBlobResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn put(
        &self,
        _: Request<Streaming<v1::PutBlobRequest>>,
    ) -> Result<Response<v1::PutBlobResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get(&self, request: Request<v1::GetBlobRequest>) -> Result<Response<Self::GetStream>, Status> {
        let v1::GetBlobRequest { digest, offset } = request.into_inner();
        let bytes = self.0.blobs.get(&digest).ok_or_else(|| Status::not_found("no such blob"))?;
        let chunks: Vec<_> = bytes[(offset as usize).min(bytes.len())..]
            .chunks(1000)
            .map(|data| Ok(v1::BlobChunk { data: data.to_vec() }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }
}
