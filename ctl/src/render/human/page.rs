//! A whole run at once, as `show` tells it.

use super::summary::details;
use super::words::{STATUS_COLUMNS, attempt_word, counted_tests, state_word};
use crate::text::{Palette, ago, bytes, clean, count, day_and_time, left, right, took, width};
use crate::view::{AttemptView, GroupView, RunView, SpecView, Whole, short_id};
use part_core::{CancelReason, RunVerdict, SpecVerdict, Timestamp};
use part_proto::v1::RunInfo;
use std::collections::HashSet;

/// Artifacts of one attempt that are listed.
const ARTIFACTS: usize = 10;
/// Columns of the headings on the left.
const HEAD: usize = 9;

/// The run with the specs that are asked for.
pub(crate) fn run_page(
    view: &RunView,
    info: &RunInfo,
    specs: &[&SpecView],
    now: Timestamp,
    palette: Palette,
) -> String {
    let mut text = head(view, info, now, palette);
    text.push_str(&details(view, palette));
    let wholes = asked_for(view, specs);
    for (place, group) in view.groups.iter().enumerate() {
        let wholes: Vec<&Whole<'_>> = wholes.iter().filter(|whole| whole.group() == place).collect();
        if wholes.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", group_line(group, palette)));
        let columns = wholes.iter().map(|whole| width(whole.name)).max().unwrap_or(0).min(60);
        for whole in wholes {
            text.push_str(&spec_lines(whole, columns, now, palette));
        }
    }
    text
}

/// The specs that are asked for as people see them: one that was split is shown with all its parts.
pub(crate) fn asked_for<'v>(view: &'v RunView, specs: &[&SpecView]) -> Vec<Whole<'v>> {
    let wanted: HashSet<*const SpecView> = specs.iter().map(|spec| std::ptr::from_ref(*spec)).collect();
    let asked = |whole: &Whole<'_>| whole.parts.iter().any(|part| wanted.contains(&std::ptr::from_ref(part)));
    view.wholes().filter(asked).collect()
}

fn head(view: &RunView, info: &RunInfo, now: Timestamp, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let mut text =
        format!("{}  {}  {}\n", palette.name(&view.short()), clean(&view.project), clean(&view.build));
    let mut row = |head: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("{}  {value}\n", palette.dim(&right(head, HEAD))));
        }
    };
    row("state", state(view, info, palette));
    row("open", clean(&info.open_because));
    if view.attempt > 1 {
        row("attempt", format!("{} of its build", view.attempt));
    }
    let source = &view.source;
    let by = match (source.user.as_str(), source.host.as_str()) {
        ("", "") => String::new(),
        ("", host) => format!(" on {}", clean(host)),
        (user, "") => format!(" by {}", clean(user)),
        (user, host) => format!(" by {} on {}", clean(user), clean(host)),
    };
    row("opened", format!("{} ({}){by}", day_and_time(view.opened_at), ago(view.opened_at, now)));
    if !source.commit.is_empty() {
        let commit: String = source.commit.chars().take(12).collect();
        let branch = if source.branch.is_empty() { String::new() } else { format!(" on {}", source.branch) };
        row("commit", clean(&format!("{commit}{branch}")));
    }
    if let Some(run) = source.rerun_of {
        row("reruns", run.short());
    }
    row("workspace", clean(&view.workspace));
    text
}

/// What the run is at, in words that are true for interrupted runs, too.
fn state(view: &RunView, info: &RunInfo, palette: Palette) -> String {
    let undecided = view.left();
    match (&view.finished, info.abandoned) {
        (Some(finished), _) => {
            let word = finished.verdict.to_string();
            let word = match finished.verdict {
                RunVerdict::Passed => palette.pass(&word),
                RunVerdict::Cancelled => palette.warn(&word),
                RunVerdict::Failed | RunVerdict::Incomplete | RunVerdict::NothingRan => palette.fail(&word),
            };
            match &view.cancelled {
                Some(CancelReason::Abandoned { detail }) => {
                    format!("{word}: interrupted, {}", clean::line(detail, palette.into()))
                }
                Some(CancelReason::Requested { by }) => {
                    format!("{word} by {}", clean::line(by, palette.into()))
                }
                Some(CancelReason::MaxFailures { failures }) => {
                    format!("{word}: stopped after {}", count(*failures, "failure"))
                }
                Some(CancelReason::GroupsMissing { missing }) => {
                    format!("{word}: {} did not come", clean::line(missing, palette.into()))
                }
                None => word,
            }
        }
        (None, true) => {
            let what = palette.fail("interrupted: the partctl or partd that ran it is gone");
            format!("{what}; {} without a verdict", count(undecided, "spec"))
        }
        (None, false) => {
            let what =
                if view.cancelled.is_some() { palette.warn("stopping") } else { palette.note("running") };
            format!("{what}: {} of {} done", view.tally.decided, count(view.total, "spec"))
        }
    }
}

fn group_line(group: &GroupView, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let mut facts = vec![format!("suite {}", clean(&group.suite)), clean(&group.recipe.framework)];
    if !group.requirements.is_empty() {
        facts.push(format!("needs {}", clean(&group.requirements.join(" and "))));
    }
    if group.retries > 0 {
        facts.push(match group.retries {
            1 => "1 retry".to_owned(),
            retries => format!("{retries} retries"),
        });
    }
    format!("{}  {}", palette.note(&clean(&group.label)), palette.dim(&facts.join(", ")))
}

