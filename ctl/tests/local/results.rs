//! What comes of runs that go to their end.

use crate::project::Project;

#[test]
fn exit_codes_tell_what_happened() {
    let project = Project::of_scripts(&[("a", "echo fine"), ("b", "echo broken; exit 3")], "");
    project.run(&["submit", "--spec", "s/a.sh"]).expect_code(0).expect("1 passed");
    project.run(&["submit"]).expect_code(1).expect("broken").expect("exit code 3").expect("sh s/b.sh");
    project.run(&["submit", "--spec", "s/nothing*.sh"]).expect_code(4).expect("s/nothing*.sh");
    project.run(&["submit", "--group", "nobody"]).expect_code(2).expect("nobody");
    project.run(&["submit", "--no-such-flag"]).expect_code(2);
}

#[test]
fn a_broken_configuration_is_pointed_at() {
    let broken = Project::with_config("[project]\nname = \"x\"\n[suites.a]\nframework = = \"generic\"\n");
    broken.run(&["submit"]).expect_code(2).expect("part.toml:4:");
    let unknown = Project::of_scripts(&[("a", "true")], "speks = [\"x\"]");
    unknown.run(&["submit"]).expect_code(0).expect("speks");
    let empty = tempfile::tempdir().expect("a folder");
    let nothing = Project::of_scripts(&[], "");
    let said = nothing.partctl(&["submit"]).current_dir(empty.path()).output().expect("ran");
    crate::project::Said::of(said).expect_code(2).expect("partctl init");
}

#[test]
fn a_flaky_pass_is_green_and_says_so() {
    let script = "test \"$PART_ATTEMPT\" -ge 2";
    let project = Project::of_scripts(&[("a", script), ("b", "true")], "retries = 1");
    project.run(&["submit"]).expect_code(0).expect("1 flaky");
    project.run(&["submit", "--fail-on-flaky"]).expect_code(1);
    project.run(&["submit", "--retries", "0"]).expect_code(1);
}

#[test]
fn a_report_that_is_cut_off_is_never_a_pass() {
    let write = |text: &str| format!("printf '%s' '{text}' > \"$2\"");
    let project = Project::with_config(
        "[project]\nname = \"test\"\n[suites.x]\nframework = \"generic\"\nspecs = [\"s/*.sh\"]\n\
         command = [\"sh\", \"{spec}\", \"-\", \"{report}\"]\nreport = \"junit:{report}\"\n[groups.all]\nsuite = \"x\"\n",
    );
    let good =
        "<testsuite name=\"s\" tests=\"1\"><testcase classname=\"c\" name=\"t\" time=\"0.1\"/></testsuite>";
    project.write("s/a.sh", &write(good));
    project.run(&["submit"]).expect_code(0).expect("1 test");
    project.write("s/a.sh", &write(&good[..60]));
    project.run(&["submit"]).expect_code(1).expect("malformed at byte 30");
    project.write("s/a.sh", &write("<testsuite name=\"s\" tests=\"0\"></testsuite>"));
    project.run(&["submit"]).expect_code(4).expect("no tests");
    project.write("s/a.sh", "true");
    project.run(&["submit"]).expect_code(1).expect("no report was written");
}

#[test]
fn the_second_run_starts_with_what_took_longest() {
    let scripts = [("a", "true"), ("b", "sleep 0.5"), ("c", "true"), ("d", "sleep 1")];
    let project = Project::of_scripts(&scripts, "");
    project.run(&["submit", "--workers", "1"]).expect_code(0);
    let said = project.run(&["submit", "--workers", "1", "--output", "json"]).expect_code(0);
    let events: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    assert!(events.iter().all(|event| event["v"] == 1), "every object says its version");
    let started: Vec<&str> = events
        .iter()
        .filter(|event| event["event"] == "attempt_assigned")
        .map(|event| event["spec"].as_str().expect("a name"))
        .collect();
    assert_eq!(&started[..2], ["s/d.sh", "s/b.sh"]);
}

#[test]
fn results_can_be_read_afterwards() {
    let project = Project::of_scripts(
        &[("a", "echo out of a; echo kept > \"$PART_ARTIFACTS_DIR/x.txt\""), ("b", "exit 1")],
        "",
    );
    project.run(&["submit", "--junit", "out/junit.xml", "--artifacts", "out/kept"]).expect_code(1);
    let junit = std::fs::read_to_string(project.path("out/junit.xml")).expect("written");
    assert!(junit.contains("s/a.sh") && junit.contains("s/b.sh") && junit.contains("failure"), "{junit}");
    let kept = walk(&project.path("out/kept"));
    assert!(kept.iter().any(|path| path.ends_with("x.txt")), "{kept:?}");
    project.run(&["runs"]).expect_code(0).expect("failed");
    project.run(&["show", "latest"]).expect_code(0).expect("s/b.sh");
    let logs = project.run(&["logs", "latest", "s/a.sh"]).expect_code(0);
    assert_eq!(logs.out, "out of a\n");
    project.run(&["history", "s/a.sh"]).expect_code(0).expect("passed");
    project.run(&["explain", "latest", "s/b.sh"]).expect_code(0).expect("exit code 1");
    project.run(&["show", "run_zzzzzzzz"]).expect_code(2).expect("run_zzzzzzzz");
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path().display().to_string()),
        }
    }
    found
}
