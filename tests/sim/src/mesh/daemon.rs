//! A daemon's process: its calls to etcd and the store, and the letters that it gets.

use super::World;
use super::coordinator::Coordinator;
use super::event::{Answer, Answered, Asker, Body, CallId, Event, Letter, Node, Proc, Request, StoreAsk};
use super::mutant::Mutant;
use super::seat::Seat;
use super::watch::Watcher;
use crate::Checked;
use part_core::{Millis, RunId, SubmissionId, Term};
use std::collections::BTreeMap;

/// What a daemon's process has in memory.
#[derive(Default)]
pub(super) struct Daemon {
    pub(super) coordinator: Coordinator,
    pub(super) seat: Seat,
    calls: BTreeMap<CallId, Purpose>,
    pub(super) watches: BTreeMap<u64, Watcher>,
}

/// What a call is for.
#[derive(Debug)]
pub(super) enum Purpose {
    Grant {
        sent: super::clock::Mono,
    },
    KeepAlive {
        lease: u64,
        sent: super::clock::Mono,
    },
    Campaign,
    List,
    Begin,
    Load(Term),
    Commit(Term),
    EndTerm,
    /// Whether a submission is a run already, before the leader is asked to make it one.
    Lookup {
        asker: Asker,
        request: Box<Request>,
    },
    /// Events for a watcher.
    Page {
        watch: u64,
    },
}

/// How long a daemon waits for the store's answer before it takes it for unavailable.
pub(super) const STORE_PATIENCE: Millis = Millis(3_000);

impl World {
    /// Notes a call; its answer or its timeout comes back to [`World::called_back`].
    pub(super) fn call(&mut self, proc: Proc, purpose: Purpose, patience: Millis) -> Option<CallId> {
        let call = self.next_call();
        self.daemon(proc)?.calls.insert(call, purpose);
        let until = self.mono(proc.host) + patience;
        let at = self.when(proc.host, until);
        self.schedule(at, Event::CallTimesOut(proc, call));
        Some(call)
    }

    pub(super) fn ask_store(&mut self, proc: Proc, ask: StoreAsk, purpose: Purpose) {
        if let Some(call) = self.call(proc, purpose, STORE_PATIENCE) {
            self.post(Node::Host(proc.host), Node::Store, Body::ToStore(proc, call, ask));
        }
    }

    /// A call was answered, or not in time.
    pub(super) fn called_back(&mut self, proc: Proc, call: CallId, answer: Option<Answer>) -> Checked {
        let Some(purpose) = self.daemon(proc).and_then(|daemon| daemon.calls.remove(&call)) else {
            return Ok(());
        };
        match purpose {
            Purpose::Grant { .. } | Purpose::KeepAlive { .. } | Purpose::Campaign | Purpose::List => {
                self.etcd_answered(proc, &purpose, answer)
            }
            Purpose::Begin => self.begun(proc, answer),
            Purpose::Load(term) => self.loaded(proc, term, answer),
            Purpose::Commit(term) => self.committed(proc, term, call, answer),
            Purpose::EndTerm => Ok(()),
            Purpose::Lookup { asker, request } => self.looked_up(proc, asker, *request, answer),
            Purpose::Page { watch } => {
                self.paged(proc, watch, answer);
                Ok(())
            }
        }
    }

    /// A letter arrives.
    pub(super) fn arrives(&mut self, letter: Letter) -> Checked {
        if letter.from != letter.to && self.net.is_cut(letter.from, letter.to) {
            self.figures.lost_messages += 1;
            return Ok(());
        }
        match letter.body {
            Body::ToStore(..) => self.store_asked(letter),
            Body::ToEtcd(proc, call, ask) => {
                self.etcd_asked(proc, call, ask);
                Ok(())
            }
            Body::Answer(proc, call, answer) if self.is_alive(proc) => {
                self.called_back(proc, call, Some(answer))
            }
            Body::News(proc, picture) if self.is_alive(proc) => self.sees(proc, picture),
            Body::Answer(..) | Body::News(..) => Ok(()),
            Body::Request(asker, request) => self.requested(letter.to, asker, request),
            Body::Answered(asker, answered) => match (letter.to, asker.via) {
                (Node::Client(client), _) => self.client_answered(client, asker.call, answered),
                (Node::Host(_), Some(via)) if self.is_alive(via) => {
                    let to = Node::Client(asker.client);
                    self.post(letter.to, to, Body::Answered(Asker { via: None, ..asker }, answered));
                    Ok(())
                }
                (_, _) => Ok(()),
            },
            Body::Watch { client, watch, run, after } => {
                if let Node::Host(host) = letter.to {
                    self.watched(host, client, watch, run, after);
                }
                Ok(())
            }
            Body::Events { watch, page, entries } => match letter.to {
                Node::Client(client) => self.client_sees(client, watch, page, entries),
                Node::Host(_) | Node::Etcd | Node::Store => Ok(()),
            },
        }
    }

    /// Answers a client, over the daemon that passed its request on.
    pub(super) fn answer(&mut self, proc: Proc, asker: Asker, answered: Answered) {
        let to = asker.via.map_or(Node::Client(asker.client), |via| Node::Host(via.host));
        self.post(Node::Host(proc.host), to, Body::Answered(asker, answered));
    }

    /// A client's request is at a daemon: answered by the leader, wherever it is.
    fn requested(&mut self, to: Node, asker: Asker, request: Request) -> Checked {
        let Node::Host(host) = to else { return Ok(()) };
        let proc = self.proc(host);
        let Some(daemon) = self.daemon(proc) else { return Ok(()) };
        let elsewhere =
            daemon.coordinator.picture.leader.map(|note| note.proc).filter(|leader| *leader != proc);
        if daemon.seat.leads() {
            return self.requested_here(proc, asker, request);
        }
        match elsewhere {
            Some(leader) if asker.via.is_none() => {
                let asker = Asker { via: Some(proc), ..asker };
                self.post(to, Node::Host(leader.host), Body::Request(asker, request));
            }
            Some(_) | None => self.answer(proc, asker, Answered::Unavailable),
        }
        Ok(())
    }

    /// The ledger is asked first, for the core keeps unfinished runs only.
    fn requested_here(&mut self, proc: Proc, asker: Asker, request: Request) -> Checked {
        match &request {
            Request::Submit(submission) if self.mutant != Some(Mutant::ForgetsSubmissions) => {
                let ask = StoreAsk::Submission(submission.id);
                self.ask_store(proc, ask, Purpose::Lookup { asker, request: Box::new(request) });
                Ok(())
            }
            Request::Submit(_) | Request::Cancel(..) => self.mail_request(proc, asker, request),
        }
    }

    fn looked_up(&mut self, proc: Proc, asker: Asker, request: Request, answer: Option<Answer>) -> Checked {
        match answer {
            Some(Answer::Submission(Some(run))) => {
                let reply = part_core::Reply::Submitted { run, new: false, attempt: 1, joined: false };
                self.answer(proc, asker, Answered::Reply(reply));
                Ok(())
            }
            Some(Answer::Submission(None)) => self.mail_request(proc, asker, request),
            Some(_) | None => {
                self.answer(proc, asker, Answered::Unavailable);
                Ok(())
            }
        }
    }

    /// A fresh run's id: chosen by the daemon, as a UUID would be.
    pub(super) fn fresh_run(&mut self) -> RunId {
        RunId(u128::from(self.now.0) << 64 | u128::from(self.rng.bits()))
    }

    /// The run that a submission became.
    pub(super) fn run_of(&self, id: SubmissionId) -> Option<RunId> {
        self.store.ledger.submissions.get(&id).copied()
    }
}
