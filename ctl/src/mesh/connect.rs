//! Connecting.

use super::home::{default_home, prepare_home};
use super::status::from_status;
use crate::embedded::Embedded;
use crate::error::{CliError, Kind};
use part_proto::MESSAGE_LIMIT;
use part_proto::v1::RunInfo;
use part_proto::v1::blob_service_client::BlobServiceClient;
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::v1::run_service_client::RunServiceClient;
use std::path::PathBuf;
use std::time::Duration;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// How long a daemon may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection on which nothing was heard for so long is asked whether it lives, and given up after as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Where the mesh is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In this process, with its data in a folder (none: the platform's).
    Local {
        /// The folder.
        home: Option<PathBuf>,
    },
    /// A daemon at `HOST:PORT`.
    Server {
        /// The address.
        address: String,
    },
}

/// What a mesh in this process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Only reads what is stored.
    Viewer,
    /// Runs specs on so many slots (none: as many as the machine suggests).
    Worker {
        /// The slots.
        slots: Option<u32>,
    },
}

/// The way to a daemon's services. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    channel: Channel,
    at: String,
}

/// A connection to the mesh, which may live in this process.
pub(crate) struct Mesh {
    clients: Clients,
    embedded: Option<Embedded>,
}

impl Mesh {
    /// Connects, or starts the mesh in this process.
    pub(crate) async fn open(place: &Place, role: Role) -> Result<Mesh, CliError> {
        match place {
            Place::Server { address } => {
                Ok(Mesh { clients: Clients::connect(address).await?, embedded: None })
            }
            Place::Local { home } => {
                let home = match home {
                    Some(home) => home.clone(),
                    None => default_home()?,
                };
                let home = prepare_home(&home)?;
                let embedded = Embedded::start(home, role).await?;
                let clients = Clients { channel: embedded.channel(), at: "this process".to_owned() };
                Ok(Mesh { clients, embedded: Some(embedded) })
            }
        }
    }

    /// A mesh behind a channel that exists already.
    #[cfg(test)]
    pub(crate) fn through(channel: Channel) -> Mesh {
        Mesh { clients: Clients { channel, at: "test".to_owned() }, embedded: None }
    }

    /// The way to its services.
    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    /// True when the mesh lives in this process, so that its runs end with it.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Why a mesh in this process cannot go on; never returns while it can, nor for a daemon elsewhere.
    pub(crate) async fn failure(&mut self) -> CliError {
        match &mut self.embedded {
            Some(embedded) => embedded.failure().await,
            None => std::future::pending().await,
        }
    }

    /// Ends a mesh in this process: what it still runs is stopped, politely or not. A connection is just dropped.
    pub(crate) async fn close(self, kill: bool) {
        drop(self.clients);
        if let Some(embedded) = self.embedded {
            embedded.stop(kill).await;
        }
    }
}

impl Clients {
    async fn connect(address: &str) -> Result<Clients, CliError> {
        Ok(Clients { channel: connect(address).await?, at: address.to_owned() })
    }

    /// The way to the daemon that leads the run, where that is another one.
    pub(crate) async fn leader_of(&self, info: &RunInfo) -> Result<Clients, CliError> {
        match info.led_at.as_str() {
            "" => Ok(self.clone()),
            socket if socket.starts_with('/') => {
                let channel = crate::embedded::channel_to(PathBuf::from(socket));
                Ok(Clients { channel, at: socket.to_owned() })
            }
            address => Clients::connect(address).await.map_err(|error| {
                error.hint("if that daemon was ended, partctl show tells what is left of the run")
            }),
        }
    }

    /// Where the daemon is, for messages.
    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// Runs.
    pub(crate) fn runs(&self) -> RunServiceClient<Channel> {
        RunServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Workers and status.
    pub(crate) fn mesh(&self) -> MeshServiceClient<Channel> {
        MeshServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Output and artifacts.
    pub(crate) fn blobs(&self) -> BlobServiceClient<Channel> {
        BlobServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// An error for a refused or broken call; `doing` completes "cannot …".
    pub(crate) fn error(&self, doing: &str, status: &Status) -> CliError {
        from_status(doing, &self.at, status)
    }
}

async fn connect(address: &str) -> Result<Channel, CliError> {
    let endpoint = endpoint(address)?;
    endpoint.connect().await.map_err(|error| {
        CliError::mesh(format!("cannot connect to {address}"))
            .because(error)
            .hint(format!("is partd running at {address}?"))
    })
}

fn endpoint(address: &str) -> Result<Endpoint, CliError> {
    let wrong = |why: String| {
        CliError::new(Kind::Usage, format!("{address:?} is no address of a daemon: {why}"))
            .hint("write it as HOST:PORT, such as localhost:7400")
    };
    if address.starts_with("https://") {
        return Err(wrong("TLS is not supported yet".to_owned()));
    }
    let authority = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
    let uri: http::Uri = format!("http://{authority}").parse().map_err(|error| wrong(format!("{error}")))?;
    if uri.port().is_none() {
        return Err(wrong("the port is missing".to_owned()));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(wrong("the host is missing".to_owned()));
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err(wrong("there is something after the port".to_owned()));
    }
    let endpoint = Endpoint::from(uri)
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn addresses_are_checked() {
        let table = [
            ("localhost:7400", true),
            ("127.0.0.1:7400", true),
            ("[::1]:7400", true),
            ("http://ci.example:7400/", true),
            ("localhost", false),
            ("https://localhost:7400", false),
            ("localhost:7400/path", false),
            ("local host:1", false),
            ("", false),
            (":7400", false),
        ];
        for (address, fine) in table {
            let result = endpoint(address);
            assert_eq!(result.is_ok(), fine, "{address:?}: {:?}", result.err());
        }
    }
}
