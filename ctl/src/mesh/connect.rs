//! Connecting.

use super::access::Access;
use super::home::{default_home, prepare_home};
use super::line::Line;
use super::status::from_status;
use crate::embedded::Embedded;
use crate::error::{CliError, Kind};
use part_proto::MESSAGE_LIMIT;
use part_proto::v1::RunInfo;
use part_proto::v1::blob_service_client::BlobServiceClient;
use part_proto::v1::mesh_service_client::MeshServiceClient;
use part_proto::v1::run_service_client::RunServiceClient;
use part_trust::{Address, DialError, Dialer};
use std::path::PathBuf;
use tonic::Status;
use tonic::transport::Channel;

/// Where the mesh is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In this process, with its data in a folder (none: the platform's).
    Local {
        /// The folder.
        home: Option<PathBuf>,
    },
    /// A daemon elsewhere.
    Server {
        /// `HOST:PORT`, several separated by commas: any of them will do.
        address: String,
        /// What is trusted and shown.
        access: Access,
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
        /// Slots beyond those, for groups that may start more than there are CPUs; none for what suits the slots.
        extra_slots: Option<u32>,
    },
}

/// The way to a daemon's services. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    line: Line,
    at: String,
    access: Access,
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
            Place::Server { address, access } => {
                Ok(Mesh { clients: Clients::connect(address, access).await?, embedded: None })
            }
            Place::Local { home } => {
                let home = match home {
                    Some(home) => home.clone(),
                    None => default_home()?,
                };
                let home = prepare_home(&home)?;
                let embedded = Embedded::start(home, role).await?;
                let clients = Clients::local(embedded.channel(), "this process");
                Ok(Mesh { clients, embedded: Some(embedded) })
            }
        }
    }

    /// A mesh behind a channel that exists already.
    #[cfg(test)]
    pub(crate) fn through(channel: Channel) -> Mesh {
        Mesh { clients: Clients::local(channel, "test"), embedded: None }
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
    async fn connect(address: &str, access: &Access) -> Result<Clients, CliError> {
        let addresses = Address::list(address).map_err(|error| CliError::of(Kind::Usage, error))?;
        let (dialer, token) = access.dialer(&addresses)?;
        let (channels, active) = open(&dialer, &addresses).await?;
        let line = Line::new(channels, active, token.as_ref());
        let at = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        Ok(Clients { line, at, access: access.clone() })
    }

    /// Over a channel that needs neither trust nor token.
    fn local(channel: Channel, at: &str) -> Clients {
        Clients { line: Line::of(channel), at: at.to_owned(), access: Access::default() }
    }

    /// The way to the daemon that leads the run, where that is another one.
    pub(crate) async fn leader_of(&self, info: &RunInfo) -> Result<Clients, CliError> {
        match info.led_at.as_str() {
            "" => Ok(self.clone()),
            socket if socket.starts_with('/') => {
                let channel = crate::embedded::channel_to(PathBuf::from(socket));
                Ok(Clients::local(channel, socket))
            }
            address => Clients::connect(address, &self.access).await.map_err(|error| {
                error.hint("if that daemon was ended, partctl show tells what is left of the run")
            }),
        }
    }

    /// Where the daemon is, for messages.
    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// Runs.
    pub(crate) fn runs(&self) -> RunServiceClient<Line> {
        RunServiceClient::new(self.line.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Workers and status.
    pub(crate) fn mesh(&self) -> MeshServiceClient<Line> {
        MeshServiceClient::new(self.line.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Output and artifacts.
    pub(crate) fn blobs(&self) -> BlobServiceClient<Line> {
        BlobServiceClient::new(self.line.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// An error for a refused or broken call; `doing` completes "cannot …".
    pub(crate) fn error(&self, doing: &str, status: &Status) -> CliError {
        from_status(doing, &self.at, status)
    }
}

/// Channels to all of them; the first that answers is connected, the others connect when they are needed.
async fn open(dialer: &Dialer, addresses: &[Address]) -> Result<(Vec<Channel>, usize), CliError> {
    let mut channels: Vec<Channel> = addresses.iter().map(|address| dialer.channel(address)).collect();
    let mut failed: Vec<DialError> = Vec::new();
    for (index, (address, channel)) in addresses.iter().zip(&mut channels).enumerate() {
        match dialer.connect(address).await {
            Ok(connected) => {
                *channel = connected;
                return Ok((channels, index));
            }
            Err(error) => failed.push(error),
        }
    }
    Err(nobody(failed))
}

/// What to tell when none could be reached.
fn nobody(failed: Vec<DialError>) -> CliError {
    let words: Vec<String> = failed.iter().map(ToString::to_string).collect();
    let error = CliError::mesh(words.join("; "));
    match failed.iter().any(DialError::may_pass) {
        true => error.hint("is partd running there, and is that its port?"),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;
    use part_proto::v1::{ListRunsRequest, WatchRequest};
    use tokio::net::TcpListener;

    /// A port at which nobody listens.
    async fn nobody() -> Address {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("bound").to_string().parse().expect("an address")
    }

    fn clients(daemons: Vec<Channel>) -> Clients {
        Clients { line: Line::new(daemons, 0, None), at: "test".to_owned(), access: Access::default() }
    }

    #[tokio::test]
    async fn a_daemon_that_is_gone_is_passed_over_for_good() {
        let (_script, mesh) = Scripted::start(vec![vec![], vec![]], Vec::new(), Vec::new()).await;
        let dead = Dialer::plain().channel(&nobody().await);
        let clients = clients(vec![dead, mesh.clients().line.first()]);
        clients.runs().list_runs(ListRunsRequest::default()).await.expect("the second answers");
        // A stream, too; and the line remembers who answers.
        clients.runs().watch(WatchRequest::default()).await.expect("the second answers");
    }

    #[tokio::test]
    async fn when_nobody_answers_that_is_said_in_words() {
        let address = nobody().await;
        let clients = clients(vec![Dialer::plain().channel(&address), Dialer::plain().channel(&address)]);
        let status = clients.runs().list_runs(ListRunsRequest::default()).await.expect_err("nobody is there");
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert!(status.message().contains(&format!("cannot connect to {address}")), "{status:?}");
        let list = format!("{address},{address}");
        let place = Place::Server { address: list, access: Access::default() };
        let error = Mesh::open(&place, Role::Viewer).await.map(drop).expect_err("nobody is there");
        assert!(error.to_string().matches("cannot connect").count() == 2, "{error}");
    }
}
