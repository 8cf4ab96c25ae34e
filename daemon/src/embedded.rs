//! The same daemon inside a client's process, for `--local`: no port, no configuration, and it ends with its client.
//!
//! Several may use one home at a time: each leads a realm of its own, and slot numbers are taken from the host so that
//! no two attempts on it ever have the same.

use crate::api::Shared;
use crate::config::{cpus, host_name};
use crate::daemon::{Parts, PartsOptions, holder, new_incarnation, open};
use crate::error::chain;
use crate::realm::{Lock, end_abandoned};
use crate::serve::{Listener, routes, serve};
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use hyper_util::rt::TokioIo;
use part_core::SlotId;
use part_store::{Durability, Realm, Store};
use part_worker::{Worker, WorkerOptions, shim};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Uri};
use uuid::Uuid;

/// What an embedded mesh is told.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Folder for the database, blobs and attempts.
    pub home: PathBuf,
    /// Slots; none means one per CPU.
    pub slots: Option<u32>,
    /// False for a mesh that only reads what others recorded.
    pub worker: bool,
    /// The program that has the hidden verb `shim`.
    pub program: PathBuf,
}

/// An embedded mesh.
pub struct Embedded {
    channel: Channel,
    store: Arc<dyn Store>,
    closing: CancellationToken,
    leading: Option<Leading>,
    server: JoinHandle<()>,
    folder: PathBuf,
    lock: Option<Lock>,
}

/// The part of an embedded mesh that leads and works.
struct Leading {
    parts_stop: CancellationToken,
    leader: JoinHandle<Result<(), DaemonError>>,
    leave: CancellationToken,
    worker: JoinHandle<()>,
    _drain: watch::Sender<bool>,
    _slots: Vec<Lock>,
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
        let (store, blobs) = open(&home).await?;
        sweep(&home.join("local"));
        let unique = Uuid::now_v7().simple().to_string();
        let name = &unique[unique.len() - 12..];
        let folder = home.join("local").join(name);
        std::fs::create_dir_all(&folder).map_err(DaemonError::folder("creating the folder", &folder))?;
        let lock = Lock::try_take(&folder.join("lock"))?;
        let (socket, listener) = listen(&folder, name)?;
        let me = holder(&folder.join("lock"), &socket.display().to_string());
        end_abandoned(store.as_ref(), &me).await?;

        let channel = connect(socket.clone());
        let (shared, leading) = if options.worker {
            let parts = Parts::start(PartsOptions {
                store: Arc::clone(&store),
                blobs,
                realm: Realm::local(name),
                holder: me,
                home: home.clone(),
                durability: Durability::Lazy,
                give_up_after: Some(bounds::EMBEDDED_GIVES_UP),
            });
            let shared = Arc::clone(&parts.shared);
            (shared, Some((parts, options)))
        } else {
            let shared = Shared {
                store: Arc::clone(&store),
                blobs,
                hub: Arc::new(WatchHub::default()),
                home: home.clone(),
                leader: None,
                durability: Durability::Lazy,
                draining: CancellationToken::new(),
                closing: CancellationToken::new(),
            };
            (Arc::new(shared), None)
        };
        let closing = shared.closing.clone();
        let server = tokio::spawn(serve(Listener::Unix(listener), routes(shared).await, closing.clone()));
        let leading = match leading {
            Some((parts, options)) => Some(lead(parts, &options, &home, &folder, channel.clone()).await?),
            None => None,
        };
        Ok(Embedded { channel, store, closing, leading, server, folder, lock })
    }

    /// The way in: the same gRPC as any daemon's.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Why the leader ended, if it did: its store may have stayed away for too long.
    pub async fn failure(&mut self) -> DaemonError {
        let Some(leading) = &mut self.leading else { return std::future::pending().await };
        match crate::daemon::leader_result((&mut leading.leader).await) {
            Err(error) => error,
            Ok(()) => std::future::pending().await,
        }
    }

    /// Ends it. What still runs is stopped: politely first, or at once with `kill`.
    pub async fn stop(self, kill: bool) {
        if let Some(leading) = self.leading {
            leading.leave.cancel();
            let abort = leading.worker.abort_handle();
            if kill {
                // Its shims see their owner go and end their trees themselves.
                abort.abort();
            }
            settle("worker", leading.worker).await;
            leading.parts_stop.cancel();
            settle("leader", leading.leader).await;
        }
        self.closing.cancel();
        drop(self.channel);
        settle("server", self.server).await;
        self.store.close().await;
        remove(&self.folder);
        if let Some(lock) = self.lock {
            lock.remove();
        }
    }
}

async fn settle<T>(part: &str, task: JoinHandle<T>) {
    match task.await {
        Ok(_) => {}
        Err(error) if error.is_cancelled() => {}
        Err(error) => tracing::error!(part, %error, "failed unexpectedly"),
    }
}

