//! One line per thing that happened to a spec, in aligned columns.

use super::words::{STATUS_COLUMNS, attempt_word, counted_tests};
use crate::text::{Palette, clean, fit, left, right, took, width};
use crate::view::{AttemptView, RunView, SpecView, Whole};
use part_core::AttemptVerdict;

/// Columns of a duration: `59.9s`, `12m34s`.
const TIME_COLUMNS: usize = 7;
/// Longer labels push their line to the right instead of all others.
const LABEL_COLUMNS: usize = 28;

/// Widths that all lines of a run share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Columns of the group labels; none when there is one group only, which is then not named.
    label: Option<usize>,
}

impl Columns {
    /// The widths for a run whose groups are known.
    pub(crate) fn of(view: &RunView) -> Self {
        let label = view.groups.iter().map(|group| width(&group.label)).max().unwrap_or(0).min(LABEL_COLUMNS);
        Columns { label: (view.groups.len() > 1).then_some(label) }
    }

    /// Group and spec, cleaned: how a spec is named in a line.
    pub(crate) fn name(self, view: &RunView, spec: &SpecView, palette: Palette) -> String {
        self.named(&view.group_of(spec).label, &spec.name, palette)
    }

    /// The same for a spec as people see it.
    pub(super) fn whole(self, view: &RunView, whole: &Whole<'_>, palette: Palette) -> String {
        self.named(&view.groups[whole.group()].label, whole.name, palette)
    }

    fn named(self, label: &str, name: &str, palette: Palette) -> String {
        let name = clean::line(name, palette.into());
        match self.label {
            Some(columns) => {
                let label = clean::line(label, palette.into());
                format!("{}  {name}", palette.note(&left(&label, columns)))
            }
            None => name,
        }
    }

    /// The same for a line that must not become longer than `columns`: the name's beginning gives way.
    pub(super) fn short_name(
        self,
        view: &RunView,
        spec: &SpecView,
        palette: Palette,
        columns: usize,
    ) -> String {
        let name = self.name(view, spec, palette);
        fit(&name, columns).into_owned()
    }
}

/// A line of any kind: status, duration, name, remarks.
fn line(status: &str, time: &str, name: &str, remarks: &[String], palette: Palette) -> String {
    let remarks: Vec<&str> = remarks.iter().map(String::as_str).filter(|remark| !remark.is_empty()).collect();
    let remarks = match remarks.is_empty() {
        true => String::new(),
        false => format!("  {}", palette.dim(&remarks.join(", "))),
    };
    format!("{}  {}  {name}{remarks}\n", right(status, STATUS_COLUMNS), right(time, TIME_COLUMNS))
}

/// An attempt ended.
pub(crate) fn ended(view: &RunView, spec: &SpecView, attempt: &AttemptView, palette: Palette) -> String {
    let Some(finish) = attempt.finish() else { return String::new() };
    let flaky = is_after_failure(spec, attempt) || finish.tests.flaky > 0;
    let status = attempt_word(finish.verdict, flaky, palette);
    let time = attempt.took().map(took).unwrap_or_default();
    let left_over = match finish.leaked.len() {
        0 => String::new(),
        1 => "1 process left over and killed".to_owned(),
        many => format!("{many} processes left over and killed"),
    };
    let aside = match (spec.quarantined, finish.verdict) {
        (false, _) | (true, AttemptVerdict::Passed | AttemptVerdict::Cancelled) => String::new(),
        (true, _) => "quarantined".to_owned(),
    };
    let remarks = [counted_tests(&finish.tests), tries(view, spec, attempt), aside, left_over];
    line(&status, &time, &Columns::of(view).name(view, spec, palette), &remarks, palette)
}

/// An attempt got a slot; told for retries, and for all when people want to know more.
pub(crate) fn started(view: &RunView, spec: &SpecView, attempt: &AttemptView, palette: Palette) -> String {
    let forecast =
        attempt.forecast.map(|forecast| format!("forecast {}", took(forecast))).unwrap_or_default();
    let place = format!("{} slot {}", clean::line(&attempt.worker, palette.into()), attempt.slot);
    let name = Columns::of(view).name(view, spec, palette);
    line(&palette.note("START"), "", &name, &[tries(view, spec, attempt), place, forecast], palette)
}

/// An attempt after an earlier one got a slot.
pub(crate) fn retried(view: &RunView, spec: &SpecView, attempt: &AttemptView, palette: Palette) -> String {
    let before = spec.attempts.iter().rev().find(|other| other.number < attempt.number);
    let elsewhere = match before {
        Some(before) if before.worker != attempt.worker => {
            format!("now on {}", clean::line(&attempt.worker, palette.into()))
        }
        Some(_) | None => String::new(),
    };
    let name = Columns::of(view).name(view, spec, palette);
    if attempt.backup {
        let why = match before {
            Some(before) => format!(
                "on {}: on {} it runs far beyond its forecast",
                clean::line(&attempt.worker, palette.into()),
                clean::line(&before.worker, palette.into())
            ),
            None => elsewhere,
        };
        return line(&palette.note("BACKUP"), "", &name, &[why], palette);
    }
    line(&palette.warn("RETRY"), "", &name, &[tries(view, spec, attempt), elsewhere], palette)
}

/// An attempt ended that counts for nothing, because another one of its spec had ended before.
pub(crate) fn beaten(view: &RunView, spec: &SpecView, attempt: &AttemptView, palette: Palette) -> String {
    let time = attempt.took().map(took).unwrap_or_default();
    let place = format!("on {}", clean::line(&attempt.worker, palette.into()));
    let name = Columns::of(view).name(view, spec, palette);
    let remarks = ["another attempt ended first".to_owned(), place];
    line(&palette.dim("BEATEN"), &time, &name, &remarks, palette)
}

/// A late report about a lost attempt came in.
pub(crate) fn superseded(view: &RunView, spec: &SpecView, attempt: &AttemptView, palette: Palette) -> String {
    let late =
        attempt.superseded.map(|verdict| format!("a late report says \"{verdict}\"; it changes nothing"));
    let name = Columns::of(view).name(view, spec, palette);
    line(&palette.dim("LATE"), "", &name, &[late.unwrap_or_default()], palette)
}

/// `try 2 of 3`; empty where there is only one.
fn tries(view: &RunView, spec: &SpecView, attempt: &AttemptView) -> String {
    let allowed = view.group_of(spec).retries + 1;
    match (attempt.number, allowed) {
        (1, 1) => String::new(),
        (1, _) if attempt.finish().is_none_or(|finish| finish.verdict == AttemptVerdict::Passed) => {
            String::new()
        }
        // Attempts that were lost with their worker do not use up retries.
        (number, allowed) if number > allowed => format!("try {number}"),
        (number, allowed) => format!("try {number} of {allowed}"),
    }
}

/// True when an earlier attempt failed by its own fault, so that a pass is a flaky one.
fn is_after_failure(spec: &SpecView, attempt: &AttemptView) -> bool {
    let earlier = spec.attempts.iter().filter(|other| other.number < attempt.number && !other.dismissed);
    earlier.filter_map(AttemptView::finish).any(|finish| match finish.verdict {
        AttemptVerdict::Failed
        | AttemptVerdict::TimedOut
        | AttemptVerdict::Crashed
        | AttemptVerdict::Invalid(_) => true,
        AttemptVerdict::Passed
        | AttemptVerdict::Lost
        | AttemptVerdict::Cancelled
        | AttemptVerdict::SetupFailed => false,
    })
}
