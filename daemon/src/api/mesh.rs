//! The mesh: workers, status, doctor.

use super::doctor;
use super::services::{Shared, unanswered};
use part_core::LinkState;
use part_proto::convert::worker_to_wire;
use part_proto::v1;
use part_proto::v1::mesh_service_server::MeshService;
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

#[tonic::async_trait]
impl MeshService for Mesh {
    async fn list_workers(
        &self,
        _: Request<v1::ListWorkersRequest>,
    ) -> Result<Response<v1::ListWorkersResponse>, Status> {
        let workers = self.shared.mailbox()?.look(workers).await.map_err(unanswered)?;
        Ok(Response::new(v1::ListWorkersResponse { workers }))
    }

    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let mut response = v1::StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            home: self.shared.home.display().to_string(),
            draining: self.shared.draining.is_cancelled(),
            ..v1::StatusResponse::default()
        };
        if let Some((mailbox, _)) = &self.shared.leader {
            let (term, runs, workers) = mailbox
                .look(|core, now| (core.term(), core.state().runs().count(), core.workers(now)))
                .await
                .map_err(unanswered)?;
            response.term = term.0;
            response.open_runs = runs as u32;
            for worker in workers.iter().filter(|worker| worker.link != LinkState::Absent) {
                response.workers += 1;
                response.slots += worker.slots.len() as u32;
                response.busy_slots +=
                    worker.slots.iter().filter(|(_, attempt)| attempt.is_some()).count() as u32;
            }
        }
        Ok(Response::new(response))
    }

    async fn doctor(&self, _: Request<v1::DoctorRequest>) -> Result<Response<v1::DoctorResponse>, Status> {
        Ok(Response::new(v1::DoctorResponse { findings: doctor::examine(&self.shared).await }))
    }
}
