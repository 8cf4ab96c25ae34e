//! All that a listener needs to know about trust.

use crate::bounds;
use crate::config::{DaemonConfig, TlsFiles};
use crate::serve::Listener;
use crate::trust::denials::Denials;
use crate::trust::guard::Guard;
use crate::trust::{Certificates, TokenBook, TrustFailure};
use part_store::Store;
use part_trust::{Address, Dialer};
use part_worker::Connect;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How those who come are known. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    certificates: Option<Arc<Certificates>>,
}

impl Gate {
    /// Where everybody is trusted: no TLS, or a socket that only this user can reach.
    pub(crate) fn open() -> Gate {
        Gate::default()
    }

    /// As the configuration says.
    pub(crate) fn of(config: &DaemonConfig) -> Result<Gate, TrustFailure> {
        let load = |files: &TlsFiles| Certificates::load(files.clone(), &config.name);
        Ok(Gate { certificates: config.tls.as_ref().map(load).transpose()? })
    }

    /// Reads certificates again when they change, until `stop`.
    pub(crate) async fn keep_fresh(self, stop: CancellationToken) {
        if let Some(certificates) = self.certificates {
            certificates.keep_fresh(stop).await;
        }
    }

    /// The daemon's certificates; none where everybody is trusted.
    pub(crate) fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// A listener on a TCP address that was bound already.
    pub(crate) fn listener(&self, listener: TcpListener) -> Listener {
        match &self.certificates {
            Some(certificates) => Listener::Tls(listener, Arc::clone(certificates)),
            None => Listener::Tcp(listener),
        }
    }

    /// Makes channels to other daemons of the mesh, and to this one.
    pub(crate) fn connect(&self) -> Connect {
        let plain = || Dialer::plain().patient(bounds::PEER_CONNECT, bounds::PEER_ALIVE);
        let dialer = self.certificates.as_ref().map_or_else(plain, |certificates| certificates.dialer());
        Arc::new(move |address: &str| match address.parse::<Address>() {
            Ok(address) => Ok(dialer.channel(&address)),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Who stands before every call.
    pub(crate) fn guard(&self, store: Arc<dyn Store>) -> Arc<Guard> {
        Arc::new(Guard { tokens: Arc::new(TokenBook::new(store)), denials: Denials::default() })
    }
}
