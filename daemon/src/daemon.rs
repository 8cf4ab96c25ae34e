//! The long-running daemon: open, bind, lead, work, serve, drain.

use crate::api::Shared;
use crate::config::DaemonConfig;
use crate::error::chain;
use crate::leader::{Leader, LeaderOptions, Mailbox, mailbox};
use crate::lock::Lock;
use crate::realm::{HolderNote, end_abandoned};
use crate::serve::{Listener, routes, serve as serve_connections};
use crate::slots::{Slots, daemons_worker};
use crate::tasks::{ended, settle};
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use part_core::{Capabilities, Incarnation};
use part_store::{BlobStore, DiskBlobs, Durability, Holder, Realm, SqliteStore, Store};
use part_worker::{Worker, WorkerOptions, shim};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use uuid::Uuid;

/// Runs a daemon until `stop` is cancelled once (drain, then end) or `hurry` is (end now; attempts go on under their
/// shims and are adopted by the next start).
pub async fn serve(
    mut config: DaemonConfig,
    stop: CancellationToken,
    hurry: CancellationToken,
    ready: impl FnOnce(std::net::SocketAddr),
) -> Result<(), DaemonError> {
    let mut lock = take_home(&mut config).await?;
    let (store, blobs) = open(&config.home).await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| DaemonError::Listen { address: config.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| DaemonError::Listen { address: config.listen, source })?;
    lock.note(&format!("process {} listening on {address}", std::process::id()))?;
    let holder = holder(&lock_file(&config.home), &address.to_string());
    end_abandoned(store.as_ref(), &holder).await?;
    let slots = Slots::take_for_daemon(&config.home, config.slots)?;

    let parts = Parts::start(PartsOptions {
        store: Arc::clone(&store),
        blobs,
        realm: Realm::mesh(),
        holder,
        home: config.home.clone(),
        durability: Durability::Synced,
        give_up_after: None,
    });
    let closing = parts.shared.closing.clone();
    let server = tokio::spawn(serve_connections(
        Listener::Tcp(listener),
        routes(Arc::clone(&parts.shared)).await,
        closing.clone(),
    ));
    let (drain, draining) = watch::channel(false);
    let leave = CancellationToken::new();
    let worker = start_worker(&config, &slots, address, draining).await?;
    // Never hurried: its attempts outlive it.
    let worker = tokio::spawn(worker.run(leave.clone(), CancellationToken::new()));
    parts.wait_for_worker().await;
    ready(address);

    let (mut server, mut worker, mut leader) = (Some(server), Some(worker), Some(parts.leader));
    let failed = async {
        tokio::select! {
            result = ended("the leader", &mut leader) => result.and_then(|result| result),
            result = ended("the worker", &mut worker) => result,
            result = ended("the server", &mut server) => result,
        }
    };
    let drained = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = hurry.cancelled() => return Ok(()),
        }
        tracing::info!(grace = ?config.drain_grace, "draining: no new runs, running specs finish");
        parts.shared.draining.cancel();
        drain.send_replace(true);
        tokio::select! {
            () = idle(&parts.mailbox) => {}
            () = hurry.cancelled() => {}
            () = tokio::time::sleep(config.drain_grace) => tracing::warn!("specs still run; the next start adopts them"),
        }
        Ok(())
    };
    let result = tokio::select! {
        result = failed => result,
        result = drained => result,
    };
    leave.cancel();
    settle("the worker", worker).await;
    closing.cancel();
    parts.stop.cancel();
    settle("the server", server).await;
    settle("the leader", leader).await;
    store.close().await;
    result
}

/// Waits until nothing runs on any slot.
async fn idle(mailbox: &Mailbox) {
    loop {
        match mailbox.look(|core, _| core.is_idle()).await {
            Ok(true) | Err(_) => return,
            Ok(false) => tokio::time::sleep(bounds::IDLE_LOOK).await,
        }
    }
}

fn lock_file(home: &Path) -> PathBuf {
    home.join("partd.lock")
}

/// Makes the home, turns its name into a full one, and takes its lock.
async fn take_home(config: &mut DaemonConfig) -> Result<Lock, DaemonError> {
    std::fs::create_dir_all(&config.home)
        .map_err(DaemonError::folder("creating the folder", &config.home))?;
    let home = config.home.canonicalize();
    config.home = home.map_err(DaemonError::folder("finding the folder", &config.home))?;
    let path = lock_file(&config.home);
    // Who only looks whether a daemon lives has the lock for a moment.
    match Lock::take(&path, bounds::LOCK_LOOKED_AT).await? {
        Some(lock) => Ok(lock),
        None => Err(DaemonError::HomeTaken { home: config.home.clone(), holder: Lock::read_note(&path) }),
    }
}

