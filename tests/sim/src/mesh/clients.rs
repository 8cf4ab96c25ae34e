//! Clients: they submit, cancel and watch through any daemon, and ask again until they are answered.

use super::World;
use super::event::{Answered, Asker, Body, CallId, Event, Node, Request};
use crate::{Checked, Violation, ensure};
use part_core::{CancelMode, Entry, Millis, Record, Refusal, Reply, RunId, SubmissionId, Timestamp};
use std::collections::BTreeMap;

/// How long a client waits for an answer before it asks another daemon.
const PATIENCE: Millis = Millis(8_000);
/// How long it waits for news of its run.
const WATCH_PATIENCE: Millis = Millis(6_000);

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To submit, for the first time or again.
    Submit,
    /// To stop its run.
    Cancel(CancelMode),
    /// Something that makes no sense.
    Nonsense,
}

/// One client.
#[derive(Default)]
pub(super) struct Client {
    pub(super) run: Option<RunId>,
    /// Requests under way.
    calls: BTreeMap<CallId, Ask>,
    /// Requests that it is still going to make.
    to_come: usize,
    watch: Watching,
}

/// What a client sees of its run.
#[derive(Default)]
struct Watching {
    /// The number of the last event that it saw.
    cursor: u64,
    finished: bool,
    /// The present watch, and the next page of it.
    watch: u64,
    page: u64,
    heard: Timestamp,
}

impl Client {
    fn is_done(&self) -> bool {
        self.to_come == 0 && self.calls.is_empty() && self.watch.finished
    }

    pub(super) fn describe(&self) -> String {
        let Watching { cursor, finished, .. } = &self.watch;
        let (run, calls, to_come) = (self.run, &self.calls, self.to_come);
        format!("{run:?} seen to {cursor}, finished: {finished}; asked {calls:?}, {to_come} to come")
    }
}

impl World {
    /// True when everybody was answered and has seen the end of its run.
    pub(super) fn clients_are_done(&self) -> bool {
        self.clients.iter().all(Client::is_done)
    }

    /// A client will ask for something, a while from now.
    pub(super) fn ask_later(&mut self, client: usize, ask: Ask, after: Millis) {
        self.clients[client].to_come += 1;
        self.schedule(self.now + after + Millis(1), Event::Client(client, ask));
    }

    fn ask_soon(&mut self, client: usize, ask: Ask, most: Millis) {
        let after = Millis(self.rng.below(most.0));
        self.ask_later(client, ask, after);
    }

    pub(super) fn some_daemon(&mut self) -> usize {
        let daemons = self.hosts.iter().filter(|host| host.is_daemon).count();
        self.rng.below(daemons as u64) as usize
    }

    /// A client asks some daemon.
    pub(super) fn asks(&mut self, client: usize, ask: Ask) {
        let call = self.next_call();
        let host = self.some_daemon();
        let mut submission = self.plan.clients[client].submission.clone();
        let known = &mut self.clients[client];
        known.to_come -= 1;
        let request = match (ask, known.run) {
            (Ask::Submit, _) => Request::Submit(Box::new(submission)),
            (Ask::Cancel(mode), Some(run)) => Request::Cancel(run, mode),
            (Ask::Cancel(mode), None) => Request::Cancel(RunId(0), mode),
            (Ask::Nonsense, _) => {
                submission.id = SubmissionId(submission.id.0 ^ 1);
                submission.groups.clear();
                Request::Submit(Box::new(submission))
            }
        };
        known.calls.insert(call, ask);
        self.tell(|| format!("client {client} asks h{host}: {ask:?}"));
        let asker = Asker { client, call, via: None };
        self.post(Node::Client(client), Node::Host(host), Body::Request(asker, request));
        self.schedule(self.now + PATIENCE, Event::ClientTimesOut(client, call));
    }

    pub(super) fn client_times_out(&mut self, client: usize, call: CallId) {
        if let Some(ask) = self.clients[client].calls.remove(&call) {
            self.ask_soon(client, ask, Millis(500));
        }
    }