fn spec_lines(whole: &Whole<'_>, columns: usize, now: Timestamp, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let verdict = whole.verdict();
    let mut status = state_word(verdict, whole.is_running(), palette);
    let mut facts = Vec::new();
    if let (true, Some(SpecVerdict::NotPassed(verdict))) = (whole.quarantined(), verdict) {
        status = palette.warn(&attempt_word(verdict, false, Palette::PLAIN));
        facts.push("quarantined".to_owned());
    }
    let time = match whole.parts {
        [part] => part_facts(part, now, &mut facts, palette),
        parts => {
            facts.push(format!("in {} parts", parts.len()));
            facts.extend(whole.expected().map(|expected| format!("forecast {}", took(expected))));
            String::new()
        }
    };
    let name = left(&clean(whole.name), columns);
    let facts = palette.dim(&facts.join(", "));
    let mut text = format!("{}  {}  {name}  {facts}", right(&status, STATUS_COLUMNS), right(&time, 7))
        .trim_end()
        .to_owned();
    text.push('\n');
    let attempts: Vec<(u32, &AttemptView)> = whole.attempts().collect();
    if attempts.len() > 1 || whole.is_split() {
        for (part, attempt) in &attempts {
            text.push_str(&attempt_line(*part, attempt, now, palette));
        }
    }
    for (_, attempt) in &attempts {
        text.push_str(&artifact_lines(attempt, palette));
    }
    text
}

/// What there is to say about a spec that was not split; returns how long it took, or takes so far.
fn part_facts(spec: &SpecView, now: Timestamp, facts: &mut Vec<String>, palette: Palette) -> String {
    let newest = spec.active().or(spec.last_ended()).or(spec.attempts.last());
    match (&spec.carried, newest) {
        (Some((from, _)), _) => {
            let run = from.split('/').next().unwrap_or(from);
            facts.push(format!("passed in {}", clean::line(&short_id(run), palette.into())));
        }
        (None, Some(attempt)) => facts.extend(attempt_facts(attempt, palette)),
        (None, None) => facts.extend(spec.expected.map(|expected| format!("forecast {}", took(expected)))),
    }
    match newest {
        Some(attempt) => took(attempt.took().unwrap_or_else(|| attempt.spent(now))),
        None => spec.carried.as_ref().map(|(_, time)| took(*time)).unwrap_or_default(),
    }
}

fn attempt_line(part: u32, attempt: &AttemptView, now: Timestamp, palette: Palette) -> String {
    let word = match attempt.finish() {
        Some(_) if attempt.dismissed => palette.dim("BEATEN"),
        Some(finish) => attempt_word(finish.verdict, false, palette),
        None => palette.note("RUNNING"),
    };
    let time = took(attempt.took().unwrap_or_else(|| attempt.spent(now)));
    let mut facts = attempt_facts(attempt, palette);
    if let Some(late) = attempt.superseded {
        facts.push(format!("a late report says \"{late}\""));
    }
    let gap = " ".repeat(STATUS_COLUMNS + 11);
    let facts = palette.dim(&facts.join(", "));
    let part = if part > 0 { format!("part {part} ") } else { String::new() };
    format!(
        "{gap}{part}try {}  {}  {}  {facts}\n",
        attempt.number,
        left(&word, STATUS_COLUMNS),
        right(&time, 7)
    )
}

fn attempt_facts(attempt: &AttemptView, palette: Palette) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(finish) = attempt.finish() {
        let tests = counted_tests(&finish.tests);
        if !tests.is_empty() {
            facts.push(tests);
        }
        if let (Some(forecast), Some(time)) = (attempt.forecast, attempt.took())
            && time.0.abs_diff(forecast.0) >= 1000
        {
            facts.push(format!("forecast {}", took(forecast)));
        }
        if finish.output.total_bytes > 0 {
            facts.push(format!("{} of output", bytes(finish.output.total_bytes)));
        }
    } else {
        facts.extend(attempt.forecast.map(|forecast| format!("forecast {}", took(forecast))));
    }
    facts.push(format!("{} slot {}", clean::line(&attempt.worker, palette.into()), attempt.slot));
    if attempt.batch.is_some() {
        facts.push("in a batch".to_owned());
    }
    if attempt.backup {
        facts.push("a backup".to_owned());
    }
    facts
}

fn artifact_lines(attempt: &AttemptView, palette: Palette) -> String {
    let Some(finish) = attempt.finish() else { return String::new() };
    let gap = " ".repeat(STATUS_COLUMNS + 11);
    let mut text = String::new();
    for file in finish.artifacts.iter().take(ARTIFACTS) {
        let path = clean::line(&file.path, palette.into());
        text.push_str(&format!(
            "{gap}{} {path}  {}\n",
            palette.dim("artifact"),
            palette.dim(&bytes(file.bytes))
        ));
    }
    let more = finish.artifacts.len().saturating_sub(ARTIFACTS);
    if more > 0 {
        text.push_str(&format!(
            "{gap}{}\n",
            palette.dim(&format!("… and {}", count(more as u64, "more artifact")))
        ));
    }
    text
}
