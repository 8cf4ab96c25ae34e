//! The agent: keeps the link to the leader open, hands orders to slots and their reports to the leader.

use crate::attempt::{Host, Listener};
use crate::control::{Control, Controlled, control};
use crate::directory::Directory;
use crate::health::{Health, watch_health};
use crate::held::{self, Found};
use crate::slot::{Slot, SlotSays};
use crate::{WorkerError, bounds, load, shim};
use part_core::desk::{Act, Desk, Identity};
use part_core::{
    AttemptId, CancelMode, Capabilities, Incarnation, Introduction, SlotId, StartOrder, Timestamp, WorkerId,
};
use part_proto::MESSAGE_LIMIT;
use part_proto::convert::{
    LeaderSays, command_from_wire, drain_to_wire, health_to_wire, heartbeat_to_wire, introduction_to_wire,
    report_to_wire,
};
use part_proto::v1::{self, OutputChunk, worker_service_client::WorkerServiceClient};
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
    /// Slots beyond those, for groups that may start more than there are CPUs; their numbers are unique, too.
    pub extra_slots: Vec<SlotId>,
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
    /// Bytes that cached workspaces may take; none for what suits the disk.
    pub cache_bytes: Option<u64>,
}

/// A worker.
pub struct Worker {
    options: WorkerOptions,
    directory: Directory,
    /// A connection to the leader for bytes, while there is a link.
    leader_bytes: Option<Channel>,
    /// Set to make it take no new work.
    draining: watch::Receiver<bool>,
    /// What its own probes say.
    health: watch::Receiver<Health>,
    slots: BTreeMap<SlotId, Slot>,
    /// Extra slots that nothing has run on yet: most never do.
    unused: BTreeSet<SlotId>,
    host: Arc<Host>,
    speak: mpsc::Sender<SlotSays>,
    says: mpsc::Receiver<SlotSays>,
    /// What is held, obeyed, refused, and still to be reported.
    desk: Desk,
    /// What the worker's owner sees and wants.
    controlled: Controlled,
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
    /// # Errors
    ///
    /// When the worker's folder cannot be used.
    pub async fn start(
        mut options: WorkerOptions,
        directory: Directory,
        draining: watch::Receiver<bool>,
    ) -> Result<Worker, WorkerError> {
        // Specs run in folders of their own: what they are told must be right from there, too.
        options.home = std::path::absolute(&options.home)
            .map_err(WorkerError::folder("finding the folder", &options.home))?;
        let (speak, says) = mpsc::channel(bounds::SLOT_QUEUE);
        let host = Arc::new(Host::new(&options, directory.clone())?);
        let mut slots = BTreeMap::new();
        let mut desk = Desk::new(identity(&options));
        let found = held::find(&options, &host).await?;
        let mut found_on: BTreeMap<SlotId, Vec<Found>> = BTreeMap::new();
        for found in found {
            found.attempts().for_each(|attempt| desk.adopt(attempt, found.slot));
            found_on.entry(found.slot).or_default().push(found);
        }
        let mut unused: BTreeSet<SlotId> = options.extra_slots.iter().copied().collect();
        // An extra slot is there from the start only where something runs on it.
        let used: BTreeSet<SlotId> = options.slots.iter().chain(found_on.keys()).copied().collect();
        for slot in used {
            let found = found_on.remove(&slot).unwrap_or_default();
            unused.remove(&slot);
            slots.insert(slot, Slot::spawn(slot, Arc::clone(&host), speak.clone(), found));
        }
        let health = watch_health(options.home.clone());
        Ok(Worker {
            options,
            directory,
            leader_bytes: None,
            draining,
            health,
            slots,
            unused,
            host,
            speak,
            says,
            desk,
            controlled: Controlled::default(),
        })
    }

    /// What its owner sees and says while it runs.
    pub fn control(&mut self) -> Control {
        let (control, controlled) = control(self.desk.held().len());
        self.controlled = controlled;
        control
    }

    /// Works until `stop`. Then running attempts are left to themselves (detached shims) or stopped (tied ones),
    /// without grace once `hurry` is cancelled. When this returns nothing of a tied attempt runs any more.
    pub async fn run(mut self, stop: CancellationToken, hurry: CancellationToken) {
        let (mut wait, mut said) = (bounds::RELINK_FIRST, String::new());
        loop {
            let opened = tokio::time::Instant::now();
            match self.link(&stop).await {
                LinkEnd::Stop => break,
                // Said once: while a leader is being elected the same happens again and again.
                LinkEnd::Closed(why) if why != said => {
                    tracing::warn!(worker = %self.options.name, why, "link closed; opening another");
                    said = why;
                }
                LinkEnd::Closed(_) => {}
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
                Some(mode) = self.controlled.wanted() => self.give_back(mode),
            }
        }
    }

