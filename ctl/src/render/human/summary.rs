//! The end of a run: what it came to, what it cost, and what to do next.

use super::extras::{dropped, effort, groups, recommendation};
use super::line::Columns;
use super::words::Commands;
use crate::text::{Palette, clean, count, percent, right, took};
use crate::view::verdict::Outcome;
use crate::view::{Conclusion, RunView, SpecView, Whole};
use part_core::{AttemptVerdict, CancelReason, Millis, RunSummary};

/// Specs that are listed by name under one heading.
const LISTED: usize = 50;
/// Columns of the headings on the left.
const HEAD: usize = 9;

/// The summary of a run that ended, or that this client stops watching.
pub(crate) fn summary(
    view: &RunView,
    conclusion: &Conclusion,
    palette: Palette,
    commands: &Commands,
) -> String {
    let mut page = Page { text: String::new(), palette };
    verdict(&mut page, view, conclusion);
    page.text.push_str(&details(view, palette));
    page.list(
        "missing",
        conclusion.shortfalls.iter().map(|missing| clean::line(&missing.to_string(), palette.into())),
    );
    next(&mut page, view, conclusion, commands);
    page.text
}

/// Counts, times, and the specs that need a look.
pub(super) fn details(view: &RunView, palette: Palette) -> String {
    let mut page = Page { text: String::new(), palette };
    counts(&mut page, view);
    if let Some(dropped) = dropped(view) {
        page.row("dropped", &dropped);
    }
    times(&mut page, view);
    lists(&mut page, view);
    page.text
}

fn verdict(page: &mut Page, view: &RunView, conclusion: &Conclusion) {
    let word = conclusion.result.word().to_uppercase();
    let word = match conclusion.result {
        Outcome::Passed => page.palette.pass(&word),
        Outcome::Flaky | Outcome::Cancelled | Outcome::Left => page.palette.warn(&word),
        Outcome::FlakyRefused | Outcome::Failed | Outcome::Incomplete | Outcome::NothingRan => {
            page.palette.fail(&word)
        }
    };
    let attempt = if view.attempt > 1 { format!("attempt {}", view.attempt) } else { String::new() };
    let about = [view.short(), view.project.clone(), view.build.clone(), attempt];
    let about =
        about.iter().map(|text| clean::line(text, page.palette.into())).filter(|text| !text.is_empty());
    page.text.push_str(&format!("{word}  {}\n", about.collect::<Vec<_>>().join("  ")));
    match &view.cancelled {
        Some(CancelReason::Requested { by }) => page.row("stopped", &format!("cancelled by {by}")),
        Some(CancelReason::MaxFailures { failures }) => {
            page.row("stopped", &format!("after {} (--max-failures)", count(*failures, "failed spec")));
        }
        Some(CancelReason::GroupsMissing { missing }) => {
            page.row("stopped", &format!("{missing} did not come"));
        }
        Some(CancelReason::Abandoned { detail }) => page.row("stopped", &format!("abandoned: {detail}")),
        None => {}
    }
}

fn counts(page: &mut Page, view: &RunView) {
    let tally = &view.tally;
    let specs = [
        (tally.passed, "passed"),
        (tally.flaky, "flaky"),
        (tally.carried, "carried forward"),
        (tally.failed, "failed"),
        (tally.quarantined, "quarantined"),
        (tally.cancelled, "cancelled"),
        (view.left(), "undecided"),
    ];
    page.row("specs", &parts(u64::from(view.total), &specs));
    let counts = view.test_counts();
    if counts.total() > 0 {
        let steady = counts.passed.saturating_sub(counts.flaky);
        let tests = [
            (steady, "passed"),
            (counts.flaky, "flaky"),
            (counts.failed, "failed"),
            (counts.skipped, "skipped"),
        ];
        page.row("tests", &parts(u64::from(counts.total()), &tests));
    }
}

