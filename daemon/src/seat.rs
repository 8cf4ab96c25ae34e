//! The leader's seat: who holds it, as everything in this process sees it, and the task that takes it when the
//! coordinator says so.
//!
//! Holding the seat means leading with a term of one's own in the store. Losing etcd alone does not end that: the term
//! does. Seeing somebody else in office does, and so does a store that stays away while others could try.

use crate::cluster::{Coordinator, LeaderNote, View, Wish};
use crate::error::chain;
use crate::leader::{Ended, Leader, LeaderOptions, Mailbox, mailbox};
use crate::retention::{Retention, RetentionReport};
use crate::{DaemonError, bounds};
use part_core::LinkState;
use part_store::{BlobStore, Realm};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Who leads.
#[derive(Clone)]
pub(crate) enum Leadership {
    /// This process does.
    Here(Mailbox),
    /// Another daemon does.
    There(LeaderNote),
    /// Nobody that is known of, and why.
    Vacant(String),
    /// This process only reads what others recorded.
    ReadOnly,
}

/// What the services know of the seat. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Seat {
    leadership: watch::Receiver<Leadership>,
    /// What is led here when it is.
    realm: Option<Realm>,
}

impl Seat {
    /// A process that only reads.
    pub(crate) fn reading_only() -> Seat {
        Seat { leadership: watch::channel(Leadership::ReadOnly).1, realm: None }
    }

    /// A seat that is held for as long as the process lives.
    #[cfg(test)]
    pub(crate) fn held(mailbox: Mailbox, realm: Realm) -> Seat {
        Seat { leadership: watch::channel(Leadership::Here(mailbox)).1, realm: Some(realm) }
    }

    /// The seat of a realm, and the end that says who holds it.
    pub(crate) fn new(realm: Realm) -> (Seat, watch::Sender<Leadership>) {
        let vacant = Leadership::Vacant("this daemon has just started".to_owned());
        let (publish, leadership) = watch::channel(vacant);
        (Seat { leadership, realm: Some(realm) }, publish)
    }

    /// Who leads now.
    pub(crate) fn now(&self) -> Leadership {
        self.leadership.borrow().clone()
    }

    /// The leader's mailbox, when this process leads.
    pub(crate) fn mailbox(&self) -> Option<Mailbox> {
        match self.now() {
            Leadership::Here(mailbox) => Some(mailbox),
            Leadership::There(_) | Leadership::Vacant(_) | Leadership::ReadOnly => None,
        }
    }

    /// True when this process leads the realm.
    pub(crate) fn leads(&self, realm: &Realm) -> bool {
        self.realm.as_ref() == Some(realm) && self.mailbox().is_some()
    }

    /// Who leads, once somebody does; what is known then when nobody does for `limit`.
    pub(crate) async fn settled(&self, limit: Duration) -> Leadership {
        let mut leadership = self.leadership.clone();
        let somebody = leadership.wait_for(|now| !matches!(now, Leadership::Vacant(_)));
        match tokio::time::timeout(limit, somebody).await {
            Ok(Ok(now)) => now.clone(),
            Ok(Err(_)) | Err(_) => self.now(),
        }
    }
}

/// Takes the seat and gives it up, as the coordinator and the store say.
pub(crate) struct SeatKeeper {
    pub(crate) options: LeaderOptions,
    pub(crate) coordinator: Coordinator,
    /// This process, as it stands under the leader key.
    pub(crate) me: LeaderNote,
    /// How long etcd's lease lives; none on a host of its own.
    pub(crate) lease_ttl: Option<Duration>,
    pub(crate) publish: watch::Sender<Leadership>,
    /// What the leader lets go of; none where nothing is ever forgotten.
    pub(crate) retention: Option<Keeping>,
}

/// What retention needs.
pub(crate) struct Keeping {
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) limits: crate::config::Retention,
    pub(crate) report: RetentionReport,
}

