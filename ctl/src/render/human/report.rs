//! Where a run's time went.

use super::chain::{Step, chain};
use crate::text::{Palette, clean, count, left, right, took, width};
use part_core::Millis;
use part_proto::v1::{ChainLink, ReportResponse, RunInfo, TimeShares};

/// Columns of a bar that stands for everything.
const BAR: u64 = 40;

/// The report of a run.
pub(crate) fn report(report: &ReportResponse, info: &RunInfo, state: &str, palette: Palette) -> String {
    let clean = |text: &str| clean::line(text, palette.into());
    let short = crate::view::short_id(&info.run);
    let mut text =
        format!("{}  {}  {}  {state}\n", palette.name(&short), clean(&info.project), clean(&info.build));
    let figures = report.summary.clone().unwrap_or_default();
    if report.shares.iter().all(|shares| shares.total_ms == 0) {
        text.push_str("  nothing of it has run\n");
        return text;
    }
    let (makespan, bound) = (Millis(figures.makespan_ms), Millis(figures.bound_ms));
    let ratio = makespan.0 as f64 / bound.0.max(1) as f64;
    text.push_str(&format!(
        "  {} on {}; no schedule takes less than {} (ratio {ratio:.2})\n",
        took(makespan),
        count(figures.slots, "slot"),
        took(bound),
    ));
    let groups = report.shares.iter().filter(|shares| !shares.group.is_empty()).count();
    for shares in report.shares.iter().filter(|shares| shares.group.is_empty() || groups > 1) {
        text.push_str(&block(shares, palette));
    }
    if !report.chain.is_empty() {
        text.push_str("\nThe chain that decided how long it took:\n");
        let steps: Vec<Step<'_>> = report.chain.iter().map(step).collect();
        text.push_str(&chain(&steps, palette));
    }
    if !report.findings.is_empty() {
        text.push_str("\nWhat limited it:\n");
        for finding in &report.findings {
            text.push_str(&format!("  {}\n", clean(finding)));
        }
    }
    text
}

fn step(link: &ChainLink) -> Step<'_> {
    Step {
        group: &link.group,
        spec: &link.spec,
        number: link.attempt,
        worker: &link.worker,
        slot: Some(link.slot),
        start: Millis(link.start_ms),
        end: Millis(link.end_ms),
        because: &link.because,
    }
}

/// A group's shares, or those of the whole run; what there is none of is left out.
fn block(shares: &TimeShares, palette: Palette) -> String {
    let label = match shares.group.as_str() {
        "" => "whole run".to_owned(),
        group => clean::line(group, palette.into()),
    };
    let rows = [
        ("tests", shares.tests_ms),
        ("start-up", shares.start_up_ms),
        ("setup", shares.setup_ms),
        ("wasted", shares.wasted_ms),
        ("waiting", shares.waiting_ms),
        ("imbalance", shares.imbalance_ms),
    ];
    let total = shares.total_ms.max(1);
    let columns = rows.iter().map(|(_, time)| width(&took(Millis(*time)))).max().unwrap_or(0);
    let mut text = format!("\n{}  {} of slot time\n", palette.note(&label), took(Millis(shares.total_ms)));
    for (name, time) in rows.into_iter().filter(|(_, time)| *time > 0) {
        let share = format!("{:.1} %", time as f64 * 100.0 / total as f64);
        let bar =
            usize::try_from((u128::from(time) * u128::from(BAR)).div_ceil(u128::from(total))).unwrap_or(0);
        text.push_str(&format!(
            "  {}  {}  {}  {}\n",
            left(name, 9),
            right(&share, 7),
            right(&took(Millis(time)), columns),
            palette.dim(&"=".repeat(bar.min(BAR as usize))),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use part_proto::v1::RunSummary;

    fn reported() -> ReportResponse {
        let admin = TimeShares {
            group: "package/admin".into(),
            tests_ms: 60_000,
            start_up_ms: 20_000,
            setup_ms: 400,
            wasted_ms: 0,
            waiting_ms: 5_000,
            imbalance_ms: 14_600,
            total_ms: 100_000,
        };
        let guest = TimeShares {
            group: "package/guest".into(),
            tests_ms: 30_000,
            total_ms: 30_000,
            ..TimeShares::default()
        };
        let all = TimeShares { group: String::new(), tests_ms: 90_000, total_ms: 130_000, ..admin.clone() };
        let link = |spec: &str, attempt, start_ms, end_ms, because: &str| ChainLink {
            group: "package/admin".into(),
            spec: spec.into(),
            attempt,
            worker: "desk".into(),
            slot: 1,
            start_ms,
            end_ms,
            because: because.into(),
        };
        ReportResponse {
            shares: vec![admin, guest, all],
            chain: vec![
                link("e2e/orders.spec.js", 1, 0, 40_000, ""),
                link("e2e/orders.spec.js", 2, 40_000, 65_000, "its try before failed"),
            ],
            findings: vec![
                "starting processes took 15 % of all slot time: \u{1b}[2Jbatches would help".into(),
            ],
            summary: Some(RunSummary {
                makespan_ms: 65_000,
                bound_ms: 52_000,
                slots: 2,
                ..RunSummary::default()
            }),
        }
    }

    #[test]
    fn a_report_says_where_the_time_went() {
        let info = RunInfo {
            run: part_core::RunId(3 << 64 | 3).to_string(),
            project: "shop".into(),
            build: "build-41".into(),
            ..RunInfo::default()
        };
        insta::assert_snapshot!(report(&reported(), &info, "passed", Palette::PLAIN));
        let nothing = report(&ReportResponse::default(), &info, "running", Palette::PLAIN);
        assert!(nothing.ends_with("running\n  nothing of it has run\n"), "{nothing}");
        // One group is the whole run.
        let mut alone = reported();
        alone.shares.remove(1);
        let alone = report(&alone, &info, "passed", Palette::PLAIN);
        assert!(alone.contains("whole run") && !alone.contains("\npackage/admin"), "{alone}");
    }
}
