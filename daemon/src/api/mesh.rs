//! The mesh: workers, status, doctor.

use super::doctor;
use super::lookup::store_failed;
use super::route::{ANSWER, Route};
use super::services::{Shared, unanswered};
use crate::bounds;
use crate::leader::Mailbox;
use crate::seat::Leadership;
use part_core::{Input, LinkState, WorkerId};
use part_proto::convert::worker_to_wire;
use part_proto::v1;
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::v1::mesh_service_server::MeshService;
use part_proto::{WireError, status};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The mesh service.
pub(crate) struct Mesh {
    shared: Arc<Shared>,
}

impl Mesh {
    pub(crate) fn new(shared: Arc<Shared>) -> Mesh {
        Mesh { shared }
    }
}

/// What the leader knows of the mesh.
async fn of_leader(mailbox: &Mailbox) -> Result<v1::StatusResponse, Status> {
    let (term, runs, workers) = mailbox
        .look(|core, now| (core.term(), core.state().runs().count(), core.workers(now)))
        .await
        .map_err(unanswered)?;
    let mut response =
        v1::StatusResponse { term: term.0, open_runs: runs as u32, ..v1::StatusResponse::default() };
    for worker in workers.iter().filter(|worker| worker.link != LinkState::Absent) {
        response.workers += 1;
        // Extra slots are for few groups; slots are what a mesh is measured by.
        response.slots += (worker.slots.len() as u32).saturating_sub(worker.extra_slots);
        response.busy_slots += worker.slots.iter().filter(|(_, attempt)| attempt.is_some()).count() as u32;
    }
    Ok(response)
}

/// The workers with what their slots run.
fn workers(core: &part_core::Core, now: part_core::Timestamp) -> Vec<v1::WorkerInfo> {
    let mut listed = Vec::new();
    for worker in core.workers(now) {
        let mut wire = worker_to_wire(&worker);
        for (slot, (_, attempt)) in wire.slots.iter_mut().zip(&worker.slots) {
            let Some((run, spec, attempt)) = attempt.and_then(|id| core.state().attempt(id)) else {
                continue;
            };
            slot.group = run.group_of(spec).label.as_ref().to_owned();
            slot.spec = spec.name.as_ref().to_owned();
            slot.since = attempt.assigned_at.0;
        }
        listed.push(wire);
    }
    listed
}

impl Mesh {
    /// What this daemon says of itself and of the others.
    fn own(&self, response: &mut v1::StatusResponse) {
        let shared = &self.shared;
        response.version = env!("CARGO_PKG_VERSION").to_owned();
        response.home = shared.home.display().to_string();
        response.draining = shared.draining.is_cancelled();
        response.host.clone_from(&shared.name);
        let Some(coordinator) = &shared.coordinator else { return };
        let view = coordinator.now();
        response.degraded = view.degraded.clone().unwrap_or_default();
        let leader = view.leader.as_ref();
        let hosts = view.members.values().map(|member| v1::HostInfo {
            name: member.name.clone(),
            address: member.address.clone(),
            version: member.version.clone(),
            leader: leader.is_some_and(|leader| leader.name == member.name),
            started_at: member.started_at,
            draining: member.draining,
        });
        response.hosts = hosts.collect();
    }

    /// Keeps an operator's wish, then tells the leader. Safe to repeat.
    async fn hold_back(
        &self,
        mailbox: &Mailbox,
        asked: v1::DrainRequest,
    ) -> Result<Response<v1::DrainResponse>, Status> {
        let v1::DrainRequest { worker, drain, by } = asked;
        if worker.is_empty() || worker.len() > bounds::NAME_BYTES || by.len() > bounds::NAME_BYTES {
            let what = format!("1 to {} bytes are needed", bounds::NAME_BYTES);
            return Err(status::of_wire_error(&WireError::Wrong { field: "drain.worker", what }));
        }
        let kept = self.shared.store.set_drained(&worker, drain, &by).await;
        kept.map_err(|error| store_failed(&error))?;
        let name = WorkerId(worker);
        let input = Input::HeldBack { worker: name.clone(), by: drain.then_some(by) };
        mailbox.tell(input).await.map_err(unanswered)?;
        let look =
            move |core: &part_core::Core, now| core.workers(now).into_iter().find(|w| w.worker == name);
        let found = mailbox.look(look).await.map_err(unanswered)?;
        let running = found.as_ref().map(|worker| worker.slots.iter().filter(|(_, a)| a.is_some()).count());
        Ok(Response::new(v1::DrainResponse {
            running: running.unwrap_or_default() as u32,
            known: found.is_some(),
        }))
    }
}

#[tonic::async_trait]
impl MeshService for Mesh {
    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Result<Response<v1::ListWorkersResponse>, Status> {
        match self.shared.route(request.metadata()).await? {
            Route::Here(mailbox) => {
                let workers = mailbox.look(workers).await.map_err(unanswered)?;
                Ok(Response::new(v1::ListWorkersResponse { workers }))
            }
            Route::There(leader) => {
                let request = self.shared.forwarded(request.into_inner());
                MeshServiceClient::new(leader).max_decoding_message_size(ANSWER).list_workers(request).await
            }
        }
    }

    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusResponse>, Status> {
        let mut response = match self.shared.seat.now() {
            Leadership::Here(mailbox) => of_leader(&mailbox).await?,
            Leadership::There(_) => match self.shared.route(request.metadata()).await? {
                Route::Here(mailbox) => of_leader(&mailbox).await?,
                Route::There(leader) => {
                    let request = self.shared.forwarded(request.into_inner());
                    MeshServiceClient::new(leader).status(request).await?.into_inner()
                }
            },
            Leadership::Vacant(_) | Leadership::ReadOnly => v1::StatusResponse::default(),
        };
        self.own(&mut response);
        Ok(Response::new(response))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Result<Response<v1::DrainResponse>, Status> {
        match self.shared.route(request.metadata()).await? {
            Route::Here(mailbox) => self.hold_back(&mailbox, request.into_inner()).await,
            Route::There(leader) => {
                let request = self.shared.forwarded(request.into_inner());
                MeshServiceClient::new(leader).drain(request).await
            }
        }
    }

    async fn doctor(&self, _: Request<v1::DoctorRequest>) -> Result<Response<v1::DoctorResponse>, Status> {
        Ok(Response::new(v1::DoctorResponse { findings: doctor::examine(&self.shared).await }))
    }
}
