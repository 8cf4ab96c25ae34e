//! What a coordinator tells, and what it can be told.

use super::MeshNote;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// A daemon as it registers itself. Stored as JSON; fields are only ever added, with a default. At most 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// The host's name, unique in the mesh.
    pub(crate) name: String,
    /// Random, made once and kept in the home folder: tells two hosts of one name apart.
    pub(crate) identity: String,
    /// `HOST:PORT` under which others reach it.
    pub(crate) address: String,
    /// Version of its program.
    pub(crate) version: String,
    /// Newest protocol that it speaks.
    #[serde(default)]
    pub(crate) protocol: u32,
    /// When its process started, Unix milliseconds; tells one life from the next.
    #[serde(default)]
    pub(crate) started_at: u64,
    /// What it can do.
    #[serde(default)]
    pub(crate) capabilities: BTreeMap<String, String>,
    /// How many slots it offers.
    #[serde(default)]
    pub(crate) slots: u32,
    /// True while it is shutting down.
    #[serde(default)]
    pub(crate) draining: bool,
}

/// What is stored under the leader key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaderNote {
    /// The host's name.
    pub(crate) name: String,
    /// `HOST:PORT` under which it is reached.
    pub(crate) address: String,
    /// Its process's start, as in [`Member::started_at`].
    pub(crate) started_at: u64,
}

/// What is known now. Never blocks: an etcd that is away leaves the last picture, with the reason beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// The daemons that are there, by name, this one included.
    pub(crate) members: BTreeMap<String, Member>,
    /// Stand-alone workers that some daemon registered: name of the worker to name of that daemon.
    pub(crate) workers: BTreeMap<String, String>,
    /// Who holds the leader key, as far as is known.
    pub(crate) leader: Option<LeaderNote>,
    /// True while this daemon holds the leader key under a lease that lives, by its own deadline.
    pub(crate) in_office: bool,
    /// Why the picture may be old: etcd cannot be used. None while all is well.
    pub(crate) degraded: Option<String>,
    /// Which mesh this is; none on a host of its own.
    pub(crate) mesh: Option<MeshNote>,
    /// Why this daemon is no longer part of the mesh and must end, with the remedy: somebody else has its name, or the
    /// mesh's keys belong to another mesh. None while it may go on.
    pub(crate) fatal: Option<String>,
}

/// What the coordinator is asked to do.
pub(crate) enum Wish {
    /// Register this document from now on in place of the earlier one. Name, identity and start stay as they were.
    Register(Box<Member>),
    /// These stand-alone workers are linked here.
    Workers(BTreeSet<String>),
    /// Give the leader key back, if it is held, and do not try for it again for so long.
    Resign(Duration),
    /// Give everything back at once and end; answered when done, or when it cannot be done in time.
    Leave(oneshot::Sender<()>),
}

/// A handle to a running coordinator. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Coordinator {
    view: watch::Receiver<Arc<View>>,
    wishes: mpsc::Sender<Wish>,
}

/// Wishes that wait for the coordinator; whoever has another one waits.
const WISHES: usize = 16;

impl Coordinator {
    /// A handle and its other ends, for whoever runs the coordinator.
    pub(crate) fn new(first: View) -> (Coordinator, watch::Sender<Arc<View>>, mpsc::Receiver<Wish>) {
        let (publish, view) = watch::channel(Arc::new(first));
        let (wishes, wanted) = mpsc::channel(WISHES);
        (Coordinator { view, wishes }, publish, wanted)
    }

    /// A host of its own: always in office, nothing to register anywhere.
    pub(crate) fn alone(me: Member) -> Coordinator {
        let leader =
            LeaderNote { name: me.name.clone(), address: me.address.clone(), started_at: me.started_at };
        let members = BTreeMap::from([(me.name.clone(), me)]);
        let first = View { members, leader: Some(leader), in_office: true, ..View::default() };
        let (coordinator, publish, mut wanted) = Coordinator::new(first);
        tokio::spawn(async move {
            while let Some(wish) = wanted.recv().await {
                match wish {
                    Wish::Register(member) => publish.send_modify(|view| {
                        let mut changed = View::clone(view);
                        changed.members.insert(member.name.clone(), *member);
                        *view = Arc::new(changed);
                    }),
                    Wish::Workers(_) | Wish::Resign(_) => {}
                    Wish::Leave(done) => {
                        if done.send(()).is_err() {
                            tracing::debug!("who asked the coordinator to leave has gone");
                        }
                        return;
                    }
                }
            }
        });
        coordinator
    }

    /// The view, and every change of it.
    pub(crate) fn view(&self) -> watch::Receiver<Arc<View>> {
        self.view.clone()
    }

    /// The view now.
    pub(crate) fn now(&self) -> Arc<View> {
        Arc::clone(&self.view.borrow())
    }

    /// Asks for something. A coordinator that has left needs no telling.
    pub(crate) async fn wish(&self, wish: Wish) {
        if self.wishes.send(wish).await.is_err() {
            tracing::debug!("the coordinator has left already");
        }
    }

    /// Waits until this daemon must end because it is no longer part of the mesh, and says why, with the remedy. Also
    /// ends once the coordinator has.
    pub(crate) async fn failed(&self) -> String {
        let mut view = self.view();
        match view.wait_for(|view| view.fatal.is_some()).await {
            Ok(view) => view.fatal.clone().unwrap_or_default(),
            Err(_) => "the coordinator has ended".to_owned(),
        }
    }

    /// Gives everything back, within `limit`.
    pub(crate) async fn leave(&self, limit: Duration) {
        let (done, left) = oneshot::channel();
        let leave = async {
            self.wish(Wish::Leave(done)).await;
            left.await
        };
        if tokio::time::timeout(limit, leave).await.is_err() {
            tracing::warn!("the mesh was not told that this daemon leaves; its lease runs out by itself");
        }
    }
}
