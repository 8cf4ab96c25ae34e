//! Workspaces that are ready, each made once however many attempts wait for it.

use super::cache::Cache;
use super::evict::{default_limit, evict};
use super::failure::{Trouble, blocking};
use super::places::{Owner, Places};
use super::step::KeyLocks;
use super::work::make_ready;
use crate::directory::Directory;
use crate::folder::remove_folder;
use crate::{WorkerError, WorkerOptions, bounds};
use part_core::{CancelMode, Finish, RunId, Shipped};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{RwLock, watch};
use tokio_util::sync::CancellationToken;

/// The shipped workspaces of a worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Workspaces {
    shared: Arc<Shared>,
}

/// What all that is done for workspaces shares.
pub(crate) struct Shared {
    pub(crate) options: WorkerOptions,
    pub(crate) directory: Directory,
    pub(crate) cache: Arc<Cache>,
    pub(crate) locks: KeyLocks,
    /// Held for reading by whoever fetches or lays out, for writing by whoever evicts.
    pub(crate) gate: RwLock<()>,
    places: Mutex<Places>,
    runs: Mutex<HashMap<Owner, Arc<Making>>>,
}

/// A workspace that is being made ready, or was.
struct Making {
    outcome: watch::Receiver<Option<Result<(), Trouble>>>,
    stop: CancellationToken,
    waiting: AtomicUsize,
    /// Times that it was tried before.
    tries: u32,
}

/// A workspace in use: as long as this lives, nobody takes it away.
pub(crate) struct InUse {
    /// Its folder.
    pub(crate) tree: PathBuf,
    /// Folders in it with programs that setup steps made.
    pub(crate) programs: Vec<PathBuf>,
    number: usize,
    shared: Arc<Shared>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.shared.places().leave(self.number);
    }
}

/// Somebody waits for a workspace. When nobody does any more, it is not made.
struct Waiting(Arc<Making>);

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.stop.cancel();
        }
    }
}

impl Workspaces {
    /// Finds what an earlier life of the worker left.
    pub(crate) fn open(options: &WorkerOptions, directory: Directory) -> Result<Workspaces, WorkerError> {
        let home = options.home.clone();
        let places = Places::open(&home).map_err(WorkerError::folder("reading the workspaces in", &home))?;
        let cache = Cache::new(&home);
        cache.clear_fresh().map_err(WorkerError::folder("clearing the cache in", &home))?;
        let shared = Shared {
            options: options.clone(),
            directory,
            cache: Arc::new(cache),
            locks: KeyLocks::default(),
            gate: RwLock::new(()),
            places: Mutex::new(places),
            runs: Mutex::default(),
        };
        Ok(Workspaces { shared: Arc::new(shared) })
    }

    /// The workspace of a run that is ready already, for an attempt that an earlier life of the worker began.
    pub(crate) fn found(&self, run: RunId, shipped: &Shipped) -> Option<InUse> {
        self.shared.enter(&Owner::of(run, shipped))
    }

    /// The workspace of a run, made ready where it is not. `wish` ends the wait.
    pub(crate) async fn get(
        &self,
        run: RunId,
        shipped: &Shipped,
        mut wish: watch::Receiver<Option<CancelMode>>,
    ) -> Result<InUse, Box<Finish>> {
        let owner = Owner::of(run, shipped);
        for _ in 0..bounds::WORKSPACE_TRIES {
            if let Some(ready) = self.shared.enter(&owner) {
                return Ok(ready);
            }
            let waiting = self.shared.making(&owner, shipped);
            let mut outcome = waiting.0.outcome.clone();
            let done = tokio::select! {
                done = outcome.wait_for(Option::is_some) => done.map(|done| done.clone()),
                _ = wish.wait_for(Option::is_some) => return Err(Trouble::Cancelled.finish()),
            };
            match done {
                // Somebody else's change of mind is not this one's.
                Ok(Some(Ok(()) | Err(Trouble::Cancelled)) | None) => {}
                Ok(Some(Err(trouble))) => return Err(trouble.finish()),
                Err(_) => {
                    let message = "the worker panicked while it made the workspace ready".to_owned();
                    return Err(Trouble::Worker(message).finish());
                }
            }
        }
        Err(Trouble::Worker("the workspace was taken away again and again".to_owned()).finish())
    }
}

