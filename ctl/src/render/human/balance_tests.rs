//! What people see of how a run was balanced.

use super::summary as summary_of;
use super::*;
use crate::testing::{BEGIN, Script, finish, folded, summary};
use crate::text::Palette;
use crate::view::verdict::{Circumstances, conclude};
use crate::view::{SpecView, Submitted};
use part_core::{
    Algorithm, AttemptVerdict, GroupSummary, Millis, RunSummary, RunVerdict, SpecVerdict, Timestamp, WhatIf,
};
use part_proto::v1::RunInfo;

const FAILED: SpecVerdict = SpecVerdict::NotPassed(AttemptVerdict::Failed);

fn figures() -> RunSummary {
    let group = |label: &str, algorithm, most_on_worker, stretch| GroupSummary {
        label: label.into(),
        algorithm,
        specs: 3,
        failed: 0,
        makespan: Millis(62_000),
        slot_time: Millis(118_000),
        most_on_worker,
        stretch,
    };
    let what_if = [(1, 250_000), (2, 127_000), (4, 68_000), (8, 62_000), (16, 62_000)];
    RunSummary {
        forecasts_inside: 18,
        forecasts_with_spread: 22,
        quarantined: 1,
        batched: 41,
        batches: 6,
        backups: 2,
        backup_time: Millis(3400),
        split: 1,
        what_if: what_if.map(|(slots, makespan)| WhatIf { slots, makespan: Millis(makespan) }).to_vec(),
        worth: Some(4),
        groups: vec![
            group("package/admin", Algorithm::Conservative, 2, Some(1.02)),
            group("package/guest", Algorithm::Aggressive, 8, Some(1.62)),
        ],
        ..summary(6, 5)
    }
}

/// A run with everything: parts, a batch, a backup, a quarantined failure, a retry, a dropped submission.
fn everything() -> Script {
    Script::joinable()
        .group("package/admin", 1, &[("1", Some(9000)), ("2", Some(8000))])
        .parts_of("e2e/big.spec.js")
        .group("package/guest", 0, &[("a.js", Some(400)), ("b.js", Some(300)), ("slow.js", Some(1000))])
        .group("package/odd", 0, &[("shaky.js", None)])
        .quarantined()
        .sealed()
        .joined(8)
        .group("package/late", 0, &[("never.js", None)])
        .dropped()
        .start(0, 1, 0)
        .start(1, 1, 1)
        .start_batch(&[2, 3], 2)
        .start_on("desk", 4, 1, 3, Some(1000))
        .after(5000)
        .pass(0, 1)
        .fail(1, 1)
        .pass(2, 1)
        .begin(3, 1)
        .backup_on("rack", 4, 2)
        .start(1, 2, 1)
        .after(3000)
}

fn done() -> Script {
    everything()
        .pass(1, 2)
        .pass(3, 1)
        .end(4, 2, finish(AttemptVerdict::Passed, 900), Vec::new())
        .decide(4, SpecVerdict::Passed { flaky: false })
        .dismiss(4, 1)
        .end(4, 1, finish(AttemptVerdict::Cancelled, 8000), Vec::new())
        .start(5, 1, 0)
        .fail(5, 1)
        .decide(5, FAILED)
}

#[test]
fn a_summary_says_how_the_run_was_balanced() {
    let view = folded(done().finish(RunVerdict::Passed, figures()));
    let conclusion = conclude(&view, &Submitted::Count(5), Circumstances::default());
    let text = summary_of(&view, &conclusion, Palette::PLAIN, &Commands::default());
    for line in [
        "specs  5: 3 passed, 1 flaky, 1 quarantined",
        "dropped  group package/late came in only in part and counts for nothing",
        "forecasts off by 12 % (6 of 6 attempts); 81 % inside their 80 % interval",
        "1 retry; 41 specs in 6 batches; 1 spec split by its tests; 2 backups (3.4s of slot time for the slower ones)",
        "slots  1 slot 4m10s, 2 slots 2m07s, 4 slots 1m08s, 8 slots 1m02s: 4 are worth it",
        "aggressive: up to 8 at a time, specs took 1.6x their own time",
        "apart  package/odd    shaky.js  quarantined: cart > removes",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn only_what_says_something_is_said() {
    let plain = RunSummary {
        what_if: vec![WhatIf { slots: 1, makespan: Millis(5) }],
        worth: Some(1),
        ..summary(1, 1)
    };
    let script = Script::new().group("g", 0, &[("a.js", None)]).sealed().start(0, 1, 0).pass(0, 1);
    let view = folded(script.finish(RunVerdict::Passed, plain));
    let conclusion = conclude(&view, &Submitted::Count(1), Circumstances::default());
    let text = summary_of(&view, &conclusion, Palette::PLAIN, &Commands::default());
    for word in
        ["slots  ", "groups", "batch", "backup", "retr", "interval", "quarantined", "dropped", "apart"]
    {
        assert!(!text.contains(word), "{word}\n{text}");
    }
}

#[test]
fn a_page_shows_parts_backups_and_batches() {
    let page = |script: Script| {
        let view = folded(script);
        let specs: Vec<&SpecView> = view.specs.iter().collect();
        let info = RunInfo { open_because: "2 of 3 groups came".into(), ..RunInfo::default() };
        let page = run_page(&view, &info, &specs, Timestamp(BEGIN + 9000), Palette::PLAIN);
        // The day and time depend on the time zone of this machine.
        page.lines().filter(|line| !line.contains("opened")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(format!("{}\n---\n{}", page(everything()), page(done())));
}

#[test]
fn what_starts_and_ends_beside_another_attempt_is_told_as_such() {
    let view = folded(done());
    let spec = &view.specs[4];
    let backup = retried(&view, spec, &spec.attempts[1], Palette::PLAIN);
    assert!(backup.contains("BACKUP") && backup.contains("on rack: on desk it runs far beyond"), "{backup}");
    let loser = beaten(&view, spec, &spec.attempts[0], Palette::PLAIN);
    assert!(loser.contains("BEATEN") && loser.contains("another attempt ended first"), "{loser}");
    let shaky = ended(&view, &view.specs[5], &view.specs[5].attempts[0], Palette::PLAIN);
    assert!(shaky.contains("FAIL") && shaky.contains("quarantined"), "{shaky}");
    let lines = live_lines(&folded(everything()), Timestamp(BEGIN + 9000), false, (40, 120), Palette::PLAIN);
    assert!(lines.iter().any(|line| line.contains("slow.js  backup")), "{lines:?}");
    assert!(lines.last().is_some_and(|line| line.contains("1/5 done")), "{lines:?}");
}
