//! `cargo xtask test`: everything that has to be green.

use xshell::cmd;

use crate::failure::Failure;
use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::{talk, tidy};

/// Sets up, tidies, builds, and runs every test and the example. With `filters`, only the Rust tests whose names
/// contain one of them: for work on one thing.
///
/// What fails does not keep the rest from running: one call tells all that is wrong.
pub(crate) fn run(project: &Project, filters: &[String]) -> Result<(), Failure> {
    setup::run(project, Purpose::Test)?;
    let sh = project.shell();
    if !filters.is_empty() {
        cmd!(sh, "cargo test --workspace -- {filters...}").run()?;
        return Ok(());
    }
    let tidy = tidy::run(project);
    talk::step("building");
    cmd!(sh, "cargo build --workspace --all-targets").quiet().run()?;
    let example = check_example(project);
    let tests = run_tests(project);

    let failures: Vec<Failure> = [tidy, example, tests].into_iter().filter_map(Result::err).collect();
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(Failure::new(failures.iter().map(Failure::message).collect::<Vec<_>>().join("; "))),
    }
}

/// The example has to be green through Part, as in the demo, but in a home of its own and without a terminal.
fn check_example(project: &Project) -> Result<(), Failure> {
    talk::step("running examples/shop through Part");
    let sh = project.shell();
    let home = project.tools().join("example-home");
    sh.remove_path(&home)?;
    sh.create_dir(&home)?;
    let partctl = project.built()?.join("partctl");
    let _inside = sh.push_dir(project.shop());
    let _home = sh.push_env("PART_HOME", &home);
    cmd!(sh, "{partctl} submit --local")
        .quiet()
        .run()
        .map_err(|error| Failure::new(format!("the example is not green: {error}")))
}

/// The examples in the documentation first: they are few, and the closing lines are to be those of the tests.
fn run_tests(project: &Project) -> Result<(), Failure> {
    talk::step("running the tests");
    let sh = project.shell();
    let documentation = cmd!(sh, "cargo test --workspace --no-fail-fast --doc").quiet().run();
    let tests = cmd!(sh, "cargo test --workspace --no-fail-fast --lib --bins --tests").quiet().run();
    documentation.and(tests).map_err(|_| Failure::new("tests failed: see above"))
}
