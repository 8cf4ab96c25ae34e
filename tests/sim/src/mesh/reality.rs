//! What really happened on the hosts, and whether the ledger, the replies and the orders agree with it.

use super::World;
use super::driver::Leader;
use super::event::{Asker, Proc};
use super::silence::Reason;
use crate::{Checked, Violation, ensure};
use part_core::{
    AttemptId, AttemptVerdict, Command, Core, Entry, Millis, Record, Reply, RunId, SpecPhase, SpecVerdict,
    State, Term, Timestamp, WorkerId,
};
use std::collections::BTreeMap;

/// Every process that ever started, with how it ended by itself or was stopped; none for one that went down with its
/// machine.
#[derive(Default)]
pub(super) struct Reality {
    processes: BTreeMap<AttemptId, Option<AttemptVerdict>>,
}

/// Patience below which a change of leaders alone may cost an attempt: its user wanted it so.
const IMPATIENT: Millis = Millis::seconds(30);
/// Longest that a worker which can reach its leader takes to find it.
const FINDS: Millis = Millis::seconds(30);

impl World {
    pub(super) fn process_started(&mut self, attempt: AttemptId) -> Checked {
        self.figures.processes += 1;
        let again = self.reality.processes.insert(attempt, None).is_some();
        ensure(!again, || format!("[1] {attempt} is started a second time"))
    }

    pub(super) fn process_ended(&mut self, attempt: AttemptId, verdict: AttemptVerdict) {
        self.tell(|| format!("{attempt} comes to {verdict}"));
        self.reality.processes.insert(attempt, Some(verdict));
    }

    /// What is about to be recorded of an attempt is what its process did.
    pub(super) fn check_reality(&self, entry: &Entry) -> Checked {
        let Record::AttemptFinished { attempt, finish, .. } = &entry.record else { return Ok(()) };
        let did = self.reality.processes.get(attempt).copied();
        let agrees = match finish.verdict {
            AttemptVerdict::Lost => true,
            AttemptVerdict::Cancelled => matches!(did, None | Some(Some(AttemptVerdict::Cancelled))),
            AttemptVerdict::Passed
            | AttemptVerdict::Failed
            | AttemptVerdict::TimedOut
            | AttemptVerdict::Crashed
            | AttemptVerdict::SetupFailed
            | AttemptVerdict::Invalid(_) => did == Some(Some(finish.verdict)),
        };
        ensure(agrees, || {
            format!("[1] {attempt} is recorded as {}, its process came to {did:?}", finish.verdict)
        })
    }

    /// An attempt is lost by silence only if something was wrong between its worker and the leader. The death or fall of
    /// another leader is no reason.
    pub(super) fn check_lost(&self, proc: Proc, entries: &[Entry], core: &Core, reason: &Reason) -> Checked {
        if !matches!(reason, Reason::Silence) {
            return Ok(());
        }
        for entry in entries {
            let Record::AttemptFinished { attempt, finish, .. } = &entry.record else { continue };
            let Some((run, _, known)) = self.store.ledger.folded.attempt(*attempt) else { continue };
            let patience = run.policy.lost_after.unwrap_or(self.plan.bounds.lost_after);
            if finish.verdict != AttemptVerdict::Lost
                || patience < IMPATIENT
                || core.term() != self.store.term
            {
                continue;
            }
            let Some(place) = self.hosts.iter().position(|host| host.worker == known.worker) else {
                continue;
            };
            let wrong = self.trouble_of(place).max(self.trouble_of(proc.host)).max(self.etcd_trouble());
            let ago = self.now.since(wrong);
            // The leader's clock may be a little fast.
            let allowed = Millis(patience.0 * 11 / 10) + FINDS;
            ensure(ago <= allowed, || {
                format!("[4] {attempt} is lost although nothing was wrong with {} for {ago}", known.worker)
            })?;
        }
        Ok(())
    }

    /// What a leader decides after its term is over reaches nobody.
    pub(super) fn check_term(&self, proc: Proc, term: Term, decided: Timestamp) -> Checked {
        let late = self.terms_over.get(&term).filter(|over| **over < decided);
        ensure(late.is_none(), || {
            format!(
                "[2] {proc:?} lets out what it decided at {}, its term {term} was over at {late:?}",
                decided.0
            )
        })
    }

