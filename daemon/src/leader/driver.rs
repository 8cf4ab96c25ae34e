//! The driver: inputs into the core, records into the store, and only then effects to the world.
//!
//! One task owns the core. A batch of inputs shares one commit. Where the store is away, the driver waits and tries
//! again: nothing is acknowledged or ordered meanwhile, and the full mailbox holds everybody back. Where the term is
//! over, a record does not fit, or the core panics, the leader steps down and is rebuilt from the store.

use super::links::Links;
use super::mailbox::{Look, Mail};
use crate::clock::Clock;
use crate::error::chain;
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use part_core::{
    Config, Core, Effect, Input, Millis, Pending, Reply, RequestId, RunId, State, Term, Timestamp, WorkerId,
};
use part_proto::convert::output_order_to_wire;
use part_store::{CommitError, Holder, Realm, Store};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What a leader is told once.
#[derive(Clone)]
pub(crate) struct LeaderOptions {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) realm: Realm,
    pub(crate) holder: Holder,
    pub(crate) hub: Arc<WatchHub>,
    /// Ends the leader when the store stays away for so long; none waits for ever.
    pub(crate) give_up_after: Option<Duration>,
    /// Several daemons could lead: who loses the term must not take it back by itself, and looks now and then whether it
    /// still stands.
    pub(crate) contested: bool,
}

/// How a leader ended, when nothing is wrong with it.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to.
    Stopped,
    /// Another daemon began a term.
    Superseded(String),
}

/// The leader of one realm.
pub(crate) struct Leader {
    options: LeaderOptions,
    mail: mpsc::Receiver<Mail>,
}

/// One leadership period.
struct Driver<'a> {
    options: &'a LeaderOptions,
    stop: &'a CancellationToken,
    mail: &'a mut mpsc::Receiver<Mail>,
    clock: Clock,
    core: Core,
    links: Links,
    answers: HashMap<RequestId, oneshot::Sender<Reply>>,
    next_request: u64,
    last_turn: Timestamp,
    /// When the store last confirmed the term.
    confirmed: Instant,
    /// A higher term than ours that a worker has obeyed.
    outbid: Option<Term>,
}

/// Why a leadership period ended.
enum StepDown {
    /// It was asked to.
    Stopped,
    /// The store stayed away, or is of no use.
    Store(CommitError),
    /// What it held cannot be trusted any more; the store can.
    Rebuild(String),
    /// Another leader began a term.
    Superseded(String),
    /// A worker obeyed this higher term, which the store does not know: it was restored from a copy.
    Outbid(Term),
}

impl Leader {
    pub(crate) fn new(options: LeaderOptions, mail: mpsc::Receiver<Mail>) -> Leader {
        Leader { options, mail }
    }

    /// Leads until `stop`, rebuilding itself from the store when it loses its footing.
    pub(crate) async fn lead(mut self, stop: CancellationToken) -> Result<Ended, DaemonError> {
        let (mut rebuilds, mut above) = (0, Term::default());
        let mut footing = self.options.find_footing(above).await?;
        loop {
            let begun = Instant::now();
            let ended = self.period(footing, &stop).await;
            // Watchers look into the store from here on, until a leader tells them more.
            self.options.hub.leaderless();
            let why = match ended {
                StepDown::Stopped => return Ok(Ended::Stopped),
                StepDown::Store(error) => return Err(DaemonError::Commit(error)),
                StepDown::Superseded(why) if self.options.contested => return Ok(Ended::Superseded(why)),
                StepDown::Rebuild(why) | StepDown::Superseded(why) => why,
                StepDown::Outbid(term) => {
                    above = above.max(term);
                    format!("a worker has obeyed term {term}: the store was restored from an older copy")
                }
            };
            rebuilds = if begun.elapsed() > bounds::STEADY { 1 } else { rebuilds + 1 };
            tracing::error!(why, rebuilds, "the leader steps down and is rebuilt from the store");
            if rebuilds > bounds::REBUILDS {
                return Err(DaemonError::Unstable { times: rebuilds, why });
            }
            footing = match self.find_footing_again(above, &stop).await? {
                Some(footing) => footing,
                None => return Ok(Ended::Stopped),
            };
        }
    }

