//! `[run]`: what counts for a whole run.

use super::decode::{Findings, Known, Section, checked};
use super::model::RunDefaults;
use super::values::check_name;
use crate::bounds::{LONGEST_WAIT, PRIORITY, RETRY_BUDGET, WEIGHT};
use part_core::{Bounds, Expect, Millis};
use std::collections::BTreeSet;
use toml::Spanned;

pub(super) const RUN: Known = Known {
    keys: &[
        "max-failures",
        "auto-cancel-after-failures",
        "workers",
        "extra-slots",
        "lost-after",
        "worker-kills",
        "completion-delay",
        "expect-groups",
        "weight",
        "priority",
        "retry-budget",
        "wait-for-workers",
        "failed-first",
    ],
    elsewhere: &[
        ("retries", "[suites.NAME] or [groups.LABEL]"),
        ("timeout", "[suites.NAME] or [groups.LABEL]"),
        ("parallel", "[suites.NAME] or [groups.LABEL]"),
        ("max-threads", "[suites.NAME] or [groups.LABEL]"),
        ("algorithm", "[suites.NAME] or [groups.LABEL]"),
        ("locks", "[suites.NAME] or [groups.LABEL]"),
        ("quarantine", "[suites.NAME] or [groups.LABEL]"),
    ],
};

pub(super) fn decode_run(top: &Section<'_, '_>, findings: &mut Findings<'_>) -> RunDefaults {
    let Some(section) = top.section("run", findings) else { return RunDefaults::default() };
    section.warn_unknown(RUN, findings);
    let slots = u32::try_from(Bounds::DEFAULT.slots_per_worker).unwrap_or(u32::MAX);
    RunDefaults {
        max_failures: decode_max_failures(&section, findings),
        workers: section.count("workers", 1..=slots, findings),
        extra_slots: section.count("extra-slots", 0..=slots, findings),
        lost_after: decode_lost_after(&section, findings),
        worker_kills: section.count("worker-kills", 1..=100, findings),
        completion_delay: decode_wait(&section, "completion-delay", findings),
        expect: decode_expect(&section, findings),
        weight: section.count("weight", 1..=WEIGHT, findings),
        priority: section.signed("priority", -PRIORITY..=PRIORITY, findings),
        retry_budget: section.count("retry-budget", 0..=RETRY_BUDGET, findings),
        wait_for_workers: decode_wait(&section, "wait-for-workers", findings),
        failed_first: section.boolean("failed-first", findings),
    }
}

/// The limit by either of its names.
fn decode_max_failures(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<u32> {
    const NAMES: [&str; 2] = ["max-failures", "auto-cancel-after-failures"];
    if let [Some(_), Some(second)] = NAMES.map(|name| section.value(name)) {
        let message = format!("{:?} says the same as {:?}", NAMES[1], NAMES[0]);
        findings.error_with_help(second.span(), message, "leave one of them out");
    }
    let [first, second] = NAMES.map(|name| section.count(name, 1..=u32::MAX, findings));
    first.or(second)
}

fn decode_lost_after(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Millis> {
    let length = section.duration("lost-after", findings)?;
    if length == Millis::ZERO {
        let at = section.value("lost-after").map_or(0..0, Spanned::span);
        findings.error(at, "\"lost-after\" has to be longer than nothing");
    }
    Some(length)
}

/// A length of time for which something waits.
fn decode_wait(section: &Section<'_, '_>, key: &str, findings: &mut Findings<'_>) -> Option<Millis> {
    let length = section.duration(key, findings)?;
    if length > LONGEST_WAIT {
        let at = section.value(key).map_or(0..0, Spanned::span);
        findings.error(at, format!("{key:?} is at most 24 hours"));
    }
    Some(length)
}

/// How many groups a run waits for, or which.
fn decode_expect(section: &Section<'_, '_>, findings: &mut Findings<'_>) -> Option<Expect> {
    const KEY: &str = "expect-groups";
    let most = u32::try_from(Bounds::DEFAULT.groups_per_run).unwrap_or(u32::MAX);
    let value = section.value(KEY)?;
    let Some(elements) = value.get_ref().as_array() else {
        if value.get_ref().as_integer().is_some() {
            return section.count(KEY, 1..=most, findings).map(Expect::Count);
        }
        let message = format!("{KEY:?} is the number of groups that come, or the list of their labels");
        findings.error_with_help(
            value.span(),
            message,
            format!("write {KEY} = 2 or {KEY} = [\"api\", \"e2e\"]"),
        );
        return None;
    };
    if elements.is_empty() || elements.len() > Bounds::DEFAULT.groups_per_run {
        findings.error(value.span(), format!("{KEY:?} names between one and {most} groups"));
        return None;
    }
    let mut labels = BTreeSet::new();
    for label in section.texts(KEY, findings)? {
        checked(findings, label.span(), check_name("group label", label.get_ref()));
        if !labels.insert(label.get_ref().clone()) {
            findings.error(label.span(), format!("group {:?} is named twice", label.get_ref()));
        }
    }
    Some(Expect::Labels(labels.into_iter().collect()))
}