impl SeatKeeper {
    /// Until `stop`, or until this daemon cannot go on.
    pub(crate) async fn keep(self, stop: CancellationToken) -> Result<(), DaemonError> {
        while self.wait_for_office(&stop).await {
            let (mailbox, mail) = mailbox();
            self.publish.send_replace(Leadership::Here(mailbox.clone()));
            let period = stop.child_token();
            let leading = Leader::new(self.options.clone(), mail).lead(period.clone());
            if let Some(Keeping { blobs, limits, report }) = &self.retention {
                let store = Arc::clone(&self.options.store);
                let retention = Retention::new(store, Arc::clone(blobs), *limits, report.clone());
                tokio::spawn(retention.run(period.clone()));
            }
            let watching = async {
                tokio::select! {
                    () = self.succeeded() => {}
                    () = self.look_around(&mailbox) => {}
                }
            };
            tokio::pin!(leading);
            let result = tokio::select! {
                result = &mut leading => result,
                () = watching => {
                    period.cancel();
                    leading.await
                }
            };
            period.cancel();
            self.publish.send_replace(self.seen(&self.coordinator.now()));
            self.after(result, &stop).await?;
        }
        Ok(())
    }

    /// Waits until this daemon should lead; false when it is time to stop.
    async fn wait_for_office(&self, stop: &CancellationToken) -> bool {
        let mut view = self.coordinator.view();
        loop {
            let now = Arc::clone(&view.borrow_and_update());
            if stop.is_cancelled() {
                return false;
            }
            if now.in_office {
                return true;
            }
            self.publish.send_replace(self.seen(&now));
            tokio::select! {
                () = stop.cancelled() => return false,
                changed = view.changed() => if changed.is_err() { return false },
            }
        }
    }

    /// Who leads, when it is not this process.
    fn seen(&self, view: &View) -> Leadership {
        match (&view.leader, &view.degraded) {
            (Some(leader), _) if *leader != self.me => Leadership::There(leader.clone()),
            (_, Some(why)) => Leadership::Vacant(format!("who leads is not known: {why}")),
            (_, None) => Leadership::Vacant("no daemon leads; one is being elected".to_owned()),
        }
    }

    /// Ends when somebody else is seen in office.
    async fn succeeded(&self) {
        let mut view = self.coordinator.view();
        let other = view.wait_for(|view| view.leader.as_ref().is_some_and(|leader| *leader != self.me));
        let name = other.await.ok().and_then(|view| view.leader.as_ref().map(|leader| leader.name.clone()));
        match name {
            Some(name) => tracing::warn!(leader = name, "another daemon is in office; stepping down"),
            // The coordinator has ended, and tells nothing more.
            None => std::future::pending().await,
        }
    }