    /// After a step down the store may be away for the same reason; none when it was time to stop.
    async fn find_footing_again(
        &self,
        above: Term,
        stop: &CancellationToken,
    ) -> Result<Option<Footing>, DaemonError> {
        let begun = Instant::now();
        let mut wait = bounds::COMMIT_FIRST;
        loop {
            match self.options.find_footing(above).await {
                Ok(footing) => return Ok(Some(footing)),
                Err(DaemonError::Store(error)) if error.is_temporary() && !self.options.gives_up(begun) => {
                    tracing::error!(
                        error = chain(&error),
                        "the leader cannot be rebuilt; waiting for the store"
                    );
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(bounds::COMMIT_SLOWEST);
        }
    }

    async fn period(&mut self, footing: Footing, stop: &CancellationToken) -> StepDown {
        let Footing { term, state, newest, drained } = footing;
        let clock = Clock::start().not_before(newest);
        let config = Config { term, ..Config::default() };
        let (mut core, mut recovered) = Core::new(config, state, clock.now());
        for (worker, by) in drained {
            let input = Input::HeldBack { worker: WorkerId(worker), by: Some(by) };
            recovered.append(core.handle(clock.now(), input));
        }
        tracing::info!(realm = %self.options.realm, %term, runs = core.state().runs().count(), "leading");
        let driver = Driver {
            options: &self.options,
            stop,
            mail: &mut self.mail,
            last_turn: clock.now(),
            confirmed: Instant::now(),
            outbid: None,
            clock,
            core,
            links: Links::default(),
            answers: HashMap::new(),
            next_request: 0,
        };
        driver.drive(recovered).await
    }
}

/// What a leadership period stands on.
struct Footing {
    term: Term,
    state: State,
    /// Time of the newest entry of any unfinished run.
    newest: Timestamp,
    /// Workers that an operator wants to take no new work, with who wants it.
    drained: BTreeMap<String, String>,
}

impl LeaderOptions {
    /// Begins a term and reads the unfinished runs.
    async fn find_footing(&self, above: Term) -> Result<Footing, DaemonError> {
        let begun = self.store.begin_term(&self.realm, &self.holder, above).await;
        let term = begun.map_err(DaemonError::Store)?;
        let (mut state, mut newest) = (State::default(), Timestamp::default());
        for run in self.store.unfinished(&self.realm).await.map_err(DaemonError::Store)? {
            newest = newest.max(load(self.store.as_ref(), run, &mut state).await?);
        }
        let drained = self.store.drained().await.map_err(DaemonError::Store)?;
        Ok(Footing { term, state, newest, drained })
    }

    /// True when the store has been away for longer than this leader waits.
    fn gives_up(&self, since: Instant) -> bool {
        self.give_up_after.is_some_and(|limit| since.elapsed() >= limit)
    }
}

/// Folds a run's whole ledger into `state`; gives the time of its newest entry.
pub(crate) async fn load(store: &dyn Store, run: RunId, state: &mut State) -> Result<Timestamp, DaemonError> {
    let (mut after, mut newest) = (0, Timestamp::default());
    loop {
        let page =
            store.entries(run, after, part_store::ENTRIES_PER_PAGE).await.map_err(DaemonError::Store)?;
        let Some(last) = page.last() else { return Ok(newest) };
        (after, newest) = (last.number, last.at);
        for entry in &page {
            state.apply(entry).map_err(DaemonError::Ledger)?;
        }
    }
}

impl Driver<'_> {
    async fn drive(mut self, recovered: Pending) -> StepDown {
        if let Err(down) = self.settle(recovered).await {
            return down;
        }
        let stop = self.stop;
        loop {
            let next_turn = self.next_turn();
            let first = tokio::select! {
                biased;
                () = stop.cancelled() => return self.leave().await,
                mail = self.mail.recv() => match mail {
                    Some(mail) => Some(mail),
                    None => return self.leave().await,
                },
                () = tokio::time::sleep_until(next_turn.into()) => None,
            };
            if let Err(down) = self.turn(first).await {
                return down;
            }
        }
    }

    /// When to wake up without mail: when the core wants it, and at least once a tick.
    fn next_turn(&self) -> Instant {
        let tick = Instant::now() + bounds::TICK;
        self.core.wakeup().map_or(tick, |(at, _)| self.clock.instant(at).min(tick))
    }

    async fn turn(&mut self, first: Option<Mail>) -> Result<(), StepDown> {
        let mut pending = Pending::default();
        let mut looks = Vec::new();
        self.notice_pause(&mut pending)?;
        let mut next = first;
        for _ in 0..bounds::BATCH {
            let Some(mail) = next.take().or_else(|| self.mail.try_recv().ok()) else { break };
            if let Mail::LinkOpened { .. } = mail {
                // What is decided by now is meant for the worker's earlier link, and must not go out over this one.
                self.settle(std::mem::take(&mut pending)).await?;
            }
            self.take(mail, &mut pending, &mut looks)?;
        }
        let now = self.clock.now();
        if self.core.wakeup().is_some_and(|(at, _)| at <= now) {
            self.input(Input::TimePassed, &mut pending)?;
        }
        self.settle(pending).await?;
        if let Some(term) = self.outbid {
            // Mostly our own term is over, which the store says; only if it is not, the store has lost terms.
            self.commit(&Pending::default()).await?;
            return Err(StepDown::Outbid(term));
        }
        if self.options.contested && self.confirmed.elapsed() >= bounds::TERM_LOOK {
            self.commit(&Pending::default()).await?;
        }
        let now = self.clock.now();
        looks.into_iter().for_each(|look| self.show(look, now));
        Ok(())
    }

    /// A leader that was stopped or slept, or waited for its store, must not hold the silence of that time against its
    /// workers.
    fn notice_pause(&mut self, pending: &mut Pending) -> Result<(), StepDown> {
        let now = self.clock.now();
        let gap = now.since(self.last_turn);
        self.last_turn = now;
        if gap >= Millis(bounds::PAUSE.as_millis() as u64) {
            tracing::warn!(%gap, "the leader did not run for a while");
            self.input(Input::LeaderPaused { lasted: gap }, pending)?;
        }
        Ok(())
    }

    fn take(&mut self, mail: Mail, pending: &mut Pending, looks: &mut Vec<Look>) -> Result<(), StepDown> {
        match mail {
            Mail::Said { worker, link, input } => match self.links.is_open(&worker, link) {
                true => self.input(input, pending),
                false => Ok(()),
            },
            Mail::LinkOpened { introduction, link, sender } => {
                self.links.open(introduction.worker.clone(), link, sender);
                self.input(Input::WorkerIntroduced { introduction }, pending)
            }
            Mail::LinkClosed { worker, incarnation, link } => match self.links.close(&worker, link) {
                true => self.input(Input::LinkClosed { worker, incarnation }, pending),
                false => Ok(()),
            },
            Mail::Request { make, answer } => {
                self.next_request += 1;
                let request = RequestId(self.next_request);
                self.answers.insert(request, answer);
                self.input(make(request), pending)
            }
            Mail::TermSeen(term) => {
                self.outbid = self.outbid.max(Some(term).filter(|term| *term > self.core.term()));
                Ok(())
            }
            Mail::Told(input) => self.input(input, pending),
            Mail::Output { attempt, watch, answer } => {
                let worker = self.core.state().attempt(attempt).and_then(|(_, _, attempt)| {
                    (attempt.phase == part_core::AttemptPhase::Active).then(|| attempt.worker.clone())
                });
                let term = self.core.term();
                let sent = worker.is_some_and(|worker| {
                    self.links.pass_on(&worker, output_order_to_wire(term, attempt, watch))
                });
                if answer.send(sent).is_err() {
                    tracing::debug!(%attempt, "whoever wanted to see its output has gone");
                }
                Ok(())
            }
            Mail::Look(look) => {
                looks.push(look);
                Ok(())
            }
        }
    }

    /// Lets somebody look. A panic in there changed nothing, and costs the answer only.
    fn show(&self, look: Look, now: Timestamp) {
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(&self.core, now)));
        if let Err(panic) = shown {
            tracing::error!(why = panic_text(&*panic), "a look at the core panicked");
        }
    }

    /// Lets the core decide. A panic in there is our bug: the state cannot be trusted any more, the ledger can.
    fn input(&mut self, input: Input, pending: &mut Pending) -> Result<(), StepDown> {
        let now = self.clock.now();
        let core = &mut self.core;
        // Unwind safety: after a panic this core is dropped, whatever state it is in.
        let decided = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| core.handle(now, input)));
        match decided {
            Ok(decided) => {
                pending.append(decided);
                Ok(())
            }
            Err(panic) => Err(StepDown::Rebuild(format!("the core panicked: {}", panic_text(&*panic)))),
        }
    }

    /// Commits a batch, then lets its effects out.
    async fn settle(&mut self, pending: Pending) -> Result<(), StepDown> {
        // A welcome or a refusal needs no record, but must not come from a leader whose term is over either: a restarted
        // worker that remembers no term would throw away what the new leader counts on.
        let fenced = self.options.contested && !pending.is_empty();
        if fenced || !pending.entries().is_empty() {
            self.commit(&pending).await?;
        }
        for effect in pending.confirm() {
            match effect {
                Effect::Reply { request, reply } => {
                    if let Some(answer) = self.answers.remove(&request) {
                        // Whoever asked may have given up.
                        drop(answer.send(reply));
                    }
                }
                Effect::Command { worker, command } => self.links.send(self.core.term(), &worker, &command),
                Effect::CloseLink { worker } => self.links.cut(&worker),
                Effect::RunAdvanced { run, through, finished } => {
                    self.options.hub.advanced(run, through, finished);
                }
            }
        }
        Ok(())
    }

    async fn commit(&mut self, pending: &Pending) -> Result<(), StepDown> {
        let options = self.options;
        let LeaderOptions { store, realm, .. } = options;
        let begun = Instant::now();
        let mut wait = bounds::COMMIT_FIRST;
        loop {
            let error = match store.commit(realm, self.core.term(), pending.entries()).await {
                Ok(()) => {
                    self.confirmed = Instant::now();
                    return Ok(());
                }
                Err(error) => error,
            };
            match &error {
                CommitError::Superseded { .. } => return Err(StepDown::Superseded(chain(&error))),
                CommitError::Misfit { .. } => return Err(StepDown::Rebuild(chain(&error))),
                CommitError::Store(cause) if cause.is_temporary() => {
                    tracing::error!(error = chain(&error), "nothing can be recorded; waiting for the store");
                    if options.gives_up(begun) {
                        return Err(StepDown::Store(error));
                    }
                }
                CommitError::Store(_) => return Err(StepDown::Store(error)),
            }
            tokio::select! {
                // Nothing of the batch was seen by anybody.
                () = self.stop.cancelled() => return Err(StepDown::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(bounds::COMMIT_SLOWEST);
        }
    }

    async fn leave(&mut self) -> StepDown {
        let ended = self.options.store.end_term(&self.options.realm, self.core.term()).await;
        if let Err(error) = ended {
            tracing::warn!(error = chain(&error), "the term could not be given back");
        }
        StepDown::Stopped
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Mood, MoodyStore, submission};

    #[tokio::test]
    async fn the_time_that_a_commit_takes_counts_as_a_pause() {
        let store = MoodyStore::new();
        let options = LeaderOptions {
            store: Arc::new(store.clone()),
            realm: Realm::mesh(),
            holder: Holder("a test".to_owned()),
            hub: Arc::new(WatchHub::default()),
            give_up_after: None,
            contested: false,
        };
        let Footing { term, state, .. } = options.find_footing(Term::default()).await.expect("a term");
        let (clock, stop) = (Clock::start(), CancellationToken::new());
        let (core, _) = Core::new(Config { term, ..Config::default() }, state, clock.now());
        let (_keep, mut mail) = mpsc::channel(1);
        let mut driver = Driver {
            options: &options,
            stop: &stop,
            mail: &mut mail,
            last_turn: clock.now(),
            confirmed: Instant::now(),
            outbid: None,
            clock,
            core,
            links: Links::default(),
            answers: HashMap::new(),
            next_request: 0,
        };
        store.set(Mood::Full);
        let (answer, _answered) = oneshot::channel();
        let submission = submission(1, &["a"]);
        let make = move |request| Input::RunSubmitted { request, run: RunId(7), submission };
        let waiting = async {
            store.wait_for_refusals(2).await;
            store.set(Mood::Fine);
        };
        let turn = driver.turn(Some(Mail::Request { make: Box::new(make), answer }));
        let (turned, ()) = tokio::join!(turn, waiting);
        assert!(turned.is_ok());
        let silent = driver.clock.now().since(driver.last_turn);
        assert!(
            silent.0 >= bounds::COMMIT_FIRST.as_millis() as u64,
            "{silent} were spent waiting for the store"
        );
    }
}
