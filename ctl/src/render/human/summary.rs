//! The end of a run: what it came to, what it cost, and what to do next.

use super::line::Columns;
use super::words::{Commands, counted_tests};
use crate::text::{Palette, clean, count, elapsed, right};
use crate::view::verdict::Outcome;
use crate::view::{AttemptView, Conclusion, RunView, SpecView};
use part_core::{AttemptVerdict, CancelReason, Millis, RunSummary, SpecVerdict};

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
    if let Some(finished) = &view.finished {
        times(&mut page, &finished.summary);
    }
    lists(&mut page, view);
    page.text
}

fn verdict(page: &mut Page, view: &RunView, conclusion: &Conclusion) {
    let word = conclusion.result.word().to_uppercase();
    let word = match conclusion.result {
        Outcome::Passed => page.palette.pass(&word),
        Outcome::Flaky | Outcome::Cancelled => page.palette.warn(&word),
        Outcome::FlakyRefused | Outcome::Failed | Outcome::Incomplete | Outcome::NothingRan => {
            page.palette.fail(&word)
        }
    };
    let about = [view.short(), view.project.clone(), view.build.clone()];
    let about =
        about.iter().map(|text| clean::line(text, page.palette.into())).filter(|text| !text.is_empty());
    page.text.push_str(&format!("{word}  {}\n", about.collect::<Vec<_>>().join("  ")));
    match &view.cancelled {
        Some(CancelReason::Requested { by }) => page.row("stopped", &format!("cancelled by {by}")),
        Some(CancelReason::MaxFailures { failures }) => {
            page.row("stopped", &format!("after {} (--max-failures)", count(*failures, "failed spec")));
        }
        Some(CancelReason::Abandoned { detail }) => page.row("stopped", &format!("abandoned: {detail}")),
        None => {}
    }
}

fn counts(page: &mut Page, view: &RunView) {
    let tally = &view.tally;
    let mut parts = Vec::new();
    let mut part = |number: u32, word: &str| {
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    };
    part(tally.passed, "passed");
    part(tally.flaky, "flaky");
    part(tally.carried, "carried forward");
    part(tally.failed, "failed");
    part(tally.cancelled, "cancelled");
    part(view.left(), "undecided");
    page.row("specs", &format!("{}: {}", view.specs.len(), parts.join(", ")));
    let tests = view.test_counts();
    if tests.total() > 0 {
        page.row("tests", &counted_tests(&tests));
    }
}

fn times(page: &mut Page, figures: &RunSummary) {
    if figures.attempts == 0 {
        return;
    }
    let longest = figures.longest.as_ref();
    let mut text = format!("{} on {}", elapsed(figures.makespan), count(figures.slots, "slot"));
    if let Some(ratio) = figures.ratio() {
        let because = match longest {
            Some((_, longest)) if *longest >= figures.bound => "the longest spec",
            Some(_) | None => "all work shared out evenly",
        };
        text.push_str(&format!("; at best {} ({because}), ratio {ratio:.2}", elapsed(figures.bound)));
    }
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
        details.push(format!(
            "forecasts off by {off} % ({} of {})",
            figures.forecasts,
            count(figures.attempts, "attempt")
        ));
    } else if figures.forecasts == 0 {
        details.push("no forecasts yet: the next run is packed by what this one took".to_owned());
    }
    if !details.is_empty() {
        page.row("", &details.join("; "));
    }
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
            elapsed(*longest),
            elapsed(figures.makespan),
            elapsed(share)
        )
    })
}

fn lists(page: &mut Page, view: &RunView) {
    let palette = page.palette;
    let columns = Columns::of(view);
    let named = |spec: &SpecView, remark: String| {
        let remark = clean::line(&remark, palette.into());
        let gap = if remark.is_empty() { "" } else { "  " };
        format!("{}{gap}{}", columns.name(view, spec, palette), palette.dim(&remark))
    };
    let flaky =
        view.specs.iter().filter(|spec| spec.is_flaky() || (spec.is_pass() && spec.flaky_tests() > 0));
    page.list("flaky", flaky.map(|spec| named(spec, flaky_remark(spec))));
    let failed = view.specs.iter().filter(|spec| matches!(spec.verdict, Some(SpecVerdict::NotPassed(_))));
    page.list("failed", failed.map(|spec| named(spec, failure_remark(spec))));
    let absent = view.specs.iter().filter_map(|spec| spec.last_finish().map(|finish| (spec, finish)));
    let absent = absent.filter(|(spec, finish)| !spec.is_pass() && !finish.missing_tests.is_empty());
    page.list(
        "missing",
        absent.flat_map(|(spec, finish)| {
            finish.missing_tests.iter().map(move |test| named(spec, test.clone()))
        }),
    );
}

fn flaky_remark(spec: &SpecView) -> String {
    let tries = spec.last_ended().map_or(1, |attempt| attempt.number);
    match (tries, spec.flaky_tests()) {
        (1, tests) => format!("{} passed only when the framework tried again", count(tests, "test")),
        (tries, _) => format!("passed at try {tries}"),
    }
}

/// The failure in a line: the first failed test, or the reason.
fn failure_remark(spec: &SpecView) -> String {
    let Some(attempt) = spec.last_ended() else { return String::new() };
    let first = attempt.failures().next().map(|test| test.name.clone());
    let more = attempt.failures().count().saturating_sub(1);
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
        Outcome::Passed | Outcome::Flaky | Outcome::NothingRan => {}
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
