//! `cargo xtask test`: everything that has to be green.

use xshell::cmd;

use crate::failure::Failure;
use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::{talk, tidy};

/// Sets up, tidies, builds, and runs every test and the example. With `filters`, only the Rust tests whose names
/// contain one of them: for work on one thing.
pub(crate) fn run(project: &Project, filters: &[String]) -> Result<(), Failure> {
    setup::run(project, Purpose::Test)?;
    let sh = project.shell();
    if !filters.is_empty() {
        cmd!(sh, "cargo test --workspace -- {filters...}").run()?;
        return Ok(());
    }
    tidy::run(project)?;
    talk::step("building");
    cmd!(sh, "cargo build --workspace --all-targets").quiet().run()?;
    check_example(project)?;
    // Last, so that its closing lines are the closing lines.
    talk::step("running the tests");
    cmd!(sh, "cargo test --workspace --no-fail-fast").quiet().run()?;
    Ok(())
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
    cmd!(sh, "{partctl} submit --local").quiet().run()?;
    Ok(())
}
