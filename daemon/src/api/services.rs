//! What the services share, and how they are put together.

use super::blobs::Blobs;
use super::mesh::Mesh;
use super::output::Outputs;
use super::runs::Runs;
use super::workers::Workers;
use crate::cluster::Coordinator;
use crate::realm::holder_is_gone;
use crate::retention::RetentionReport;
use crate::seat::Seat;
use crate::watch::WatchHub;
use part_proto::v1::blob_service_server::BlobServiceServer;
use part_proto::v1::mesh_service_server::MeshServiceServer;
use part_proto::v1::run_service_server::RunServiceServer;
use part_proto::v1::worker_service_server::WorkerServiceServer;
use part_proto::{FILE_DESCRIPTOR_SET, MESSAGE_LIMIT, status};
use part_store::{BlobStore, Durability, Holder, Realm, RealmRow, Store};
use part_worker::Connect;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes;

/// What every service needs.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) hub: Arc<WatchHub>,
    pub(crate) home: PathBuf,
    /// Name of this host.
    pub(crate) name: String,
    /// Who leads.
    pub(crate) seat: Seat,
    /// Who is there; none in a process of its own.
    pub(crate) coordinator: Option<Coordinator>,
    /// True when other daemons may lead what this one reads.
    pub(crate) clustered: bool,
    /// Makes channels to other daemons.
    pub(crate) connect: Connect,
    /// Looks at running attempts.
    pub(crate) outputs: Arc<Outputs>,
    /// What retention did last, while this process led.
    pub(crate) retention: RetentionReport,
    /// What this process says about itself where it holds something.
    pub(crate) holder: Holder,
    /// What must hold of blobs when they are acknowledged.
    pub(crate) durability: Durability,
    /// Cancelled when no new run is accepted any more.
    pub(crate) draining: CancellationToken,
    /// Cancelled when links and watches are to end.
    pub(crate) closing: CancellationToken,
}

impl Shared {
    /// True when this process leads the realm.
    pub(crate) fn leads(&self, realm: &Realm) -> bool {
        self.seat.leads(realm)
    }

    /// True when the process that held a realm is known to be gone for good. Of several daemons another takes over.
    pub(crate) fn is_abandoned(&self, row: &RealmRow) -> bool {
        (row.realm.is_local() || !self.clustered) && holder_is_gone(row)
    }
}

/// An answer to a request that the leader did not take in time.
pub(crate) fn unanswered(_: crate::leader::Unanswered) -> Status {
    status::unavailable(
        "the leader does not answer: it is starting, stopping, or its store is away; try again",
    )
}

/// The services of one process.
pub(crate) struct Services;

impl Services {
    /// All services as routes, with health and reflection.
    pub(crate) async fn routes(shared: Arc<Shared>) -> Routes {
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<RunServiceServer<Runs>>().await;
        health.set_serving::<MeshServiceServer<Mesh>>().await;
        health.set_serving::<BlobServiceServer<Blobs>>().await;
        health.set_serving::<WorkerServiceServer<Workers>>().await;
        let mut routes = Routes::new(health_service)
            .add_service(
                RunServiceServer::new(Runs::new(Arc::clone(&shared)))
                    .max_decoding_message_size(MESSAGE_LIMIT),
            )
            .add_service(MeshServiceServer::new(Mesh::new(Arc::clone(&shared))))
            .add_service(
                BlobServiceServer::new(Blobs::new(Arc::clone(&shared)))
                    .max_decoding_message_size(MESSAGE_LIMIT),
            )
            .add_service(
                WorkerServiceServer::new(Workers::new(shared)).max_decoding_message_size(MESSAGE_LIMIT),
            );
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        match reflection().build_v1() {
            Ok(service) => routes = routes.add_service(service),
            Err(error) => tracing::error!(%error, "reflection is off"),
        }
        // Older clients know only this one.
        match reflection().build_v1alpha() {
            Ok(service) => routes = routes.add_service(service),
            Err(error) => tracing::error!(%error, "reflection for older clients is off"),
        }
        routes
    }
}
