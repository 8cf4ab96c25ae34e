//! The critical chain: from the last end back to what decided when it came.

use super::ChainLink;
use crate::chain::Chain;
use crate::summary::bonds::{chain_of, stages};
use crate::summary::stints::{Member, SlotKey, members};
use crate::{GroupIndex, Millis, Rule, Run, SpecIndex, Timestamp};
use std::collections::BTreeMap;

/// Links that are shown: nobody reads more, and a run may have a million specs on one slot. Those nearest to the end.
const LINKS: usize = 500;

/// What an attempt may have had to wait for. Of two that ended at once, the first in this list is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause<'a> {
    /// Another attempt of its spec.
    Spec(SpecIndex),
    /// Another spec of its chain.
    Chain(GroupIndex, Chain<'a>),
    /// The specs of a stage.
    Stage(GroupIndex, u32),
    /// A lock.
    Lock(&'a str),
    /// What was on its slot.
    Slot(SlotKey<'a>),
}

/// The chain of a run, the first link first.
pub(super) fn of(run: &Run) -> Vec<ChainLink> {
    let walk = Walk::of(run);
    let mut links = Vec::new();
    let mut at = walk.last();
    while let Some(rank) = at {
        if links.len() == LINKS {
            if let Some(first) = links.last_mut() {
                let first: &mut ChainLink = first;
                first.because.push_str("; what was before is left out");
            }
            break;
        }
        let (because, before) = walk.why(rank);
        links.push(walk.link(rank, because));
        at = before;
    }
    links.reverse();
    links
}

struct Walk<'a> {
    run: &'a Run,
    stages: Vec<u32>,
    /// By their beginning: what an attempt waited for has a lower place.
    members: Vec<Member<'a>>,
    /// Places in `members` by what others may have waited for, in the order of their ends.
    ended: BTreeMap<Cause<'a>, Vec<usize>>,
    /// When the run's first attempt was assigned.
    first: Timestamp,
    /// From there to the last end.
    length: Millis,
}

impl<'a> Walk<'a> {
    fn of(run: &'a Run) -> Walk<'a> {
        let stages = stages(run);
        let mut members: Vec<Member<'a>> = members(run).filter(|member| member.ended.is_some()).collect();
        members.sort_by_key(|member| (member.attempt.assigned_at, end(member), member.index, member.number));
        let first = members.first().map(|member| member.attempt.assigned_at).unwrap_or_default();
        let length = members.iter().map(|member| end(member).since(first)).max().unwrap_or_default();
        let mut walk = Walk { run, stages, members, ended: BTreeMap::new(), first, length };
        for (rank, member) in walk.members.iter().enumerate() {
            let stage = walk.stages.get(member.index.0 as usize).copied().unwrap_or(0);
            let mut causes = walk.causes(member);
            causes.push(Cause::Stage(member.spec.group, stage));
            causes.dedup();
            for cause in causes {
                walk.ended.entry(cause).or_default().push(rank);
            }
        }
        let members = &walk.members;
        walk.ended.values_mut().for_each(|ranks| ranks.sort_by_key(|rank| (end(&members[*rank]), *rank)));
        walk
    }

    /// What an attempt may have had to wait for, without stages.
    fn causes(&self, member: &Member<'a>) -> Vec<Cause<'a>> {
        let mut causes = vec![Cause::Spec(member.index)];
        causes.extend(chain_of(self.run, member.spec).map(|(group, chain)| Cause::Chain(group, chain)));
        causes.extend(member.spec.locks.iter().map(|lock| Cause::Lock(lock.name.as_str())));
        causes.push(Cause::Slot((member.attempt.worker.0.as_str(), member.attempt.slot.0)));
        causes
    }

    /// The attempt that ended last, of those that count.
    fn last(&self) -> Option<usize> {
        let counting = (0..self.members.len()).filter(|rank| !self.members[*rank].attempt.dismissed);
        counting.max_by_key(|rank| (end(&self.members[*rank]), *rank))
    }

    /// Why an attempt did not start earlier, and what it waited for.
    fn why(&self, rank: usize) -> (String, Option<usize>) {
        let member = &self.members[rank];
        if let Some(before) = self.before_in_batch(rank) {
            let because = format!("it shares a process with {}, which came before", self.name(before));
            return (because, Some(before));
        }
        let beside = member.attempt.why.is_some_and(|why| why.rule == Rule::Backup);
        if beside && let Some(other) = self.running_beside(rank) {
            let number = self.members[other].number;
            return (format!("attempt {number} ran far beyond its forecast"), Some(other));
        }
        let submitted = self.run.submission_of(self.run.group_of(member.spec)).at;
        let assigned = member.attempt.assigned_at;
        match self.cause(rank).filter(|(_, before)| end(&self.members[*before]) >= submitted) {
            Some((cause, before)) => (self.words(rank, cause, before), Some(before)),
            // The chain begins: with the run, a group that joined it, or a slot that was not there before.
            None if assigned <= self.first => (String::new(), None),
            None if late(submitted, assigned, self.first) => ("its group came then".to_owned(), None),
            None => {
                let free =
                    "no slot was free for it before: its worker came late, or was busy with other runs";
                (free.to_owned(), None)
            }
        }
    }

    /// What ended last of all that it may have waited for.
    fn cause(&self, rank: usize) -> Option<(Cause<'a>, usize)> {
        let member = &self.members[rank];
        let assigned = member.attempt.assigned_at;
        let stage = self.stages.get(member.index.0 as usize).copied().unwrap_or(0);
        let mut causes = self.causes(member);
        causes.extend((0..stage).map(|earlier| Cause::Stage(member.spec.group, earlier)));
        let ended = causes.into_iter().filter_map(|cause| {
            let before = self.latest(cause, assigned, rank)?;
            // With several permits, only an end at that very moment can have been what it waited for.
            let at_once = end(&self.members[before]) == assigned;
            (at_once || !matches!(cause, Cause::Lock(_))).then_some((cause, before))
        });
        ended.max_by(|(cause, before), (other, than)| {
            let order = end(&self.members[*before]).cmp(&end(&self.members[*than]));
            order.then(other.cmp(cause))
        })
    }

    /// The latest of those with a cause that had ended by then.
    fn latest(&self, cause: Cause<'a>, by: Timestamp, below: usize) -> Option<usize> {
        let ranks = self.ended.get(&cause)?;
        let until = ranks.partition_point(|rank| end(&self.members[*rank]) <= by);
        // What took no time at all may have ended before it and be of a higher place; there are few of those.
        ranks[..until].iter().rev().take(LINKS).copied().find(|rank| *rank < below)
    }

    /// The one before it in its process.
    fn before_in_batch(&self, rank: usize) -> Option<usize> {
        let member = &self.members[rank];
        let batch = member.attempt.batch?;
        let together = |other: &Member<'_>| {
            let (one, two) = (other.attempt, member.attempt);
            one.batch == Some(batch) && one.slot == two.slot && one.worker == two.worker
        };
        let before = self.members[..rank].iter().enumerate().rev();
        let mut before =
            before.take_while(|(_, other)| other.attempt.assigned_at == member.attempt.assigned_at);
        before.find(|(_, other)| together(other)).map(|(place, _)| place)
    }

    /// The attempt of its spec that was running when it began.
    fn running_beside(&self, rank: usize) -> Option<usize> {
        let member = &self.members[rank];
        let others = self.ended.get(&Cause::Spec(member.index))?;
        others.iter().copied().filter(|other| *other < rank).find(|other| {
            let other = &self.members[*other];
            other.attempt.assigned_at <= member.attempt.assigned_at && end(other) > member.attempt.assigned_at
        })
    }

    fn words(&self, rank: usize, cause: Cause<'a>, before: usize) -> String {
        let (member, name) = (&self.members[rank], self.name(before));
        let mut words = match cause {
            Cause::Spec(_) => {
                let before = &self.members[before];
                let verdict = before.ended.map(|(_, finish)| finish.verdict.to_string()).unwrap_or_default();
                format!("attempt {} came before: {verdict}", before.number)
            }
            Cause::Chain(_, chain) => format!("of {chain} one spec runs at a time, and {name} did"),
            Cause::Stage(..) => format!("what comes before it in its group had to end, {name} as the last"),
            Cause::Lock(lock) => format!("{name} held lock {lock}"),
            Cause::Slot(_) => format!("{name} was on its slot"),
        };
        let gap = member.attempt.assigned_at.since(end(&self.members[before]));
        if gap.0 > 0 && gap.0.saturating_mul(100) >= self.length.0 {
            words.push_str(&format!("; {gap} later a slot was free for it"));
        }
        words
    }

    fn name(&self, rank: usize) -> &'a str {
        self.members[rank].spec.name.as_ref()
    }

    fn link(&self, rank: usize, because: String) -> ChainLink {
        let member = &self.members[rank];
        let assigned = member.attempt.assigned_at;
        let start = self.before_in_batch(rank).map_or(assigned, |before| end(&self.members[before]));
        ChainLink {
            group: self.run.group_of(member.spec).label.as_ref().to_owned(),
            spec: member.spec.name.as_ref().to_owned(),
            attempt: member.number,
            worker: member.attempt.worker.clone(),
            slot: member.attempt.slot,
            start: start.since(self.first),
            end: end(member).since(self.first),
            because,
        }
    }
}

fn end(member: &Member<'_>) -> Timestamp {
    member.ended.map_or(member.attempt.assigned_at, |(at, _)| at)
}

/// True when a submission that came after the first assignment is why nothing of it started before.
fn late(submitted: Timestamp, assigned: Timestamp, first: Timestamp) -> bool {
    let waited = assigned.since(submitted);
    submitted > first && waited.0 <= submitted.since(first).0
}
