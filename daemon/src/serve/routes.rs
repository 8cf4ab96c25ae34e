//! What is served: gRPC behind the policy, and the health pages of HTTP.

use crate::api::{Joins, Services, Shared};
use crate::seat::Leadership;
use crate::trust::{Gate, guarded};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use part_proto::v1::trust_service_server::TrustServiceServer;
use std::sync::Arc;

/// All routes: gRPC, and the health pages of HTTP. Who may call what is decided by `gate`.
pub(crate) async fn routes(shared: Arc<Shared>, gate: Gate) -> Router {
    let joins = Joins::new(Arc::clone(&shared), gate.certificates().cloned());
    let grpc = Services::routes(Arc::clone(&shared)).await;
    let grpc = grpc.add_service(TrustServiceServer::new(joins)).into_axum_router();
    let pages = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(Arc::clone(&shared));
    pages.merge(guarded(grpc, gate.guard(Arc::clone(&shared.store))))
}

/// Ready means: the leader answers, and new runs are accepted.
async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining: no new runs\n");
    }
    match shared.seat.now() {
        Leadership::Here(mailbox) => match mailbox.look(|_, _| ()).await {
            Ok(()) => (StatusCode::OK, "ready\n"),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the leader does not answer\n"),
        },
        Leadership::There(_) => (StatusCode::OK, "ready (another daemon leads)\n"),
        Leadership::Vacant(_) => (StatusCode::SERVICE_UNAVAILABLE, "no daemon leads now\n"),
        Leadership::ReadOnly => (StatusCode::OK, "ready (reading only)\n"),
    }
}
