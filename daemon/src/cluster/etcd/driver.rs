//! Does what the machine decides: one question to etcd at a time, one keeper of the lease, one watch.

use super::clock::{Moment, now};
use super::connect::Connector;
use super::keeper::{News, keep};
use super::link::Link;
use super::machine::{Machine, Watch};
use super::model::{Ask, Event};
use super::trouble::{Kind, Trouble};
use super::watcher::watch;
use crate::bounds;
use crate::cluster::{View, Wish};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{oneshot, watch as watched};
use tokio_util::task::AbortOnDropHandle;

/// A coordinator's engine.
pub(super) struct Driver {
    pub(super) machine: Machine,
    connector: Connector,
    link: Option<Link>,
    /// What etcd was asked and has not answered.
    asked: Option<BoxFuture<'static, Answer>>,
    keeper: Option<(i64, AbortOnDropHandle<()>)>,
    watcher: Option<(Watch, AbortOnDropHandle<()>)>,
    tell: Sender<News>,
    news: Receiver<News>,
    publish: watched::Sender<Arc<View>>,
    wanted: Receiver<Wish>,
}

/// An answer to what was asked.
enum Answer {
    Connected(Box<Result<Link, Trouble>>),
    Event(u64, Event),
}

/// What a turn came to.
pub(super) enum Turn {
    Goes,
    /// Leave, and say so here.
    Leave(oneshot::Sender<()>),
    /// Nobody has a handle any more.
    Forgotten,
}

impl Driver {
    pub(super) fn new(
        machine: Machine,
        connector: Connector,
        publish: watched::Sender<Arc<View>>,
        wanted: Receiver<Wish>,
    ) -> Driver {
        let (tell, news) = channel(bounds::ETCD_NEWS);
        Driver {
            machine,
            connector,
            link: None,
            asked: None,
            keeper: None,
            watcher: None,
            tell,
            news,
            publish,
            wanted,
        }
    }

    /// Goes on until it is told to leave, must, or nobody wants it any more.
    pub(super) async fn run(mut self) {
        loop {
            match self.turn().await {
                Turn::Goes => {}
                Turn::Forgotten => return,
                Turn::Leave(done) => {
                    self.give_back().await;
                    if done.send(()).is_err() {
                        tracing::debug!("who asked the coordinator to leave has gone");
                    }
                    return;
                }
            }
            if let Some(error) = self.machine.fatal() {
                tracing::error!(%error, "this daemon is no longer part of the mesh");
                self.show();
                return self.give_back().await;
            }
        }
    }

