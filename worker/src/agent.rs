//! The agent: keeps the link to the leader open, hands orders to slots and their reports to the leader.

use crate::attempt::Host;
use crate::held::{self, Found};
use crate::slot::{Slot, SlotSays};
use crate::spool::Spool;
use crate::{WorkerError, bounds, shim};
use part_core::{
    AttemptId, AttemptVerdict, CancelMode, Capabilities, Command, Finish, HeldAttempt, HeldState,
    Incarnation, Introduction, ReportBody, SlotId, StartOrder, Term, WorkerId,
};
use part_proto::MESSAGE_LIMIT;
use part_proto::convert::{
    LeaderSays, command_from_wire, drain_to_wire, heartbeat_to_wire, introduction_to_wire, report_to_wire,
};
use part_proto::v1::{self, worker_service_client::WorkerServiceClient};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// What a worker is told once.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Its stable name, unique in the mesh.
    pub name: String,
    /// The host's name, for display.
    pub host: String,
    /// Its slots; their numbers are unique on the host.
    pub slots: Vec<SlotId>,
    /// A folder of its own, for slots and attempts. Two workers never share one.
    pub home: PathBuf,
    /// The program that has the hidden verb `shim`, and the arguments before `--dir`.
    pub shim: (PathBuf, Vec<OsString>),
    /// Whether attempts outlive the worker.
    pub mode: shim::Mode,
    /// True to give specs the worker's own environment, as the native runner would; false for an allow-list.
    pub inherit_env: bool,
    /// What the machine can do.
    pub capabilities: Capabilities,
    /// This life: differs after each restart.
    pub incarnation: Incarnation,
}

/// A worker.
pub struct Worker {
    options: WorkerOptions,
    link: Channel,
    /// Set to make it take no new work.
    draining: watch::Receiver<bool>,
    slots: BTreeMap<SlotId, Slot>,
    says: mpsc::Receiver<SlotSays>,
    spool: Spool,
    /// What each slot holds, until its end is acknowledged.
    held: BTreeMap<AttemptId, SlotId>,
    /// Attempts to forget without a report.
    discarded: BTreeSet<AttemptId>,
    term: Term,
    refused_commands: u64,
}

/// Why a link ended.
enum LinkEnd {
    Stop,
    Closed(String),
}

impl Worker {
    /// Prepares slots, and finds what an earlier life of this worker left: attempts that still run are adopted,
    /// those that ended are reported, and processes without an owner are ended.
    ///
    /// `link` and `blobs` are connections of their own: uploads must not hold up what the link says.
    ///
    /// # Errors
    ///
    /// When the worker's folder cannot be used.
    pub async fn start(
        options: WorkerOptions,
        link: Channel,
        blobs: Channel,
        draining: watch::Receiver<bool>,
    ) -> Result<Worker, WorkerError> {
        let (speak, says) = mpsc::channel(bounds::SLOT_QUEUE);
        let host = Arc::new(Host::new(&options, blobs)?);
        let mut slots = BTreeMap::new();
        let mut held = BTreeMap::new();
        let found = held::find(&options, &host).await?;
        let mut found_on: BTreeMap<SlotId, Vec<Found>> = BTreeMap::new();
        for found in found {
            held.insert(found.order.attempt, found.slot);
            found_on.entry(found.slot).or_default().push(found);
        }
        for slot in &options.slots {
            let found = found_on.remove(slot).unwrap_or_default();
            slots.insert(*slot, Slot::spawn(*slot, Arc::clone(&host), speak.clone(), found));
        }
        Ok(Worker {
            options,
            link,
            draining,
            slots,
            says,
            spool: Spool::default(),
            held,
            discarded: BTreeSet::new(),
            term: Term::default(),
            refused_commands: 0,
        })
    }

