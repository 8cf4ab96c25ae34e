//! The long-running daemon: open, bind, lead, work, serve, drain.

use crate::api::Shared;
use crate::config::DaemonConfig;
use crate::error::chain;
use crate::leader::{Leader, LeaderOptions, Mailbox, mailbox};
use crate::realm::{HolderNote, Lock, end_abandoned};
use crate::serve::{Listener, routes, serve as serve_connections};
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use part_core::{Capabilities, Incarnation, SlotId};
use part_store::{BlobStore, DiskBlobs, Durability, Holder, Realm, SqliteStore, Store};
use part_worker::{Worker, WorkerOptions, shim};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

/// Runs a daemon until `stop` is cancelled once (drain, then end) or `hurry` is (end now; attempts go on under their
/// shims and are adopted by the next start).
pub async fn serve(
    config: DaemonConfig,
    stop: CancellationToken,
    hurry: CancellationToken,
    ready: impl FnOnce(std::net::SocketAddr),
) -> Result<(), DaemonError> {
    let _lock = take_home(&config)?;
    let (store, blobs) = open(&config.home).await?;
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| DaemonError::Listen { address: config.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| DaemonError::Listen { address: config.listen, source })?;
    let holder = holder(&lock_file(&config.home), &address.to_string());
    end_abandoned(store.as_ref(), &holder).await?;

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
    let channel =
        Endpoint::from_shared(format!("http://{address}")).map_err(DaemonError::Connect)?.connect_lazy();
    let (drain, draining) = watch::channel(false);
    let leave = CancellationToken::new();
    let worker = start_worker(&config, channel, draining).await?;
    let worker = tokio::spawn(worker.run(leave.clone()));
    ready(address);

    let mut leader = parts.leader;
    let ended = tokio::select! {
        () = stop.cancelled() => None,
        () = hurry.cancelled() => None,
        ended = &mut leader => Some(ended),
    };
    let result = match ended {
        Some(ended) => leader_result(ended),
        None => {
            tracing::info!(grace = ?config.drain_grace, "draining: no new runs, running specs finish");
            parts.shared.draining.cancel();
            drain.send_replace(true);
            tokio::select! {
                () = idle(&parts.mailbox) => {}
                () = hurry.cancelled() => {}
                () = tokio::time::sleep(config.drain_grace) => tracing::warn!("specs still run; the next start adopts them"),
            }
            Ok(())
        }
    };
    leave.cancel();
    end_task("worker", worker).await;
    closing.cancel();
    parts.stop.cancel();
    end_task("server", server).await;
    if !leader.is_finished() {
        end_task("leader", leader).await;
    }
    store.close().await;
    result
}

/// Waits until nothing runs on any slot.
async fn idle(mailbox: &Mailbox) {
    loop {
        match mailbox.look(|core, _| core.is_idle()).await {
            Ok(true) | Err(_) => return,
            Ok(false) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
        }
    }
}

async fn end_task<T>(part: &'static str, task: JoinHandle<T>) {
    let abort = task.abort_handle();
    match tokio::time::timeout(bounds::FAREWELL * 7, task).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(part, %error, "failed unexpectedly"),
        Err(_) => {
            tracing::warn!(part, "did not end in time");
            abort.abort();
        }
    }
}

pub(crate) fn leader_result(
    ended: Result<Result<(), DaemonError>, tokio::task::JoinError>,
) -> Result<(), DaemonError> {
    match ended {
        Ok(result) => result,
        Err(error) => Err(DaemonError::Panicked { part: "the leader", what: error.to_string() }),
    }
}

fn lock_file(home: &Path) -> PathBuf {
    home.join("partd.lock")
}

fn take_home(config: &DaemonConfig) -> Result<Lock, DaemonError> {
    std::fs::create_dir_all(&config.home)
        .map_err(DaemonError::folder("creating the folder", &config.home))?;
    let path = lock_file(&config.home);
    let Some(mut lock) = Lock::try_take(&path)? else {
        return Err(DaemonError::HomeTaken { home: config.home.clone(), holder: Lock::read_note(&path) });
    };
    lock.note(&format!("process {} listening on {}", std::process::id(), config.listen))?;
    Ok(lock)
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
    channel: Channel,
    draining: watch::Receiver<bool>,
) -> Result<Worker, DaemonError> {
    let mut capabilities = part_worker::probe(&config.home.join("cache")).await;
    add_labels(&mut capabilities, config);
    let program = std::env::current_exe().map_err(DaemonError::folder("finding this program", "partd"))?;
    let options = WorkerOptions {
        name: config.name.clone(),
        host: crate::config::host_name(),
        slots: (0..config.slots).map(SlotId).collect(),
        home: config.home.join("worker"),
        shim: (program, vec!["shim".into()]),
        mode: shim::Mode::Detached,
        inherit_env: false,
        capabilities,
        incarnation: new_incarnation(),
    };
    Worker::start(options, channel, draining).await.map_err(DaemonError::Worker)
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
                holder: options.holder,
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
}