    /// Registers stand-alone workers, and ends when this leader cannot do its office: it hears of no other host's
    /// worker although several other hosts are there.
    async fn look_around(&self, mailbox: &Mailbox) {
        let Some(ttl) = self.lease_ttl else { return std::future::pending().await };
        let mut tick = tokio::time::interval(bounds::LOOK_AROUND);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut registered, mut alone_since) = (BTreeSet::new(), None);
        loop {
            tick.tick().await;
            let Ok(workers) = mailbox.look(|core, now| core.workers(now)).await else { continue };
            let linked = workers.into_iter().filter(|worker| worker.link == LinkState::Present);
            let linked: BTreeSet<String> = linked.map(|worker| worker.worker.0).collect();
            let view = self.coordinator.now();
            let guests: BTreeSet<String> =
                linked.iter().filter(|name| !view.members.contains_key(*name)).cloned().collect();
            if guests != registered {
                registered.clone_from(&guests);
                self.coordinator.wish(Wish::Workers(guests)).await;
            }
            let blind = self.is_blind(&view, &linked);
            let since = *alone_since.get_or_insert_with(Instant::now);
            match blind {
                false => alone_since = None,
                true if since.elapsed() > bounds::BLIND.max(2 * ttl) => {
                    tracing::warn!(
                        "no worker of another host can be reached; giving the office to one that can"
                    );
                    self.resign(3 * ttl).await;
                    return;
                }
                true => {}
            }
        }
    }

    /// True when several other hosts are there, and no worker of any of them is linked.
    fn is_blind(&self, view: &View, linked: &BTreeSet<String>) -> bool {
        let mut others = view.members.keys().filter(|name| **name != self.me.name);
        view.degraded.is_none() && view.members.len() > 2 && others.all(|name| !linked.contains(name))
    }

    /// What follows from the end of a leadership period.
    async fn after(
        &self,
        result: Result<Ended, DaemonError>,
        stop: &CancellationToken,
    ) -> Result<(), DaemonError> {
        let ttl = match self.lease_ttl {
            Some(ttl) if !stop.is_cancelled() => ttl,
            Some(_) | None => return result.map(drop),
        };
        match result {
            Ok(Ended::Stopped) => {}
            Ok(Ended::Superseded(why)) => {
                tracing::warn!(why, "the term is over; stepping down");
                self.resign(ttl).await;
            }
            Err(error) if error.may_pass() => {
                tracing::error!(error = chain(&error), "this daemon cannot lead now; leaving it to another");
                self.resign(3 * ttl).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives the office back and waits until that is so.
    async fn resign(&self, pause: Duration) {
        self.coordinator.wish(Wish::Resign(pause)).await;
        let mut view = self.coordinator.view();
        let out = view.wait_for(|view| !view.in_office);
        if tokio::time::timeout(bounds::RESIGN, out).await.is_err() {
            tracing::warn!("the office could not be given back yet");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mood, MoodyStore, submission};
    use crate::watch::WatchHub;
    use part_core::{Input, Reply, RequestId, RunId, Term};
    use part_store::{Holder, Store};
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;

    const TTL: Duration = Duration::from_secs(2);
    /// No test waits for so long unless it fails.
    const LONG: Duration = Duration::from_secs(60);

    /// A keeper whose coordinator is the test.
    struct Bench {
        store: MoodyStore,
        seat: Seat,
        view: watch::Sender<Arc<View>>,
        wishes: mpsc::Receiver<Wish>,
        stop: CancellationToken,
        keeper: JoinHandle<Result<(), DaemonError>>,
    }

    fn note(name: &str) -> LeaderNote {
        LeaderNote { name: name.to_owned(), address: format!("{name}:1"), started_at: 1 }
    }

    impl Bench {
        fn start(give_up_after: Option<Duration>) -> Bench {
            let store = MoodyStore::new();
            let (coordinator, view, wishes) = Coordinator::new(View::default());
            let (seat, publish) = Seat::new(Realm::mesh());
            let keeper = SeatKeeper {
                options: LeaderOptions {
                    store: Arc::new(store.clone()),
                    realm: Realm::mesh(),
                    holder: Holder("a test".to_owned()),
                    hub: Arc::new(WatchHub::default()),
                    give_up_after,
                    contested: true,
                },
                coordinator,
                me: note("me"),
                lease_ttl: Some(TTL),
                publish,
                retention: None,
            };
            let stop = CancellationToken::new();
            let keeper = tokio::spawn(keeper.keep(stop.clone()));
            Bench { store, seat, view, wishes, stop, keeper }
        }

        fn see(&self, leader: Option<&str>) {
            let in_office = leader == Some("me");
            let view = View { leader: leader.map(note), in_office, ..View::default() };
            self.view.send_replace(Arc::new(view));
        }

        async fn until(&self, wanted: impl Fn(&Leadership) -> bool) -> Leadership {
            let mut leadership = self.seat.leadership.clone();
            let found = tokio::time::timeout(LONG, leadership.wait_for(|now| wanted(now))).await;
            found.expect("in time").expect("a keeper").clone()
        }

        async fn leads(&self) -> Mailbox {
            match self.until(|now| matches!(now, Leadership::Here(_))).await {
                Leadership::Here(mailbox) => mailbox,
                Leadership::There(_) | Leadership::Vacant(_) | Leadership::ReadOnly => unreachable!(),
            }
        }

        async fn resigned(&mut self) {
            let wish = tokio::time::timeout(LONG, self.wishes.recv()).await.expect("in time");
            assert!(matches!(wish, Some(Wish::Resign(_))), "it gives the office back");
        }

        async fn end(self) {
            self.stop.cancel();
            self.keeper.await.expect("no panic").expect("no error");
        }
    }

    async fn submit(mailbox: &Mailbox, number: u128) -> bool {
        let submission = submission(number, &["a"]);
        let make = move |request: RequestId| Input::RunSubmitted { request, run: RunId(number), submission };
        matches!(mailbox.request(make).await, Ok(Reply::Submitted { .. }))
    }

    #[tokio::test]
    async fn it_leads_while_it_is_in_office_and_steps_down_for_another() {
        let bench = Bench::start(None);
        bench.see(Some("other"));
        bench.until(|now| matches!(now, Leadership::There(leader) if leader.name == "other")).await;
        bench.see(Some("me"));
        let mailbox = bench.leads().await;
        assert!(submit(&mailbox, 1).await && bench.seat.leads(&Realm::mesh()));
        bench.see(Some("other"));
        bench.until(|now| matches!(now, Leadership::There(_))).await;
        assert!(!submit(&mailbox, 2).await, "an old mailbox is of no use");
        bench.end().await;
    }

    #[tokio::test]
    async fn losing_etcd_alone_is_no_reason_to_step_down() {
        let bench = Bench::start(None);
        bench.see(Some("me"));
        let mailbox = bench.leads().await;
        let degraded = Some("etcd does not answer".to_owned());
        bench.view.send_replace(Arc::new(View { leader: Some(note("me")), degraded, ..View::default() }));
        assert!(submit(&mailbox, 1).await);
        bench.end().await;
    }

    #[tokio::test]
    async fn a_term_that_another_took_is_not_taken_back() {
        let mut bench = Bench::start(None);
        bench.see(Some("me"));
        let mailbox = bench.leads().await;
        assert!(submit(&mailbox, 1).await);
        let (realm, other) = (Realm::mesh(), Holder("other".to_owned()));
        let term = bench.store.begin_term(&realm, &other, Term::default()).await.expect("begun");
        // Nothing else happens: the leader asks by itself.
        bench.resigned().await;
        bench.see(Some("other"));
        bench.until(|now| matches!(now, Leadership::There(_))).await;
        assert!(bench.store.commit(&realm, term, &[]).await.is_ok(), "the other one's term stands");
        bench.end().await;
    }

    #[tokio::test]
    async fn a_higher_term_of_another_leader_is_not_outbid() {
        let mut bench = Bench::start(None);
        bench.see(Some("me"));
        let mailbox = bench.leads().await;
        assert!(submit(&mailbox, 1).await);
        let (realm, other) = (Realm::mesh(), Holder("other".to_owned()));
        let term = bench.store.begin_term(&realm, &other, Term::default()).await.expect("begun");
        // A worker that obeys the other leader comes here by mistake.
        mailbox.term_seen(term).await.expect("told");
        bench.resigned().await;
        assert!(bench.store.commit(&realm, term, &[]).await.is_ok(), "the other one's term stands");
        bench.see(Some("other"));
        bench.end().await;
    }

    #[tokio::test]
    async fn a_store_that_lost_terms_is_raised_above_what_workers_obeyed() {
        let bench = Bench::start(None);
        bench.see(Some("me"));
        let mailbox = bench.leads().await;
        assert!(submit(&mailbox, 1).await);
        mailbox.term_seen(Term(9)).await.expect("told");
        let raised = async {
            loop {
                match mailbox.look(|core, _| core.term()).await {
                    Ok(term) if term > Term(9) => return,
                    Ok(_) | Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(LONG, raised).await.expect("in time");
        bench.end().await;
    }

    #[tokio::test]
    async fn a_leader_without_its_store_leaves_the_office() {
        let mut bench = Bench::start(Some(Duration::from_millis(100)));
        bench.see(Some("me"));
        let mailbox = bench.leads().await;
        bench.store.set(Mood::Full);
        assert!(!submit(&mailbox, 1).await);
        bench.resigned().await;
        bench.see(None);
        bench.store.set(Mood::Fine);
        bench.see(Some("me"));
        assert!(submit(&bench.leads().await, 2).await, "it may lead again later");
        bench.end().await;
    }
}
