//! The decisions of a coordinator, without etcd: what happened goes in with the time, and what to do is asked for.
//!
//! There is no script of states. Each [`Machine::next`] compares what is known of etcd with what should be there, and
//! asks for the one thing that is most amiss; so a first start, a lost lease and a wiped etcd all take the same way.
//! Answers that were lost do no harm: every change is a transaction that says what it expects, and finds its own work.

mod claim;
mod office;
mod sight;
#[cfg(test)]
mod tests;

use super::clock::Moment;
use super::keys::{Key, Keys};
use super::lease::{Lease, beat};
use super::model::{Ask, Entry, Event, Expect, Outcome, Then, Txn};
use super::picture::{Picture, WorkerNote};
use super::retry::Retry;
use super::rival::{Contest, Waiting, twin};
use super::trouble::{Kind, Trouble};
use crate::bounds;
use crate::cluster::{ClusterError, Member, MeshNote, View};
use claim::Claim;
use office::Office;
use sight::Sight;
pub(super) use sight::Watch;
use std::collections::BTreeSet;
use std::time::Duration;

/// Our part in the mesh.
#[derive(Debug)]
pub(super) struct Machine {
    keys: Keys,
    ttl: Duration,
    me: Member,
    /// What to write where nobody has said yet which mesh this is.
    mesh: MeshNote,
    lease: Option<Lease>,
    picture: Picture,
    sight: Sight,
    contest: Contest,
    waiting: Option<Waiting>,
    office: Office,
    workers: BTreeSet<String>,
    /// Workers that are written even over another daemon's word: they came to us last.
    fresh: BTreeSet<String>,
    /// Of what is asked for.
    retry: Retry,
    /// Of keeping the lease alive.
    keeping: Retry,
    /// The last failure since all was well.
    trouble: Option<Trouble>,
    degraded: Option<(Ailment, String)>,
    fatal: Option<ClusterError>,
}

/// Why etcd cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ailment {
    NoLease,
    Lapsed,
    Waiting,
    Blind,
    Failing,
}

impl Machine {
    pub(super) fn new(keys: Keys, ttl: Duration, me: Member, mesh: MeshNote) -> Machine {
        let office = Office::new(&me);
        Machine {
            keys,
            ttl,
            me,
            mesh,
            lease: None,
            picture: Picture::default(),
            sight: Sight::default(),
            contest: Contest::default(),
            waiting: None,
            office,
            workers: BTreeSet::new(),
            fresh: BTreeSet::new(),
            retry: Retry::default(),
            keeping: Retry::default(),
            trouble: None,
            degraded: None,
            fatal: None,
        }
    }

    /// Takes in what happened. `roll` is chance.
    pub(super) fn handle(&mut self, event: Event, now: Moment, roll: u64) {
        self.look_at_clock(now);
        match event {
            Event::Listed(listing) => {
                self.retry.clear();
                if self.sight.listed(&listing, self.picture.seen(), now) {
                    self.picture.replace(listing);
                    self.compare(now, roll);
                }
            }
            Event::Changed { watch, changes } => {
                if self.sight.watch().is_some_and(|current| current.number == watch) {
                    self.picture.changed(changes);
                    self.compare(now, roll);
                }
            }
            Event::Blind { watch, trouble } => {
                if self.sight.blind(watch, now, roll) {
                    self.note(trouble);
                }
            }
            Event::Granted { lease, ttl, sent } => {
                self.retry.clear();
                self.keeping.clear();
                self.lease = Some(Lease::new(lease, ttl, sent));
                self.fresh.clone_from(&self.workers);
            }
            Event::Acked { lease, ttl, sent } => self.acked(lease, ttl, sent, now),
            Event::LeaseGone { lease } => self.lose_lease(lease, now),
            Event::Silent { lease, trouble } => {
                if self.lease.is_some_and(|ours| ours.id == lease) {
                    self.keeping.failed(now, roll);
                    self.note(trouble);
                }
            }
            Event::Looked { lease, left, sent, received } => {
                self.retry.clear();
                let waiting = self.waiting.as_mut().filter(|waiting| waiting.lease == lease);
                if let Some(waiting) = waiting
                    && waiting.looked(left, sent, received)
                {
                    self.fatal = Some(waiting.refusal.clone());
                }
            }
            Event::Answered { txn, outcome } => self.answered(txn, outcome, now, roll),
            Event::Failed { trouble } => {
                self.retry.failed(now, roll);
                if trouble.kind == Kind::LeaseGone
                    && let Some(lease) = self.lease
                {
                    self.lose_lease(lease.id, now);
                }
                self.note(trouble);
            }
        }
        self.judge_health(now);
    }