    async fn link(&mut self, stop: &CancellationToken) -> LinkEnd {
        let (out, messages) = mpsc::channel(bounds::LINK_QUEUE);
        let directory = self.directory.clone();
        let finding = directory.find_leader();
        tokio::pin!(finding);
        let leader = loop {
            tokio::select! {
                () = stop.cancelled() => return LinkEnd::Stop,
                found = &mut finding => match found {
                    Ok(leader) => break leader,
                    Err(why) => return LinkEnd::Closed(format!("no leader can be found: {why}")),
                },
                Some(said) = self.says.recv() => self.slot_said(said),
                Some(mode) = self.controlled.wanted() => self.give_back(mode),
            }
        };
        self.leader_bytes = Some(leader.bytes);
        self.desk.rewind();
        let introduction = self.introduction();
        let mut told = introduction.draining;
        if out.try_send(introduction_to_wire(&introduction, wall_clock())).is_err() {
            return LinkEnd::Closed("the link's queue is closed".to_owned());
        }
        // An order is a little larger than the message that its spec came in.
        let mut client =
            WorkerServiceClient::new(leader.channel).max_decoding_message_size(2 * MESSAGE_LIMIT);
        let opening = client.link(tokio_stream::wrappers::ReceiverStream::new(messages));
        tokio::pin!(opening);
        let mut orders = loop {
            tokio::select! {
                () = stop.cancelled() => return LinkEnd::Stop,
                opened = &mut opening => match opened {
                    Ok(opened) => break opened.into_inner(),
                    Err(status) => return LinkEnd::Closed(format!("{}: {}", leader.address, status.message())),
                },
                Some(said) = self.says.recv() => self.slot_said(said),
                Some(mode) = self.controlled.wanted() => self.give_back(mode),
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
                Some(mode) = self.controlled.wanted() => self.give_back(mode),
                Ok(permit) = out.reserve(), if self.desk.has_unsent() || told != self.is_draining() => {
                    if told != self.is_draining() {
                        told = self.is_draining();
                        permit.send(drain_to_wire(told));
                    } else if let Some(report) = self.desk.next_report() {
                        permit.send(report_to_wire(report));
                    }
                }
                // The leader is told above, as soon as there is room.
                Ok(()) = self.draining.changed() => {}
                Ok(()) = self.health.changed() => {
                    let Health { problem, scarce } = self.health.borrow_and_update().clone();
                    let health = health_to_wire(problem.as_deref(), scarce.as_deref(), wall_clock());
                    // A full queue: the next introduction says it.
                    if out.try_send(health).is_err() {
                        return LinkEnd::Closed("the leader does not take what the worker says".to_owned());
                    }
                }
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
        let Health { problem, scarce } = self.health.borrow().clone();
        self.desk.introduction(self.is_draining(), problem, scarce)
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// An error ends the link: what was not understood may be an order, and the next introduction settles that.
    fn leader_said(&mut self, message: v1::LeaderMessage) -> Result<(), String> {
        let (term, said) = command_from_wire(message)
            .map_err(|error| format!("the leader cannot be understood: {error}"))?;
        let refused = self.desk.refused_commands();
        match said {
            LeaderSays::Heartbeat { daemons } => {
                if self.desk.obeys(term) {
                    self.directory.remember(daemons);
                }
            }
            LeaderSays::Output { attempt, watch } => {
                if self.desk.obeys(term) {
                    self.send_output(attempt, watch);
                }
            }
            LeaderSays::Command(command) => {
                let acts = self.desk.hear(term, command);
                acts.into_iter().for_each(|act| self.act(act));
            }
        }
        if self.desk.refused_commands() > refused {
            let (seen, refused) = (self.desk.term_seen(), self.desk.refused_commands());
            tracing::warn!(%term, %seen, refused, "order of an older term refused");
        }
        self.controlled.holds(self.desk.held().len());
        Ok(())
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Start(order) => self.start_order(order),
            Act::Cancel { attempt, slot, mode } => {
                if let Some(slot) = self.slots.get(&slot) {
                    slot.cancel(attempt, mode);
                }
            }
            Act::Forget { attempt, slot } => {
                if let Some(slot) = self.slots.get(&slot) {
                    slot.forget(attempt);
                }
            }
        }
    }

    /// Stops what runs; its end is reported as ever, so that it starts elsewhere at once.
    fn give_back(&mut self, mode: CancelMode) {
        for (attempt, slot) in self.desk.held() {
            if let Some(slot) = self.slots.get(&slot) {
                slot.cancel(attempt, mode);
            }
        }
    }

    fn start_order(&mut self, order: StartOrder) {
        if self.unused.remove(&order.slot) {
            let slot = Slot::spawn(order.slot, Arc::clone(&self.host), self.speak.clone(), Vec::new());
            self.slots.insert(order.slot, slot);
        }
        let refused = match self.slots.get(&order.slot) {
            Some(slot) => slot.start(order).err().map(|order| (order, "the slot is taken")),
            None => Some((order, "there is no such slot here")),
        };
        if let Some((order, why)) = refused {
            tracing::error!(slot = order.slot.0, why, "order refused");
            self.desk.refuse(&order, why);
        }
    }

    /// Sends what an attempt writes to whoever looks at it through the leader.
    fn send_output(&self, attempt: AttemptId, watch: u128) {
        let Some(slot) = self.desk.slot_of(attempt).and_then(|slot| self.slots.get(&slot)) else { return };
        let Some(bytes) = self.leader_bytes.clone() else { return };
        let (out, chunks) = mpsc::channel(bounds::LIVE_QUEUE);
        let name = OutputChunk { watch: watch.to_be_bytes().to_vec(), ..OutputChunk::default() };
        if out.try_send(name).is_err() || !slot.listen(attempt, Listener::new(out)) {
            return;
        }
        tokio::spawn(async move {
            let chunks = tokio_stream::wrappers::ReceiverStream::new(chunks);
            if let Err(status) = WorkerServiceClient::new(bytes).send_output(chunks).await {
                tracing::debug!(%attempt, why = status.message(), "nobody looks at the output any more");
            }
        });
    }

    fn slot_said(&mut self, said: SlotSays) {
        match said {
            SlotSays::Report(body) => {
                if let Some(act) = self.desk.slot_said(body) {
                    self.act(act);
                }
                self.controlled.holds(self.desk.held().len());
            }
        }
    }
}

/// What this version of the worker can do: several specs in a process, some tests of a spec, and, where the system has a
/// way to, hold a group to some CPUs.
fn with_abilities(mut capabilities: Capabilities) -> Capabilities {
    let abilities = ["part.batch", "part.select"].map(|name| (name.to_owned(), "1".to_owned()));
    capabilities.0.extend(abilities);
    if load::can_hold() {
        capabilities.0.insert("part.cpu-hold".to_owned(), "1".to_owned());
    }
    capabilities
}

fn identity(options: &WorkerOptions) -> Identity {
    Identity {
        worker: WorkerId(options.name.clone()),
        incarnation: options.incarnation,
        host: options.host.clone(),
        capabilities: with_abilities(options.capabilities.clone()),
        slots: options.slots.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cpus: load::cpus(),
        extra_slots: options.extra_slots.clone(),
    }
}

/// This machine's clock; only compared by people and by the leader's check that it is roughly right.
fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_core::{
        AttemptOrder, Command, HeldAttempt, HeldState, Recipe, Report, ReportBody, RunId, SpecIndex, Term,
        Workspace,
    };
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
            only: None,
            timeout: None,
        };
        let workspace = Workspace::InPlace("/".to_owned());
        Command::Start(StartOrder { slot: SlotId(slot), workspace, attempts: vec![order], cpus: None })
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
                extra_slots: vec![SlotId(5)],
                home: home.path().to_owned(),
                shim: ("/nowhere/shim".into(), Vec::new()),
                mode: shim::Mode::Tied,
                inherit_env: false,
                capabilities: Capabilities::default(),
                incarnation: Incarnation(1),
                cache_bytes: None,
            };
            let (drain, draining) = watch::channel(false);
            let nobody = || Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
            let worker = Worker::start(options, Directory::fixed(nobody(), nobody()), draining)
                .await
                .expect("a worker");
            Bench { worker, _home: home, _drain: drain }
        }

        fn hear(&mut self, term: u64, command: &Command) {
            self.worker.leader_said(command_to_wire(Term(term), command)).expect("understood");
        }

        /// Waits for what the slots say about so many attempts' ends.
        async fn ends(&mut self, count: usize) {
            while self.reported().len() < count {
                let said = tokio::time::timeout(Duration::from_secs(60), self.worker.says.recv()).await;
                self.worker.slot_said(said.expect("in time").expect("a slot"));
            }
        }

        fn reported(&mut self) -> Vec<(u32, String)> {
            self.worker.desk.rewind();
            let mut ends = Vec::new();
            while let Some(Report { body, .. }) = self.worker.desk.next_report() {
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
        // An extra slot is made when it is needed.
        bench.hear(1, &order(5, 4));
        bench.ends(2).await;
        assert!(bench.reported()[1].1.contains("the shim cannot be started"));
        // The slot has not run yet: one order waits in its queue, and there is no room for more.
        bench.hear(1, &order(0, 2));
        bench.hear(1, &order(0, 3));
        assert_eq!(bench.reported().last().expect("an end"), &(3, "slot 0: the slot is taken".to_owned()));
        bench.ends(4).await;
        assert_eq!(bench.reported().last().expect("an end").0, 2, "which does not disturb the one before");
    }

    #[tokio::test]
    async fn only_the_highest_term_is_obeyed() {
        let mut bench = Bench::new().await;
        bench.hear(5, &Command::Acknowledge { through: 0 });
        bench.hear(4, &order(0, 1));
        assert!(bench.worker.introduction().held.is_empty());
        assert_eq!(
            (bench.worker.desk.refused_commands(), bench.worker.introduction().term_seen),
            (1, Term(5))
        );
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
        assert!(bench.worker.introduction().held.is_empty());
    }
}
