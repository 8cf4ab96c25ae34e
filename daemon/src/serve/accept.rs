//! The accept loop.

use super::connection::{Caps, Connection};
use super::limits::Limits;
use super::lobby::Lobby;
use crate::trust::Certificates;
use axum::Router;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where to listen, and how those who come are known.
pub(crate) enum Listener {
    /// On a TCP address in plain text: everybody is trusted.
    Tcp(TcpListener),
    /// On a TCP address with TLS.
    Tls(TcpListener, Arc<Certificates>),
    /// On a socket in the file system, for this user only.
    Unix(UnixListener),
}

/// A connection that was just accepted.
pub(super) enum Accepted {
    Tcp(TcpStream, IpAddr),
    Tls(TcpStream, IpAddr, Arc<Certificates>),
    Unix(UnixStream),
}

/// Wait after a connection could not be accepted: out of file descriptors, mostly, until some connection ends.
const BREATH: Duration = Duration::from_millis(50);

/// Accepts connections until `stop`, then lets the open ones end, for a bounded time.
pub(crate) async fn serve(listener: Listener, routes: Router, stop: CancellationToken) {
    serve_within(listener, routes, stop, Limits::DEFAULT).await;
}

/// With limits of one's own.
pub(super) async fn serve_within(
    listener: Listener,
    routes: Router,
    stop: CancellationToken,
    limits: Limits,
) {
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    let room = Arc::new(Semaphore::new(limits.connections));
    let lobby = Lobby::new(listener.most_unproven(&limits), &limits);
    let caps = Arc::new(Caps::new(routes, stop.clone(), cut.clone(), limits));
    loop {
        // No room: the kernel's queue holds the rest back.
        let connection = async { (Arc::clone(&room).acquire_owned().await, listener.accept().await) };
        let (permit, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            connection = connection => connection,
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let ticket = match accepted.address() {
            None => None,
            Some(address) => match lobby.enter(address) {
                Some(ticket) => Some(ticket),
                None => {
                    tracing::debug!(%address, "refused: too many connections that say nothing");
                    continue;
                }
            },
        };
        let connection = Connection { accepted, ticket, caps: Arc::clone(&caps) };
        tasks.spawn(async move {
            connection.live().await;
            drop(permit);
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.farewell, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "some connections did not end in time; they are cut");
        cut.cancel();
        tasks.wait().await;
    }
}

impl Listener {
    async fn accept(&self) -> std::io::Result<Accepted> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, address) = tcp(listener).await?;
                Ok(Accepted::Tcp(stream, address))
            }
            Listener::Tls(listener, certificates) => {
                let (stream, address) = tcp(listener).await?;
                Ok(Accepted::Tls(stream, address, Arc::clone(certificates)))
            }
            Listener::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }

    fn most_unproven(&self, limits: &Limits) -> usize {
        match self {
            Listener::Tls(_, _) => limits.unproven,
            Listener::Tcp(_) | Listener::Unix(_) => limits.ungreeted,
        }
    }
}

impl Accepted {
    fn address(&self) -> Option<IpAddr> {
        match self {
            Accepted::Tcp(_, address) | Accepted::Tls(_, address, _) => Some(*address),
            Accepted::Unix(_) => None,
        }
    }
}

async fn tcp(listener: &TcpListener) -> std::io::Result<(TcpStream, IpAddr)> {
    let (stream, address) = listener.accept().await?;
    if let Err(error) = stream.set_nodelay(true) {
        // Gone again already, mostly; slower at worst.
        tracing::debug!(%error, "a connection's small messages may be held back");
    }
    Ok((stream, address.ip()))
}
