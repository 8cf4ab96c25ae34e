//! The loop around the core, against a store with moods.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one kind among many")]

use super::links::LinkId;
use super::{Ended, Leader, LeaderOptions, Mailbox, Unanswered, mailbox};
use crate::testing::{Mood, MoodyStore, introduction, submission};
use crate::watch::WatchHub;
use crate::{DaemonError, bounds};
use part_core::{
    AttemptId, AttemptVerdict, Finish, HeldAttempt, HeldState, Incarnation, Input, Record, Reply, Report,
    ReportBody, RequestId, RunId, SlotId, SpecIndex, SpecVerdict, WorkerId,
};
use part_proto::v1::{LeaderMessage, leader_message::Body};
use part_store::{Holder, Realm, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const RUN: RunId = RunId(7);
const ATTEMPT: AttemptId = AttemptId { run: RUN, spec: SpecIndex(0), number: 1 };

/// A leader over a moody store.
struct Led {
    store: MoodyStore,
    mailbox: Mailbox,
    stop: CancellationToken,
    leader: JoinHandle<Result<Ended, DaemonError>>,
}

/// The worker's end of a link.
struct Link {
    id: LinkId,
    orders: mpsc::Receiver<LeaderMessage>,
}

impl Led {
    fn start(give_up_after: Option<Duration>) -> Led {
        let (store, (mailbox, mail), stop) = (MoodyStore::new(), mailbox(), CancellationToken::new());
        let options = LeaderOptions {
            store: Arc::new(store.clone()),
            realm: Realm::mesh(),
            holder: Holder("a test".to_owned()),
            hub: Arc::new(WatchHub::default()),
            give_up_after,
            contested: false,
        };
        let leader = tokio::spawn(Leader::new(options, mail).lead(stop.clone()));
        Led { store, mailbox, stop, leader }
    }

    async fn submit(&self, specs: &[&str]) -> Result<Reply, Unanswered> {
        let submission = submission(1, specs);
        self.mailbox
            .request(move |request: RequestId| Input::RunSubmitted { request, run: RUN, submission })
            .await
    }

    async fn link(&self, incarnation: u64, held: Vec<HeldAttempt>) -> Link {
        let (sender, orders) = mpsc::channel(bounds::LINK_QUEUE);
        let id = LinkId(uuid::Uuid::now_v7());
        self.mailbox.link_opened(introduction(incarnation, held), id, sender).await.expect("a leader");
        Link { id, orders }
    }

    async fn report(&self, link: &Link, incarnation: u64, number: u64, body: ReportBody) {
        let worker = WorkerId("w".to_owned());
        let report = Report { number, body };
        let input = Input::Reported { worker: worker.clone(), incarnation: Incarnation(incarnation), report };
        self.mailbox.said(worker, link.id, input).await.expect("a leader");
    }

    /// The verdicts recorded so far.
    async fn decided(&self) -> Vec<SpecVerdict> {
        let entries = self.store.entries(RUN, 0, 1000).await.expect("read");
        let decided = entries.iter().filter_map(|entry| match entry.record {
            Record::SpecDecided { verdict, .. } => Some(verdict),
            _ => None,
        });
        decided.collect()
    }
}

impl Link {
    /// What the leader says next.
    async fn next(&mut self) -> Option<Body> {
        in_time(self.orders.recv()).await.and_then(|message| message.body)
    }

    /// The number of the attempt that the leader orders next.
    async fn order(&mut self) -> u32 {
        loop {
            match self.next().await.expect("an open link") {
                Body::Start(start) => return start.attempts[0].attempt.as_ref().expect("an attempt").number,
                _ => continue,
            }
        }
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("in time")
}

fn finished(verdict: AttemptVerdict) -> ReportBody {
    ReportBody::Finished { attempt: ATTEMPT, finish: Box::new(Finish::declared(verdict, "")) }
}

#[tokio::test]
async fn a_store_that_stays_full_ends_the_leader_with_its_own_words() {
    let mut led = Led::start(Some(Duration::from_millis(200)));
    led.store.set(Mood::Full);
    let leader = std::mem::replace(&mut led.leader, tokio::spawn(async { Ok(Ended::Stopped) }));
    let (answer, ended) = tokio::join!(led.submit(&["a"]), in_time(leader));
    assert_eq!(answer, Err(Unanswered), "nothing is acknowledged that is not recorded");
    let error = ended.expect("no panic").expect_err("gave up");
    assert!(crate::error::chain(&error).contains("no room is left for the store"), "{error}");
    assert!(led.store.entries(RUN, 0, 10).await.expect("read").is_empty());
}

#[tokio::test]
async fn a_leader_that_waits_for_its_store_can_be_stopped() {
    let led = Led::start(None);
    led.store.set(Mood::Full);
    let (mailbox, submission) = (led.mailbox.clone(), submission(1, &["a"]));
    let asked = tokio::spawn(async move {
        mailbox.request(move |request| Input::RunSubmitted { request, run: RUN, submission }).await
    });
    led.store.wait_for_refusals(1).await;
    led.stop.cancel();
    in_time(led.leader).await.expect("no panic").expect("ended well");
    assert_eq!(asked.await.expect("no panic"), Err(Unanswered));
}

#[tokio::test]
async fn a_refused_commit_rebuilds_the_leader_and_every_link_begins_anew() {
    for mood in [Mood::RefusesOnce, Mood::AnswersBadlyOnce] {
        let led = Led::start(None);
        let mut link = led.link(1, Vec::new()).await;
        led.submit(&["a"]).await.expect("accepted");
        assert_eq!(link.order().await, 1);
        led.store.set(mood);
        let tests = |batch| ReportBody::Tests { attempt: ATTEMPT, batch, tests: Vec::new() };
        led.report(&link, 1, 1, tests(0)).await;
        while link.next().await.is_some() {}
        // The rest of what was said over the old link comes too late; it would leave a hole.
        led.report(&link, 1, 2, tests(1)).await;
        led.report(&link, 1, 3, finished(AttemptVerdict::Passed)).await;

        let held = HeldAttempt { attempt: ATTEMPT, slot: SlotId(0), state: HeldState::Reported };
        let mut link = led.link(1, vec![held]).await;
        for (number, body) in (1..).zip([tests(0), tests(1), finished(AttemptVerdict::Failed)]) {
            led.report(&link, 1, number, body).await;
        }
        loop {
            match link.next().await.expect("an open link") {
                Body::Acknowledgement(known) if known.through == 3 => break,
                Body::Start(_) => panic!("ordered again"),
                _ => {}
            }
        }
        assert_eq!(led.decided().await, [SpecVerdict::NotPassed(AttemptVerdict::Failed)], "{mood:?}");
        let entries = led.store.entries(RUN, 0, 1000).await.expect("read");
        let batches = entries.iter().filter(|entry| matches!(entry.record, Record::TestsReported { .. }));
        assert_eq!(batches.count(), 2, "{mood:?}");
    }
}

#[tokio::test]
async fn what_was_meant_for_an_earlier_link_does_not_go_out_over_the_next() {
    let led = Led::start(None);
    let mut first = led.link(1, Vec::new()).await;
    led.submit(&["a", "b"]).await.expect("accepted");
    assert_eq!(first.order().await, 1);
    // All in one batch, as after a slow commit: the first life's last report, and the second life.
    led.store.set(Mood::Full);
    led.report(&first, 1, 40, ReportBody::Started { attempt: ATTEMPT }).await;
    led.store.wait_for_refusals(1).await;
    led.report(&first, 1, 41, finished(AttemptVerdict::Passed)).await;
    let mut second = led.link(2, Vec::new()).await;
    led.store.set(Mood::Fine);
    match second.next().await.expect("an open link") {
        Body::Welcome(welcome) => assert_eq!(welcome.acknowledged, 0, "a new life counts anew"),
        other => panic!("it begins with {other:?}"),
    }
    let started = second.next().await;
    assert!(
        matches!(started, Some(Body::Start(_))),
        "then one order, for what the first life took along: {started:?}"
    );
}

#[tokio::test]
async fn a_look_that_panics_costs_its_answer_only() {
    let led = Led::start(None);
    assert_eq!(led.mailbox.look(|_, _| panic!("on purpose")).await, Err::<(), _>(Unanswered));
    assert_eq!(led.mailbox.look(|core, _| core.is_idle()).await, Ok(true));
    led.stop.cancel();
    in_time(led.leader).await.expect("no panic").expect("ended well");
}
