//! The loop.

use super::idle::Idle;
use super::open::{Asking, StillOpen};
use super::pump::{Patience, Pumped, pump};
use super::signals::Signals;
use super::telling::{Taken, Telling};
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Clients, Mesh, TAIL_PATIENCE, read_tail, tail_at_hand};
use crate::out::Out;
use crate::render::human::Tail;
use crate::render::{Reporter, Wanted};
use crate::view::{Keep, Own, RunView};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use part_core::Timestamp;
use part_proto::v1::{CancelRequest, RunInfo};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, error::TryRecvError};
use tokio::time::MissedTickBehavior;
use tonic::Status;

/// Between two frames of the live area, and between two looks at the clock without one.
const FRAME: Duration = Duration::from_millis(100);
/// Events that are folded before the user's signals and the live area are looked at again.
const BATCH: usize = 256;

const CANCELLING: &str = "stopping what runs; Ctrl-C again kills it";
const KILLING: &str = "killing what runs; Ctrl-C again leaves at once";
const GOES_ON: &str = "others have groups in this run, so it is not stopped";

/// What Ctrl-C does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OnInterrupt {
    /// Cancels the run, in this name; twice: kills it; three times: leaves at once. A run with groups of others is only
    /// left.
    Cancel {
        /// Who asks, for display.
        by: String,
    },
    /// Only stops watching.
    Leave,
}

/// What to follow.
pub(crate) struct Follow {
    /// The daemon that has the run's ledger and blobs.
    pub(crate) clients: Clients,
    /// The daemon that leads the run, which takes a cancel.
    pub(crate) leader: Clients,
    /// The run's full id.
    pub(crate) run: String,
    /// Stop after this event, because no more will come.
    pub(crate) until: Option<u64>,
    /// Events after this one are sent as they happen.
    pub(crate) live_after: u64,
    /// The groups of this client, where others may submit to the run as well: it is followed until they are decided.
    pub(crate) own: Option<Own>,
    /// What Ctrl-C does.
    pub(crate) on_interrupt: OnInterrupt,
    /// How much of the tests' results is kept.
    pub(crate) keep: Keep,
    /// How long a lost connection is made again.
    pub(crate) patience: Patience,
    /// The time.
    pub(crate) clock: fn() -> Timestamp,
}

/// What came of it.
pub(crate) struct Followed {
    /// The run as far as it was seen.
    pub(crate) view: RunView,
    /// The first signal that came.
    pub(crate) interrupted: Option<Exit>,
    /// It was left before its end on purpose, and may go on.
    pub(crate) left: bool,
    /// Why its end was not seen, when it was not left.
    pub(crate) trouble: Option<CliError>,
    /// The groups of this client, as they came out.
    pub(crate) own: Option<Own>,
    /// The own groups are decided, and the run goes on.
    pub(crate) open: Option<StillOpen>,
}

/// Follows a run to its end, or to that of the own groups, and tells it.
pub(crate) async fn follow(
    mut what: Follow,
    mesh: &mut Mesh,
    signals: &mut Signals,
    out: &mut Out,
    reporter: &mut Reporter,
) -> Followed {
    let mut events =
        pump(what.clients.runs(), what.run.clone(), what.clients.at().to_owned(), 0, what.patience);
    let view = RunView::new(what.keep);
    let mut telling = Telling::new(view, what.clock, what.live_after, what.own.take(), out, reporter);
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut work = Work {
        what,
        fetching: Fetching { tail: None, patience: TAIL_PATIENCE },
        asking: Asking::default(),
        idle: Idle::default(),
        cancels: FuturesUnordered::new(),
        interrupts: 0,
    };
    let mut interrupted = None;
    let mut end: Option<Option<CliError>> = None;
    let mut open = None;
    while end.is_none() || work.fetching.is_busy() {
        tokio::select! {
            biased;
            exit = signals.next() => {
                interrupted.get_or_insert(exit);
                if let Some(Leaving) = work.interrupt(&mut telling) {
                    let (view, own) = telling.end();
                    return Followed { view, interrupted, left: true, trouble: None, own, open: None };
                }
            }
            Some(answer) = work.cancels.next() => {
                // A run that ended meanwhile needs no cancel.
                if let (Err(status), None) = (answer, &end) {
                    telling.say(&format!("the cancel did not get through: {}", status.message()));
                }
            }
            (wanted, tail) = work.fetching.done() => telling.failure(wanted, &tail),
            answer = work.asking.answer(), if end.is_none() => {
                if let Some(still) = work.still_open(answer, &mut telling) {
                    (end, open) = (Some(None), Some(still));
                }
            }
            why = work.idle.answer() => telling.idle(why),
            error = mesh.failure(), if end.is_none() => end = Some(Some(error)),
            item = events.recv(), if end.is_none() && !work.fetching.is_busy() => {
                end = work.events(item, &mut events, &mut telling);
            }
            _ = frames.tick() => {}
        }
        if !work.idle.look(telling.view(), &work.what.leader, &work.what.run) {
            telling.idle(None);
        }
        telling.frame(FRAME);
    }
    let (view, own) = telling.end();
    Followed { view, interrupted, left: false, trouble: end.flatten(), own, open }
}

