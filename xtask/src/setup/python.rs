//! The Python environment in `target/part-tools/venv`, with what each `requirements.txt` names.

use std::path::PathBuf;

use xshell::cmd;

use super::stamp::Stamp;
use super::system::run_quietly;
use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

const REQUIREMENTS: &str = "requirements.txt";

/// Makes the environment, or makes it anew where it does not work any more (the Python it came from is gone, or the
/// project was moved: an environment holds absolute paths).
pub(super) fn ensure_venv(project: &Project) -> Result<(), Failure> {
    let sh = project.shell();
    let venv = project.venv();
    let python = venv.join("bin/python");
    let works =
        cmd!(sh, "{python} -c pass").quiet().ignore_status().output().is_ok_and(|out| out.status.success());
    let stamp = Stamp::new(venv.join("made-for"), venv.display().to_string());
    if works && stamp.matches(sh) {
        return Ok(());
    }
    talk::step("making a Python environment in target/part-tools/venv");
    run_quietly(sh, &[], &["python3", "-m", "venv", "--clear", &venv.to_string_lossy()])?;
    stamp.write(sh)
}

/// Installs what the `requirements.txt` of each of these folders names, if it has one.
pub(super) fn install_requirements(project: &Project, folders: &[PathBuf]) -> Result<(), Failure> {
    let sh = project.shell();
    for folder in folders {
        let requirements = folder.join(REQUIREMENTS);
        if !requirements.is_file() {
            continue;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let stamp =
            Stamp::new(project.venv().join(format!("installed-{name}")), sh.read_file(&requirements)?);
        if stamp.matches(sh) {
            continue;
        }
        talk::step(format!("installing the Python packages of {name}"));
        pip_install(project, &["-r", &requirements.to_string_lossy()])?;
        stamp.write(sh)?;
    }
    Ok(())
}

/// `pip install` into the environment.
pub(super) fn pip_install(project: &Project, what: &[&str]) -> Result<(), Failure> {
    let python = project.venv().join("bin/python");
    let python = python.to_string_lossy();
    let mut command =
        vec![&*python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    command.extend(what);
    run_quietly(project.shell(), &[], &command)
}
