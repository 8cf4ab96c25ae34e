//! Admits stand-alone workers: a join token, or a certificate that still holds, for a certificate.

use super::route::Route;
use super::services::{Shared, unanswered};
use crate::bounds;
use crate::trust::{Certificates, Peer, TokenBook, TokenRefusal, TrustFailure, peer_of, requested_key};
use part_core::LinkState;
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::v1::trust_service_server::TrustService;
use part_proto::{LINK_PROTOCOL, LINK_PROTOCOL_OLDEST, status, v1};
use part_trust::Token;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

/// The trust service.
pub(crate) struct Joins {
    shared: Arc<Shared>,
    /// None where the mesh works without TLS.
    certificates: Option<Arc<Certificates>>,
    tokens: TokenBook,
    /// Answers that may not have arrived, by token and key.
    recent: Mutex<HashMap<(String, Vec<u8>), Admitted>>,
}

/// Somebody who was admitted a little while ago.
struct Admitted {
    name: String,
    until: Instant,
}

impl Joins {
    pub(crate) fn new(shared: Arc<Shared>, certificates: Option<Arc<Certificates>>) -> Joins {
        let tokens = TokenBook::new(Arc::clone(&shared.store));
        Joins { shared, certificates, tokens, recent: Mutex::default() }
    }

    /// Checks a token before anything is done for its holder. True when its use was counted already.
    async fn check(&self, token: &Token, name: &str, key: &[u8]) -> Result<bool, Status> {
        match self.tokens.joining(token).await {
            Ok(()) => Ok(self.was_admitted(&token.id(), name, key)),
            // The answer got lost: who has the same key is the same worker.
            Err(TokenRefusal::UsedUp { .. }) if self.was_admitted(&token.id(), name, key) => Ok(true),
            Err(refusal) => Err(refused(refusal)),
        }
    }

    fn was_admitted(&self, id: &str, name: &str, key: &[u8]) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.get(&(id.to_owned(), key.to_owned())).filter(|found| found.until > Instant::now());
        found.is_some_and(|found| found.name == name)
    }

    fn admitted(&self, id: String, name: String, key: Vec<u8>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        recent.retain(|_, one| one.until > now);
        if recent.len() < bounds::JOINS_REMEMBERED {
            recent.insert((id, key), Admitted { name, until: now + bounds::JOIN_REPEATED });
        }
    }

    /// Refuses a name that somebody else has just now.
    async fn is_free(&self, name: &str, metadata: &MetadataMap) -> Result<(), Status> {
        let host = match self.shared.route(metadata).await? {
            Route::Here(mailbox) => {
                let wanted = name.to_owned();
                let look = move |core: &part_core::Core, now| {
                    let mut workers = core.workers(now).into_iter();
                    let found = workers.find(|one| one.worker.0 == wanted && one.link != LinkState::Absent);
                    found.map(|worker| worker.host)
                };
                mailbox.look(look).await.map_err(unanswered)?
            }
            Route::There(channel) => {
                let request = self.shared.forwarded(v1::ListWorkersRequest {});
                let listed =
                    MeshServiceClient::new(channel).list_workers(request).await?.into_inner().workers;
                let absent = v1::LinkState::Absent;
                let found = listed.into_iter().find(|one| one.worker == name && one.link() != absent);
                found.map(|worker| worker.host)
            }
        };
        match host {
            None => Ok(()),
            Some(host) => Err(status::taken(format!(
                "a worker named {name:?} is in the mesh already (on {host}): choose another name with --name, or end that \
                 one; one that has just died is forgotten after its silence"
            ))),
        }
    }

    async fn admit(&self, request: Request<v1::JoinRequest>) -> Result<v1::JoinResponse, Status> {
        let (peer, metadata) = (peer_of(&request), request.metadata().clone());
        let v1::JoinRequest { token, name, csr_pem, protocol, protocol_newest, version } =
            request.into_inner();
        understood(protocol, protocol_newest, &version)?;
        if name.is_empty() || name.len() > 255 || name.chars().any(|c| c.is_control() || c == '/') {
            return Err(status::invalid(
                "the worker's name must have 1 to 255 bytes, no slash and no control characters",
            ));
        }
        let token = match token.as_str() {
            "" => None,
            text => Some(text.parse::<Token>().map_err(|error| status::unauthenticated(error.to_string()))?),
        };
        let Some(certificates) = &self.certificates else {
            return self.admit_in_plain_text(token, &name, &metadata).await;
        };
        let key = requested_key(&csr_pem).map_err(|error| status::invalid(error.to_string()))?;
        let renewal = matches!(&peer, Peer::Worker { name: own } if *own == name);
        let to_use = match token {
            Some(token) => {
                let counted = self.check(&token, &name, &key).await?;
                if !renewal && !counted {
                    self.is_free(&name, &metadata).await?;
                }
                (!counted).then_some(token)
            }
            None if renewal => None,
            None => {
                return Err(status::unauthenticated(
                    "a join token is missing: whoever runs the mesh makes one with `partd token create --role worker`; \
                     give it with --token-file FILE",
                ));
            }
        };
        let response = sign(certificates, &name, &csr_pem)?;
        if let Some(token) = to_use {
            self.tokens.use_up(&token).await.map_err(refused)?;
            self.admitted(token.id(), name.clone(), key);
        }
        tracing::info!(worker = name, renewal, version, "a worker was given a certificate");
        Ok(response)
    }

    /// Without TLS there is no certificate to give; but whoever brings a token learns whether it is good.
    async fn admit_in_plain_text(
        &self,
        token: Option<Token>,
        name: &str,
        metadata: &MetadataMap,
    ) -> Result<v1::JoinResponse, Status> {
        if let Some(token) = token {
            self.tokens.joining(&token).await.map_err(refused)?;
        }
        self.is_free(name, metadata).await?;
        Ok(v1::JoinResponse::default())
    }
}

