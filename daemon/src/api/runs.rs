//! Runs: submit, watch, read, cancel.

use super::explain::{explain, explain_state};
use super::lookup::store_failed;
use super::route::{ANSWER, Route};
use super::services::{Shared, unanswered};
use super::{plan, report};
use crate::bounds;
use crate::seat::Leadership;
use crate::watch::watch_run;
use part_core::{AttemptId, CancelMode, HistoryKey, Input, Reply, RequestId, RunId, SpecIndex};
use part_proto::convert::{
    SubmissionAssembler, attempt_verdict_to_wire, run_id_from_wire, submission_id_from_wire,
    submission_to_wire,
};
use part_proto::v1::run_service_client::RunServiceClient;
use part_proto::v1::run_service_server::RunService;
use part_proto::{status, v1};
use part_store::{HistoryQuery, RunFilter};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// The run service.
pub(crate) struct Runs {
    shared: Arc<Shared>,
    /// One for each plan that may be made at a time.
    plans: Arc<Semaphore>,
}

impl Runs {
    pub(crate) fn new(shared: Arc<Shared>) -> Runs {
        Runs { shared, plans: Arc::new(Semaphore::new(bounds::PLANS)) }
    }
}

fn run_id(text: &str) -> Result<RunId, Status> {
    run_id_from_wire(text).map_err(|error| status::of_wire_error(&error))
}

fn limit(asked: u32, default: usize, most: usize) -> usize {
    if asked == 0 { default } else { (asked as usize).min(most) }
}

#[tonic::async_trait]
impl RunService for Runs {
    type FollowOutputStream = Pin<Box<dyn Stream<Item = Result<v1::FollowedOutput, Status>> + Send>>;
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::Event, Status>> + Send>>;

