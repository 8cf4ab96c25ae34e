//! One listener for gRPC and HTTP: our own accept loop, so that silent and greedy peers are bounded.

use crate::api::{Services, Shared};
use crate::bounds;
use crate::silence::Greeted;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Where to listen.
pub(crate) enum Listener {
    /// On a TCP address.
    Tcp(TcpListener),
    /// On a socket in the file system, for this user only.
    Unix(UnixListener),
}

/// All routes: gRPC, and the health pages of HTTP.
pub(crate) async fn routes(shared: Arc<Shared>) -> Router {
    let grpc = Services::routes(Arc::clone(&shared)).await.into_axum_router();
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(shared)
        .merge(grpc)
}

/// Ready means: the leader answers, and new runs are accepted.
async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, &'static str) {
    if shared.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining: no new runs\n");
    }
    match &shared.leader {
        Some((mailbox, _)) => match mailbox.look(|_, _| ()).await {
            Ok(()) => (StatusCode::OK, "ready\n"),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the leader does not answer\n"),
        },
        None => (StatusCode::OK, "ready (reading only)\n"),
    }
}

/// Accepts connections until `stop`, then lets the open ones end, for a bounded time.
pub(crate) async fn serve(listener: Listener, routes: Router, stop: CancellationToken) {
    let (graceful, cut) = (GracefulShutdown::new(), CancellationToken::new());
    let room = Arc::new(Semaphore::new(bounds::CONNECTIONS));
    let builder = Arc::new(connection_builder());
    loop {
        // No room: the kernel's queue holds the rest back.
        let connection = async { (Arc::clone(&room).acquire_owned().await, accept(&listener).await) };
        let (permit, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            connection = connection => connection,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: wait for some connection to end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(routes.clone());
        let stream = TokioIo::new(Greeted::new(stream, bounds::FIRST_HEAD));
        let connection = builder.serve_connection_with_upgrades(stream, service).into_owned();
        let (watched, cut) = (graceful.watch(connection), cut.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = cut.cancelled_owned() => {}
                ended = watched => if let Err(error) = ended {
                    tracing::debug!(error = %error, "a connection ended badly");
                },
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(bounds::FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time; they are cut");
        cut.cancel();
    }
}

fn connection_builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(bounds::FIRST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(bounds::PING)
        .keep_alive_timeout(bounds::PONG)
        .max_concurrent_streams(bounds::STREAMS)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}

/// A stream of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn accept(listener: &Listener) -> std::io::Result<Box<dyn Stream>> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            if let Err(error) = stream.set_nodelay(true) {
                // Gone again already, mostly; slower at worst.
                tracing::debug!(%error, "a connection's small messages may be held back");
            }
            Ok(Box::new(stream))
        }
        Listener::Unix(listener) => Ok(Box::new(listener.accept().await?.0)),
    }
}
