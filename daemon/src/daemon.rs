//! The long-running daemon: open, bind, join the mesh, lead, work, serve, drain.

use crate::api::Shared;
use crate::cluster::{self, ClusterError, Coordinator, EtcdOptions, LeaderNote, Member};
use crate::config::{ClusterConfig, DaemonConfig};
use crate::error::chain;
use crate::lock::Lock;
use crate::parts::{Parts, PartsOptions};
use crate::places::{Places, open_all};
use crate::realm::{HolderNote, end_abandoned};
use crate::serve::{routes, serve as serve_connections};
use crate::slots::{Slots, Wanted, daemons_worker};
use crate::tasks::{ended, settle};
use crate::trust::Gate;
use crate::{DaemonError, bounds};
use part_core::{Capabilities, Incarnation};
use part_store::{Durability, Holder, Realm};
use part_worker::{Directory, Worker, WorkerOptions, shim};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Runs a daemon until `stop` is cancelled once (drain, then end) or `hurry` is (end now; attempts go on under their
/// shims and are adopted by the next start).
pub async fn serve(
    mut config: DaemonConfig,
    stop: CancellationToken,
    hurry: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), DaemonError> {
    let gate = Gate::of(&config).map_err(DaemonError::Trust)?;
    let mut lock = take_home(&mut config).await?;
    let places = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        places = open_patiently(&config) => places?,
    };
    let store = Arc::clone(&places.store);
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| DaemonError::Listen { address: config.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| DaemonError::Listen { address: config.listen, source })?;
    lock.note(&format!("process {} listening on {address}", std::process::id()))?;
    let advertised = config.advertise.clone().unwrap_or_else(|| address.to_string());
    let holder = holder(&lock_file(&config.home), &advertised);
    end_abandoned(store.as_ref(), &holder).await?;
    let wanted = Wanted { slots: config.slots, extra: config.extra_slots };
    let slots = Slots::take_for_daemon(&config.home, wanted)?;
    let mut capabilities = part_worker::probe(&config.home.join("cache")).await;
    add_labels(&mut capabilities, &config);

    let me = member(&config, &advertised, &capabilities, &slots)?;
    let note = LeaderNote { name: me.name.clone(), address: advertised.clone(), started_at: me.started_at };
    let coordinator = match &config.cluster {
        Some(cluster) => join(cluster, &places, me.clone()).await?,
        None => Coordinator::alone(me.clone()),
    };
    let connect = gate.connect();
    let parts = Parts::start(PartsOptions {
        store: Arc::clone(&store),
        blobs: places.blobs,
        realm: Realm::mesh(),
        holder,
        home: config.home.clone(),
        name: config.name.clone(),
        durability: Durability::Synced,
        give_up_after: config.cluster.is_some().then_some(bounds::STORE_AWAY),
        coordinator: coordinator.clone(),
        me: note,
        lease_ttl: config.cluster.as_ref().map(|cluster| cluster.lease_ttl),
        connect: Arc::clone(&connect),
        retention: Some(config.retention),
    });
    let closing = parts.shared.closing.clone();
    tokio::spawn(gate.clone().keep_fresh(closing.clone()));
    let server = tokio::spawn(serve_connections(
        gate.listener(listener),
        routes(Arc::clone(&parts.shared), gate.clone()).await,
        closing.clone(),
    ));
    let (drain, draining) = watch::channel(false);
    let leave = CancellationToken::new();
    let directory = Directory::of(vec![own_address(&config, address, &advertised)], connect);
    let worker = start_worker(&config, &slots, capabilities, directory, draining).await?;
    // Never hurried: its attempts outlive it.
    let worker = tokio::spawn(worker.run(leave.clone(), CancellationToken::new()));
    parts.wait_for_worker(&config.name).await;
    ready(address);

    let (mut server, mut worker, mut keeper) = (Some(server), Some(worker), Some(parts.keeper));
    let failed = async {
        tokio::select! {
            result = ended("the leader", &mut keeper) => result.and_then(|result| result),
            result = ended("the worker", &mut worker) => result,
            result = ended("the server", &mut server) => result,
            why = coordinator.failed() => Err(DaemonError::Cluster(ClusterError::Refused { why })),
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
        // Another daemon leads from here on, if there is one: new runs are for it.
        coordinator.wish(cluster::Wish::Register(Box::new(Member { draining: true, ..me }))).await;
        coordinator.wish(cluster::Wish::Resign(config.drain_grace)).await;
        tokio::select! {
            () = idle(&parts.shared, &config.name) => {}
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
    parts.stop.cancel();
    settle("the leader", keeper).await;
    // After the term was given back: whoever takes the office next need not wait for the lease.
    coordinator.leave(bounds::LEAVE_MESH).await;
    closing.cancel();
    settle("the server", server).await;
    store.close().await;
    result
}

/// Opens the stores, waiting a while for those that do not answer yet.
async fn open_patiently(config: &DaemonConfig) -> Result<Places, DaemonError> {
    let begun = Instant::now();
    let (mut wait, mut told) = (bounds::COMMIT_FIRST, false);
    loop {
        let error = match open_all(config).await {
            Ok(places) => return Ok(places),
            Err(error) if error.may_pass() && begun.elapsed() < bounds::STORE_STARTS => error,
            Err(error) => return Err(error),
        };
        if !told {
            tracing::warn!(error = chain(&error), "waiting for the stores");
            told = true;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(bounds::COMMIT_SLOWEST);
    }
}

/// Waits until nothing runs on this host, or nobody can tell.
async fn idle(shared: &Shared, name: &str) {
    loop {
        match shared.runs_nothing(name).await {
            Some(true) | None => return,
            Some(false) => tokio::time::sleep(bounds::IDLE_LOOK).await,
        }
    }
}

/// This daemon as it registers itself.
fn member(
    config: &DaemonConfig,
    advertised: &str,
    capabilities: &Capabilities,
    slots: &Slots,
) -> Result<Member, DaemonError> {
    Ok(Member {
        name: config.name.clone(),
        identity: cluster::identity(&config.home)?,
        address: advertised.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: part_proto::LINK_PROTOCOL,
        started_at: crate::clock::Clock::start().now().0,
        capabilities: capabilities.0.clone(),
        slots: slots.numbers.len() as u32,
        draining: false,
    })
}

async fn join(cluster: &ClusterConfig, places: &Places, me: Member) -> Result<Coordinator, DaemonError> {
    let (mesh, blobs) = (places.store_place.clone(), places.blob_place.clone());
    let options = EtcdOptions { cluster: cluster.clone(), mesh, blobs };
    cluster::join(options, me).await.map_err(DaemonError::Cluster)
}

/// How this process reaches its own services: over loopback where it listens there too.
fn own_address(config: &DaemonConfig, address: SocketAddr, advertised: &str) -> String {
    match (config.tls.is_some(), address.ip().is_unspecified()) {
        (true, _) => advertised.to_owned(),
        (false, true) if address.is_ipv6() => format!("[::1]:{}", address.port()),
        (false, true) => format!("127.0.0.1:{}", address.port()),
        (false, false) => address.to_string(),
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

async fn start_worker(
    config: &DaemonConfig,
    slots: &Slots,
    capabilities: Capabilities,
    directory: Directory,
    draining: watch::Receiver<bool>,
) -> Result<Worker, DaemonError> {
    let program = std::env::current_exe().map_err(DaemonError::folder("finding this program", "partd"))?;
    let options = WorkerOptions {
        name: config.name.clone(),
        host: crate::config::host_name(),
        slots: slots.numbers.clone(),
        extra_slots: slots.extra.clone(),
        home: daemons_worker(&config.home),
        shim: (program, vec!["shim".into()]),
        mode: shim::Mode::Detached,
        inherit_env: false,
        capabilities,
        incarnation: new_incarnation(),
        cache_bytes: None,
    };
    Worker::start(options, directory, draining).await.map_err(DaemonError::Worker)
}

fn add_labels(capabilities: &mut Capabilities, config: &DaemonConfig) {
    for (label, value) in &config.labels {
        capabilities.0.insert(format!("label.{label}"), value.clone());
    }
}

pub(crate) fn new_incarnation() -> Incarnation {
    Incarnation(Uuid::now_v7().as_u64_pair().0)
}
