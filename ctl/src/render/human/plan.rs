//! A plan: what would run where, when, and what decides how long it takes.

use super::chain::{Step, chain};
use crate::text::{Palette, Table, clean, count, fit, left, took, width};
use part_core::Millis;
use part_proto::v1::{PlanResponse, PlannedAttempt};
use std::collections::{BTreeMap, BTreeSet};

/// Columns where stdout is no terminal.
pub(crate) const COLUMNS: usize = 100;
/// Slots that have a lane of their own.
const LANES: usize = 64;
/// Columns that a lane's name takes at most.
const NAME: usize = 24;
/// Columns that are left for the bar of a lane at least.
const LEAST: usize = 20;
/// Columns of a box from which on it holds a name.
const NAMED: usize = 5;

/// What fills the box of an attempt.
const PLAIN: char = '=';
const CRITICAL: char = '#';
const UNKNOWN: char = '?';

/// The plan in `columns` columns. `title` names what is planned.
pub(crate) fn plan(plan: &PlanResponse, title: &str, columns: usize, palette: Palette) -> String {
    let mut text = head(plan, title, palette);
    if plan.attempts.is_empty() {
        return text;
    }
    text.push('\n');
    text.push_str(&lanes(plan, columns, palette));
    let several = plan.attempts.iter().any(|attempt| attempt.slot > 0);
    let critical = plan.critical.iter().filter_map(|place| plan.attempts.get(*place as usize));
    let steps: Vec<Step<'_>> = critical.map(|attempt| step(attempt, several)).collect();
    if !steps.is_empty() {
        text.push_str("\nThe chain that decides how long it takes:\n");
        text.push_str(&chain(&steps, palette));
    }
    text.push_str(&what_if(plan, palette));
    text
}

fn step(attempt: &PlannedAttempt, several: bool) -> Step<'_> {
    Step {
        group: &attempt.group,
        spec: &attempt.spec,
        number: 1,
        worker: &attempt.worker,
        slot: several.then_some(attempt.slot),
        start: Millis(attempt.start_ms),
        end: Millis(attempt.end_ms),
        because: &attempt.because,
    }
}

fn head(plan: &PlanResponse, title: &str, palette: Palette) -> String {
    let title = palette.name(&clean::line(title, palette.into()));
    let mut text = if plan.attempts.is_empty() {
        format!("{title}  nothing would run\n")
    } else {
        let (makespan, bound) = (Millis(plan.makespan_ms), Millis(plan.bound_ms));
        let ratio = makespan.0 as f64 / bound.0.max(1) as f64;
        format!(
            "{title}  {} on {}: {}; no schedule takes less than {} (ratio {ratio:.2})\n",
            count(plan.attempts.len() as u64, "attempt"),
            count(plan.slots, "slot"),
            took(makespan),
            took(bound),
        )
    };
    if plan.carried > 0 {
        let verb = if plan.carried == 1 {
            "passed in an earlier attempt of the build and stands"
        } else {
            "passed in earlier attempts of the build and stand"
        };
        text.push_str(&format!("  {} {verb}\n", count(plan.carried, "spec")));
    }
    if plan.unknown > 0 {
        text.push_str(&format!(
            "  {} without history ({UNKNOWN}), taken for as long as the others: the forecast is rough\n",
            count(plan.unknown, "spec")
        ));
    }
    text
}

/// A slot: its worker, by the length of the name first, and its number.
type Lane<'a> = (usize, &'a str, u32);

