//! What specs of a run had to wait for one another for: chains, whose specs run one after the other, and stages.

use super::stints::{Member, members};
use crate::chain::Chain;
use crate::what_if::Job;
use crate::{GroupIndex, Parallel, Run, Spec, SpecIndex, Timestamp};
use std::collections::BTreeMap;

/// The chain that a spec is in, with its group; none when it is in none.
pub(crate) fn chain_of<'a>(run: &Run, spec: &'a Spec) -> Option<(GroupIndex, Chain<'a>)> {
    Some((spec.group, Chain::of(run.group_of(spec).policy.parallel, spec)?))
}

/// The stage of each spec within its group, by [`SpecIndex`]: specs of a later one start after those of earlier ones.
/// Assemblies follow each other in the order in which they began.
pub(crate) fn stages(run: &Run) -> Vec<u32> {
    let by_assembly = |spec: &Spec| run.group_of(spec).policy.parallel == Parallel::Collections;
    let mut begun: BTreeMap<(GroupIndex, &str), Timestamp> = BTreeMap::new();
    for spec in run.specs.iter().filter(|spec| by_assembly(spec) && !spec.serial) {
        let first = spec.attempts.first().map_or(Timestamp(u64::MAX), |attempt| attempt.assigned_at);
        let begun = begun.entry((spec.group, spec.assembly.as_deref().unwrap_or_default())).or_insert(first);
        *begun = first.min(*begun);
    }
    let mut order: Vec<_> = begun.into_iter().map(|((group, name), at)| (group, at, name)).collect();
    order.sort();
    let mut stages: BTreeMap<(GroupIndex, &str), u32> = BTreeMap::new();
    let mut next: BTreeMap<GroupIndex, u32> = BTreeMap::new();
    for (group, _, name) in order {
        let next = next.entry(group).or_default();
        stages.insert((group, name), *next);
        *next += 1;
    }
    let stage = |spec: &Spec| {
        if spec.serial && run.group_of(spec).policy.parallel != Parallel::None {
            return next.get(&spec.group).copied().unwrap_or(1).max(1);
        }
        stages.get(&(spec.group, spec.assembly.as_deref().unwrap_or_default())).copied().unwrap_or(0)
    };
    run.specs.iter().map(stage).collect()
}

/// What keeps attempts from running at the same time: a chain of their group, or, of attempts in none, their spec.
type Bond<'a> = (Option<(GroupIndex, Chain<'a>)>, Option<SpecIndex>);

/// The attempts that ended, as work that could have been done on other numbers of slots. Those that another attempt of
/// their spec beat are left out: without stragglers they would not have been made.
pub(crate) fn jobs(run: &Run) -> Vec<(Member<'_>, Job)> {
    let stages = stages(run);
    let mut chains: BTreeMap<Bond<'_>, u32> = BTreeMap::new();
    let mut jobs = Vec::new();
    for member in members(run).filter(|member| member.ended.is_some() && !member.attempt.dismissed) {
        let chain = chain_of(run, member.spec);
        // Attempts of one spec follow each other, too.
        let tries = (chain.is_none() && member.spec.attempts.len() > 1).then_some(member.index);
        let number = (chain.is_some() || tries.is_some()).then(|| {
            let next = chains.len() as u32;
            *chains.entry((chain, tries)).or_insert(next)
        });
        let job = Job {
            duration: member.attempt.slot_time(),
            chain: number,
            stage: stages.get(member.index.0 as usize).copied().unwrap_or(0),
            group: member.spec.group.0,
        };
        jobs.push((member, job));
    }
    jobs
}
