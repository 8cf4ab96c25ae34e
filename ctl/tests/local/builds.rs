//! Builds in local runs: nobody joins them, but a known build counts over its attempts.

use crate::project::Project;

#[test]
fn a_new_attempt_of_a_known_build_runs_what_failed_or_is_missing() {
    let script = |end: &str| format!("echo $PART_SPEC >> witness; {end}");
    let project = Project::of_scripts(&[("a", &script("true")), ("b", &script("exit 1"))], "");
    let submit = |more: &[&str], code| {
        project.run(&[&["submit", "--ci-build-id", "x"], more].concat()).expect_code(code)
    };
    submit(&[], 1).expect("build x (--ci-build-id), attempt 1");
    assert_eq!(project.witness(), ["s/a.sh", "s/b.sh"]);

    project.write("s/b.sh", &script("true"));
    let second = submit(&[], 0).expect("build x (--ci-build-id), attempt 2").expect("1 carried forward");
    assert!(second.err.contains("1 spec passed in earlier attempts of this build"), "{}", second.err);
    assert_eq!(project.witness(), ["s/a.sh", "s/b.sh", "s/b.sh"]);

    // Nothing is left: everything runs again, and nothing is green that did not run.
    submit(&[], 0).expect("attempt 3").expect("all of it runs again");
    assert_eq!(project.witness().len(), 5);
    // And everything runs where that is wanted.
    submit(&["--all"], 0).expect("attempt 4").expect("2: 2 passed");
    assert_eq!(project.witness().len(), 7);

    let watch = |more: &[&str], code| {
        project.run(&[&["watch", "--ci-build-id", "x"], more].concat()).expect_code(code)
    };
    watch(&[], 0).expect("PASSED");
    watch(&["--attempt", "1"], 1).expect("FAILED");
    watch(&["--attempt", "9"], 2).expect("the newest is 4");
    watch(&["--project", "other"], 2).expect("there is no run of build");
}

#[test]
fn two_submits_without_a_build_have_nothing_to_do_with_each_other() {
    let project = Project::of_scripts(&[("a", "echo here >> witness")], "");
    let first = project.run(&["submit"]).expect_code(0).expect("made up for this submit");
    let second = project.run(&["submit"]).expect_code(0);
    assert_eq!(project.witness().len(), 2);
    let line = |said: &str| said.lines().find(|line| line.starts_with("build local-")).map(str::to_owned);
    assert!(
        line(&first.err).is_some() && line(&first.err) != line(&second.err),
        "{} {}",
        first.err,
        second.err
    );
    // A CI system that does not say which build it is.
    let mut unknown = project.partctl(&["submit"]);
    let said = crate::project::Said::of(unknown.env("GITHUB_ACTIONS", "true").output().expect("it runs"));
    said.expect_code(2).expect("GITHUB_REPOSITORY and GITHUB_RUN_ID is not set").expect("--ci-build-id");
}