async fn lead(
    parts: Parts,
    options: &EmbeddedOptions,
    home: &Path,
    folder: &Path,
    channel: Channel,
) -> Result<Leading, DaemonError> {
    let slots = take_slots(&home.join("slots"), options.slots.unwrap_or_else(cpus).max(1))?;
    let options = WorkerOptions {
        name: host_name(),
        host: host_name(),
        slots: slots.iter().map(|(slot, _)| *slot).collect(),
        home: folder.to_owned(),
        shim: (options.program.clone(), vec!["shim".into()]),
        mode: shim::Mode::Tied,
        inherit_env: true,
        capabilities: part_worker::probe(&home.join("cache")).await,
        incarnation: new_incarnation(),
    };
    let (drain, draining) = watch::channel(false);
    let worker = Worker::start(options, channel, draining).await.map_err(DaemonError::Worker)?;
    let leave = CancellationToken::new();
    let worker = tokio::spawn(worker.run(leave.clone()));
    wait_for_worker(&parts).await;
    Ok(Leading {
        parts_stop: parts.stop,
        leader: parts.leader,
        leave,
        worker,
        _drain: drain,
        _slots: slots.into_iter().map(|(_, lock)| lock).collect(),
    })
}

/// A submission that comes before the worker would not know what can be served.
async fn wait_for_worker(parts: &Parts) {
    let ready = async {
        loop {
            match parts.mailbox.look(|core, now| !core.workers(now).is_empty()).await {
                Ok(true) | Err(_) => return,
                Ok(false) => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
            }
        }
    };
    if tokio::time::timeout(bounds::INTRODUCTION, ready).await.is_err() {
        tracing::warn!("the embedded worker has not introduced itself yet");
    }
}

/// The lowest slot numbers that no other process of this home uses.
fn take_slots(folder: &Path, wanted: u32) -> Result<Vec<(SlotId, Lock)>, DaemonError> {
    let mut taken = Vec::new();
    let most = part_core::Bounds::DEFAULT.slots_per_worker as u32;
    for number in 0..most * 2 {
        if taken.len() as u32 == wanted.min(most) {
            break;
        }
        if let Some(lock) = Lock::try_take(&folder.join(number.to_string()))? {
            taken.push((SlotId(number), lock));
        }
    }
    Ok(taken)
}

/// Listens on a socket that only this user can reach. The path of a socket is bounded by the kernel at about a hundred
/// bytes; where the home is too deep, the socket lives in the folder for temporary files.
fn listen(folder: &Path, name: &str) -> Result<(PathBuf, UnixListener), DaemonError> {
    use std::os::unix::fs::PermissionsExt;
    const LONGEST: usize = 100;
    let mut socket = folder.join("sock");
    if socket.as_os_str().len() > LONGEST {
        let short = std::env::temp_dir().join(format!("part-{name}"));
        std::fs::create_dir(&short).map_err(DaemonError::folder("creating the folder", &short))?;
        std::os::unix::fs::symlink(&short, folder.join("socket-folder"))
            .map_err(DaemonError::folder("linking", &short))?;
        socket = short.join("sock");
    }
    let private = socket.parent().unwrap_or(folder);
    std::fs::set_permissions(private, std::fs::Permissions::from_mode(0o700))
        .map_err(DaemonError::folder("protecting the folder", private))?;
    let listener = UnixListener::bind(&socket).map_err(DaemonError::folder("listening on", &socket))?;
    Ok((socket, listener))
}

/// A channel to a socket. Also for a client that talks to another process's embedded mesh.
pub fn connect(socket: PathBuf) -> Channel {
    // The address is never looked up: the connector below decides where to go.
    Endpoint::from_static("http://embedded").connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    }))
}

fn remove(folder: &Path) {
    if let Ok(short) = std::fs::read_link(folder.join("socket-folder"))
        && let Err(error) = std::fs::remove_dir_all(&short)
    {
        tracing::debug!(folder = %short.display(), %error, "a left-over folder could not be removed");
    }
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::debug!(folder = %folder.display(), %error, "a left-over folder could not be removed");
    }
}

/// Removes what embedded meshes left behind that are gone: their shims have ended by themselves, or are ended here.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match Lock::try_take(&path.join("lock")) {
            Ok(Some(lock)) => {
                end_shims(&path.join("slots"));
                remove(&path);
                drop(lock);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(error = chain(&error), "a left-over folder was not looked at"),
        }
    }
}

fn end_shims(slots: &Path) {
    let Ok(entries) = std::fs::read_dir(slots) else { return };
    for entry in entries.flatten() {
        if let Err(error) = shim::reap_orphans(&entry.path()) {
            tracing::warn!(folder = %entry.path().display(), error = chain(&error), "left-over processes were not ended");
        }
    }
}
