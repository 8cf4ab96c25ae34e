//! What every composition of a leading process has: the services' shared values, and the seat with its keeper.

use crate::api::{Outputs, Shared};
use crate::cluster::{Coordinator, LeaderNote};
use crate::error::chain;
use crate::leader::LeaderOptions;
use crate::retention::RetentionReport;
use crate::seat::{Keeping, Leadership, Seat, SeatKeeper};
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use part_core::LinkState;
use part_store::{BlobStore, Durability, Holder, Realm, Store};
use part_worker::Connect;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The parts, running.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    /// Takes the seat, and leads while it has it.
    pub(crate) keeper: JoinHandle<Result<(), DaemonError>>,
    /// Ends the leader.
    pub(crate) stop: CancellationToken,
}

pub(crate) struct PartsOptions {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) realm: Realm,
    pub(crate) holder: Holder,
    pub(crate) home: PathBuf,
    pub(crate) name: String,
    pub(crate) durability: Durability,
    pub(crate) give_up_after: Option<Duration>,
    pub(crate) coordinator: Coordinator,
    /// This process, as it stands under the leader key.
    pub(crate) me: LeaderNote,
    /// How long a lease lives, where several daemons make up the mesh.
    pub(crate) lease_ttl: Option<Duration>,
    pub(crate) connect: Connect,
    /// What is kept for how long; none for ever.
    pub(crate) retention: Option<crate::config::Retention>,
}

impl Parts {
    pub(crate) fn start(options: PartsOptions) -> Parts {
        let hub = Arc::new(WatchHub::default());
        let (seat, publish) = Seat::new(options.realm.clone());
        let (clustered, report) = (options.lease_ttl.is_some(), RetentionReport::default());
        let keeper = SeatKeeper {
            options: LeaderOptions {
                store: Arc::clone(&options.store),
                realm: options.realm,
                holder: options.holder.clone(),
                hub: Arc::clone(&hub),
                give_up_after: options.give_up_after,
                contested: clustered,
            },
            coordinator: options.coordinator.clone(),
            me: options.me,
            lease_ttl: options.lease_ttl,
            publish,
            retention: options.retention.map(|limits| Keeping {
                blobs: Arc::clone(&options.blobs),
                limits,
                report: report.clone(),
            }),
        };
        let shared = Arc::new(Shared {
            store: options.store,
            blobs: options.blobs,
            hub,
            home: options.home,
            name: options.name,
            seat,
            coordinator: Some(options.coordinator),
            clustered,
            connect: options.connect,
            outputs: Arc::new(Outputs::default()),
            retention: report,
            holder: options.holder,
            durability: options.durability,
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
        });
        let stop = CancellationToken::new();
        let keeping = keeper.keep(stop.clone());
        let keeper = tokio::spawn(async move {
            let result = keeping.await;
            if let Err(error) = &result {
                tracing::error!(error = chain(error), "the leader ended");
            }
            result
        });
        Parts { shared, keeper, stop }
    }

    /// Waits for a worker of this process: a submission that comes before it would not know what can be served.
    pub(crate) async fn wait_for_worker(&self, name: &str) {
        let ready = async {
            while !self.keeper.is_finished() {
                let mailbox = match self.shared.seat.now() {
                    Leadership::Here(mailbox) => mailbox,
                    // Where another daemon leads, that one knows; and who will is not for this one to wait for.
                    Leadership::There(_) | Leadership::ReadOnly => return,
                    Leadership::Vacant(_) if self.shared.clustered => return,
                    Leadership::Vacant(_) => {
                        // A leader of its own is about to begin.
                        tokio::time::sleep(bounds::WORKER_LOOK).await;
                        continue;
                    }
                };
                let name = name.to_owned();
                let linked = move |core: &part_core::Core, now| {
                    let mut workers = core.workers(now).into_iter();
                    workers.any(|worker| worker.worker.0 == name && worker.link != LinkState::Absent)
                };
                match mailbox.look(linked).await {
                    Ok(true) => return,
                    // Without an answer it is still busy beginning.
                    Ok(false) | Err(_) => tokio::time::sleep(bounds::WORKER_LOOK).await,
                }
            }
        };
        if tokio::time::timeout(bounds::OWN_WORKER, ready).await.is_err() {
            tracing::warn!("this process's own worker has not introduced itself yet");
        }
    }
}
