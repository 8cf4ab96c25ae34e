//! What stands before every call: finds out who calls, and asks the policy table.

use crate::serve::Connected;
use crate::trust::denials::Denials;
use crate::trust::policy::{Decision, Who, decide, role_name};
use crate::trust::{Peer, TokenBook, TokenRefusal};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use part_proto::status;
use part_store::TokenRow;
use part_trust::Token;
use std::sync::Arc;
use tonic::Status;

/// What the guard knows.
pub(crate) struct Guard {
    pub(crate) tokens: Arc<TokenBook>,
    pub(crate) denials: Denials,
}

/// These routes, behind the guard.
pub(crate) fn guarded(routes: Router, guard: Arc<Guard>) -> Router {
    routes.layer(from_fn_with_state(guard, stand))
}

/// True for a call by gRPC, as opposed to a page of HTTP.
pub(crate) fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/grpc"))
}

async fn stand(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let connected = request.extensions().get::<Connected>().cloned();
    let address = connected.as_ref().and_then(|connected| connected.address);
    let path = request.uri().path().to_owned();
    let shown = bearer(&request).map(str::to_owned);
    let (peer, refused) = guard.who(connected, shown).await;
    let status = match decide(&path, &peer) {
        Decision::Allowed => {
            request.extensions_mut().insert(peer);
            return next.run(request).await;
        }
        Decision::Unknown(who) => unknown(&path, who, refused),
        Decision::Denied(who) => denied(&path, who, &peer),
    };
    guard.denials.tell(address, &path, &peer.to_string(), status.message());
    status.into_http()
}

impl Guard {
    /// Who calls, and why a token that was shown does not count.
    async fn who(&self, connected: Option<Connected>, shown: Option<String>) -> (Peer, Option<TokenRefusal>) {
        let Some(connected) = connected else { return (Peer::Anonymous, None) };
        if connected.peer != Peer::Anonymous {
            return (connected.peer, None);
        }
        let Some(shown) = shown else { return (Peer::Anonymous, None) };
        let Ok(token) = shown.parse::<Token>() else { return (Peer::Anonymous, Some(TokenRefusal::Unknown)) };
        match self.tokens.client(&token).await {
            Ok(TokenRow { id, role, label, .. }) => {
                if let Some(ticket) = &connected.ticket {
                    ticket.prove();
                }
                (Peer::Client { id, role, label }, None)
            }
            Err(refusal) => (Peer::Anonymous, Some(refusal)),
        }
    }
}

/// The token of a request.
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn unknown(path: &str, who: Who, refused: Option<TokenRefusal>) -> Status {
    match refused {
        // That may pass, unlike the others.
        Some(refusal @ TokenRefusal::StoreAway(_)) => status::unavailable(refusal.to_string()),
        Some(refusal) => status::unauthenticated(refusal.to_string()),
        None => match who.least_role() {
            Some(role) => {
                let role = role_name(role);
                status::unauthenticated(format!(
                    "a token is missing: whoever runs the mesh makes one with `partd token create --role {role}`; give it \
                     with --token-file FILE or PART_TOKEN"
                ))
            }
            None => status::unauthenticated(format!(
                "{path} is for workers and daemons with a certificate of this mesh: a worker gets one with a join token \
                 (`partd token create --role worker`, then `part-worker --join`)"
            )),
        },
    }
}

fn denied(path: &str, who: Who, peer: &Peer) -> Status {
    match (who.least_role(), peer) {
        (Some(role), Peer::Client { .. }) => {
            status::denied(format!("{peer} may not call {path}: that takes the role {}", role_name(role)))
        }
        (_, _) => status::denied(format!("{peer} may not call {path}")),
    }
}