    /// Nothing happened but time.
    pub(super) fn tick(&mut self, now: Moment) {
        self.look_at_clock(now);
        self.judge_health(now);
    }

    /// This is what to register from now on.
    pub(super) fn register(&mut self, member: Member) -> Result<(), ClusterError> {
        let (name, identity, started_at) =
            (self.me.name.clone(), self.me.identity.clone(), self.me.started_at);
        let member = Member { name, identity, started_at, ..member };
        check_size(&member)?;
        self.me = member;
        self.office.rename(&self.me);
        Ok(())
    }

    /// These workers are linked here.
    pub(super) fn link(&mut self, mut workers: BTreeSet<String>) {
        if workers.len() > bounds::MEMBER_WORKERS {
            tracing::warn!(
                linked = workers.len(),
                registered = bounds::MEMBER_WORKERS,
                "too many workers for one daemon"
            );
            workers = workers.into_iter().take(bounds::MEMBER_WORKERS).collect();
        }
        self.fresh.extend(workers.difference(&self.workers).cloned());
        self.fresh.retain(|worker| workers.contains(worker));
        self.workers = workers;
    }

    /// Give the leader key back, and do not try for it for so long.
    pub(super) fn resign(&mut self, pause: Duration, now: Moment) {
        self.office.resign(now + pause);
    }

    /// What to ask etcd now; nothing when all is as it should be, or the time has not come.
    pub(super) fn next(&mut self, now: Moment) -> Option<Ask> {
        if self.fatal.is_some() || !self.may_ask(now) {
            return None;
        }
        if self.sight.due(now) {
            return Some(Ask::List);
        }
        if self.picture.mesh.is_none() {
            let then = Then::Put { value: json(&self.mesh), lease: 0 };
            return Some(Ask::Change(Txn { key: Key::Mesh, expect: Expect::Absent, then }));
        }
        let Some(lease) = self.lease else { return Some(Ask::Grant { ttl: self.ttl }) };
        if !lease.is_good(now) {
            // Only a keep-alive can tell what is left of it.
            return None;
        }
        if let Some(txn) = self.office.give_back(&self.picture, lease.id, now) {
            return Some(Ask::Change(txn));
        }
        match self.claim(lease.id, now) {
            Claim::Settled => {}
            Claim::Ask(ask) => return Some(ask),
            Claim::Hold => return None,
        }
        let txn = self.office.take(&self.picture, lease.id, &self.me, now);
        txn.or_else(|| self.next_worker(lease.id)).map(Ask::Change)
    }

    /// True when enough time has passed since the last failure.
    pub(super) fn may_ask(&self, now: Moment) -> bool {
        now >= self.retry.at()
    }

    /// The lease to keep alive now, and its time to live.
    pub(super) fn lease_to_keep(&self, now: Moment) -> Option<(i64, Duration)> {
        let lease = self.lease.filter(|_| self.fatal.is_none() && now >= self.keeping.at())?;
        Some((lease.id, lease.ttl))
    }

    /// The lease that we have.
    pub(super) fn lease(&self) -> Option<i64> {
        self.lease.map(|lease| lease.id)
    }

    /// Gives up the lease, and the office with it; etcd is to be told by the caller.
    pub(super) fn surrender(&mut self) -> Option<i64> {
        self.lease.take().map(|lease| lease.id)
    }

    /// What to watch.
    pub(super) fn watch(&self) -> Option<Watch> {
        self.sight.watch().filter(|_| self.fatal.is_none())
    }

    /// Why we must leave.
    pub(super) fn fatal(&self) -> Option<&ClusterError> {
        self.fatal.as_ref()
    }

    /// The last failure, while something is amiss.
    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// True once we are registered and see the others.
    pub(super) fn joined(&self) -> bool {
        let ours = self.lease.and_then(|lease| Some((lease.id, self.picture.hosts.get(&self.me.name)?)));
        self.fatal.is_none()
            && self.picture.mesh.is_some()
            && self.sight.watch().is_some()
            && ours.is_some_and(|(lease, host)| host.entry.lease == lease)
    }