/// `30: 27 passed, 3 failed`; what is not there is not said.
fn parts(total: u64, parts: &[(u32, &str)]) -> String {
    let said =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}"));
    format!("{total}: {}", said.collect::<Vec<_>>().join(", "))
}

fn times(page: &mut Page, view: &RunView) {
    let Some(figures) = view.finished.as_ref().map(|finished| &finished.summary) else { return };
    if figures.attempts == 0 {
        return;
    }
    let mut text = format!("{} on {}", took(figures.makespan), count(figures.slots, "slot"));
    // A run that was stopped was not packed to its end.
    let Some(ratio) = figures.ratio().filter(|_| view.cancelled.is_none()) else {
        return page.row("time", &text);
    };
    let longest = figures.longest.as_ref().map_or(Millis::ZERO, |(_, longest)| *longest);
    let because = match figures.slots {
        1 => "all of it one after the other",
        _ if longest >= figures.bound => "the longest spec",
        _ => "all of it shared out evenly",
    };
    text.push_str(&format!("; at best {} ({because}), ratio {ratio:.2}", took(figures.bound)));
    page.row("time", &text);
    if let Some(advice) = advice(figures) {
        page.row("", &advice);
    }
    let mut details = Vec::new();
    if let Some(overhead) = figures.overhead_per_spec {
        details.push(format!("{overhead} per spec besides its tests"));
    }
    if let Some(error) = figures.forecast_error.filter(|error| error.is_finite() && *error >= 1.0) {
        let off = ((error - 1.0) * 100.0).round();
        let attempts = count(figures.attempts, "attempt");
        details.push(format!("forecasts off by {off} % ({} of {attempts})", figures.forecasts));
        details.extend(calibration(figures));
    } else if view.specs.iter().all(|spec| spec.expected.is_none()) {
        details.push("no forecasts yet: the next run is packed by what this one took".to_owned());
    }
    if !details.is_empty() {
        page.row("", &details.join("; "));
    }
    let effort = effort(view, figures);
    if !effort.is_empty() {
        page.row("", &effort.join("; "));
    }
    if let Some(recommendation) = recommendation(&figures.what_if, figures.worth) {
        page.row("slots", &recommendation);
    }
    let palette = page.palette;
    page.list("groups", groups(figures).iter().map(|group| clean::line(group, palette.into())));
}

/// How honest the forecasts were.
fn calibration(figures: &RunSummary) -> Option<String> {
    let (inside, all) = (figures.forecasts_inside, figures.forecasts_with_spread);
    let share = match all {
        0 => return None,
        1..10 => format!("{inside} of {all}"),
        _ => format!("{} %", percent(u64::from(inside), u64::from(all))),
    };
    Some(format!("{share} inside their 80 % interval"))
}

/// What would make the run shorter, when one spec is what it waits for.
fn advice(figures: &RunSummary) -> Option<String> {
    let (name, longest) = figures.longest.as_ref()?;
    let slots = u64::from(figures.slots);
    let share = Millis(figures.slot_time.0.checked_div(slots)?);
    let dominates = figures.specs > 1 && slots > 1 && longest.0 * 10 >= figures.makespan.0 * 8;
    // Splitting gains something only when the rest would be done well before.
    (dominates && share.0 * 10 <= longest.0 * 9 && longest.0 >= 1000).then(|| {
        format!(
            "{name} alone takes {} of {}: splitting it would help, down to {} at best",
            took(*longest),
            took(figures.makespan),
            took(share)
        )
    })
}

