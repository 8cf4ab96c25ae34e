//! What can happen in the world, and what can be on its way.

use super::clients::Ask;
use super::faults::Mend;
use part_core::{
    AttemptId, Command, Entry, Introduction, Reply, Report, RunId, State, Submission, SubmissionId, Term,
    Timestamp,
};

/// One life of a host's process: daemon and worker, or a stand-alone worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Proc {
    pub(super) host: usize,
    pub(super) life: u64,
}

/// A place that messages go between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Node {
    Host(usize),
    Etcd,
    Store,
    Client(usize),
}

/// Names one link's connection, over all workers and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnId(pub(super) u64);

/// Names a call, so that its answer finds who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallId(pub(super) u64);

/// Something that will happen at a moment.
#[derive(Debug)]
pub(super) enum Event {
    /// A letter arrives.
    Post(Box<Letter>),
    /// The next message on a link reaches the leader's daemon.
    ToLeader(ConnId),
    /// The next message on a link reaches the worker.
    ToWorker(ConnId),
    /// A daemon waited long enough for the answer to a call.
    CallTimesOut(Proc, CallId),
    /// A coordinator keeps its lease alive and looks around.
    Coordinate(Proc),
    /// A coordinator tries to take the leader key.
    Campaign(Proc),
    /// A daemon tries again to find its footing.
    FindFooting(Proc),
    /// The leader takes what is in its mailbox; stale unless the number is its newest.
    Turn(Proc, u64),
    /// The leader tries again to commit.
    CommitAgain(Proc, Term),
    /// The leader says over every link that it is there.
    LeaderBeats(Proc, Term),
    /// A worker says that it is there.
    WorkerBeats(Proc),
    /// A worker looks for the leader, to open a link.
    Dial(Proc),
    /// A daemon looks again for events of a run that a client watches.
    WatchLooks(Proc, u64),
    /// A slot is ready to start an attempt's process.
    SlotReady(Proc, AttemptId),
    /// A slot's attempt may be over.
    SlotHears(Proc, AttemptId),
    /// A process on a host, in one boot of it, may be at its end.
    ProcessEnds(usize, u64, AttemptId),
    /// A host's process starts (again).
    Rise(usize),
    /// A lease runs out at that moment, unless it was kept alive.
    LeaseEnds(u64, Timestamp),
    /// A slow store gets round to something.
    StoreActs(Box<Letter>),
    /// A client asks for something.
    Client(usize, Ask),
    /// A client waited long enough for an answer.
    ClientTimesOut(usize, CallId),
    /// A client looks whether its watch still brings anything.
    ClientLooks(usize),
    /// Something goes wrong.
    Fault,
    /// Something that went wrong is mended.
    Mend(Mend),
    /// Nothing goes wrong any more.
    Heal,
    /// Is everything at rest?
    Rest,
}

/// A message outside of links.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) from: Node,
    pub(super) to: Node,
    pub(super) body: Body,
}

/// What a letter says.
#[derive(Debug)]
pub(super) enum Body {
    ToStore(Proc, CallId, StoreAsk),
    ToEtcd(Proc, CallId, EtcdAsk),
    Answer(Proc, CallId, Answer),
    /// Etcd's watch.
    News(Proc, Picture),
    /// A client's request, or one that another daemon passed on.
    Request(Asker, Request),
    /// The answer to a client's request, on its way to the client or to the daemon that passed the request on.
    Answered(Asker, Answered),
    /// A client wants a run's events after a number.
    Watch {
        client: usize,
        watch: u64,
        run: RunId,
        after: u64,
    },
    /// Some of them.
    Events {
        watch: u64,
        page: u64,
        entries: Vec<Entry>,
    },
}

/// What the store is asked for.
#[derive(Debug)]
pub(super) enum StoreAsk {
    Begin { above: Term },
    Load,
    Commit { term: Term, entries: Vec<Entry> },
    EndTerm(Term),
    Submission(SubmissionId),
    Page { run: RunId, after: u64 },
}

/// What etcd is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum EtcdAsk {
    Grant,
    KeepAlive(u64),
    /// Take the leader key if it is absent.
    Campaign(u64),
    List,
    /// Give the leader key back if it lives under this lease.
    Resign(u64),
}

/// An answer of the store or etcd.
#[derive(Debug)]
pub(super) enum Answer {
    Begun(Term),
    Loaded(Box<State>, Timestamp),
    Done,
    Superseded,
    Misfit,
    /// It cannot now.
    Temporary,
    Submission(Option<RunId>),
    Page(Vec<Entry>),
    Granted(u64),
    Alive,
    LeaseGone,
    Listed(Picture),
}

/// Who holds the leader key, at a revision of one life of etcd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) cluster: u64,
    pub(super) revision: u64,
    pub(super) leader: Option<Note>,
}

/// What stands under the leader key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) proc: Proc,
    pub(super) lease: u64,
}

/// Who waits for an answer: a client's call, and the daemon that passed it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) client: usize,
    pub(super) call: CallId,
    pub(super) via: Option<Proc>,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Submit(Box<Submission>),
    Cancel(RunId, part_core::CancelMode),
}

/// What it is told.
#[derive(Clone, Debug)]
pub(super) enum Answered {
    Reply(Reply),
    /// Nobody can answer now.
    Unavailable,
}

/// What a worker sends over a link.
#[derive(Clone, Debug)]
pub(super) enum ToLeader {
    Introduce(Box<Introduction>),
    Heartbeat,
    Report(Report),
    Draining(bool),
    Health(Option<String>),
    Closed,
}

/// What a leader sends over a link.
#[derive(Clone, Debug)]
pub(super) enum ToWorker {
    Command(Term, Command),
    Heartbeat(Term),
    Closed,
}