    /// What the rest of the daemon sees.
    pub(super) fn view(&self, now: Moment) -> View {
        let hosts = self.picture.hosts.iter();
        let others = hosts.filter_map(|(name, host)| Some((name.clone(), host.says.clone()?)));
        let me = (self.me.name.clone(), self.me.clone());
        let workers = self.picture.workers.iter();
        let good = self.lease.filter(|lease| lease.is_good(now));
        let in_office = good.is_some_and(|lease| self.office.is_held(&self.picture, lease.id, now));
        View {
            members: others.chain([me]).collect(),
            workers: workers
                .filter_map(|(name, note)| Some((name.clone(), note.says.clone()?.daemon)))
                .collect(),
            leader: self.picture.leader.as_ref().and_then(|leader| leader.says.clone()),
            in_office: in_office && self.fatal.is_none(),
            degraded: self.degraded.as_ref().map(|(_, why)| why.clone()),
            mesh: self.picture.mesh.as_ref().and_then(|mesh| mesh.says.clone()),
            fatal: self.fatal.as_ref().map(ToString::to_string),
        }
    }

    /// When to look again if nothing happens. Never further away than a keep-alive, because the timers that wait for
    /// this do not count the time that the machine sleeps.
    pub(super) fn wake(&self, now: Moment) -> Moment {
        let (resigned_until, try_at) = self.office.wakes();
        let mut moments =
            vec![self.retry.at(), self.keeping.at(), self.sight.list_at(), resigned_until, try_at];
        moments.extend(self.lease.map(|lease| lease.good_until()));
        moments.extend(self.waiting.as_ref().map(|waiting| waiting.look_at));
        moments.extend(self.sight.blind_since().map(|since| since + bounds::ETCD_BLIND));
        let next = moments.into_iter().filter(|moment| *moment > now).min();
        let latest = now + beat(self.ttl);
        next.map_or(latest, |next| next.min(latest))
    }

    fn look_at_clock(&mut self, now: Moment) {
        if self.lease.as_mut().is_some_and(|lease| lease.look(now)) {
            // The lease may be gone, and everything with it, although somebody says later that it lives.
            self.office.doubt();
            self.sight.nudge(now);
        }
    }

    fn acked(&mut self, lease: i64, ttl: Duration, sent: Moment, now: Moment) {
        let Some(ours) = self.lease.as_mut().filter(|ours| ours.id == lease) else { return };
        self.keeping.clear();
        if ours.acked(ttl, sent, now) {
            self.sight.nudge(now);
        }
    }

    fn lose_lease(&mut self, lease: i64, now: Moment) {
        if self.lease.is_some_and(|ours| ours.id == lease) {
            tracing::warn!("the lease of this daemon is gone; registering again");
            self.lease = None;
            self.contest = Contest::default();
            self.office.doubt();
            self.sight.nudge(now);
        }
    }

    fn answered(&mut self, txn: Txn, outcome: Outcome, now: Moment, roll: u64) {
        self.retry.clear();
        let Outcome { revision, done, found } = outcome;
        let entry = match (done, &txn.then) {
            (true, Then::Put { value, lease }) => {
                let before = self.picture.entry(&txn.key).filter(|_| txn.expect != Expect::Absent);
                let created = before.map_or(revision, |before| before.created);
                Some(Entry { value: value.clone(), lease: *lease, created, modified: revision })
            }
            (true, Then::Delete) => None,
            (true, Then::Nothing) => self.picture.entry(&txn.key).cloned(),
            (false, _) => found,
        };
        if txn.key == Key::Leader {
            self.office.answered(&txn, entry.as_ref());
        }
        if done && self.contest.had && self.is_written_over(&txn.key) {
            self.contest.reasserted += 1;
        }
        self.picture.learn(&txn.key, revision, entry);
        self.compare(now, roll);
    }

    /// Compares what is known with what must never be.
    fn compare(&mut self, now: Moment, roll: u64) {
        self.office.look(&self.picture, now, roll);
        let Some(lease) = self.lease else { return self.check_mesh() };
        let workers = &self.picture.workers;
        self.fresh.retain(|name| workers.get(name).is_none_or(|note| note.entry.lease != lease.id));
        let ours = self.picture.hosts.get(&self.me.name).filter(|host| host.entry.lease == lease.id);
        if let Some(ours) = ours {
            self.contest.had = true;
            let first = self.picture.hosts.values().find_map(|host| {
                let other = host.says.as_ref()?;
                let kin = other.identity == self.me.identity && other.name != self.me.name;
                (kin && host.entry.created < ours.entry.created).then(|| twin(&self.me, other))
            });
            self.fatal = self.fatal.take().or(first);
        }
        self.check_mesh();
    }