impl Shared {
    pub(crate) fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, owner: &Owner) -> Option<InUse> {
        let (number, tree, programs) = self.places().enter(owner)?;
        Some(InUse { tree, programs, number, shared: Arc::clone(self) })
    }

    /// The making of a run's workspace, begun where nobody has. One that failed is remembered: the run's next
    /// attempts need not wait for the same end, but for a second try.
    fn making(self: &Arc<Self>, owner: &Owner, shipped: &Shipped) -> Waiting {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tries = 0;
        if let Some(making) = runs.get(owner) {
            let over = making.outcome.borrow().clone();
            let remembered = match over {
                None => !making.stop.is_cancelled(),
                Some(Ok(()) | Err(Trouble::Cancelled)) => false,
                Some(Err(Trouble::Worker(_) | Trouble::Setup(_))) => {
                    tries = making.tries + 1;
                    tries >= bounds::RUN_TRIES
                }
            };
            if remembered {
                making.waiting.fetch_add(1, Ordering::AcqRel);
                return Waiting(Arc::clone(making));
            }
        }
        let (say, outcome) = watch::channel(None);
        let stop = CancellationToken::new();
        let making = Making { outcome, stop: stop.clone(), waiting: AtomicUsize::new(1), tries };
        let making = Arc::new(making);
        if runs.len() >= bounds::RUNS_REMEMBERED {
            runs.retain(|_, making| making.outcome.borrow().is_none());
        }
        runs.insert(owner.clone(), Arc::clone(&making));
        let (shared, owner, shipped) = (Arc::clone(self), owner.clone(), shipped.clone());
        tokio::spawn(async move {
            let made = make_ready(&shared, &owner, &shipped, &stop).await;
            if let Err(trouble) = &made {
                tracing::warn!(run = %owner.run, ?trouble, "the workspace is not ready");
            }
            let fine = made.is_ok();
            // Nobody waits any more: then it is remembered all the same.
            say.send_replace(Some(made));
            if fine {
                shared.tidy().await;
            }
        });
        Waiting(making)
    }

    /// Removes a place, and gives its number back.
    pub(crate) fn remove_place(self: &Arc<Self>, number: usize) {
        let (shared, folder) = (Arc::clone(self), self.places().folder(number));
        tokio::task::spawn_blocking(move || match remove_folder(&folder) {
            Ok(()) => shared.places().free(number),
            // Its number stays taken, so that nobody runs in what is left of it.
            Err(error) => tracing::warn!(folder = %folder.display(), %error, "a workspace cannot be removed"),
        });
    }

    /// Removes workspaces that nobody has used for long, and brings the cache below its limit.
    async fn tidy(self: &Arc<Self>) {
        let outdated = self.places().outdated();
        outdated.into_iter().for_each(|number| self.remove_place(number));
        // Somebody is busy: whoever is the last tidies.
        let Ok(_gate) = self.gate.try_write() else { return };
        let (manifests, keys) = self.places().in_use();
        let manifests: BTreeSet<_> = manifests.iter().filter_map(|digest| digest.parse().ok()).collect();
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let cache = Arc::clone(&self.cache);
        let limit = self.options.cache_bytes.unwrap_or_else(|| default_limit(&self.options.home));
        let evicted = blocking("tidying the cache", move || evict(&cache, limit, &manifests, &keys)).await;
        match evicted {
            Ok(Ok(0)) => {}
            Ok(Ok(bytes)) => {
                tracing::info!(bytes, limit, "removed from the cache what was not used for longest")
            }
            Ok(Err(error)) => tracing::warn!(%error, "the cache cannot be tidied"),
            Err(trouble) => tracing::warn!(?trouble, "the cache cannot be tidied"),
        }
    }
}
