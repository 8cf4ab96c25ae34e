//! What limited a run, in words.

use super::TimeShares;
use super::shares::own_time;
use crate::GroupIndex;
use crate::chain::Chain;
use crate::summary::bonds::{chain_of, jobs};
use crate::summary::stints::Member;
use crate::what_if::{Job, makespan};
use crate::{AttemptVerdict, Group, Millis, Run, RunSummary};
use std::collections::BTreeMap;

/// Shares below these are not worth a word, in percent.
const START_UP: u64 = 25;
const SETUP: u64 = 20;
const WAITING: u64 = 10;
const WASTED: u64 = 5;
const IMBALANCE: u64 = 10;

/// Parts that are tried for a spec that is too long.
const PARTS: u32 = 16;

pub(super) fn of(run: &Run, summary: &RunSummary, shares: &[TimeShares]) -> Vec<String> {
    let Some(total) = shares.last().filter(|total| total.total > Millis::ZERO) else { return Vec::new() };
    let jobs = jobs(run);
    let (mut findings, alone) = (Vec::new(), too_long(run, summary, &jobs));
    // What a spec that is too long hides: it would look different without it.
    let (chained, slots) = match alone {
        Some(_) => (None, None),
        None => (too_chained(run, summary, &jobs), slots(summary)),
    };
    findings.extend(alone);
    findings.extend(chained);
    let named = if shares.len() > 2 { &shares[..shares.len() - 1] } else { &shares[shares.len() - 1..] };
    for group in named {
        findings.extend(start_up(run, summary, group));
    }
    findings.extend(setup(total));
    findings.extend(waiting(run, total));
    findings.extend(wasted(&jobs, summary, total));
    findings.extend(imbalance(total));
    findings.extend(slots);
    if findings.is_empty()
        && let Some(ratio) = summary.ratio().filter(|ratio| *ratio < 1.1)
    {
        let off = ((ratio - 1.0) * 100.0).round();
        findings.push(format!("no schedule on these slots could have been more than {off}% shorter"));
    }
    findings
}

fn percent(part: Millis, whole: Millis) -> u64 {
    (part.0 as f64 * 100.0 / whole.0.max(1) as f64).round() as u64
}

fn busy(shares: &TimeShares) -> Millis {
    shares.tests + shares.start_up + shares.setup + shares.wasted
}

