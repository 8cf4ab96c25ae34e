//! `cargo xtask demo`: the example, through Part, on a machine that has nothing but Rust.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use xshell::cmd;

use crate::failure::Failure;
use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::talk;

/// Runs its arguments from the second on, then says the first, then ends with the exit code of the former.
///
/// A shell does this rather than this program because it can wait out a Ctrl-C: `partctl` gets it too, stops what it
/// runs and prints its summary, and nothing may end before it.
const RUN_THEN_SAY: &str = r#"trap : INT; say=$1; shift; "$@"; code=$?; printf '%s' "$say" >&2; exit $code"#;

/// Sets up, builds, and runs every group of `examples/shop`. Ends with the exit code of `partctl`.
pub(crate) fn run(project: &Project) -> Result<ExitCode, Failure> {
    setup::run(project, Purpose::Demo)?;
    let sh = project.shell();
    talk::step("building");
    cmd!(sh, "cargo build --workspace").quiet().run()?;
    let built = project.built()?;

    talk::step("partctl submit --local   (in examples/shop)");
    let error = Command::new("sh")
        .args(["-c", RUN_THEN_SAY, "demo"])
        .arg(where_to_look_next(project, &built)?)
        .arg(built.join("partctl"))
        .args(["submit", "--local"])
        .current_dir(project.shop())
        .env("PATH", project.path_with_tools()?)
        .exec();
    Err(Failure::new(format!("cannot start a shell for the demo: {error}")))
}

fn where_to_look_next(project: &Project, built: &Path) -> Result<String, Failure> {
    let [bin, venv] = [project.tools().join("bin"), project.venv().join("bin")];
    Ok(format!(
        "
Where to look next (in examples/shop; the run is `latest`, or any beginning of its id):
  export PATH=\"{}:{}:{}:$PATH\"
  partctl runs                                  all runs so far
  partctl show latest                           the run, spec by spec
  partctl logs latest voucher --attempt 1       what the flaky spec printed when it failed
  partctl history e2e/admin/reports.spec.js     how long it took, run by run
  partctl rerun latest                          all of it again; --failed: only what did not pass
  partctl submit --local --group package/admin  one group
  cargo xtask demo                              once more: it knows the durations now and packs better
",
        built.display(),
        bin.display(),
        venv.display(),
    ))
}
