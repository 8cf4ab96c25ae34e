//! The same daemon inside a client's process, for `--local`: no port, no configuration, and it ends with its client.
//!
//! Several may use one home at a time: each leads a realm of its own, and slot numbers are taken from the host so that
//! no two attempts on it ever have the same.

use crate::api::Outputs;
use crate::api::Shared;
use crate::cluster::{Coordinator, LeaderNote, Member};
use crate::config::{cpus, host_name};
use crate::daemon::{holder, new_incarnation};
use crate::error::chain;
use crate::nest::Nest;
use crate::parts::{Parts, PartsOptions};
use crate::places::open_home;
use crate::realm::end_abandoned;
use crate::retention::RetentionReport;
use crate::seat::Seat;
use crate::serve::{Listener, routes, serve};
use crate::slots::{Slots, Wanted};
use crate::tasks::{ended, settle};
use crate::trust::Gate;
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use hyper_util::rt::TokioIo;
use part_store::{BlobStore, Durability, Holder, Realm, Store};
use part_worker::{Connect, Directory, Worker, WorkerOptions, shim};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Uri};

/// What an embedded mesh is told.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Folder for the database, blobs and attempts.
    pub home: PathBuf,
    /// Slots; none means one per CPU.
    pub slots: Option<u32>,
    /// Slots beyond those, for groups that may start more than there are CPUs; none for what suits the slots.
    pub extra_slots: Option<u32>,
    /// False for a mesh that only reads what others recorded.
    pub worker: bool,
    /// The program that has the hidden verb `shim`.
    pub program: PathBuf,
}

/// An embedded mesh.
pub struct Embedded {
    channel: Channel,
    store: Arc<dyn Store>,
    holder: Holder,
    closing: CancellationToken,
    leading: Option<Leading>,
    server: Option<JoinHandle<()>>,
    nest: Nest,
}

/// The part of an embedded mesh that leads, and works once it leads.
struct Leading {
    stop: CancellationToken,
    leader: Option<JoinHandle<Result<(), DaemonError>>>,
    working: Option<Working>,
}

/// The worker.
struct Working {
    leave: CancellationToken,
    hurry: CancellationToken,
    worker: Option<JoinHandle<()>>,
    /// An embedded worker never drains: it is there for its client's run alone.
    _draining: watch::Sender<bool>,
    _slots: Slots,
}

impl Embedded {
    /// Starts it. Runs of embedded meshes whose process is gone are closed first, so that what is read is true.
    ///
    /// # Errors
    ///
    /// When the home cannot be used or the worker cannot start.
    pub async fn start(options: EmbeddedOptions) -> Result<Embedded, DaemonError> {
        std::fs::create_dir_all(&options.home)
            .map_err(DaemonError::folder("creating the folder", &options.home))?;
        let home = options.home.canonicalize();
        let home = home.map_err(DaemonError::folder("finding the folder", &options.home))?;
        let (store, blobs) = open_home(&home).await?;
        let (nest, listener) = Nest::build(&home).await?;
        let holder = holder(nest.lock(), &nest.socket().display().to_string());
        if let Err(error) = end_abandoned(store.as_ref(), &holder).await {
            nest.remove();
            return Err(error);
        }

        let me = member(nest.socket());
        let (shared, parts) = match options.worker {
            true => {
                let parts = Parts::start(PartsOptions {
                    store: Arc::clone(&store),
                    blobs,
                    realm: Realm::local(nest.name()),
                    holder: holder.clone(),
                    home: home.clone(),
                    name: host_name(),
                    durability: Durability::Lazy,
                    give_up_after: Some(bounds::EMBEDDED_GIVES_UP),
                    coordinator: Coordinator::alone(me.clone()),
                    me: LeaderNote { name: me.name, address: me.address, started_at: me.started_at },
                    lease_ttl: None,
                    connect: nowhere_else(),
                    retention: None,
                });
                (Arc::clone(&parts.shared), Some(parts))
            }
            false => (Arc::new(reading_only(&store, blobs, &home, &holder)), None),
        };
        let closing = shared.closing.clone();
        let server = serve(Listener::Unix(listener), routes(shared, Gate::open()).await, closing.clone());
        let mut mesh = Embedded {
            channel: connect(nest.socket().to_owned()),
            store,
            holder,
            closing,
            leading: None,
            server: Some(tokio::spawn(server)),
            nest,
        };
        if let Some(parts) = parts {
            let working = work(&options, &home, &mesh.nest).await;
            let (working, failed) = match working {
                Ok(working) => (Some(working), None),
                Err(error) => (None, Some(error)),
            };
            if failed.is_none() {
                parts.wait_for_worker(&host_name()).await;
            }
            mesh.leading = Some(Leading { stop: parts.stop, leader: Some(parts.keeper), working });
            if let Some(error) = failed {
                mesh.stop(true).await;
                return Err(error);
            }
        }
        Ok(mesh)
    }

