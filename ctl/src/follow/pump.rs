//! The events of a run, across broken connections.

use crate::error::CliError;
use crate::mesh::{Line, from_status, is_passing};
use part_proto::v1::run_service_client::RunServiceClient;
use part_proto::v1::{Event, WatchRequest, event::Fact};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Events that were received and not folded yet.
const QUEUE: usize = 256;

/// How long and how often to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Before the first new try; doubled for each further one.
    pub(crate) first: Duration,
    /// Between two tries at most.
    pub(crate) longest: Duration,
    /// Without a single event, all tries together.
    pub(crate) total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // A daemon's upgrade takes seconds and a change of leaders less than a minute; five are for people who
        // must do something about it.
        Patience {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            total: Duration::from_secs(300),
        }
    }
}

/// What the pump delivers.
#[derive(Debug)]
pub(crate) enum Pumped {
    /// The next event.
    Event(Box<Event>),
    /// The connection broke; it is being made again.
    Lost {
        /// Why.
        why: String,
    },
    /// Events come again.
    Restored,
    /// No more events: the run is finished.
    Ended,
    /// No more events, and the run is not finished.
    Gone(Box<CliError>),
}

/// Starts to receive the events of `run` after number `after`. The task ends with its receiver.
pub(crate) fn pump(
    client: RunServiceClient<Line>,
    run: String,
    at: String,
    after: u64,
    patience: Patience,
) -> mpsc::Receiver<Pumped> {
    let (out, pumped) = mpsc::channel(QUEUE);
    tokio::spawn(Pump { client, run, at, cursor: after, patience, out }.work());
    pumped
}

struct Pump {
    client: RunServiceClient<Line>,
    run: String,
    at: String,
    cursor: u64,
    patience: Patience,
    out: mpsc::Sender<Pumped>,
}

/// Why one stream came to its end.
enum Broken {
    /// The run is finished, or nobody listens any more.
    Done,
    /// It may be made again.
    Passing(tonic::Status),
    /// It makes no sense to try again.
    Final(tonic::Status),
}

impl Pump {
    async fn work(mut self) {
        let mut trouble: Option<Instant> = None;
        let mut wait = self.patience.first;
        loop {
            let before = self.cursor;
            let status = match self.stream(trouble.is_some()).await {
                Broken::Done => return,
                Broken::Final(status) => return self.give_up(&status).await,
                Broken::Passing(status) => status,
            };
            if self.cursor > before {
                (trouble, wait) = (None, self.patience.first);
            }
            let now = Instant::now();
            let since = *trouble.get_or_insert(now);
            if now.duration_since(since) >= self.patience.total {
                return self.give_up(&status).await;
            }
            if since == now && self.out.send(Pumped::Lost { why: status.message().to_owned() }).await.is_err()
            {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.out.closed() => return,
            }
            wait = (wait * 2).min(self.patience.longest);
        }
    }

    /// One connection's worth of events.
    async fn stream(&mut self, mut restoring: bool) -> Broken {
        let request = WatchRequest { run: self.run.clone(), after: self.cursor };
        let mut events = match self.client.watch(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => return judge(status),
        };
        loop {
            let event = match events.message().await {
                Ok(Some(event)) => event,
                Ok(None) => {
                    return Broken::Passing(tonic::Status::unavailable(
                        "the stream ended before the run did",
                    ));
                }
                Err(status) => return judge(status),
            };
            if event.number <= self.cursor {
                continue;
            }
            if restoring {
                restoring = false;
                if self.out.send(Pumped::Restored).await.is_err() {
                    return Broken::Done;
                }
            }
            // A gap goes through: it is the view that calls it an error.
            self.cursor = event.number;
            let finished = matches!(event.fact, Some(Fact::RunFinished(_)));
            if self.out.send(Pumped::Event(Box::new(event))).await.is_err() {
                return Broken::Done;
            }
            if finished {
                // A receiver that is gone needs no end.
                drop(self.out.send(Pumped::Ended).await);
                return Broken::Done;
            }
        }
    }

    async fn give_up(&self, status: &tonic::Status) {
        let error = from_status("follow the run", &self.at, status);
        // A receiver that is gone needs no reason.
        drop(self.out.send(Pumped::Gone(Box::new(error))).await);
    }
}

fn judge(status: tonic::Status) -> Broken {
    if is_passing(status.code()) { Broken::Passing(status) } else { Broken::Final(status) }
}