fn lanes(plan: &PlanResponse, columns: usize, palette: Palette) -> String {
    let mut slots: BTreeMap<Lane<'_>, Vec<(usize, &PlannedAttempt)>> = BTreeMap::new();
    for (place, attempt) in plan.attempts.iter().enumerate() {
        // By length first: slot 2 comes before slot 10.
        let key = (attempt.worker.len(), attempt.worker.as_str(), attempt.slot);
        slots.entry(key).or_default().push((place, attempt));
    }
    let several = plan.attempts.iter().any(|attempt| attempt.slot > 0);
    let name = |worker: &str, slot: u32| {
        let worker = clean::line(worker, palette.into());
        let name = if several { format!("{worker} {slot}") } else { worker };
        fit(&name, NAME).into_owned()
    };
    let names =
        slots.keys().take(LANES).map(|(_, worker, slot)| width(&name(worker, *slot))).max().unwrap_or(0);
    let room = columns.saturating_sub(names + 4).max(LEAST);
    let critical: BTreeSet<usize> = plan.critical.iter().map(|place| *place as usize).collect();
    let mut text = String::new();
    for ((_, worker, slot), attempts) in slots.iter().take(LANES) {
        let bar = bar(attempts, &critical, plan.makespan_ms, room, palette);
        let line = format!("  {}  {bar}", left(&name(worker, *slot), names));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if slots.len() > LANES {
        text.push_str(&format!("  … and {}\n", count((slots.len() - LANES) as u64, "more slot")));
    }
    let end = took(Millis(plan.makespan_ms));
    let axis = format!("0s{}{end}", " ".repeat(room.saturating_sub(2 + end.len())));
    text.push_str(&format!("  {}  {}\n", " ".repeat(names), palette.dim(&axis)));
    let legend = format!("{CRITICAL} decides how long it takes, {UNKNOWN} nothing is known about it");
    text.push_str(&format!("  {}  {}\n", " ".repeat(names), palette.dim(&legend)));
    text
}

/// The boxes of a slot, one for each attempt, as long as they take. Those too short for a column are left out.
fn bar(
    attempts: &[(usize, &PlannedAttempt)],
    critical: &BTreeSet<usize>,
    makespan: u64,
    room: usize,
    palette: Palette,
) -> String {
    let column = |ms: u64| {
        let at = u128::from(ms) * room as u128 / u128::from(makespan.max(1));
        usize::try_from(at).unwrap_or(room).min(room)
    };
    let (mut text, mut at) = (String::new(), 0);
    for (place, attempt) in attempts {
        let (from, to) = (column(attempt.start_ms).max(at), column(attempt.end_ms));
        if to <= from {
            continue;
        }
        text.push_str(&" ".repeat(from - at));
        let decides = critical.contains(place);
        let fill = match (decides, attempt.unknown) {
            (true, _) => CRITICAL,
            (false, true) => UNKNOWN,
            (false, false) => PLAIN,
        };
        let drawn = boxed(&attempt.spec, fill, to - from, palette);
        text.push_str(&if decides { palette.warn(&drawn) } else { drawn });
        at = to;
    }
    text
}

/// A box of exactly so many columns, with the end of the spec's name in it where there is room.
fn boxed(spec: &str, fill: char, columns: usize, palette: Palette) -> String {
    let filled = |columns: usize| fill.to_string().repeat(columns);
    if columns < NAMED {
        return match columns {
            0 => String::new(),
            1 => "|".to_owned(),
            columns => format!("[{}]", filled(columns - 2)),
        };
    }
    let name = spec.rsplit('/').next().unwrap_or(spec);
    let name = clean::line(name, palette.into());
    let name = fit(&name, columns - 2);
    format!("[{name}{}]", filled(columns - 2 - width(&name)))
}

/// How long it would take on other numbers of slots.
fn what_if(plan: &PlanResponse, palette: Palette) -> String {
    if plan.what_if.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["  SLOTS", "TAKES", ""]).numbers([0, 1]);
    for one in &plan.what_if {
        let worth = if plan.worth == Some(one.slots) {
            palette.pass("worth it: more gain little")
        } else {
            String::new()
        };
        table.row([one.slots.to_string(), took(Millis(one.makespan_ms)), worth]);
    }
    format!("\nOn slots that can run everything:\n{}", table.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_proto::v1::WhatIf;

    fn attempt(worker: &str, slot: u32, spec: &str, from: u64, to: u64) -> PlannedAttempt {
        PlannedAttempt {
            group: "package/admin".into(),
            spec: spec.into(),
            worker: worker.into(),
            slot,
            start_ms: from,
            end_ms: to,
            unknown: false,
            batch: None,
            because: String::new(),
        }
    }

    fn planned() -> PlanResponse {
        let mut locked = attempt("desk", 1, "e2e/stock.spec.js", 40_000, 65_000);
        locked.because = "waited for lock billing, which e2e/orders.spec.js held".into();
        let mut new = attempt("rack", 0, "e2e/new.spec.js", 0, 12_000);
        new.unknown = true;
        PlanResponse {
            attempts: vec![
                attempt("desk", 0, "e2e/orders.spec.js", 0, 40_000),
                attempt("desk", 1, "e2e/v\u{1b}[2Joucher.spec.js", 0, 38_000),
                new,
                attempt("rack", 0, "e2e/tiny.spec.js", 12_000, 12_100),
                attempt("rack", 0, "e2e/b.spec.js", 12_100, 15_000),
                attempt("rack", 0, "e2e/c.spec.js", 15_000, 16_000),
                locked,
            ],
            makespan_ms: 65_000,
            bound_ms: 41_000,
            slots: 3,
            critical: vec![0, 6],
            what_if: [(1, 119_000), (2, 66_000), (4, 65_000)]
                .map(|(slots, makespan_ms)| WhatIf { slots, makespan_ms })
                .to_vec(),
            unknown: 1,
            carried: 2,
            worth: Some(2),
        }
    }

    #[test]
    fn a_plan_is_drawn_as_lanes() {
        let text = plan(&planned(), "shop", COLUMNS, Palette::PLAIN);
        assert!(text.lines().all(|line| width(line) <= COLUMNS), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn lanes_keep_to_any_width() {
        for columns in [0, 30, 80, 250] {
            let text = plan(&planned(), "shop", columns, Palette::PLAIN);
            let lanes = text.lines().skip(4).take(3);
            assert!(lanes.clone().all(|line| width(line) <= columns.max(LEAST + 12)), "{columns}: {text}");
        }
        let nothing =
            plan(&PlanResponse { carried: 1, ..PlanResponse::default() }, "shop", 80, Palette::PLAIN);
        assert_eq!(
            nothing,
            "shop  nothing would run\n  1 spec passed in an earlier attempt of the build and stands\n"
        );
    }

    #[test]
    fn many_slots_take_a_bounded_number_of_lines() {
        let attempts = (0..500).map(|slot| attempt(&format!("slot {slot}"), 0, "a", 0, 10)).collect();
        let plan = PlanResponse { attempts, makespan_ms: 10, slots: 500, ..PlanResponse::default() };
        let text = lanes(&plan, 80, Palette::PLAIN);
        assert!(text.contains("… and 436 more slots") && text.lines().count() == LANES + 3, "{text}");
        let second = text.lines().nth(2).unwrap_or_default();
        assert!(second.trim_start().starts_with("slot 2 "), "{text}");
    }
}
