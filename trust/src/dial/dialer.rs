//! Connecting.

use super::config::client_config;
use super::{Credentials, DialError, Trust, TrustError};
use crate::{Address, bounds};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

/// The way to the daemons of one mesh. Cheap to clone; all clones share what [`Dialer::renew`] sets.
#[derive(Clone)]
pub struct Dialer {
    /// None for plain text.
    config: Arc<RwLock<Option<Arc<ClientConfig>>>>,
    connect: Duration,
    alive: Duration,
}

/// A connection of either kind.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
type Wire = TokioIo<Box<dyn Stream>>;

impl Dialer {
    /// Trusts and shows what it is told.
    ///
    /// # Errors
    ///
    /// When certificates or keys make no sense.
    pub fn new(trust: &Trust, credentials: Option<Credentials>) -> Result<Dialer, TrustError> {
        Ok(Dialer { config: Arc::new(RwLock::new(client_config(trust, credentials)?)), ..Dialer::plain() })
    }

    /// In plain text to anybody.
    pub fn plain() -> Dialer {
        Dialer { config: Arc::default(), connect: bounds::CONNECT, alive: bounds::KEEP_ALIVE }
    }

    /// With other patience: how long one address may take to accept a connection, and after how long a silence it is
    /// asked whether it lives (it has as long again to answer).
    #[must_use]
    pub fn patient(self, connect: Duration, alive: Duration) -> Dialer {
        Dialer { connect, alive, ..self }
    }

    /// Connections made from now on trust and show this, those of channels that exist already too.
    ///
    /// # Errors
    ///
    /// When certificates or keys make no sense; then nothing changes.
    pub fn renew(&self, trust: &Trust, credentials: Option<Credentials>) -> Result<(), TrustError> {
        let config = client_config(trust, credentials)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// True when it speaks TLS.
    pub fn is_secure(&self) -> bool {
        self.current().is_some()
    }

    /// A channel that connects when it is first used, and again whenever its connection is gone.
    pub fn channel(&self, address: &Address) -> Channel {
        self.endpoint(address).connect_with_connector_lazy(self.connector(address, None))
    }

    /// A channel that is connected already.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the other side, or with what is trusted and shown here.
    pub async fn connect(&self, address: &Address) -> Result<Channel, DialError> {
        let wire = self.reach(address).await?;
        let connector = self.connector(address, Some(wire));
        let connected =
            timeout(bounds::HANDSHAKE, self.endpoint(address).connect_with_connector(connector)).await;
        let connected = connected
            .map_err(|_| DialError::Silent { address: address.clone(), waited: bounds::HANDSHAKE })?;
        connected.map_err(|error| match DialError::behind(&error) {
            Some(found) => found.clone(),
            None => DialError::NotGrpc { address: address.clone(), why: last_cause(&error) },
        })
    }

    fn endpoint(&self, address: &Address) -> Endpoint {
        let uri = Uri::builder().scheme("http").authority(address.to_string()).path_and_query("/").build();
        // An address that was parsed is always the authority of a URI.
        let endpoint = uri.map_or_else(|_| Endpoint::from_static("http://part"), Endpoint::from);
        endpoint
            .http2_keep_alive_interval(self.alive)
            .keep_alive_timeout(self.alive)
            .keep_alive_while_idle(true)
    }

    fn current(&self) -> Option<Arc<ClientConfig>> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens connections for a channel; `first` is one that is open already.
    fn connector(
        &self,
        address: &Address,
        first: Option<Wire>,
    ) -> impl tower::Service<Uri, Response = Wire, Error = DialError, Future: Send> + Send + use<> {
        let (dialer, address, first) = (self.clone(), address.clone(), Arc::new(Mutex::new(first)));
        tower::service_fn(move |_: Uri| {
            let (dialer, address) = (dialer.clone(), address.clone());
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move {
                match first {
                    Some(wire) => Ok(wire),
                    None => dialer.reach(&address).await,
                }
            }
        })
    }

    async fn reach(&self, address: &Address) -> Result<Wire, DialError> {
        let stream = open(address, self.connect).await?;
        let Some(config) = self.current() else { return Ok(TokioIo::new(Box::new(stream))) };
        let name = ServerName::try_from(address.host().to_owned())
            .map_err(|error| DialError::Tls { address: address.clone(), why: error.to_string() })?;
        let handshake = tokio_rustls::TlsConnector::from(config).connect(name, stream);
        match timeout(bounds::HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => Ok(TokioIo::new(Box::new(stream))),
            Ok(Err(error)) => Err(DialError::of_handshake(address, &error)),
            Err(_) => Err(DialError::Silent { address: address.clone(), waited: bounds::HANDSHAKE }),
        }
    }
}

/// Connects to the first address of the host that accepts.
async fn open(address: &Address, limit: Duration) -> Result<TcpStream, DialError> {
    let unreachable = |why: String| DialError::Unreachable { address: address.clone(), why };
    let found = timeout(limit, tokio::net::lookup_host((address.host(), address.port()))).await;
    let found = found.map_err(|_| unreachable("its name was not resolved in time".to_owned()))?;
    let found = found.map_err(|error| unreachable(format!("its name cannot be resolved ({error})")))?;
    let mut why = "its name has no address".to_owned();
    for one in found.take(bounds::ADDRESSES) {
        match timeout(limit, TcpStream::connect(one)).await {
            Ok(Ok(stream)) => {
                // Small messages must not wait for more; where that cannot be had they are only slower.
                drop(stream.set_nodelay(true));
                return Ok(stream);
            }
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = format!("no answer within {limit:?}"),
        }
    }
    Err(unreachable(why))
}

fn last_cause(error: &dyn std::error::Error) -> String {
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        last = error.to_string();
        next = error.source();
    }
    last
}