    /// Works until `stop`. Then running attempts are left to themselves (detached shims) or stopped (tied ones),
    /// without grace once `hurry` is cancelled. When this returns nothing of a tied attempt runs any more.
    pub async fn run(mut self, stop: CancellationToken, hurry: CancellationToken) {
        let mut wait = bounds::RELINK_FIRST;
        loop {
            let opened = tokio::time::Instant::now();
            match self.link(&stop).await {
                LinkEnd::Stop => break,
                LinkEnd::Closed(why) => {
                    tracing::warn!(worker = %self.options.name, why, "link closed; opening another");
                }
            }
            if opened.elapsed() > bounds::RELINK_SLOWEST {
                wait = bounds::RELINK_FIRST;
            }
            if self.pause(wait, &stop).await {
                break;
            }
            wait = (wait * 2).min(bounds::RELINK_SLOWEST);
        }
        // Nobody listens to the slots any more; one that still has much to say must not wait for it.
        drop(self.says);
        let leaving = self.slots.into_values().map(|slot| slot.leave(self.options.mode, &hurry));
        futures::future::join_all(leaving).await;
    }

    /// Waits between links, still listening to the slots. True when it is time to stop.
    async fn pause(&mut self, wait: Duration, stop: &CancellationToken) -> bool {
        let until = tokio::time::sleep(wait);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = stop.cancelled() => return true,
                () = &mut until => return false,
                Some(said) = self.says.recv() => self.slot_said(said),
            }
        }
    }

    async fn link(&mut self, stop: &CancellationToken) -> LinkEnd {
        let (out, messages) = mpsc::channel(bounds::LINK_QUEUE);
        self.spool.rewind();
        let introduction = self.introduction();
        let mut told = introduction.draining;
        if out.try_send(introduction_to_wire(&introduction, env!("CARGO_PKG_VERSION"))).is_err() {
            return LinkEnd::Closed("the link's queue is closed".to_owned());
        }
        // An order is a little larger than the message that its spec came in.
        let mut client =
            WorkerServiceClient::new(self.link.clone()).max_decoding_message_size(2 * MESSAGE_LIMIT);
        let opening = client.link(tokio_stream::wrappers::ReceiverStream::new(messages));
        tokio::pin!(opening);
        let mut orders = loop {
            tokio::select! {
                () = stop.cancelled() => return LinkEnd::Stop,
                opened = &mut opening => match opened {
                    Ok(opened) => break opened.into_inner(),
                    Err(status) => return LinkEnd::Closed(status.message().to_owned()),
                },
                Some(said) = self.says.recv() => self.slot_said(said),
            }
        };
        let mut beat = tokio::time::interval(bounds::HEARTBEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return LinkEnd::Stop,
                message = orders.message() => match message {
                    Ok(Some(message)) => {
                        heard = tokio::time::Instant::now();
                        if let Err(why) = self.leader_said(message) {
                            return LinkEnd::Closed(why);
                        }
                    }
                    Ok(None) => return LinkEnd::Closed("the leader closed it".to_owned()),
                    Err(status) => return LinkEnd::Closed(status.message().to_owned()),
                },
                Some(said) = self.says.recv() => self.slot_said(said),
                Ok(permit) = out.reserve(), if self.spool.has_unsent() || told != self.is_draining() => {
                    if told != self.is_draining() {
                        told = self.is_draining();
                        permit.send(drain_to_wire(told));
                    } else if let Some(report) = self.spool.next() {
                        permit.send(report_to_wire(report));
                    }
                }
                // The leader is told above, as soon as there is room.
                Ok(()) = self.draining.changed() => {}
                _ = beat.tick() => {
                    if heard.elapsed() > bounds::LEADER_SILENCE {
                        return LinkEnd::Closed(format!("nothing heard from the leader for {:?}", heard.elapsed()));
                    }
                    // A full queue is no silence: something else is on its way.
                    drop(out.try_send(heartbeat_to_wire()));
                }
            }
        }
    }

    fn introduction(&self) -> Introduction {
        let finished: BTreeSet<AttemptId> = self.spool.finished().collect();
        let held = self.held.iter().map(|(attempt, slot)| HeldAttempt {
            attempt: *attempt,
            slot: *slot,
            state: if finished.contains(attempt) { HeldState::Reported } else { HeldState::Running },
        });
        Introduction {
            worker: WorkerId(self.options.name.clone()),
            incarnation: self.options.incarnation,
            host: self.options.host.clone(),
            term_seen: self.term,
            capabilities: self.options.capabilities.clone(),
            slots: self.options.slots.clone(),
            held: held.collect(),
            draining: self.is_draining(),
        }
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// An error ends the link: what was not understood may be an order, and the next introduction settles that.
    fn leader_said(&mut self, message: v1::LeaderMessage) -> Result<(), String> {
        let (term, said) = command_from_wire(message)
            .map_err(|error| format!("the leader cannot be understood: {error}"))?;
        if term < self.term {
            self.refused_commands += 1;
            tracing::warn!(%term, seen = %self.term, refused = self.refused_commands, "order of an older term refused");
            return Ok(());
        }
        self.term = term;
        match said {
            LeaderSays::Heartbeat => {}
            LeaderSays::Command(Command::Welcome { acknowledged, discard, lost_after: _ }) => {
                self.acknowledged(acknowledged);
                discard.into_iter().for_each(|attempt| self.discard(attempt));
            }
            LeaderSays::Command(Command::Start(order)) => self.start_order(order),
            LeaderSays::Command(Command::Cancel { attempt, mode }) => {
                if let Some(slot) = self.held.get(&attempt).and_then(|slot| self.slots.get(slot)) {
                    slot.cancel(attempt, mode);
                }
            }
            LeaderSays::Command(Command::Acknowledge { through }) => self.acknowledged(through),
        }
        Ok(())
    }

    fn start_order(&mut self, order: StartOrder) {
        let attempts: Vec<AttemptId> = order.attempts.iter().map(|attempt| attempt.attempt).collect();
        if attempts.iter().all(|attempt| self.held.contains_key(attempt)) {
            return; // Sent again.
        }
        let slot = order.slot;
        let taken = match self.slots.get(&slot) {
            Some(found) => found.start(order).err().map(|_| "the slot is taken"),
            None => Some("there is no such slot here"),
        };
        for attempt in attempts {
            match taken {
                None => {
                    self.held.insert(attempt, slot);
                }
                Some(why) => {
                    tracing::error!(%attempt, slot = slot.0, why, "order refused");
                    let finish =
                        Box::new(Finish::declared(AttemptVerdict::Lost, format!("slot {slot}: {why}")));
                    self.spool.push(ReportBody::Finished { attempt, finish });
                }
            }
        }
    }

    fn discard(&mut self, attempt: AttemptId) {
        if let Some(slot) = self.held.get(&attempt).and_then(|slot| self.slots.get(slot)) {
            self.discarded.insert(attempt);
            slot.cancel(attempt, CancelMode::Kill);
        }
    }

    fn slot_said(&mut self, said: SlotSays) {
        match said {
            SlotSays::Report(body) => {
                if let ReportBody::Finished { attempt, .. } = &body
                    && self.discarded.remove(attempt)
                {
                    self.settled(*attempt);
                    return;
                }
                self.spool.push(body);
            }
        }
    }

    fn acknowledged(&mut self, through: u64) {
        for attempt in self.spool.acknowledge(through) {
            self.settled(attempt);
        }
    }

    /// Nobody will ask for this attempt again: its folder may go.
    fn settled(&mut self, attempt: AttemptId) {
        self.discarded.remove(&attempt);
        if let Some(slot) = self.held.remove(&attempt).and_then(|slot| self.slots.get(&slot)) {
            slot.forget(attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{AttemptOrder, Recipe, Report, RunId, SpecIndex, Workspace};
    use part_proto::convert::command_to_wire;
    use tonic::transport::Endpoint;

    fn attempt(spec: u32) -> AttemptId {
        AttemptId { run: RunId(1), spec: SpecIndex(spec), number: 1 }
    }

    fn order(slot: u32, spec: u32) -> Command {
        let order = AttemptOrder {
            attempt: attempt(spec),
            project: "p".into(),
            group: "g".into(),
            spec: "s".into(),
            recipe: Arc::new(Recipe::of_command(vec!["true".to_owned()])),
            expected_tests: None,
        };
        let workspace = Workspace::InPlace("/".to_owned());
        Command::Start(StartOrder { slot: SlotId(slot), workspace, attempts: vec![order] })
    }

    /// A worker with one slot whose shim cannot be started, so that each attempt is lost at once.
    struct Bench {
        worker: Worker,
        _home: tempfile::TempDir,
        _drain: watch::Sender<bool>,
    }

    impl Bench {
        async fn new() -> Bench {
            let home = tempfile::tempdir().expect("a folder");
            let options = WorkerOptions {
                name: "w".to_owned(),
                host: "h".to_owned(),
                slots: vec![SlotId(0)],
                home: home.path().to_owned(),
                shim: ("/nowhere/shim".into(), Vec::new()),
                mode: shim::Mode::Tied,
                inherit_env: false,
                capabilities: Capabilities::default(),
                incarnation: Incarnation(1),
            };
            let (drain, draining) = watch::channel(false);
            let nobody = || Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
            let worker = Worker::start(options, nobody(), nobody(), draining).await.expect("a worker");
            Bench { worker, _home: home, _drain: drain }
        }

        fn hear(&mut self, term: u64, command: &Command) {
            self.worker.leader_said(command_to_wire(Term(term), command)).expect("understood");
        }

        /// Waits for what the slots say about so many attempts' ends.
        async fn ends(&mut self, count: usize) {
            while self.worker.spool.finished().count() < count {
                let said = tokio::time::timeout(Duration::from_secs(60), self.worker.says.recv()).await;
                self.worker.slot_said(said.expect("in time").expect("a slot"));
            }
        }

        fn reported(&mut self) -> Vec<(u32, String)> {
            self.worker.spool.rewind();
            let mut ends = Vec::new();
            while let Some(Report { body, .. }) = self.worker.spool.next() {
                if let ReportBody::Finished { attempt, finish } = body {
                    ends.push((attempt.spec.0, finish.message.clone()));
                }
            }
            ends
        }
    }

    #[tokio::test]
    async fn an_order_that_comes_twice_is_one_order() {
        let mut bench = Bench::new().await;
        bench.hear(1, &order(0, 7));
        bench.hear(1, &order(0, 7));
        bench.ends(1).await;
        bench.hear(1, &order(0, 7));
        let reported = bench.reported();
        assert_eq!(reported.len(), 1, "{reported:?}");
        assert!(reported[0].1.contains("the shim cannot be started"), "{reported:?}");
        let held = bench.worker.introduction().held;
        assert_eq!(held, [HeldAttempt { attempt: attempt(7), slot: SlotId(0), state: HeldState::Reported }]);
        bench.hear(1, &Command::Acknowledge { through: 9 });
        assert!(bench.worker.introduction().held.is_empty(), "settled");
    }

    #[tokio::test]
    async fn orders_that_cannot_be_taken_are_answered() {
        let mut bench = Bench::new().await;
        bench.hear(1, &order(3, 1));
        assert_eq!(bench.reported(), [(1, "slot 3: there is no such slot here".to_owned())]);
        // The slot has not run yet: one order waits in its queue, and there is no room for more.
        bench.hear(1, &order(0, 2));
        bench.hear(1, &order(0, 3));
        assert_eq!(bench.reported().last().expect("an end"), &(3, "slot 0: the slot is taken".to_owned()));
        bench.ends(3).await;
        assert_eq!(bench.reported().last().expect("an end").0, 2, "which does not disturb the one before");
    }

    #[tokio::test]
    async fn only_the_highest_term_is_obeyed() {
        let mut bench = Bench::new().await;
        bench.hear(5, &Command::Acknowledge { through: 0 });
        bench.hear(4, &order(0, 1));
        assert!(bench.worker.introduction().held.is_empty());
        assert_eq!((bench.worker.refused_commands, bench.worker.introduction().term_seen), (1, Term(5)));
        assert!(
            bench.worker.leader_said(v1::LeaderMessage { term: 6, body: None }).is_err(),
            "ends the link"
        );
    }

    #[tokio::test]
    async fn what_is_discarded_is_not_reported() {
        let mut bench = Bench::new().await;
        bench.hear(1, &order(0, 1));
        let discard = vec![attempt(1), attempt(9)];
        let welcome =
            Command::Welcome { acknowledged: 0, discard, lost_after: part_core::Millis::seconds(60) };
        bench.hear(1, &welcome);
        bench.hear(1, &order(3, 2));
        let said = bench.worker.says.recv().await.expect("a slot");
        bench.worker.slot_said(said);
        assert_eq!(bench.reported(), [(2, "slot 3: there is no such slot here".to_owned())]);
        assert!(bench.worker.introduction().held.is_empty() && bench.worker.discarded.is_empty());
    }
}