    /// Nothing is acknowledged to a client before it is recorded.
    pub(super) fn check_reply(&self, asker: Asker, reply: &Reply) -> Checked {
        let ledger = &self.store.ledger;
        let recorded = match reply {
            Reply::Submitted { run, .. } => ledger.folded.run(*run).is_some(),
            Reply::Cancelling => {
                let run = self.clients[asker.client].run;
                let cancelled =
                    |run: RunId| ledger.folded.run(run).is_some_and(|run| run.cancelled.is_some());
                run.is_none_or(cancelled)
            }
            Reply::Refused(_) => true,
        };
        ensure(recorded, || format!("[2] client {} gets {reply:?}, which is not recorded", asker.client))
    }

    /// An order may only follow from what the ledger says now.
    pub(super) fn check_order(
        &self,
        proc: Proc,
        term: Term,
        worker: &WorkerId,
        command: &Command,
    ) -> Checked {
        let ledger = &self.store.ledger;
        let given = |id: AttemptId| ledger.folded.attempt(id).is_some_and(|(_, _, a)| a.worker == *worker);
        let ids: Vec<AttemptId> = match command {
            Command::Start(order) => order.attempts.iter().map(|order| order.attempt).collect(),
            Command::Cancel { attempt, .. } => vec![*attempt],
            Command::Welcome { .. } | Command::Acknowledge { .. } => return Ok(()),
        };
        for id in ids {
            let run = ledger.folded.run(id.run);
            let stops = run.is_none_or(|run| run.cancelled.is_some() || run.finished.is_some());
            let starts = matches!(command, Command::Start(_)) && term == self.store.term && !stops;
            ensure(!starts || ledger.place(id).is_some_and(|(holder, _)| holder == worker), || {
                format!("[1] {worker} is to start {id}, which is not its business any more")
            })?;
            ensure(given(id), || {
                format!("[2] {proc:?} orders {worker} {command:?}, which the ledger does not know")
            })?;
            // A leader whose term is over may still have to let out what it recorded in time.
            let late = term == self.store.term && ledger.ended_before_this_batch(id.run);
            ensure(!late, || format!("[2] {worker} gets {command:?} after the end of its run"))?;
        }
        Ok(())
    }

    pub(super) fn check_news(&self, run: RunId, through: u64, finished: bool) -> Checked {
        let ledger = &self.store.ledger;
        let committed = ledger.last_number(run);
        ensure(through <= committed, || {
            format!("[2] watchers of {run:?} hear of {through}, committed are {committed}")
        })?;
        ensure(!finished || ledger.is_finished(run), || {
            format!("[2] watchers hear of the end of {run:?}, which is open")
        })
    }

    /// The fold of the ledger is what the leader has in memory.
    pub(super) fn check_fold(&self, leader: &Leader) -> Checked {
        if leader.core.term() != self.store.term {
            return Ok(());
        }
        let folded = self.store.ledger.folded.runs().filter(|run| run.finished.is_none());
        ensure(folded.eq(leader.core.state().runs()), || {
            "[2] the fold of the ledger is not the live state".to_owned()
        })
    }

    /// At the end: every spec has one verdict, and a pass is a pass.
    pub(super) fn check_end(&self) -> Checked {
        let ledger = &self.store.ledger;
        let refolded = State::fold(&ledger.entries).map_err(|misfit| Violation(misfit.to_string()))?;
        ensure(refolded == ledger.folded, || "[1] folding the whole ledger gives another state".to_owned())?;
        for run in ledger.folded.runs() {
            for spec in &run.specs {
                let SpecPhase::Decided(verdict) = spec.phase else {
                    return Err(Violation(format!("[1] {} has no verdict", spec.name)));
                };
                let last = spec.deciding_finish().map(|finish| finish.verdict);
                let agrees = match verdict {
                    SpecVerdict::Passed { .. } => last == Some(AttemptVerdict::Passed),
                    SpecVerdict::Carried => last.is_none(),
                    SpecVerdict::NotPassed(_) | SpecVerdict::Cancelled => {
                        last != Some(AttemptVerdict::Passed)
                    }
                };
                ensure(agrees, || {
                    format!("[1] {} is {verdict}, its last attempt came to {last:?}", spec.name)
                })?;
            }
        }
        Ok(())
    }
}