    /// A client hears the answer to its request.
    pub(super) fn client_answered(&mut self, client: usize, call: CallId, answered: Answered) -> Checked {
        // Too late: it has asked again.
        let Some(ask) = self.clients[client].calls.remove(&call) else { return Ok(()) };
        self.tell(|| format!("client {client} asked {ask:?} and is told {answered:?}"));
        let reply = match answered {
            Answered::Reply(reply) => reply,
            Answered::Unavailable => {
                self.ask_soon(client, ask, Millis(2_000));
                return Ok(());
            }
        };
        match (ask, reply) {
            (Ask::Submit, Reply::Submitted { run, .. }) => self.submitted(client, run),
            (Ask::Submit, Reply::Refused(Refusal::Full { .. } | Refusal::NoWorker { .. })) => {
                self.ask_soon(client, ask, Millis(6_000));
                Ok(())
            }
            (Ask::Cancel(mode), Reply::Cancelling) => {
                if mode == CancelMode::Graceful && self.rng.chance(40) {
                    self.ask_soon(client, Ask::Cancel(CancelMode::Kill), Millis(4_000));
                }
                Ok(())
            }
            (Ask::Cancel(_), Reply::Refused(Refusal::NotRunning { run })) => {
                let over = self.store.ledger.is_finished(run);
                ensure(over, || format!("[2] {run:?} is open, but its cancel was refused"))
            }
            (Ask::Nonsense, Reply::Refused(Refusal::Invalid(_))) => Ok(()),
            (ask, reply) => {
                Err(Violation(format!("[8] client {client} asked {ask:?} and was told {reply:?}")))
            }
        }
    }

    fn submitted(&mut self, client: usize, run: RunId) -> Checked {
        let id = self.plan.clients[client].submission.id;
        let recorded = self.run_of(id);
        ensure(recorded == Some(run), || {
            format!("[2] client {client} was told {run:?}, the ledger has {recorded:?}")
        })?;
        if let Some(known) = self.clients[client].run {
            return ensure(known == run, || {
                format!("[1] client {client} has {known:?} and was told {run:?}")
            });
        }
        self.clients[client].run = Some(run);
        if let Some((after, mode)) = self.plan.clients[client].cancels {
            self.ask_soon(client, Ask::Cancel(mode), after);
        }
        if self.plan.clients[client].repeats {
            self.ask_soon(client, Ask::Submit, Millis(30_000));
        }
        self.watches(client);
        self.schedule(self.now + Millis(2_000), Event::ClientLooks(client));
        Ok(())
    }

    /// A client watches its run through some daemon, from where it is.
    pub(super) fn watches(&mut self, client: usize) {
        let host = self.some_daemon();
        let watch = self.next_call().0;
        let (now, known) = (self.now, &mut self.clients[client]);
        let Some(run) = known.run else { return };
        (known.watch.watch, known.watch.page, known.watch.heard) = (watch, 0, now);
        let after = known.watch.cursor;
        self.post(Node::Client(client), Node::Host(host), Body::Watch { client, watch, run, after });
    }

    /// A client that hears nothing of its run asks another daemon.
    pub(super) fn client_looks(&mut self, client: usize) {
        if self.clients[client].watch.finished {
            return;
        }
        if self.now.since(self.clients[client].watch.heard) > WATCH_PATIENCE {
            self.watches(client);
        }
        self.schedule(self.now + Millis(2_000), Event::ClientLooks(client));
    }

    /// Some events of its run reach a client: each once, in order.
    pub(super) fn client_sees(
        &mut self,
        client: usize,
        watch: u64,
        page: u64,
        entries: Vec<Entry>,
    ) -> Checked {
        let now = self.now;
        let known = &mut self.clients[client].watch;
        if known.watch != watch || known.finished {
            return Ok(());
        }
        if known.page != page {
            // A page was lost: as good as a stream that broke.
            self.watches(client);
            return Ok(());
        }
        (known.page, known.heard) = (page + 1, now);
        for entry in entries {
            if known.finished {
                // Evidence that came in after the end: a watch ends with the run.
                break;
            }
            let expected = known.cursor + 1;
            ensure(entry.number == expected, || {
                format!("[10] client {client} sees event {} and expected {expected}", entry.number)
            })?;
            known.cursor = entry.number;
            known.finished = matches!(entry.record, Record::RunFinished { .. });
        }
        Ok(())
    }
}