    /// The way in: the same gRPC as any daemon's.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Why the mesh cannot go on, if it cannot: its store may have stayed away for too long, or a part of it failed.
    pub async fn failure(&mut self) -> DaemonError {
        let Some(leading) = &mut self.leading else { return std::future::pending().await };
        let worker = leading.working.as_mut().map(|working| &mut working.worker);
        let failed = tokio::select! {
            result = ended("the leader", &mut leading.leader) => result.and_then(|result| result),
            result = ended("the server", &mut self.server) => result,
            result = async { match worker {
                Some(worker) => ended("the worker", worker).await,
                None => std::future::pending().await,
            }} => result,
        };
        match failed {
            Err(error) => error,
            // None of them ends well before it is told to end.
            Ok(()) => std::future::pending().await,
        }
    }

    /// Ends it. What still runs is stopped: politely first, or at once with `kill`. Nothing of it is left then, and a
    /// run that was not finished is closed.
    pub async fn stop(self, kill: bool) {
        if let Some(leading) = self.leading {
            if let Some(working) = leading.working {
                if kill {
                    working.hurry.cancel();
                }
                working.leave.cancel();
                settle("the worker", working.worker).await;
            }
            leading.stop.cancel();
            settle("the leader", leading.leader).await;
            if let Err(error) = end_abandoned(self.store.as_ref(), &self.holder).await {
                tracing::warn!(error = chain(&error), "the run is not closed; the next start does it");
            }
        }
        self.closing.cancel();
        drop(self.channel);
        settle("the server", self.server).await;
        self.store.close().await;
        self.nest.remove();
    }
}

/// What the services of a process share that only reads what others recorded.
fn reading_only(store: &Arc<dyn Store>, blobs: Arc<dyn BlobStore>, home: &Path, holder: &Holder) -> Shared {
    Shared {
        store: Arc::clone(store),
        blobs,
        hub: Arc::new(WatchHub::default()),
        home: home.to_owned(),
        name: host_name(),
        seat: Seat::reading_only(),
        coordinator: None,
        clustered: false,
        connect: nowhere_else(),
        outputs: Arc::new(Outputs::default()),
        retention: RetentionReport::default(),
        holder: holder.clone(),
        durability: Durability::Lazy,
        draining: CancellationToken::new(),
        closing: CancellationToken::new(),
    }
}

/// An embedded mesh passes nothing on to other daemons.
fn nowhere_else() -> Connect {
    Arc::new(|address: &str| Err(format!("{address} is not part of this process's own mesh")))
}

/// This process as the only member of its mesh.
fn member(socket: &Path) -> Member {
    Member {
        name: host_name(),
        identity: String::new(),
        address: socket.display().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: part_proto::LINK_PROTOCOL,
        started_at: 0,
        capabilities: std::collections::BTreeMap::new(),
        slots: 0,
        draining: false,
    }
}

async fn work(options: &EmbeddedOptions, home: &Path, nest: &Nest) -> Result<Working, DaemonError> {
    let wanted = Wanted { slots: options.slots.unwrap_or_else(cpus).max(1), extra: options.extra_slots };
    let slots = Slots::take(home, wanted)?;
    let options = WorkerOptions {
        name: host_name(),
        host: host_name(),
        slots: slots.numbers.clone(),
        extra_slots: slots.extra.clone(),
        home: nest.folder().to_owned(),
        shim: (options.program.clone(), vec!["shim".into()]),
        mode: shim::Mode::Tied,
        inherit_env: true,
        capabilities: part_worker::probe(&home.join("cache")).await,
        incarnation: new_incarnation(),
        cache_bytes: None,
    };
    let (draining, drain) = watch::channel(false);
    let (link, uploads) = (connect(nest.socket().to_owned()), connect(nest.socket().to_owned()));
    let worker =
        Worker::start(options, Directory::fixed(link, uploads), drain).await.map_err(DaemonError::Worker)?;
    let (leave, hurry) = (CancellationToken::new(), CancellationToken::new());
    let worker = tokio::spawn(worker.run(leave.clone(), hurry.clone()));
    Ok(Working { leave, hurry, worker: Some(worker), _draining: draining, _slots: slots })
}

/// A channel to a socket. Also for a client that talks to another process's embedded mesh.
pub fn connect(socket: PathBuf) -> Channel {
    // The address is never looked up: the connector below decides where to go.
    Endpoint::from_static("http://embedded").connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    }))
}