fn lists(page: &mut Page, view: &RunView) {
    let palette = page.palette;
    let columns = Columns::of(view);
    let named = |whole: &Whole<'_>, remark: String| {
        let remark = clean::line(&remark, palette.into());
        let gap = if remark.is_empty() { "" } else { "  " };
        format!("{}{gap}{}", columns.whole(view, whole, palette), palette.dim(&remark))
    };
    let flaky = view.wholes().filter(Whole::is_flaky);
    page.list("flaky", flaky.map(|whole| named(&whole, flaky_remark(&whole))));
    let failed = |aside: bool| {
        view.wholes().filter(move |whole| whole.is_not_passed() && whole.quarantined() == aside)
    };
    page.list("failed", failed(false).map(|whole| named(&whole, failure_remark(whole.telling()))));
    page.list(
        "apart",
        failed(true).map(|whole| named(&whole, format!("quarantined: {}", failure_remark(whole.telling())))),
    );
    let absent = view.wholes().flat_map(|whole| whole.parts.iter().map(move |part| (whole, part)));
    let absent = absent.filter(|(_, part)| !part.is_pass() && !part.quarantined);
    let absent = absent.filter_map(|(whole, part)| part.last_finish().map(|finish| (whole, finish)));
    page.list(
        "missing",
        absent.flat_map(|(whole, finish)| {
            finish.missing_tests.iter().map(move |test| named(&whole, test.clone()))
        }),
    );
}

fn flaky_remark(whole: &Whole<'_>) -> String {
    let ended = whole.parts.iter().filter_map(SpecView::last_ended);
    let tries = ended.filter(|attempt| !attempt.backup).map(|attempt| attempt.number).max().unwrap_or(1);
    match (tries, whole.parts.iter().map(SpecView::flaky_tests).sum::<u32>()) {
        (1, tests) => format!("{} passed only when the framework tried again", count(tests, "test")),
        (tries, _) => format!("passed at try {tries}"),
    }
}

/// The failure in a line: the first failed test, or the reason.
fn failure_remark(spec: &SpecView) -> String {
    // What never ran was decided all the same: by whatever kept it from running.
    let Some(attempt) = spec.last_ended() else { return spec.because.clone() };
    let first = attempt.failures().next().map(|test| test.name.clone());
    let more = attempt.finish().map_or(0, |finish| finish.tests.failed.saturating_sub(1));
    let reason = attempt.finish().map(|finish| match (finish.verdict, finish.message.is_empty()) {
        (AttemptVerdict::Failed, false) => finish.message.clone(),
        (verdict, true) => verdict.to_string(),
        (verdict, false) => format!("{verdict}: {}", finish.message),
    });
    match (first, reason) {
        (Some(first), _) if more > 0 => format!("{first} (and {more} more)"),
        (Some(first), _) => first,
        (None, reason) => reason.unwrap_or_default(),
    }
}

fn next(page: &mut Page, view: &RunView, conclusion: &Conclusion, commands: &Commands) {
    if view.run.is_empty() {
        return;
    }
    let run = view.short();
    let mut lines = vec![commands.line(&["show", &run])];
    if view.finished.is_none() {
        lines.push(commands.line(&["watch", &run]));
    }
    match conclusion.result {
        Outcome::Passed | Outcome::Flaky | Outcome::NothingRan | Outcome::Left => {}
        Outcome::FlakyRefused => lines.push(commands.line(&["rerun", &run])),
        Outcome::Failed | Outcome::Incomplete | Outcome::Cancelled => {
            lines.push(commands.line(&["rerun", &run, "--failed"]));
        }
    }
    page.list("next", lines.into_iter());
}

struct Page {
    text: String,
    palette: Palette,
}

impl Page {
    fn row(&mut self, head: &str, text: &str) {
        let text = clean::line(text, self.palette.into());
        self.raw(head, &text);
    }

    fn raw(&mut self, head: &str, text: &str) {
        self.text.push_str(&format!("{}  {text}\n", self.palette.dim(&right(head, HEAD))));
    }

    /// Items one below the other, the heading beside the first. They are clean already.
    fn list(&mut self, head: &str, items: impl Iterator<Item = String>) {
        let mut more = 0;
        for (place, item) in items.enumerate() {
            match place {
                0 => self.raw(head, &item),
                1..LISTED => self.raw("", &item),
                _ => more += 1,
            }
        }
        if more > 0 {
            self.raw("", &format!("… and {more} more"));
        }
    }
}
