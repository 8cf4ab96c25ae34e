//! What is going on now: the live area of a terminal, and the heartbeat where there is none.

use super::line::Columns;
use crate::text::{Palette, clean, count, elapsed, left, percent, right};
use crate::view::{Eta, RunView, eta};
use part_core::{AttemptVerdict, Millis, Timestamp};

/// Slots that have a line of their own.
const SLOT_LINES: usize = 8;
/// Columns of the bar.
const BAR: usize = 24;

/// The first line about a run.
pub(crate) fn header(view: &RunView, palette: Palette) -> String {
    let groups: Vec<_> = view.groups.iter().filter(|group| !group.dropped).collect();
    let groups = match groups.as_slice() {
        [only] => format!("group {}", clean::line(&only.label, palette.into())),
        groups => format!("{} groups", groups.len()),
    };
    let mut text = format!(
        "{}  {}  {} in {groups}",
        palette.name(&view.short()),
        clean::line(&view.project, palette.into()),
        count(view.total, "spec"),
    );
    if view.tally.carried > 0 {
        text.push_str(&format!(", {} of them carried forward from an earlier run", view.tally.carried));
    }
    let runs = |whole: &crate::view::Whole<'_>| whole.parts.iter().all(|part| part.carried.is_none());
    let known = view.wholes().filter(|whole| runs(whole) && whole.expected().is_some()).count();
    let to_run = view.wholes().filter(runs).count();
    if to_run > 0 {
        text.push_str(&match known {
            0 => "; no forecasts yet".to_owned(),
            known if known == to_run => "; all with a forecast".to_owned(),
            known => format!("; {known} with a forecast"),
        });
    }
    text.push('\n');
    text
}

/// The line that says how far it is.
fn figures(view: &RunView, now: Timestamp, lost: bool, palette: Palette) -> String {
    let total = view.total;
    let mut parts = vec![format!("{}/{total} done", view.tally.decided)];
    if view.tally.failed > 0 {
        parts.push(palette.fail(&format!("{} failed", view.tally.failed)));
    }
    if view.tally.flaky > 0 {
        parts.push(palette.warn(&format!("{} flaky", view.tally.flaky)));
    }
    if view.tally.quarantined > 0 {
        parts.push(palette.warn(&format!("{} quarantined", view.tally.quarantined)));
    }
    if view.tally.cancelled > 0 {
        parts.push(palette.warn(&format!("{} cancelled", view.tally.cancelled)));
    }
    parts.push(format!("{} left", view.left()));
    if lost {
        // What was running may have ended meanwhile: nothing is promised.
        parts.push(palette.warn("connection lost, connecting again"));
    } else if view.cancelled.is_some() {
        parts.push(palette.warn("stopping"));
    } else if let Some(eta) = eta(view, now) {
        parts.push(eta_words(eta));
    } else if view.sealed && view.left() > 0 {
        parts.push("time left unknown".to_owned());
    }
    parts.join(", ")
}

/// An ETA in words that do not promise more than is known.
fn eta_words(eta: Eta) -> String {
    let time = whole_seconds(eta.time);
    match (eta.unknown, eta.guessed, eta.overdue) {
        (0, 0, 0) => format!("about {time} left"),
        (0, 0, overdue) => format!("about {time} left ({overdue} over their forecast)"),
        (0, guessed, _) => format!("about {time} left ({guessed} without a forecast)"),
        (unknown, _, _) if eta.time == Millis::ZERO => {
            format!("time left unknown ({unknown} without a forecast)")
        }
        (unknown, _, _) => format!("at least {time} left ({unknown} without a forecast)"),
    }
}

fn whole_seconds(time: Millis) -> String {
    let seconds = time.0.div_ceil(1000);
    if seconds < 60 { format!("{seconds}s") } else { Millis::seconds(seconds).to_string() }
}