    fn check_mesh(&mut self) {
        let Some(mesh) = &self.picture.mesh else { return };
        let refusal = match &mesh.says {
            Some(theirs) if theirs.same_mesh(&self.mesh) => return,
            Some(theirs) => ClusterError::OtherMesh {
                prefix: self.keys.root().trim_end_matches('/').to_owned(),
                ours: self.mesh.place(),
                theirs: theirs.place(),
            },
            None => {
                let why = "it does not hold what a daemon writes";
                ClusterError::InTheWay { key: self.keys.name(&Key::Mesh), why }
            }
        };
        self.fatal = self.fatal.take().or(Some(refusal));
    }

    /// True for this host's key while somebody else's entry is under it.
    fn is_written_over(&self, key: &Key) -> bool {
        let entry = self.picture.entry(key).filter(|_| *key == Key::Host(self.me.name.clone()));
        entry.is_some_and(|entry| self.lease.is_some_and(|lease| lease.id != entry.lease))
    }

    fn next_worker(&self, lease: i64) -> Option<Txn> {
        let known = &self.picture.workers;
        let gone =
            known.iter().find(|(name, note)| note.entry.lease == lease && !self.workers.contains(*name));
        if let Some((name, _)) = gone {
            let key = Key::Worker(name.clone());
            return Some(Txn { key, expect: Expect::Lease(lease), then: Then::Delete });
        }
        // A worker that another daemon has claimed since stays that daemon's.
        let missing = self.workers.iter().find(|name| match known.get(*name) {
            Some(note) => note.entry.lease != lease && self.fresh.contains(*name),
            None => true,
        })?;
        let expect = if self.fresh.contains(missing) { Expect::Anything } else { Expect::Absent };
        let value = json(&WorkerNote { daemon: self.me.name.clone() });
        Some(Txn { key: Key::Worker(missing.clone()), expect, then: Then::Put { value, lease } })
    }

    fn note(&mut self, trouble: Trouble) {
        self.trouble = Some(trouble);
    }

    /// Decides whether etcd can be used. The words stay as they are for as long as the ailment does.
    fn judge_health(&mut self, now: Moment) {
        let blind = self.sight.blind_since().is_some_and(|since| now >= since + bounds::ETCD_BLIND);
        let ailment = match self.lease {
            None => Some(Ailment::NoLease),
            Some(lease) if !lease.is_good(now) => Some(Ailment::Lapsed),
            Some(_) if self.waiting.is_some() => Some(Ailment::Waiting),
            Some(_) if blind => Some(Ailment::Blind),
            Some(_) if self.retry.failures() >= bounds::ETCD_FAILURES => Some(Ailment::Failing),
            Some(_) => None,
        };
        let Some(ailment) = ailment else {
            let quiet = self.retry.failures() + self.keeping.failures() == 0;
            if quiet && self.sight.blind_since().is_none() {
                self.trouble = None;
            }
            self.degraded = None;
            return;
        };
        if self.degraded.as_ref().is_none_or(|(known, _)| *known != ailment) {
            self.degraded = Some((ailment, self.words(ailment)));
        }
    }

    fn words(&self, ailment: Ailment) -> String {
        let what = match ailment {
            Ailment::NoLease => "this daemon is not registered in etcd",
            Ailment::Lapsed => "etcd did not confirm this daemon's lease in time",
            Ailment::Waiting => "somebody else is registered under this daemon's name or identity",
            Ailment::Blind => "what is known of the other daemons may be old",
            Ailment::Failing => "etcd does not take what this daemon writes",
        };
        match &self.trouble {
            Some(trouble) => format!("{what}: {trouble}"),
            None => what.to_owned(),
        }
    }
}

/// Refuses a document that would not fit.
pub(super) fn check_size(member: &Member) -> Result<(), ClusterError> {
    let bytes = json(member).len();
    match bytes > bounds::MEMBER_BYTES {
        true => Err(ClusterError::TooLarge { bytes, limit: bounds::MEMBER_BYTES }),
        false => Ok(()),
    }
}

/// As it is stored. Our documents are plain and always can be.
fn json<T: serde::Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}