    async fn submit(
        &self,
        request: Request<Streaming<v1::SubmitRequest>>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let metadata = request.metadata().clone();
        let mut messages = request.into_inner();
        let mut assembler = SubmissionAssembler::default();
        while let Some(message) = messages.message().await? {
            assembler.push(message).map_err(|error| status::of_wire_error(&error))?;
        }
        let submission = assembler.finish().map_err(|error| status::of_wire_error(&error))?;
        match self.shared.route(&metadata).await? {
            Route::Here(mailbox) => Ok(Response::new(self.shared.open(&mailbox, submission).await?)),
            Route::There(leader) => {
                let messages = tokio_stream::iter(submission_to_wire(&submission));
                RunServiceClient::new(leader).submit(self.shared.forwarded(messages)).await
            }
        }
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let v1::WatchRequest { run, after } = request.into_inner();
        let run = run_id(&run)?;
        let row = self.shared.store.run_row(run).await.map_err(|error| store_failed(&error))?;
        row.ok_or_else(|| status::not_found(format!("there is no run {run}")))?;
        let (out, events) = mpsc::channel(bounds::WATCH_QUEUE);
        tokio::spawn(watch_run(Arc::clone(&self.shared), run, after, out));
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(events))))
    }

    async fn plan(
        &self,
        request: Request<Streaming<v1::PlanRequest>>,
    ) -> Result<Response<v1::PlanResponse>, Status> {
        let metadata = request.metadata().clone();
        let (options, submission) = plan::assemble(request.into_inner()).await?;
        match self.shared.route(&metadata).await? {
            Route::Here(mailbox) => {
                Ok(Response::new(self.shared.plan(&mailbox, &self.plans, options, submission).await?))
            }
            Route::There(leader) => {
                let messages = tokio_stream::iter(plan::to_wire(options, &submission));
                let mut client = RunServiceClient::new(leader).max_decoding_message_size(ANSWER);
                client.plan(self.shared.forwarded(messages)).await
            }
        }
    }

    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        let run = self.shared.fold(run_id(&request.into_inner().run)?).await?;
        Ok(Response::new(report::response(&run)))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let asked = request.into_inner();
        let mut filter =
            RunFilter::newest(limit(asked.limit, bounds::RUNS_LISTED, part_store::ROWS_PER_LIST));
        filter.project = (!asked.project.is_empty()).then_some(asked.project);
        filter.build = (!asked.build.is_empty()).then_some(asked.build);
        let rows = self.shared.store.runs(&filter).await.map_err(|error| store_failed(&error))?;
        Ok(Response::new(v1::ListRunsResponse { runs: self.shared.describe(rows).await? }))
    }

    async fn get_run(
        &self,
        request: Request<v1::GetRunRequest>,
    ) -> Result<Response<v1::GetRunResponse>, Status> {
        let row = self.shared.find(&request.into_inner().run).await?;
        let groups = self.shared.fold(row.id).await?.groups;
        let run = self.shared.describe(vec![row]).await?.into_iter().next();
        let labels = groups.iter().map(|group| group.label.as_ref().to_owned()).collect();
        Ok(Response::new(v1::GetRunResponse { run: run.map(|run| v1::RunInfo { groups: labels, ..run }) }))
    }

    async fn cancel(
        &self,
        request: Request<v1::CancelRequest>,
    ) -> Result<Response<v1::CancelResponse>, Status> {
        let mailbox = match self.shared.route(request.metadata()).await? {
            Route::Here(mailbox) => mailbox,
            Route::There(leader) => {
                let request = self.shared.forwarded(request.into_inner());
                return RunServiceClient::new(leader).cancel(request).await;
            }
        };
        let v1::CancelRequest { run, kill, by } = request.into_inner();
        let run = run_id(&run)?;
        let mode = if kill { CancelMode::Kill } else { CancelMode::Graceful };
        let make = move |request: RequestId| Input::CancelRequested { request, run, by, mode };
        match mailbox.request(make).await.map_err(unanswered)? {
            Reply::Cancelling => Ok(Response::new(v1::CancelResponse {})),
            Reply::Refused(refusal) => Err(status::of_refusal(&refusal)),
            Reply::Submitted { .. } => Err(status::broken("the leader gave an answer to another question")),
        }
    }

    async fn rerun(
        &self,
        request: Request<v1::RerunRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let mailbox = match self.shared.route(request.metadata()).await? {
            Route::Here(mailbox) => mailbox,
            Route::There(leader) => {
                let request = self.shared.forwarded(request.into_inner());
                return RunServiceClient::new(leader).rerun(request).await;
            }
        };
        let asked = request.into_inner();
        let old = self.shared.fold(run_id(&asked.run)?).await?;
        let id =
            submission_id_from_wire(&asked.submission_id).map_err(|error| status::of_wire_error(&error))?;
        Ok(Response::new(self.shared.run_again(&mailbox, &old, id, asked.build, asked.failed_only).await?))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let leadership = self.shared.seat.now();
        if let (Leadership::There(_), Ok(Route::There(leader))) =
            (&leadership, self.shared.route(request.metadata()).await)
        {
            let request = self.shared.forwarded(request.into_inner());
            return RunServiceClient::new(leader).max_decoding_message_size(ANSWER).explain(request).await;
        }
        let asked = request.into_inner();
        let id = run_id(&asked.run)?;
        let most = limit(asked.limit, bounds::EXPLAINED, bounds::EXPLAINED_MOST);
        let live = match self.shared.seat.mailbox() {
            Some(mailbox) => {
                let spec = asked.spec.clone();
                mailbox
                    .look(move |core, now| explain(core, id, &spec, most, now))
                    .await
                    .map_err(unanswered)?
            }
            None => None,
        };
        let response = match live {
            Some(response) => response,
            None => {
                // Not led here: from the ledger alone, as a core sees it that has no workers.
                let mut state = part_core::State::default();
                let now = crate::leader::load(self.shared.store.as_ref(), id, &mut state)
                    .await
                    .map_err(|error| status::broken(crate::error::chain(&error)))?;
                explain_state(&state, id, &asked.spec, most, now)
                    .ok_or_else(|| status::not_found(format!("there is no run {id}")))?
            }
        };
        Ok(Response::new(response))
    }

    async fn follow_output(
        &self,
        request: Request<v1::FollowOutputRequest>,
    ) -> Result<Response<Self::FollowOutputStream>, Status> {
        let mailbox = match self.shared.route(request.metadata()).await? {
            Route::Here(mailbox) => mailbox,
            Route::There(leader) => {
                let request = self.shared.forwarded(request.into_inner());
                let output = RunServiceClient::new(leader).follow_output(request).await?.into_inner();
                return Ok(Response::new(Box::pin(output)));
            }
        };
        let v1::FollowOutputRequest { run, spec, attempt } = request.into_inner();
        let attempt = AttemptId { run: run_id(&run)?, spec: SpecIndex(spec), number: attempt };
        let (looking, output) = self.shared.outputs.begin()?;
        if !mailbox.output(attempt, looking.watch).await.map_err(unanswered)? {
            return Err(status::not_found("this attempt does not run now"));
        }
        // The look ends with the stream.
        let output = tokio_stream::wrappers::ReceiverStream::new(output).map(move |chunk| {
            let _until_then = &looking;
            chunk
        });
        Ok(Response::new(Box::pin(output)))
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let asked = request.into_inner();
        let query = HistoryQuery {
            project: (!asked.project.is_empty()).then_some(asked.project),
            spec: if asked.spec.is_empty() { "*".to_owned() } else { format!("*{}*", asked.spec) },
            limit: limit(asked.limit, bounds::HISTORY_LISTED, part_store::ROWS_PER_LIST),
        };
        let rows = self.shared.store.history_rows(&query).await.map_err(|error| store_failed(&error))?;
        let keys: Vec<HistoryKey> =
            rows.iter().map(|row| row.key.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let forecasts = self.shared.forecasts(&keys).await?;
        let forecasts = keys.into_iter().zip(forecasts).filter_map(|(key, estimate)| {
            let estimate = estimate?;
            Some(v1::Forecast {
                project: key.project,
                suite: key.suite,
                class: key.class,
                spec: key.spec,
                expected_ms: estimate.expected().0,
                error_factor: estimate.log_spread.exp(),
                samples: estimate.samples,
            })
        });
        let rows = rows.iter().map(|row| v1::HistoryRow {
            project: row.key.project.clone(),
            suite: row.key.suite.clone(),
            class: row.key.class.clone(),
            spec: row.key.spec.clone(),
            run: row.attempt.run.to_string(),
            attempt: row.attempt.number,
            at: row.at.0,
            duration_ms: row.duration.0,
            verdict: attempt_verdict_to_wire(row.verdict).into(),
            counts: row.counts,
        });
        Ok(Response::new(v1::HistoryResponse { rows: rows.collect(), forecasts: forecasts.collect() }))
    }
}
