//! Clients: they submit, cancel, and ask again until they are answered.

use super::{Event, World};
use crate::store::Store;
use crate::{Checked, Violation, ensure};
use part_core::{CancelMode, Input, Millis, Refusal, Reply, RequestId, RunId};
use std::collections::BTreeMap;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To submit, for the first time or again.
    Submit,
    /// To stop its run.
    Cancel(CancelMode),
}

/// All clients.
pub(super) struct Clients {
    /// Each client's run, once it was told.
    runs: Vec<Option<RunId>>,
    /// Requests under way, with who asked what.
    asked: BTreeMap<RequestId, (usize, Ask)>,
    /// Requests that somebody is still going to make.
    to_come: usize,
    requests: u64,
}

impl Clients {
    pub(super) fn new(count: usize) -> Self {
        Clients { runs: vec![None; count], asked: BTreeMap::new(), to_come: count, requests: 0 }
    }

    /// True when everybody was answered and every run has ended.
    pub(super) fn all_done(&self, store: &Store) -> bool {
        let ended = |run: &Option<RunId>| run.is_some_and(|run| store.is_finished(run));
        self.to_come == 0 && self.asked.is_empty() && self.runs.iter().all(ended)
    }

    pub(super) fn describe(&self) -> String {
        format!("runs {:?}, asked {:?}, {} requests to come", self.runs, self.asked, self.to_come)
    }
}

impl World {
    fn ask_later(&mut self, client: usize, ask: Ask, most: Millis) {
        self.clients.to_come += 1;
        let at = self.soon(most) + Millis(1);
        self.schedule(at, Event::Client(client, ask));
    }

    /// A client's request arrives.
    pub(super) fn ask(&mut self, client: usize, ask: Ask) -> Checked {
        self.clients.to_come -= 1;
        let id = self.plan.clients[client].submission.id;
        let Some(leader) = &self.leader else {
            self.ask_later(client, ask, Millis(3_000));
            return Ok(());
        };
        // The driver asks the ledger first, for the core keeps unfinished runs only.
        let known = self.store.submissions.get(&id).copied();
        let ended = known.filter(|run| leader.core.state().run(*run).is_none());
        let opening = known.is_none()
            && leader.is_opening(id)
            && !leader.core.state().runs().any(|r| r.submission == id);
        if opening {
            self.ask_later(client, ask, Millis(500));
            return Ok(());
        }
        self.clients.requests += 1;
        let request = RequestId(self.clients.requests);
        self.clients.asked.insert(request, (client, ask));
        self.tell(|| format!("client {client}: {ask:?}"));
        match (ask, ended) {
            (Ask::Submit, Some(run)) if self.sabotage != Some(super::Sabotage::ForgetsSubmissions) => {
                self.answered(request, Reply::Submitted { run, new: false })
            }
            (Ask::Submit, _) => {
                let run = RunId(u128::from(self.rng.bits()) << 64 | u128::from(self.rng.bits()));
                let submission = Box::new(self.plan.clients[client].submission.clone());
                self.feed(Input::RunSubmitted { request, run, submission })
            }
            (Ask::Cancel(mode), _) => {
                let run = self.clients.runs[client].unwrap_or(RunId(0));
                self.feed(Input::CancelRequested { request, run, by: format!("client {client}"), mode })
            }
        }
    }

    /// A client hears the answer to its request.
    pub(super) fn answered(&mut self, request: RequestId, reply: Reply) -> Checked {
        self.tell(|| format!("  answer to {request:?}: {reply:?}"));
        let Some((client, ask)) = self.clients.asked.remove(&request) else {
            return Err(Violation(format!("{request:?} was answered twice, or never made: {reply:?}")));
        };
        match (ask, reply) {
            (Ask::Submit, Reply::Submitted { run, new }) => self.submitted(client, run, new),
            (Ask::Submit, Reply::Refused(Refusal::Full { .. } | Refusal::NoWorker { .. })) => {
                self.ask_later(client, ask, Millis(6_000));
                Ok(())
            }
            (Ask::Cancel(mode), Reply::Cancelling) => {
                if mode == CancelMode::Graceful && self.rng.chance(40) {
                    self.ask_later(client, Ask::Cancel(CancelMode::Kill), Millis(4_000));
                }
                Ok(())
            }
            (Ask::Cancel(_), Reply::Refused(Refusal::NotRunning { run })) => {
                ensure(self.store.is_finished(run), || format!("{run:?} is open, but its cancel was refused"))
            }
            (ask, reply) => Err(Violation(format!("client {client} asked {ask:?} and was told {reply:?}"))),
        }
    }

    fn submitted(&mut self, client: usize, run: RunId, new: bool) -> Checked {
        let id = self.plan.clients[client].submission.id;
        let recorded = self.store.submissions.get(&id);
        ensure(recorded == Some(&run), || {
            format!("client {client} was told {run:?}, the ledger has {recorded:?}")
        })?;
        let Some(known) = self.clients.runs[client] else {
            self.clients.runs[client] = Some(run);
            if let Some((after, mode)) = self.plan.clients[client].cancels {
                self.ask_later(client, Ask::Cancel(mode), after);
            }
            if self.plan.clients[client].repeats {
                self.ask_later(client, Ask::Submit, Millis(30_000));
            }
            return Ok(());
        };
        ensure(known == run && !new, || {
            format!("client {client} has {known:?} and was told {run:?}, new: {new}")
        })
    }

    /// The leader is gone: requests under way are made again.
    pub(super) fn clients_lose_leader(&mut self) {
        for (_, (client, ask)) in std::mem::take(&mut self.clients.asked) {
            self.ask_later(client, ask, Millis(4_000));
        }
    }
}