/// The live area: one line per busy slot, then the bar. `rows` and `columns` are the terminal's; `lost` while the
/// connection is.
pub(crate) fn live_lines(
    view: &RunView,
    now: Timestamp,
    lost: bool,
    (rows, columns): (usize, usize),
    palette: Palette,
) -> Vec<String> {
    let room = SLOT_LINES.min(rows.saturating_sub(3) / 2).max(1);
    let several_workers =
        view.slots.iter().map(|(worker, _)| worker).collect::<std::collections::BTreeSet<_>>().len() > 1;
    let names = Columns::of(view);
    let mut lines = Vec::new();
    for ((worker, slot), attempts) in view.running.iter().take(room) {
        let Some((place, number)) = attempts.first() else { continue };
        let spec = &view.specs[*place];
        let Some(attempt) = spec.attempt(*number) else { continue };
        let at = match several_workers {
            true => format!("{} {slot}", clean::line(worker, palette.into())),
            false => format!("slot {slot}"),
        };
        let spent = attempt.spent(now);
        let forecast = match attempt.forecast {
            Some(forecast) => format!("/ {}", left(&elapsed(forecast), 6)),
            None => " ".repeat(8),
        };
        let time = format!("{} {forecast}", right(&elapsed(spent), 6));
        let time = match attempt.forecast {
            Some(forecast) if spent > Millis(forecast.0.saturating_mul(2)) => palette.warn(&time),
            Some(_) | None => palette.dim(&time),
        };
        let mut name = names.short_name(view, spec, palette, columns);
        if *number > 1 {
            let word = if attempt.backup { "backup".to_owned() } else { format!("try {number}") };
            name.push_str(&palette.warn(&format!("  {word}")));
        }
        if attempts.len() > 1 {
            name.push_str(&palette.dim(&format!("  and {} more in its process", attempts.len() - 1)));
        }
        lines.push(format!("  {}  {time}  {name}", left(&at, 8)));
    }
    let hidden = view.running.len().saturating_sub(room);
    if hidden > 0 {
        lines.push(palette.dim(&format!("  … and {} more busy slots", hidden)));
    }
    lines.push(format!("  {}  {}", bar(view, palette), figures(view, now, lost, palette)));
    lines
}

fn bar(view: &RunView, palette: Palette) -> String {
    let total = u64::from(view.total.max(1));
    let done = (u64::from(view.tally.decided) * BAR as u64 / total) as usize;
    let failed = match view.tally.failed {
        0 => 0,
        failed => ((u64::from(failed) * BAR as u64 / total) as usize).max(1).min(done.max(1)),
    };
    let done = done.max(failed);
    let rest = " ".repeat(BAR - done);
    format!("[{}{}{rest}]", palette.fail(&"#".repeat(failed)), palette.pass(&"=".repeat(done - failed)))
}

/// A sign of life for logs, with what has run longest, or why nothing runs.
pub(crate) fn heartbeat(
    view: &RunView,
    now: Timestamp,
    lost: bool,
    idle: Option<&str>,
    palette: Palette,
) -> String {
    let done = percent(u64::from(view.tally.decided), u64::from(view.total));
    let mut text = format!("… {done} %: {}", figures(view, now, lost, palette));
    if lost {
        text.push('\n');
        return text;
    }
    let oldest = view.running.values().filter_map(|attempts| {
        let (place, number) = attempts.first()?;
        let spec = &view.specs[*place];
        spec.attempt(*number).map(|attempt| (attempt.spent(now), spec))
    });
    match oldest.max_by_key(|(spent, _)| *spent) {
        Some((spent, spec)) => {
            let name = clean::line(&spec.name, palette.into());
            let others = match view.running.len() - 1 {
                0 => String::new(),
                others => format!(" and {others} more"),
            };
            text.push_str(&format!("; running: {name} for {}{others}", whole_seconds(spent)));
        }
        None if view.left() > 0 => {
            let why = idle.map_or_else(
                || "partctl explain says why".to_owned(),
                |why| clean::line(why, palette.into()),
            );
            text.push_str(&format!("; nothing is running: {why}"));
        }
        None => {}
    }
    let lost = view.specs.iter().flat_map(|spec| &spec.attempts).filter_map(|attempt| attempt.finish());
    let lost = lost.filter(|finish| finish.verdict == AttemptVerdict::Lost).count();
    if lost > 0 {
        text.push_str(&format!("; {} lost with their worker", count(lost as u64, "attempt")));
    }
    text.push('\n');
    text
}