    /// Sets going what is to be done, then waits for whatever happens next and takes it in.
    pub(super) async fn turn(&mut self) -> Turn {
        self.arrange();
        self.show();
        let rest = self.machine.wake(now()).saturating_sub(now());
        let Driver { asked, news, wanted, machine, link, .. } = self;
        let answer = async {
            match asked {
                Some(answer) => answer.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            wish = wanted.recv() => match wish {
                None => return Turn::Forgotten,
                Some(Wish::Leave(done)) => return Turn::Leave(done),
                Some(Wish::Register(member)) => {
                    if let Err(error) = machine.register(*member) {
                        tracing::error!(%error, "the other daemons go on seeing what this host said before");
                    }
                }
                Some(Wish::Workers(workers)) => machine.link(workers),
                Some(Wish::Resign(pause)) => machine.resign(pause.max(bounds::ETCD_CALL), now()),
            },
            Some((number, event)) = news.recv() => take_in(machine, link, number, event),
            answer = answer => {
                *asked = None;
                match answer {
                    Answer::Connected(made) => match *made {
                        Ok(made) => {
                            tracing::debug!(endpoint = %made.endpoint, "connected to etcd");
                            *link = Some(made);
                        }
                        Err(trouble) => machine.handle(Event::Failed { trouble }, now(), roll()),
                    },
                    Answer::Event(number, event) => take_in(machine, link, number, event),
                }
            }
            () = tokio::time::sleep(rest) => machine.tick(now()),
        }
        Turn::Goes
    }

    /// Starts and ends what should or should not be going on.
    fn arrange(&mut self) {
        let moment = now();
        self.machine.tick(moment);
        // What ended has told why before; that is taken in first, so that it is not started again too soon.
        let kept = self.keeper.as_ref().is_some_and(|(_, task)| task.is_finished());
        let watched = self.watcher.as_ref().filter(|(_, task)| task.is_finished()).map(|(watch, _)| *watch);
        while let Ok((number, event)) = self.news.try_recv() {
            take_in(&mut self.machine, &mut self.link, number, event);
        }
        if kept {
            self.keeper = None;
        }
        if let Some(watch) = watched {
            self.watcher = None;
            self.ended(watch, moment);
        }
        if self.asked.is_none() && self.machine.fatal().is_none() && self.machine.may_ask(moment) {
            self.ask(moment);
        }
        self.arrange_keeper(moment);
        self.arrange_watcher();
    }

    /// A watch whose task ended without a word must have panicked; for any other the machine knows already.
    fn ended(&mut self, watch: Watch, moment: Moment) {
        let Some(link) = &self.link else { return };
        let trouble = Trouble::new(Kind::Passing, &link.endpoint, "sent what this version cannot read");
        self.machine.handle(Event::Blind { watch: watch.number, trouble }, moment, roll());
    }

    fn ask(&mut self, moment: Moment) {
        let Some(link) = self.link.clone() else {
            let Some(attempt) = self.connector.next() else { return };
            self.asked = Some(Box::pin(async move { Answer::Connected(Box::new(attempt.connect().await)) }));
            return;
        };
        let Some(ask) = self.machine.next(moment) else { return };
        self.asked = Some(Box::pin(async move {
            let event = match ask {
                Ask::List => link.list().await.map(Event::Listed),
                Ask::Grant { ttl } => link.grant(ttl).await,
                Ask::Look { lease } => link.look(lease).await,
                Ask::Change(txn) => link.change(txn).await,
            };
            Answer::Event(link.number, event.unwrap_or_else(|trouble| Event::Failed { trouble }))
        }));
    }

    fn arrange_keeper(&mut self, moment: Moment) {
        let wanted = self.machine.lease();
        if self.keeper.as_ref().is_some_and(|(lease, _)| Some(*lease) != wanted) {
            self.keeper = None;
        }
        let (None, Some(link)) = (&self.keeper, &self.link) else { return };
        let Some((lease, ttl)) = self.machine.lease_to_keep(moment) else { return };
        let task = tokio::spawn(keep(link.clone(), lease, ttl, self.tell.clone()));
        self.keeper = Some((lease, AbortOnDropHandle::new(task)));
    }

    fn arrange_watcher(&mut self) {
        let wanted = self.machine.watch();
        if self.watcher.as_ref().is_some_and(|(watch, _)| Some(*watch) != wanted) {
            self.watcher = None;
        }
        let (None, Some(link), Some(wanted)) = (&self.watcher, &self.link, wanted) else { return };
        let task = tokio::spawn(watch(link.clone(), wanted, self.tell.clone()));
        self.watcher = Some((wanted, AbortOnDropHandle::new(task)));
    }

    /// Shows the view where it has changed, and tells the log what is worth telling.
    fn show(&mut self) {
        let view = self.machine.view(now());
        self.publish.send_if_modified(|shown| {
            let changed = **shown != view;
            if changed {
                tell_log(shown, &view);
                *shown = Arc::new(view);
            }
            changed
        });
    }

    /// Gives everything back: the lease ends, and all our keys with it. Tries for a bounded time.
    pub(super) async fn give_back(mut self) {
        (self.asked, self.keeper, self.watcher) = (None, None, None);
        let lease = self.machine.surrender();
        self.show();
        let Some(lease) = lease else { return };
        let mut last = None;
        let revoke = async {
            while let Err(trouble) = self.revoke(lease).await {
                last = Some(trouble);
                tokio::time::sleep(bounds::ETCD_RETRY_FIRST).await;
            }
        };
        if tokio::time::timeout(bounds::ETCD_LEAVE, revoke).await.is_err() {
            let why = last.map_or_else(|| "no answer".to_owned(), |trouble| trouble.to_string());
            tracing::warn!(why, "etcd was not told that this daemon leaves; its lease runs out by itself");
        }
    }

    /// One try, over the connection that there is or else a new one.
    async fn revoke(&mut self, lease: i64) -> Result<(), Trouble> {
        let link = match (self.link.take(), self.connector.next()) {
            (Some(link), _) => link,
            (None, Some(attempt)) => attempt.connect().await?,
            (None, None) => return Ok(()),
        };
        link.revoke(lease).await
    }
}

/// Takes in what happened over the connection of this number. A connection that failed is not used again.
fn take_in(machine: &mut Machine, link: &mut Option<Link>, number: u64, event: Event) {
    let failed = match &event {
        Event::Blind { trouble, .. } | Event::Silent { trouble, .. } | Event::Failed { trouble } => {
            matches!(trouble.kind, Kind::Connection | Kind::Endpoint)
        }
        Event::Listed(_)
        | Event::Changed { .. }
        | Event::Granted { .. }
        | Event::Acked { .. }
        | Event::LeaseGone { .. }
        | Event::Looked { .. }
        | Event::Answered { .. } => false,
    };
    if failed && link.as_ref().is_some_and(|link| link.number == number) {
        *link = None;
    }
    machine.handle(event, now(), roll());
}

/// One line for each change that somebody may look for later.
fn tell_log(before: &View, after: &View) {
    match (&before.degraded, &after.degraded) {
        (None, Some(why)) => tracing::warn!(why, "etcd cannot be used"),
        (Some(_), None) => tracing::info!("etcd can be used"),
        (Some(before), Some(after)) if before != after => {
            tracing::warn!(why = after, "etcd still cannot be used")
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    match (before.in_office, after.in_office) {
        (false, true) => tracing::info!("this daemon holds the leader key"),
        (true, false) => tracing::info!("this daemon does not hold the leader key any more"),
        (true, true) | (false, false) => {}
    }
    for name in after.members.keys().filter(|name| !before.members.contains_key(*name)) {
        tracing::info!(name, "a daemon has joined");
    }
    for name in before.members.keys().filter(|name| !after.members.contains_key(*name)) {
        tracing::info!(name, "a daemon has left");
    }
}

/// Chance. It spreads what several daemons do at once, and nothing else hangs on it.
fn roll() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(now().subsec_nanos()))
}
