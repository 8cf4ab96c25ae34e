//! A browser for the example, where the system has none.

use xshell::cmd;

use super::system::run_quietly;
use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

/// Prints the browser that the example's specs would use, or nothing if it is to be Playwright's own.
const ASK: &str = "import { chromiumLaunchOptions } from './e2e/support/chromium.js'; \
                   console.log(chromiumLaunchOptions().executablePath ?? '')";

/// Lets Playwright fetch its own Chromium if the example finds none.
pub(super) fn ensure_browser(project: &Project) -> Result<(), Failure> {
    let sh = project.shell();
    let _inside = sh.push_dir(project.shop());
    let browser = cmd!(sh, "node --input-type=module --eval {ASK}").quiet().read()?;
    if !browser.is_empty() {
        return Ok(());
    }
    talk::step("letting Playwright install a Chromium of its own, unless it has one");
    run_quietly(
        sh,
        &[],
        &["node", "node_modules/@playwright/test/cli.js", "install", "--only-shell", "chromium"],
    )
    .map_err(|_| {
        Failure::with_remedy(
            "there is no Chromium on this machine, and Playwright could not fetch one",
            "Please install Chromium, or name one with CHROMIUM=/path/to/it, then try again.",
        )
    })
}