/// One spec that takes about as long as the run.
fn too_long(run: &Run, summary: &RunSummary, jobs: &[(Member<'_>, Job)]) -> Option<String> {
    let (place, (member, longest)) = jobs.iter().enumerate().max_by_key(|(_, (_, job))| job.duration)?;
    let length = longest.duration;
    let share = summary.slot_time.0 / u64::from(summary.slots.max(1));
    let alone = summary.slots > 1 && length.0 * 10 > share * 11 && length.0 * 10 >= summary.makespan.0 * 7;
    if !alone {
        return None;
    }
    let (name, whole) = (member.spec.whole_name(), member.spec.part.is_none());
    let took = match &member.spec.part {
        Some(part) => format!("part {} of {name} took {length} of {}", part.number, summary.makespan),
        None => format!("{name} alone took {length} of {}", summary.makespan),
    };
    let tests = member.ended.map_or(0, |(_, finish)| finish.tests.total());
    let better = if whole && longest.chain.is_none() && tests > 1 {
        in_parts(summary, jobs, place, tests.min(PARTS).min(summary.slots))
    } else {
        None
    };
    let Some((parts, shorter)) = better else {
        return Some(format!("{took}: more slots cannot make the run shorter"));
    };
    let split = match run.group_of(member.spec).recipe.select {
        Some(_) => format!("splitting it by its tests in {parts}"),
        None => format!("making it {parts} specs"),
    };
    Some(format!("{took}: {split} would bring the run to about {shorter}"))
}

/// The smallest number of parts that gains about all that can be gained, and how long the run would take.
fn in_parts(
    summary: &RunSummary,
    jobs: &[(Member<'_>, Job)],
    place: usize,
    most: u32,
) -> Option<(u32, Millis)> {
    let (member, longest) = jobs.get(place)?;
    let own = own_time(member).min(longest.duration);
    let each = longest.duration - own;
    let mut others: Vec<Job> = jobs.iter().map(|(_, job)| *job).collect();
    others.swap_remove(place);
    let with = |parts: u32| {
        let duration = each + Millis(own.0.div_ceil(u64::from(parts)));
        let mut jobs = others.clone();
        jobs.extend((0..parts).map(|_| Job { duration, ..*longest }));
        makespan(&jobs, summary.slots)
    };
    let tried: Vec<(u32, Millis)> = (2..=most).map(|parts| (parts, with(parts))).collect();
    let best = tried.iter().map(|(_, took)| *took).min()?;
    let good = tried.into_iter().find(|(_, took)| took.0 * 100 <= best.0 * 105)?;
    (good.1.0 * 10 <= summary.makespan.0 * 9).then_some(good)
}

/// Specs that follow each other and together take about as long as the run.
fn too_chained(run: &Run, summary: &RunSummary, jobs: &[(Member<'_>, Job)]) -> Option<String> {
    let mut chains: BTreeMap<(GroupIndex, Chain<'_>), (Millis, u32)> = BTreeMap::new();
    for (member, job) in jobs {
        let Some(chain) = chain_of(run, member.spec) else { continue };
        let (length, number) = chains.entry(chain).or_default();
        (*length, *number) = (*length + job.duration, *number + 1);
    }
    let ((group, chain), (length, number)) = chains.into_iter().max_by_key(|(_, (length, _))| *length)?;
    let share = summary.slot_time.0 / u64::from(summary.slots.max(1));
    let rules = summary.slots > 1
        && number > 1
        && length.0 * 10 > share * 11
        && length.0 * 10 >= summary.makespan.0 * 7;
    let name = match chain {
        Chain::Group => format!("group {}", label(run, group.0)),
        Chain::Serial => format!("what runs beside nothing of group {}", label(run, group.0)),
        Chain::Assembly(..) | Chain::Collection(..) => chain.to_string(),
    };
    let makespan = summary.makespan;
    rules.then(|| format!("the {number} attempts of {name} run one after the other: {length} of {makespan}"))
}

fn label(run: &Run, group: u32) -> &str {
    run.groups.get(group as usize).map_or("", |group| group.label.as_ref())
}

/// Processes that cost much beside their tests.
fn start_up(run: &Run, summary: &RunSummary, shares: &TimeShares) -> Option<String> {
    let share = percent(shares.start_up, busy(shares));
    if share < START_UP {
        return None;
    }
    let groups: Vec<&Group> = match shares.group.is_empty() {
        true => run.groups.iter().collect(),
        false => run.groups.iter().filter(|group| group.label.as_ref() == shares.group).collect(),
    };
    let of = if shares.group.is_empty() { String::new() } else { format!(" of group {}", shares.group) };
    let can = groups.iter().any(|group| !group.recipe.batch.is_empty());
    let may = groups.iter().any(|group| !group.recipe.batch.is_empty() && !group.policy.no_batches);
    let help = match (can, may) {
        (false, _) => "its framework takes one spec per process, so fewer and longer specs would help",
        (true, false) => "batches would help",
        (true, true) if summary.batches > 0 => "even with batches: fewer and longer specs would help",
        (true, true) => "batches would help, and workers of this run could make none",
    };
    Some(format!("start-up is {share}% of slot time{of}: {help}"))
}

fn setup(total: &TimeShares) -> Option<String> {
    let share = percent(total.setup, busy(total));
    (share >= SETUP).then(|| {
        format!("making ready and clearing up is {share}% of slot time: workspace, setup steps, reports, artifacts")
    })
}

/// Slots that were free while something waited.
fn waiting(run: &Run, total: &TimeShares) -> Option<String> {
    let share = percent(total.waiting, total.total);
    if share < WAITING {
        return None;
    }
    let mut causes = Vec::new();
    if run.specs.iter().any(|spec| chain_of(run, spec).is_some()) {
        causes.push("collections");
    }
    if run.specs.iter().any(|spec| !spec.locks.is_empty()) {
        causes.push("locks");
    }
    if run.groups.iter().any(|group| !group.requirements.is_empty()) {
        causes.push("requirements");
    }
    causes.push("workers that came late or were busy with other runs");
    Some(format!("slots were free for {share}% of the time while specs waited: {}", either(&causes)))
}

fn either(causes: &[&str]) -> String {
    match causes {
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    }
}

/// Attempts that came to nothing.
fn wasted(jobs: &[(Member<'_>, Job)], summary: &RunSummary, total: &TimeShares) -> Option<String> {
    let share = percent(total.wasted, busy(total));
    if share < WASTED {
        return None;
    }
    let mut counts: BTreeMap<AttemptVerdict, u32> = BTreeMap::new();
    for (member, _) in jobs.iter().filter(|(member, _)| !member.decides()) {
        if let Some((_, finish)) = member.ended {
            *counts.entry(finish.verdict).or_default() += 1;
        }
    }
    let mut parts: Vec<String> =
        counts.into_iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    if summary.backup_time > Millis::ZERO {
        parts.push(format!("{} beaten by another one", summary.backups));
    }
    Some(format!("attempts that decided nothing took {share}% of slot time ({})", parts.join(", ")))
}

fn imbalance(total: &TimeShares) -> Option<String> {
    let share = percent(total.imbalance, total.total);
    (share >= IMBALANCE)
        .then(|| format!("slots stood idle for {share}% of the time with nothing left to start"))
}

/// More slots would help, or fewer would have done.
fn slots(summary: &RunSummary) -> Option<String> {
    let worth = summary.worth?;
    let enough = summary.what_if.iter().find(|row| row.slots >= worth)?;
    if enough.slots < summary.slots {
        return Some(format!(
            "{} slots would have done about as well: {} instead of {} on {}",
            enough.slots, enough.makespan, summary.makespan, summary.slots
        ));
    }
    let gains = enough.makespan.0.saturating_mul(5) <= summary.makespan.0.saturating_mul(4);
    (enough.slots > summary.slots && gains)
        .then(|| format!("on {} slots it would take about {}", enough.slots, enough.makespan))
}
