//! Reports that no framework here writes by itself: other encodings, contradictions, hostile input.

#![expect(clippy::panic, reason = "says which report was read otherwise than it should be")]

use part_core::{ReportFormat, TestOutcome};
use part_frameworks::report::{Parsed, ReportError, ReportFile, bounds, parse};
use std::path::Path;

fn read(format: ReportFormat, text: impl AsRef<[u8]>) -> Result<Parsed, ReportError> {
    parse(format, &[ReportFile { path: Path::new("report"), bytes: text.as_ref() }], "spec")
}

fn ok(format: ReportFormat, text: impl AsRef<[u8]>) -> Parsed {
    read(format, text).unwrap_or_else(|error| panic!("{error}"))
}

fn error(format: ReportFormat, text: impl AsRef<[u8]>) -> String {
    match read(format, text) {
        Ok(parsed) => panic!("{parsed:?}"),
        Err(error) => error.to_string(),
    }
}

fn ids(parsed: &Parsed) -> Vec<&str> {
    parsed.tests.iter().map(|test| test.id.as_str()).collect()
}

const FORMATS: &[ReportFormat] = &[
    ReportFormat::Junit,
    ReportFormat::Trx,
    ReportFormat::Ctrf,
    ReportFormat::Tap,
    ReportFormat::NextestJson,
    ReportFormat::GoJson,
    ReportFormat::PlaywrightJson,
    ReportFormat::JestJson,
    ReportFormat::MochaJson,
    ReportFormat::PytestReportLog,
    ReportFormat::XcresultJson,
];

#[test]
fn no_report_is_never_a_pass() {
    assert_eq!(parse(ReportFormat::ExitCode, &[], "spec"), Ok(Parsed::default()));
    for &format in FORMATS {
        assert_eq!(parse(format, &[], "spec"), Err(ReportError::Missing { format }));
        for empty in ["", " \n\t", "\u{feff}", "\u{feff}\n"] {
            assert!(matches!(read(format, empty), Err(ReportError::Empty { .. })), "{format:?}");
        }
        for other in
            ["{}\n", "[]\n", "null\n", "<html><body/></html>", "Killed\n", "{\"a\":{}}\n", "\0\0\0\0"]
        {
            assert!(read(format, other).is_err(), "{format:?}: {other:?}");
        }
    }
}

#[test]
fn files_are_read_together_and_bounded_together() {
    let a = "<testsuite name='A'><testcase classname='A' name='one'/></testsuite>";
    let b = "<testsuite name='B'><testcase classname='B' name='two'/></testsuite>";
    let files = [("a.xml", a), ("b.xml", b)];
    let files = files.map(|(path, text)| ReportFile { path: Path::new(path), bytes: text.as_bytes() });
    let parsed = parse(ReportFormat::Junit, &files, "").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ids(&parsed), ["A > one", "B > two"]);

    let cut = ReportFile { path: Path::new("c.xml"), bytes: &b.as_bytes()[..30] };
    let error = parse(ReportFormat::Junit, &[files[0], cut], "").map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.contains("c.xml")));

    let half = vec![b' '; usize::try_from(bounds::REPORT_BYTES / 2 + 1).unwrap_or_default()];
    let half = ReportFile { path: Path::new("big.xml"), bytes: &half };
    assert!(matches!(parse(ReportFormat::Junit, &[half, half], ""), Err(ReportError::TooLarge { .. })));
}

