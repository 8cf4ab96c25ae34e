//! [`Core`]: its parts, its one door, and the helpers that every handler uses.

use crate::live::{Live, Timer};
use crate::{Bounds, Effect, Entry, Input, Pending, Record, Reply, RequestId, RunId, State, Term, Timestamp};

/// What a core is told once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The leadership period it decides in.
    pub term: Term,
    /// Its bounds.
    pub bounds: Bounds,
}

/// The scheduler of one leadership period.
#[derive(Clone, Debug)]
pub struct Core {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) live: Live,
}

impl Core {
    /// Takes over unfinished runs, as folded from the store; with an empty state, starts afresh. Finished runs in
    /// `state` are dropped from memory.
    ///
    /// # What a new leader waits for
    ///
    /// An assignment is committed before its order leaves, so whatever a worker may be running by the order of any
    /// leader is *active* in the ledger, and what the ledger calls *waiting* runs nowhere but as an attempt that was
    /// declared lost, which its worker is told to drop. So specs that wait are safe to assign at once, to the free
    /// slots of workers that have said what they hold. They are held back for [`Bounds::gather`] only, or until all
    /// workers that hold attempts are back, so that the first one does not get everything.
    ///
    /// Active attempts are never touched by a takeover. They stay with their workers, which are adopted with them
    /// when they introduce themselves. One whose worker does not come back is lost, and its spec goes again, only
    /// after [`Bounds::patience_after_takeover`].
    pub fn new(config: Config, state: State, now: Timestamp) -> (Core, Pending) {
        let mut core = Core { config, state, live: Live::default() };
        let mut pending = Pending::default();
        let runs: Vec<RunId> = core.state.runs.keys().copied().collect();
        for run in runs {
            if core.state.runs[&run].finished.is_some() {
                core.state.forget(run);
                continue;
            }
            core.settle(run, now, &mut pending);
            core.admit(run, now);
            core.expect_workers_of(run, now);
            core.finish_run_if_done(run, now, &mut pending);
        }
        if !core.live.workers.is_empty() {
            let until = now + core.config.bounds.gather;
            core.live.gathering_until = Some(until);
            core.live.timers.insert((until, Timer::GatheringEnds));
        }
        core.announce(&mut pending);
        (core, pending)
    }

    /// Takes one input. `now` never goes back.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Pending {
        let mut pending = Pending::default();
        match input {
            Input::RunSubmitted { request, run, submission } => {
                self.run_submitted(request, run, *submission, now, &mut pending);
            }
            Input::CancelRequested { request, run, by, mode } => {
                self.cancel_requested(request, run, by, mode, now, &mut pending);
            }
            Input::RunAbandoned { run, detail } => self.run_abandoned(run, detail, now, &mut pending),
            Input::WorkerIntroduced { introduction } => {
                self.worker_introduced(introduction, now, &mut pending)
            }
            Input::LinkClosed { worker, incarnation } => self.link_closed(&worker, incarnation, now),
            Input::Heartbeat { worker, incarnation } => self.heard_from(&worker, incarnation, now),
            Input::Reported { worker, incarnation, report } => {
                self.reported(&worker, incarnation, report, now, &mut pending);
            }
            Input::DrainChanged { worker, draining } => self.drain_changed(&worker, draining),
            Input::HealthChanged { worker, incarnation, problem } => {
                self.health_changed(&worker, incarnation, problem);
            }
            Input::PressureChanged { worker, incarnation, scarce } => {
                self.pressure_changed(&worker, incarnation, scarce);
            }
            Input::HeldBack { worker, by } => self.held_back(worker, by),
            Input::LeaderPaused { lasted } => self.leader_paused(lasted, now),
            Input::TimePassed => self.time_passed(now, &mut pending),
        }
        if std::mem::take(&mut self.live.takers_changed) {
            self.takers_changed(now);
        }
        self.back_up_stragglers(now, &mut pending);
        self.assign_free_slots(now, &mut pending);
        self.back_up_stragglers(now, &mut pending);
        self.announce(&mut pending);
        pending
    }

    /// When the core next wants [`Input::TimePassed`], and why.
    pub fn wakeup(&self) -> Option<(Timestamp, &'static str)> {
        let (at, timer) = self.live.timers.first()?;
        let why = match timer {
            Timer::Silence(_) => "to see whether a worker is still there",
            Timer::GatheringEnds => "to stop waiting for workers to come back",
            Timer::Elsewhere(_) => "to let a retry run on any worker",
            Timer::Probation(_) => "to give a cordoned worker a chance",
            Timer::GiveUp(_) => "to give up what no worker can run",
            Timer::Complete(_) => "to see whether a run is complete",
            Timer::Straggler(_) => "to see whether an attempt runs far beyond its forecast",
        };
        Some((*at, why))
    }

    /// The leadership period it decides in.
    pub fn term(&self) -> Term {
        self.config.term
    }

    /// The durable state: the unfinished runs.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// True for the moment in which it waits for the workers that hold attempts of an earlier leader; nothing is
    /// assigned until then.
    pub fn is_recovering(&self) -> bool {
        self.live.gathering_until.is_some()
    }

    /// Steps that decisions took so far, each a look at a queue or a worker: what they cost, whatever the machine.
    pub fn effort(&self) -> u64 {
        self.live.effort.get()
    }

    /// True while no attempt is on any slot: a daemon may stop without leaving work behind.
    pub fn is_idle(&self) -> bool {
        self.live.workers.values().all(|worker| worker.running().next().is_none())
    }

    /// Makes a record true: folds it and puts it into the batch.
    pub(crate) fn record(&mut self, run: RunId, record: Record, now: Timestamp, pending: &mut Pending) {
        let number = self.state.run(run).map_or(1, |run| run.last_number + 1);
        let entry = Entry { run, number, at: now, record };
        match self.state.apply(&entry) {
            Ok(()) => pending.record(entry),
            // A handler that makes a record which does not fit has a bug; the driver must not go on with this core.
            Err(misfit) => unreachable_record(&misfit),
        }
    }

    pub(crate) fn reply(request: RequestId, reply: Reply, pending: &mut Pending) {
        pending.effect(Effect::Reply { request, reply });
    }

    /// Tells watchers how far each touched run got, and forgets finished runs.
    fn announce(&mut self, pending: &mut Pending) {
        let mut touched: Vec<(RunId, u64)> = Vec::new();
        for entry in pending.entries() {
            match touched.iter_mut().find(|(run, _)| *run == entry.run) {
                Some((_, through)) => *through = entry.number,
                None => touched.push((entry.run, entry.number)),
            }
        }
        for (run, through) in touched {
            let finished = self.state.run(run).is_none_or(|run| run.finished.is_some());
            pending.effect(Effect::RunAdvanced { run, through, finished });
            if finished {
                self.remember_lost(run);
                self.state.forget(run);
            }
        }
    }
}

/// The one place where the core gives up: going on with a state that contradicts its ledger would be worse.
#[expect(
    clippy::panic,
    reason = "a record that does not fit is our bug; the leader steps down and rebuilds from the store"
)]
fn unreachable_record(misfit: &dyn std::error::Error) -> ! {
    panic!("the core made a record that does not fit its own state: {misfit}")
}
