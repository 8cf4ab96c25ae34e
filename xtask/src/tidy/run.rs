//! The order of the checks: the cheap ones first, all of them in any case, one verdict at the end.

use xshell::cmd;

use super::{edges, files, manifests, rust_files, text_files};
use crate::failure::Failure;
use crate::project::Project;
use crate::talk;

/// Runs every check, prints all that is wrong, and fails if anything is.
pub(crate) fn run(project: &Project) -> Result<(), Failure> {
    let broken: Vec<&str> = [
        ("the project's own rules", own_rules(project)?),
        ("formatting (cargo fmt mends it)", formatted(project)?),
        ("clippy", linted(project)?),
        ("cargo deny", denied(project)?),
    ]
    .into_iter()
    .filter_map(|(name, good)| (!good).then_some(name))
    .collect();
    if broken.is_empty() { Ok(()) } else { Err(Failure::new(format!("not tidy: {}", broken.join(", ")))) }
}

fn own_rules(project: &Project) -> Result<bool, Failure> {
    talk::step("tidy: the project's own rules");
    let packages = edges::packages(&project.metadata()?);
    let mut complaints = edges::check(&packages);
    for package in &packages {
        complaints.extend(manifests::check(&package.name, &project.shell().read_file(&package.manifest)?));
    }
    for file in files::kept(project)? {
        let Some(text) = file.text(project)? else { continue };
        complaints.extend(rust_files::check(file.path(), &text));
        complaints.extend(text_files::check(file.path(), &text));
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    Ok(complaints.is_empty())
}

fn formatted(project: &Project) -> Result<bool, Failure> {
    talk::step("tidy: cargo fmt --check");
    let sh = project.shell();
    Ok(cmd!(sh, "cargo fmt --all --check").quiet().run().is_ok())
}

fn linted(project: &Project) -> Result<bool, Failure> {
    talk::step("tidy: cargo clippy");
    let sh = project.shell();
    Ok(cmd!(sh, "cargo clippy --quiet --workspace --all-targets -- -D warnings").quiet().run().is_ok())
}

fn denied(project: &Project) -> Result<bool, Failure> {
    let sh = project.shell();
    let installed = cmd!(sh, "cargo deny --version").quiet().ignore_status().output()?.status.success();
    if !installed {
        talk::note("cargo-deny is not installed: licences, bans and sources of crates are not checked");
        return Ok(true);
    }
    talk::step("tidy: cargo deny");
    Ok(cmd!(sh, "cargo deny --offline check bans licenses sources").quiet().run().is_ok())
}
