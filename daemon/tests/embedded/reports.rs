//! Reports and artifacts on their way from a spec to its watcher.

use crate::common::{end_of, finishes, follow, shell_run, submit};
use crate::mesh::{Place, blob};
use part_core::{ReportFormat, ReportPlace, ReportSource};
use part_proto::v1::{AttemptVerdict, RunVerdict, event::Fact};

#[tokio::test]
async fn ten_thousand_tests_of_one_spec_all_arrive() {
    const TESTS: usize = 10_000;
    let place = Place::new();
    let filler = "y".repeat(150);
    let cases: String = (0..TESTS)
        .map(|n| format!("<testcase classname=\"suite\" name=\"{n} {filler}\" time=\"0.001\"/>\n"))
        .collect();
    let report = format!("<testsuite name=\"s\" tests=\"{TESTS}\" failures=\"0\">{cases}</testsuite>");
    assert!(report.len() > 1_800_000);
    std::fs::write(place.workspace().join("report.xml"), report).expect("a file");
    let mut submission = shell_run(place.workspace(), "cp report.xml \"$REPORT\"", &["a"]);
    let recipe = &mut submission.groups[0].recipe;
    recipe.env.insert("REPORT".to_owned(), "{report}".to_owned());
    recipe.report =
        ReportSource { format: ReportFormat::Junit, place: ReportPlace::File("{report}".to_owned()) };
    let mesh = place.mesh(1).await;
    let run = submit(&mesh.channel(), &submission).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    mesh.stop(false).await;

    let (verdict, summary) = end_of(&events);
    assert_eq!(verdict, RunVerdict::Passed);
    assert_eq!(summary.tests.expect("counts").passed as usize, TESTS);
    let mut ids = std::collections::BTreeSet::new();
    for event in &events {
        if let Some(Fact::TestsReported(reported)) = &event.fact {
            ids.extend(reported.tests.iter().map(|test| test.id.clone()));
        }
    }
    assert_eq!(ids.len(), TESTS, "each once");
    let end = &finishes(&events)[0];
    assert_eq!(end.artifacts[0].path, "report/report", "the raw report is kept");
}

#[tokio::test]
async fn a_report_that_is_cut_off_is_never_a_pass() {
    let place = Place::new();
    let script = r#"printf '<testsuite tests="2"><testcase name="a"/>' > "$REPORT""#;
    let mut submission = shell_run(place.workspace(), script, &["a"]);
    let recipe = &mut submission.groups[0].recipe;
    recipe.env.insert("REPORT".to_owned(), "{report}".to_owned());
    recipe.report =
        ReportSource { format: ReportFormat::Junit, place: ReportPlace::File("{report}".to_owned()) };
    let mesh = place.mesh(1).await;
    let run = submit(&mesh.channel(), &submission).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    mesh.stop(false).await;
    assert_eq!(end_of(&events).0, RunVerdict::Failed);
    assert_eq!(finishes(&events)[0].verdict(), AttemptVerdict::InvalidReport);
}

#[tokio::test]
async fn artifacts_of_any_name_come_back_as_they_were() {
    let place = Place::new();
    let name = "new\nline \u{1b}[31m 'ü' ..";
    let script = r#"mkdir -p "$PART_ARTIFACTS_DIR/sub" && printf kept > "$PART_ARTIFACTS_DIR/sub/$1" &&
        ln -s /etc/passwd "$PART_ARTIFACTS_DIR/link""#;
    let mesh = place.mesh(1).await;
    let run = submit(&mesh.channel(), &shell_run(place.workspace(), script, &[name])).await;
    let events = follow(&mesh.channel(), &run, 0, |_| false).await;
    let end = &finishes(&events)[0];
    let paths: Vec<&str> = end.artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    assert_eq!(paths, [format!("sub/{name}")], "and no link was followed");
    assert_eq!(blob(&mesh.channel(), &end.artifacts[0].digest).await, b"kept");
    mesh.stop(false).await;
}
