//! The life of one connection: who is there, what it may ask, and how it ends.

use super::accept::Accepted;
use super::limits::Limits;
use super::lobby::Ticket;
use super::silence::Greeted;
use crate::bounds;
use crate::trust::{Certificates, Peer};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use part_proto::status;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// What all connections of a listener share.
pub(super) struct Caps {
    routes: Router,
    /// Says why, to those who speak plain text where TLS is spoken.
    refusal: Router,
    builder: Builder<TokioExecutor>,
    stop: CancellationToken,
    cut: CancellationToken,
    limits: Limits,
}

/// A connection that was just accepted.
pub(super) struct Connection {
    pub(super) accepted: Accepted,
    pub(super) ticket: Option<Arc<Ticket>>,
    pub(super) caps: Arc<Caps>,
}

/// What a request's extensions say of the connection that it came on.
#[derive(Clone)]
pub(crate) struct Connected {
    /// Who is there, as far as the connection itself shows.
    pub(crate) peer: Peer,
    /// From where; none from a socket in the file system.
    pub(crate) address: Option<IpAddr>,
    /// To be proven by whoever finds out who is there.
    pub(crate) ticket: Option<Arc<Ticket>>,
}

/// A connection whose holder is known as far as it shows itself.
struct Known {
    stream: Box<dyn Stream>,
    connected: Connected,
    /// When it is asked to end; none for never.
    ends: Option<Instant>,
    routes: Router,
}

/// A stream of any kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Caps {
    pub(super) fn new(
        routes: Router,
        stop: CancellationToken,
        cut: CancellationToken,
        limits: Limits,
    ) -> Caps {
        let refusal = Router::new().fallback(speak_tls);
        Caps { routes, refusal, builder: builder(limits.first_head), stop, cut, limits }
    }
}

impl Connection {
    /// Serves it until it ends, of itself or because it must.
    pub(super) async fn live(self) {
        let Connection { accepted, ticket, caps } = self;
        let known = async {
            match accepted {
                Accepted::Unix(stream) => Some(caps.trusted(Box::new(stream), None, ticket.clone())),
                Accepted::Tcp(stream, address) => {
                    Some(caps.trusted(Box::new(stream), Some(address), ticket.clone()))
                }
                Accepted::Tls(stream, address, certificates) => {
                    caps.known_by_tls(stream, address, &certificates, ticket.clone()).await
                }
            }
        };
        let known = tokio::select! {
            known = known => known,
            // Nothing was promised to who has not even shaken hands.
            () = caps.stop.cancelled() => None,
            () = evicted(ticket.as_ref()) => None,
        };
        if let Some(known) = known {
            caps.serve(known, ticket).await;
        }
    }
}

impl Caps {
    fn trusted(
        &self,
        stream: Box<dyn Stream>,
        address: Option<IpAddr>,
        ticket: Option<Arc<Ticket>>,
    ) -> Known {
        // The first bytes are all that is asked for.
        let stream = Box::new(Greeted::new(stream, self.limits.first_head, ticket));
        let ends = address.map(|_| Instant::now() + self.age());
        let connected = Connected { peer: Peer::Trusted, address, ticket: None };
        Known { stream, connected, ends, routes: self.routes.clone() }
    }

    async fn known_by_tls(
        &self,
        stream: TcpStream,
        address: IpAddr,
        certificates: &Certificates,
        ticket: Option<Arc<Ticket>>,
    ) -> Option<Known> {
        let by = Instant::now() + self.limits.handshake;
        let mut first = [0; 1];
        match timeout_at(by, stream.peek(&mut first)).await {
            Ok(Ok(1)) => {}
            Ok(Ok(_) | Err(_)) | Err(_) => return None,
        }
        if first != TLS_RECORD {
            let stream = Box::new(Greeted::new(stream, self.limits.first_head, None));
            let connected = Connected { peer: Peer::Anonymous, address: Some(address), ticket };
            let ends = Some(Instant::now() + self.limits.first_head);
            return Some(Known { stream, connected, ends, routes: self.refusal.clone() });
        }
        let stream = match timeout_at(by, certificates.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%address, %error, "a TLS handshake failed");
                return None;
            }
            Err(_) => {
                tracing::debug!(%address, "a TLS handshake took too long");
                return None;
            }
        };
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let (peer, left) = match shown.map(|certificate| Peer::of_certificate(certificate)) {
            None => (Peer::Anonymous, None),
            // It ended while a session of it was resumed.
            Some(Ok((_, Duration::ZERO))) => return None,
            Some(Ok((peer, left))) => (peer, Some(left)),
            Some(Err(error)) => {
                tracing::warn!(%address, %error, "a certificate of the mesh makes no sense");
                return None;
            }
        };
        if let (Peer::Daemon { .. } | Peer::Worker { .. }, Some(ticket)) = (&peer, &ticket) {
            ticket.prove();
        }
        // A connection does not outlive the certificate that it was opened with by much.
        let age = left.map_or(self.age(), |left| left.min(self.age()));
        let stream = Box::new(Greeted::new(stream, self.limits.first_head, None));
        let connected = Connected { peer, address: Some(address), ticket };
        Some(Known { stream, connected, ends: Some(Instant::now() + age), routes: self.routes.clone() })
    }

    async fn serve(&self, known: Known, ticket: Option<Arc<Ticket>>) {
        let Known { stream, connected, ends, routes } = known;
        let secured = connected.ticket.clone();
        let service = routes.map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(connected.clone());
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let stranger = Instant::now() + self.limits.unproven_age;
        let (mut asked, mut stopping, mut ends) = (false, false, ends);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %error, "a connection ended badly");
                    }
                    return;
                }
                () = self.cut.cancelled() => return,
                () = evicted(ticket.as_ref()) => return,
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = at(ends) => match asked {
                    true => return,
                    false => {
                        asked = true;
                        ends = Some(Instant::now() + self.limits.age_grace);
                        connection.as_mut().graceful_shutdown();
                    }
                },
                () = sleep_until(stranger), if is_strange(secured.as_ref()) => return,
            }
        }
    }

    /// Spread over a tenth, so that connections made at the same time do not all end at the same time.
    fn age(&self) -> Duration {
        let spread = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
        self.limits.age - self.limits.age / 10 * spread / 256
    }
}

/// The first byte of a TLS handshake; no HTTP begins with it.
const TLS_RECORD: [u8; 1] = [0x16];

fn is_strange(ticket: Option<&Arc<Ticket>>) -> bool {
    ticket.is_some_and(|ticket| !ticket.is_proven())
}

async fn evicted(ticket: Option<&Arc<Ticket>>) {
    match ticket {
        Some(ticket) => ticket.evicted().await,
        None => std::future::pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// What a daemon with TLS says to those who speak plain text.
async fn speak_tls(request: Request) -> Response {
    const WORDS: &str = "this daemon speaks TLS: name the authority of its mesh (--ca FILE), or use a token that carries \
                         the authority's fingerprint";
    match crate::trust::is_grpc(&request) {
        true => status::wrong_state(WORDS).into_http(),
        false => {
            (axum::http::StatusCode::BAD_REQUEST, format!("{WORDS}; by HTTP, use https://\n")).into_response()
        }
    }
}

fn builder(first_head: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(first_head);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(bounds::PING)
        .keep_alive_timeout(bounds::PONG)
        .max_concurrent_streams(bounds::STREAMS)
        .max_header_list_size(bounds::HEADER_BYTES)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}
