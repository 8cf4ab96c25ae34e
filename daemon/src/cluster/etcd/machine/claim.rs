//! The key of this host: how it comes to be ours, and stays it.

use super::{Machine, json};
use crate::cluster::etcd::clock::Moment;
use crate::cluster::etcd::keys::Key;
use crate::cluster::etcd::model::{Ask, Expect, Then, Txn};
use crate::cluster::etcd::rival::{Judgement, Rival, Waiting, judge};

/// What to do about the key of this host.
pub(super) enum Claim {
    /// It is ours and says what it should.
    Settled,
    /// Ask this first.
    Ask(Ask),
    /// Wait.
    Hold,
}

/// What is under the key, as far as it matters.
enum Found {
    Ours { current: bool, modified: i64 },
    Other { judgement: Judgement, lease: i64, modified: Option<i64>, started_at: Option<u64> },
    Nothing,
}

impl Machine {
    pub(super) fn claim(&mut self, lease: i64, now: Moment) -> Claim {
        let key = Key::Host(self.me.name.clone());
        let value = json(&self.me);
        let write = |expect| {
            let then = Then::Put { value: value.clone(), lease };
            Claim::Ask(Ask::Change(Txn { key: key.clone(), expect, then }))
        };
        match self.find(&key, &value, lease) {
            Found::Ours { current: true, .. } => {
                self.waiting = None;
                Claim::Settled
            }
            Found::Ours { current: false, modified } => write(Expect::Modified(modified)),
            Found::Nothing => {
                self.waiting = None;
                write(Expect::Absent)
            }
            Found::Other { judgement: Judgement::Replace, modified, started_at, .. } => {
                self.waiting = None;
                if !self.contest.had {
                    self.contest.replaced = started_at.filter(|start| *start != self.me.started_at);
                }
                write(modified.map_or(Expect::Absent, Expect::Modified))
            }
            Found::Other { judgement: Judgement::Refuse(refusal), .. } => {
                self.fatal = Some(refusal);
                Claim::Hold
            }
            Found::Other { judgement: Judgement::Wait(refusal), lease: theirs, .. } => {
                if self.waiting.as_ref().is_none_or(|waiting| waiting.lease != theirs) {
                    tracing::info!(reason = %refusal, "waiting for the lease of another entry to run out");
                    self.waiting = Some(Waiting::new(theirs, refusal, now));
                }
                match &self.waiting {
                    Some(waiting) if now >= waiting.look_at => Claim::Ask(Ask::Look { lease: theirs }),
                    Some(_) | None => Claim::Hold,
                }
            }
        }
    }

    /// Looks at the key, and at others with our identity.
    fn find(&self, key: &Key, value: &[u8], lease: i64) -> Found {
        if let Some(host) = self.picture.hosts.get(&self.me.name) {
            let modified = host.entry.modified;
            if host.entry.lease == lease {
                return Found::Ours { current: host.entry.value == value, modified };
            }
            let name = self.keys.name(key);
            let rival = Rival { key: &name, member: host.says.as_ref(), lease: host.entry.lease };
            return Found::Other {
                judgement: judge(rival, &self.me, self.contest),
                lease: host.entry.lease,
                modified: Some(modified),
                started_at: host.says.as_ref().map(|other| other.started_at),
            };
        }
        let twin = self.picture.hosts.iter().find_map(|(name, host)| {
            let other = host.says.as_ref()?;
            (other.identity == self.me.identity && *name != self.me.name).then_some((name, host, other))
        });
        let Some((name, host, other)) = twin else { return Found::Nothing };
        let name = self.keys.name(&Key::Host(name.clone()));
        let rival = Rival { key: &name, member: Some(other), lease: host.entry.lease };
        Found::Other {
            judgement: judge(rival, &self.me, self.contest),
            lease: host.entry.lease,
            modified: None,
            started_at: Some(other.started_at),
        }
    }
}
