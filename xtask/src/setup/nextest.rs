//! cargo-nextest, one of the frameworks that the tests try for real.

use xshell::cmd;

use super::Purpose;
use super::system::run_quietly;
use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

const VERSION: &str = "0.9.151";

/// Builds cargo-nextest into `target/part-tools/bin` where it is needed and not on the `PATH`. Unoptimised and without
/// the part that updates itself: that takes minutes less, and it only has to run a handful of tests.
pub(super) fn ensure_nextest(project: &Project, purpose: Purpose) -> Result<(), Failure> {
    let sh = project.shell();
    if purpose < Purpose::Test {
        return Ok(());
    }
    let there = cmd!(sh, "cargo nextest --version").quiet().ignore_status().output()?.status.success();
    if there {
        return Ok(());
    }
    talk::step(format!("building cargo-nextest {VERSION} into target/part-tools (once, takes minutes)"));
    let root = project.tools();
    let root = root.to_string_lossy();
    let _no_debug_info = sh.push_env("CARGO_PROFILE_DEV_DEBUG", "0");
    let what = ["--version", VERSION, "--locked", "--no-default-features", "--features", "default-no-update"];
    let how =
        ["cargo", "install", "cargo-nextest", "--debug", "--quiet", "--no-track", "--force", "--root", &root];
    run_quietly(sh, &how, &what)
}