/// What a holder of a realm says about itself.
pub(crate) fn holder(lock: &Path, address: &str) -> Holder {
    let program = std::env::current_exe().ok();
    let program =
        program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let note = HolderNote {
        pid: std::process::id(),
        program: program.unwrap_or_else(|| "a program".to_owned()),
        lock: lock.to_owned(),
        address: address.to_owned(),
    };
    Holder(serde_json::to_string(&note).unwrap_or_default())
}

/// Opens (and makes) the stores of a home folder.
pub(crate) async fn open(home: &Path) -> Result<(Arc<dyn Store>, Arc<dyn BlobStore>), DaemonError> {
    let store = SqliteStore::open(&home.join("part.db")).await.map_err(DaemonError::Store)?;
    let blobs = DiskBlobs::open(&home.join("blobs")).await.map_err(DaemonError::Blobs)?;
    Ok((Arc::new(store), Arc::new(blobs)))
}

async fn start_worker(
    config: &DaemonConfig,
    slots: &Slots,
    address: std::net::SocketAddr,
    draining: watch::Receiver<bool>,
) -> Result<Worker, DaemonError> {
    let mut capabilities = part_worker::probe(&config.home.join("cache")).await;
    add_labels(&mut capabilities, config);
    let program = std::env::current_exe().map_err(DaemonError::folder("finding this program", "partd"))?;
    let options = WorkerOptions {
        name: config.name.clone(),
        host: crate::config::host_name(),
        slots: slots.numbers.clone(),
        home: daemons_worker(&config.home),
        shim: (program, vec!["shim".into()]),
        mode: shim::Mode::Detached,
        inherit_env: false,
        capabilities,
        incarnation: new_incarnation(),
    };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(DaemonError::Connect)?;
    let (link, uploads) = (endpoint.connect_lazy(), endpoint.connect_lazy());
    Worker::start(options, link, uploads, draining).await.map_err(DaemonError::Worker)
}

fn add_labels(capabilities: &mut Capabilities, config: &DaemonConfig) {
    for (label, value) in &config.labels {
        capabilities.0.insert(format!("label.{label}"), value.clone());
    }
}

pub(crate) fn new_incarnation() -> Incarnation {
    Incarnation(Uuid::now_v7().as_u64_pair().0)
}

/// What every composition of a leading process has.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) mailbox: Mailbox,
    pub(crate) leader: JoinHandle<Result<(), DaemonError>>,
    /// Ends the leader.
    pub(crate) stop: CancellationToken,
}

pub(crate) struct PartsOptions {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) realm: Realm,
    pub(crate) holder: Holder,
    pub(crate) home: PathBuf,
    pub(crate) durability: Durability,
    pub(crate) give_up_after: Option<std::time::Duration>,
}

impl Parts {
    pub(crate) fn start(options: PartsOptions) -> Parts {
        let (mailbox, mail) = mailbox();
        let hub = Arc::new(WatchHub::default());
        let leader = Leader::new(
            LeaderOptions {
                store: Arc::clone(&options.store),
                realm: options.realm.clone(),
                holder: options.holder.clone(),
                hub: Arc::clone(&hub),
                give_up_after: options.give_up_after,
            },
            mail,
        );
        let stop = CancellationToken::new();
        let leading = leader.lead(stop.clone());
        let shared = Arc::new(Shared {
            store: options.store,
            blobs: options.blobs,
            hub,
            home: options.home,
            leader: Some((mailbox.clone(), options.realm)),
            holder: options.holder,
            durability: options.durability,
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
        });
        let leader = tokio::spawn(async move {
            let result = leading.await;
            if let Err(error) = &result {
                tracing::error!(error = chain(error), "the leader ended");
            }
            result
        });
        Parts { shared, mailbox, leader, stop }
    }

    /// Waits for the worker of this process: a submission that comes before it would not know what can be served.
    pub(crate) async fn wait_for_worker(&self) {
        let ready = async {
            loop {
                match self.mailbox.look(|core, now| !core.workers(now).is_empty()).await {
                    Ok(true) | Err(_) => return,
                    Ok(false) => tokio::time::sleep(bounds::WORKER_LOOK).await,
                }
            }
        };
        if tokio::time::timeout(bounds::INTRODUCTION, ready).await.is_err() {
            tracing::warn!("this process's own worker has not introduced itself yet");
        }
    }
}
