//! One line, and every kind of it.

use serde::Serialize;

/// The version of the format.
pub(crate) const VERSION: u32 = 1;

/// One line.
#[derive(Serialize)]
pub(crate) struct Line<T> {
    v: u32,
    event: &'static str,
    #[serde(flatten)]
    body: T,
}

impl<T> Line<T> {
    /// A line of this kind.
    pub(crate) fn new(event: &'static str, body: T) -> Self {
        debug_assert!(EVENTS.contains(&event), "{event} is not in the list of events");
        Line { v: VERSION, event, body }
    }
}

/// Every kind of line.
pub(crate) const EVENTS: &[&str] = &[
    "run_opened",
    "group_added",
    "specs_added",
    "run_sealed",
    "submission_joined",
    "submission_dropped",
    "attempt_assigned",
    "attempt_started",
    "tests_reported",
    "attempt_finished",
    "attempt_superseded",
    "attempt_dismissed",
    "spec_decided",
    "run_cancelled",
    "run_finished",
    "unknown",
    "result",
    "note",
    "error",
    "submitted",
    "shipped",
    "plan",
    "planned",
    "schedule",
    "time_shares",
    "chain_link",
    "run_report",
    "run",
    "spec",
    "log",
    "artifact",
    "host",
    "worker",
    "explanation",
    "history",
    "forecast",
    "finding",
    "wrote",
    "proposal",
    "version",
];

#[cfg(test)]
mod tests {
    use super::EVENTS;

    #[test]
    fn the_documentation_describes_every_event() {
        let text = include_str!("../../../../docs/json-events.md");
        for event in EVENTS {
            assert!(text.contains(&format!("### `{event}`")), "docs/json-events.md lacks {event}");
        }
    }
}