/// The user wants out at once.
struct Leaving;

/// What goes on beside the events.
struct Work {
    what: Follow,
    fetching: Fetching,
    asking: Asking,
    idle: Idle,
    cancels: FuturesUnordered<BoxFuture<'static, Result<(), Status>>>,
    interrupts: u32,
}

impl Work {
    fn interrupt(&mut self, telling: &mut Telling<'_>) -> Option<Leaving> {
        self.interrupts += 1;
        let OnInterrupt::Cancel { by } = &self.what.on_interrupt else { return Some(Leaving) };
        if self.interrupts > 2 {
            return Some(Leaving);
        }
        if telling.own().is_some_and(Own::has_company) {
            telling.say(GOES_ON);
            return Some(Leaving);
        }
        let kill = self.interrupts == 2;
        telling.cancelling();
        telling.say(if kill { KILLING } else { CANCELLING });
        let request = CancelRequest { run: self.what.run.clone(), kill, by: by.clone() };
        let mut client = self.what.leader.runs();
        self.cancels.push(Box::pin(async move { client.cancel(request).await.map(drop) }));
        None
    }

    /// Takes an event and those that wait behind it. The outer option is set when there will be no more; the inner
    /// one is what is wrong then.
    fn events(
        &mut self,
        first: Option<Pumped>,
        events: &mut Receiver<Pumped>,
        telling: &mut Telling<'_>,
    ) -> Option<Option<CliError>> {
        let mut item = first;
        for left in (0..BATCH).rev() {
            let taken = telling.take(item, self.what.until);
            if telling.own().is_some_and(Own::is_decided) {
                self.asking.ask(&self.what.clients, &self.what.run);
            }
            match taken {
                Taken::Nothing => {}
                Taken::Wanted(wanted) => self.fetch(wanted, telling),
                Taken::End(trouble) => return Some(trouble),
            }
            if left == 0 || self.fetching.is_busy() {
                return None;
            }
            item = match events.try_recv() {
                Ok(next) => Some(next),
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => None,
            };
        }
        None
    }

    /// The own groups are decided: what the run waits for, unless it is finished and its last events are on their way.
    fn still_open(&self, answer: Result<RunInfo, Status>, telling: &mut Telling<'_>) -> Option<StillOpen> {
        let others = telling.own().map(|own| own.others_left(telling.view())).unwrap_or_default();
        match answer {
            Ok(info) if info.finished_at.is_some() => None,
            Ok(info) => Some(StillOpen { because: info.open_because, others }),
            Err(status) => {
                let because = format!("what the run waits for could not be asked: {}", status.message());
                Some(StillOpen { because, others })
            }
        }
    }

    /// Tells a failure whose output is at hand, and asks for that of others.
    fn fetch(&mut self, wanted: Wanted, telling: &mut Telling<'_>) {
        let attempt = telling.view().specs.get(wanted.spec).and_then(|spec| spec.attempt(wanted.attempt));
        let Some(output) = attempt.and_then(|attempt| attempt.finish()).map(|finish| finish.output.clone())
        else {
            return;
        };
        match tail_at_hand(&output) {
            Some(tail) => telling.failure(wanted, &tail),
            None => {
                let (clients, patience) = (self.what.clients.clone(), self.fetching.patience);
                let tail = async move { (wanted, read_tail(&clients, output, patience).await) };
                self.fetching.tail = Some(Box::pin(tail));
            }
        }
    }
}

/// The failure whose output is on its way. Events wait for it, so that things are told in their order.
struct Fetching {
    tail: Option<BoxFuture<'static, (Wanted, Tail)>>,
    /// How long it is waited for.
    patience: Duration,
}

impl Fetching {
    fn is_busy(&self) -> bool {
        self.tail.is_some()
    }

    /// The output that was asked for; never returns when none was.
    async fn done(&mut self) -> (Wanted, Tail) {
        let Some(fetching) = &mut self.tail else { return std::future::pending().await };
        let (wanted, tail) = fetching.await;
        self.tail = None;
        // A store that once did not answer must not hold up the next thousand failures.
        self.patience = match tail {
            Tail::Unread { .. } => TAIL_PATIENCE / 10,
            Tail::Empty | Tail::Text { .. } => TAIL_PATIENCE,
        };
        (wanted, tail)
    }
}