#[tonic::async_trait]
impl TrustService for Joins {
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinResponse>, Status> {
        let (peer, name) = (peer_of(&request), request.get_ref().name.clone());
        match self.admit(request).await {
            Ok(response) => Ok(Response::new(response)),
            Err(status) => {
                tracing::warn!(worker = name, %peer, why = status.message(), "a worker was not admitted");
                Err(status)
            }
        }
    }
}

/// Refuses a worker whose protocol versions do not meet ours.
fn understood(oldest: u32, newest: u32, version: &str) -> Result<(), Status> {
    let newest = newest.max(oldest);
    if oldest <= LINK_PROTOCOL && newest >= LINK_PROTOCOL_OLDEST {
        return Ok(());
    }
    let remedy =
        if newest < LINK_PROTOCOL_OLDEST { "upgrade the worker" } else { "upgrade the daemons first" };
    Err(status::wrong_state(format!(
        "part-worker {version} speaks protocol {oldest} to {newest}, this daemon {LINK_PROTOCOL_OLDEST} to \
         {LINK_PROTOCOL}: {remedy}"
    )))
}

fn sign(certificates: &Certificates, name: &str, request: &str) -> Result<v1::JoinResponse, Status> {
    let Some(made) = certificates.sign(|authority| authority.worker(name, request)) else {
        return Err(status::wrong_state(
            "this daemon admits no workers: it has not the key of the mesh's authority; join at one that has \
             (tls.ca-key, --tls-ca-key), or give it that",
        ));
    };
    let broken = |error: TrustFailure| status::broken(error.to_string());
    let made = made.map_err(broken)?;
    let ends = made.not_after.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(v1::JoinResponse {
        certificate_pem: made.pem,
        ca_pem: certificates.authorities_pem().map_err(broken)?,
        not_after_ms: ends.as_millis() as u64,
    })
}

fn refused(refusal: TokenRefusal) -> Status {
    match &refusal {
        TokenRefusal::StoreAway(_) => status::unavailable(refusal.to_string()),
        TokenRefusal::WrongRole { .. } => status::denied(refusal.to_string()),
        TokenRefusal::Unknown
        | TokenRefusal::Expired { .. }
        | TokenRefusal::Revoked { .. }
        | TokenRefusal::UsedUp { .. } => status::unauthenticated(refusal.to_string()),
    }
}