#[test]
fn encodings_of_dotnet() {
    let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><TestRun><Results><UnitTestResult testName=\"käse ☕\" \
                outcome=\"Passed\"/></Results><ResultSummary outcome=\"Completed\"/></TestRun>";
    let little: Vec<u8> = std::iter::once('\u{feff}')
        .chain(text.chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(ids(&ok(ReportFormat::Trx, &little)), ["käse ☕"]);
    // Cut in the middle of a unit, the place is told in bytes of the file.
    assert!(error(ReportFormat::Trx, &little[..little.len() - 21]).contains("at byte"));
    let marked = format!("\u{feff}{text}");
    assert_eq!(ids(&ok(ReportFormat::Trx, marked)), ["käse ☕"]);
}

#[test]
fn invalid_bytes_are_noted_and_replaced() {
    let parsed = ok(
        ReportFormat::Junit,
        b"<testsuite><testcase name='k\xe4se'><system-out>\x1b[1m\xff</system-out></testcase></testsuite>",
    );
    assert_eq!(ids(&parsed), ["k\u{fffd}se"]);
    assert_eq!(parsed.tests[0].output.as_deref(), Some("\u{1b}[1m\u{fffd}"));
    assert_eq!(parsed.notes, ["report is not valid UTF-8 from byte 28 on"]);
}

#[test]
fn entities_are_never_expanded() {
    let bomb = "<!DOCTYPE t [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY x SYSTEM \
                \"file:///etc/passwd\">]><testsuite><testcase name='&b;'><failure>&b;&x;</failure></testcase></testsuite>";
    let parsed = ok(ReportFormat::Junit, bomb);
    assert_eq!(parsed.tests[0].id, "&b;");
    assert_eq!(parsed.tests[0].message.as_deref(), Some("&b;&x;"));
}

#[test]
fn nesting_is_bounded() {
    let suites = |n: usize| format!("{}{}", "<testsuite name='s'>".repeat(n), "</testsuite>".repeat(n));
    assert!(read(ReportFormat::Junit, suites(100)).is_ok());
    assert!(error(ReportFormat::Junit, suites(100_000)).contains("nested"));
    let suites = |n: usize| format!("{{\"suites\":[{}{}]}}", "{\"suites\":[".repeat(n), "]}".repeat(n));
    assert!(read(ReportFormat::PlaywrightJson, suites(50)).is_ok());
    assert!(error(ReportFormat::PlaywrightJson, suites(50_000)).contains("recursion limit"));
    let nodes = "{\"nodeType\":\"Test Suite\",\"children\":[".repeat(50_000);
    assert!(
        error(ReportFormat::XcresultJson, format!("{{\"testNodes\":[{nodes}")).contains("recursion limit")
    );
    assert!(error(ReportFormat::Tap, format!("{}ok 1\n", " ".repeat(4 * 1000))).contains("nested"));
}

/// Suites with long titles around many tests: every id would hold all of them.
#[test]
fn names_of_suites_do_not_multiply() {
    let long = "x".repeat(10_000);
    let open = format!("<testsuite name='{long}'>").repeat(50);
    let xml = format!("{open}{}{}", "<testcase name='t'/>".repeat(2_000), "</testsuite>".repeat(50));
    let parsed = ok(ReportFormat::Junit, xml);
    assert_eq!(parsed.tests.len(), 2_000);
    assert!(parsed.tests.iter().all(|test| test.id.len() <= bounds::NAME_BYTES));
}

#[test]
fn many_tests_are_read() {
    let mut xml = String::from("<testsuites>");
    for n in 0..50_000 {
        xml.push_str(&format!("<testcase classname='c' name='t{n}' time='0.001'/>"));
    }
    xml.push_str("</testsuites>");
    assert_eq!(ok(ReportFormat::Junit, xml).tests.len(), 50_000);
}

#[test]
fn long_texts_are_cut_visibly() {
    let long = "y".repeat(200_000);
    let xml = format!(
        "<testsuite><testcase name='a'><failure message='{long}'>{long}z</failure><system-out>{long}</system-out></testcase></testsuite>"
    );
    let test = ok(ReportFormat::Junit, xml).tests.remove(0);
    for (text, bound) in [
        (test.message, bounds::MESSAGE_BYTES),
        (test.detail, bounds::DETAIL_BYTES),
        (test.output, bounds::OUTPUT_BYTES),
    ] {
        let text = text.unwrap_or_default();
        assert!(text.len() <= bound && text.contains("bytes cut"), "{}", text.len());
    }
}

#[test]
fn junit_that_contradicts_itself() {
    let fewer = ok(ReportFormat::Junit, "<testsuite name='a' tests='5'><testcase name='one'/></testsuite>");
    assert_eq!(fewer.notes, ["`a` says it has 5 tests, there are 1"]);
    assert!(!fewer.has_failed());
    let hidden =
        ok(ReportFormat::Junit, "<testsuite name='a' failures='1'><testcase name='one'/></testsuite>");
    assert_eq!(hidden.errors, ["`a` says it has 1 failures, but none is in it"]);
    let status = ok(ReportFormat::Junit, "<testsuite><testcase name='one' status='failed'/></testsuite>");
    assert!(status.has_failed());
    for lost in [
        "<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>",
        "<testsuite><testcase name='a'/></testsuite><testsuite><testcase name='b'/></testsuite>",
    ] {
        assert!(read(ReportFormat::Junit, lost).is_err(), "{lost}");
    }
    let wrapped = ok(ReportFormat::Junit, "<testsuite><group><testcase name='a'/></group></testsuite>");
    assert_eq!(ids(&wrapped), ["a"]);
}

#[test]
fn trx_that_does_not_say_passed() {
    let run = |test: &str, summary: &str| {
        format!("<TestRun><Results><UnitTestResult testName='a' {test}/></Results>{summary}</TestRun>")
    };
    let good = "<ResultSummary outcome='Completed'/>";
    assert!(!ok(ReportFormat::Trx, run("outcome='Passed'", good)).has_failed());
    for bad in [
        "",
        "outcome='Aborted'",
        "outcome='Disconnected'",
        "outcome='NotRunnable'",
        "outcome='PassedButRunAborted'",
    ] {
        assert!(ok(ReportFormat::Trx, run(bad, good)).has_failed(), "{bad}");
    }
    let aborted = ok(ReportFormat::Trx, run("outcome='Passed'", "<ResultSummary outcome='Aborted'/>"));
    assert_eq!(aborted.errors, ["the test run's outcome is `Aborted`"]);
    assert!(error(ReportFormat::Trx, run("outcome='Passed'", "")).contains("no <ResultSummary>"));
}

#[test]
fn tap_plans() {
    assert!(error(ReportFormat::Tap, "1..2\nok 1\n").contains("planned 2 tests, got 1"));
    assert!(error(ReportFormat::Tap, "ok 1\n").contains("no plan"));
    assert!(error(ReportFormat::Tap, "1..1\nok 1").contains("middle of its last line"));
    assert!(error(ReportFormat::Tap, "1..1\nok 1\n1..1\n").contains("line 3, column 1): a second plan"));
    assert!(error(ReportFormat::Tap, "1..1\n    ok 1\n").contains("last subtests"));
    assert!(
        error(ReportFormat::Tap, "1..1\n    1..2\n    ok 1\nok 1\n").contains("planned 2 subtests, got 1")
    );
    assert!(error(ReportFormat::Tap, "1..1\nok 1\n  ---\n  a: 1\n").contains("diagnostics"));
    let more = ok(ReportFormat::Tap, "1..1\nok 1\nok 2\n");
    assert_eq!(more.errors, ["planned 1 tests, got 2"]);
    let bail = ok(ReportFormat::Tap, "1..5\nok 1 - a\n    ok 1 - b\n    Bail out! no disk\n");
    assert_eq!(bail.errors, ["the producer bailed out > no disk"]);
    assert_eq!(ids(&bail), ["a", "b"]);
    let noise = ok(ReportFormat::Tap, "starting up\nok then\n1..1\nokay\nok 1 - a\nbye\n");
    // `ok then` is a test point to TAP, so there are two.
    assert_eq!(ids(&noise), ["then", "a"]);
    let skipped = ok(ReportFormat::Tap, "1..0 # SKIP no database\n");
    assert!(skipped.tests.is_empty() && skipped.notes[0].contains("no database"));
}

#[test]
fn nextest_runs_that_stop() {
    let start = "{\"type\":\"suite\",\"event\":\"started\",\"test_count\":3}\n";
    let test = |name: &str, event: &str| {
        format!("{{\"type\":\"test\",\"event\":\"{event}\",\"name\":\"a::a${name}\"}}\n")
    };
    let end = "{\"type\":\"suite\",\"event\":\"ok\",\"passed\":1,\"failed\":0,\"ignored\":0}\n";
    let ran = |event: &str| format!("{start}{}{}{end}", test("x", "started"), test("x", event));
    assert!(
        error(ReportFormat::NextestJson, ran("ok"))
            .contains("2 of the tests that were announced have no result")
    );
    let failed = ok(ReportFormat::NextestJson, ran("failed"));
    assert_eq!(failed.notes, ["2 tests did not run: nextest stopped at a failure"]);
    // Started, but neither finished nor ignored.
    let three = format!("{start}{}{}{}{end}", test("x", "ok"), test("y", "ok"), test("z", "started"));
    assert!(error(ReportFormat::NextestJson, three).contains("1 of the tests"));
    let three = format!("{start}{}{}{}{end}", test("x", "failed"), test("y", "ok"), test("z", "started"));
    let three = ok(ReportFormat::NextestJson, three);
    assert_eq!(three.tests[2].message.as_deref(), Some("it started, but no result was reported"));
    assert_eq!(three.tests[2].outcome, TestOutcome::Failed);
}

#[test]
fn go_packages_that_do_not_end() {
    let line = |action: &str, test: &str| {
        format!("{{\"Action\":\"{action}\",\"Package\":\"p\",\"Test\":\"{test}\"}}\n")
    };
    let end = |action: &str| format!("{{\"Action\":\"{action}\",\"Package\":\"p\"}}\n");
    assert!(error(ReportFormat::GoJson, line("pass", "TestA")).contains("before the end of package `p`"));
    let silent = ok(ReportFormat::GoJson, line("run", "TestA") + &end("pass"));
    assert_eq!(silent.tests[0].message.as_deref(), Some("the package ended before the test did"));
    assert!(silent.has_failed());
    let again =
        line("run", "TestA") + &line("fail", "TestA") + &line("run", "TestA") + &line("pass", "TestA");
    let again = ok(ReportFormat::GoJson, again + &end("fail"));
    assert_eq!(again.tests.len(), 2);
    assert_eq!(again.notes, ["2 tests are called `TestA`"]);
    assert!(error(ReportFormat::GoJson, "{\"Action\":\"pass\",\"Pack\n").contains("JSON"));
}

#[test]
fn playwright_that_ran_nothing() {
    let listed = "{\"suites\":[{\"title\":\"a.ts\",\"specs\":[{\"title\":\"t\",\"tests\":[{\"status\":\"skipped\",\
                  \"expectedStatus\":\"passed\",\"results\":[]}]}]}],\"errors\":[]}";
    assert_eq!(ok(ReportFormat::PlaywrightJson, listed).errors, ["1 tests did not run, such as `t`"]);
    let hidden = "{\"suites\":[],\"stats\":{\"unexpected\":2}}";
    assert!(ok(ReportFormat::PlaywrightJson, hidden).has_failed());
}

#[test]
fn json_reports_that_contradict_themselves() {
    for (format, text) in [
        (ReportFormat::JestJson, "{\"testResults\":[],\"success\":false}"),
        (ReportFormat::JestJson, "{\"testResults\":[],\"wasInterrupted\":true}"),
        (
            ReportFormat::JestJson,
            "{\"testResults\":[{\"assertionResults\":[{\"title\":\"a\",\"status\":\"unheard of\"}]}]}",
        ),
        (ReportFormat::MochaJson, "{\"stats\":{\"failures\":1},\"tests\":[]}"),
        (ReportFormat::MochaJson, "{\"stats\":{},\"tests\":[{\"title\":\"a\",\"fullTitle\":\"a\"}]}"),
        (ReportFormat::Ctrf, "{\"results\":{\"summary\":{\"failed\":1},\"tests\":[]}}"),
        (ReportFormat::Ctrf, "{\"results\":{\"tests\":[{\"name\":\"a\",\"status\":\"other\"}]}}"),
        (
            ReportFormat::XcresultJson,
            "{\"testNodes\":[{\"nodeType\":\"Unit test bundle\",\"name\":\"B\",\"result\":\"Failed\"}]}",
        ),
        (ReportFormat::XcresultJson, "{\"testNodes\":[{\"nodeType\":\"Test Case\",\"name\":\"t()\"}]}"),
        (ReportFormat::PytestReportLog, "{\"$report_type\":\"SessionFinish\",\"exitstatus\":1}\n"),
        (ReportFormat::PytestReportLog, "{\"$report_type\":\"SessionFinish\",\"exitstatus\":3}\n"),
    ] {
        assert!(ok(format, text).has_failed(), "{text}");
    }
}

/// Reports that come over standard output, behind what the program itself wrote.
#[test]
fn output_before_a_report_is_passed_over() {
    let report = "{\"testResults\":[{\"assertionResults\":[{\"title\":\"a\",\"status\":\"passed\"}]}]}";
    let parsed = ok(ReportFormat::JestJson, format!("compiling\n{{\"level\":\"info\"}}\n{report}\n"));
    assert_eq!(ids(&parsed), ["a"]);
    assert_eq!(parsed.notes, ["report: skipped 27 bytes before the report"]);
    assert!(read(ReportFormat::JestJson, format!("compiling\n{}", &report[..40])).is_err());
    assert!(read(ReportFormat::JestJson, format!("{report}\n{report}")).is_err());
}
