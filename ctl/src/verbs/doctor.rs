//! `partctl doctor`.

use super::project;
use crate::app::App;
use crate::cli::DoctorArgs;
use crate::config::Project;
use crate::env;
use crate::error::CliError;
use crate::exit::Exit;
use crate::mesh::{Mesh, Place, Role, default_home, prepare_home};
use crate::out::Format;
use crate::render::json::{FindingLine, Line};
use crate::text::{Palette, clean, right};
use part_frameworks::{SuiteOptions, build_recipe};
use part_proto::v1::{self, DoctorRequest, FindingLevel};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Something that was checked.
struct Finding {
    level: Level,
    subject: String,
    text: String,
    remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Ok,
    Warning,
    Error,
}

impl Finding {
    fn new(level: Level, subject: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding { level, subject: subject.to_owned(), text: text.into(), remedy: remedy.into() }
    }

    fn of_error(subject: &str, error: &CliError) -> Self {
        let mut text = error.to_string();
        error.causes().iter().for_each(|cause| text.push_str(&format!(": {cause}")));
        Finding::new(Level::Error, subject, text, error.hints().join("; "))
    }
}

/// Checks everything that a run needs.
pub(super) async fn run(app: &mut App, args: DoctorArgs) -> Result<Exit, CliError> {
    let mut findings = configuration(&args);
    let place = app.global.place();
    if let Place::Local { home } = &place {
        findings.push(home_folder(home.clone()));
    }
    findings.extend(mesh(&place).await);
    let palette = app.out.palette();
    for finding in &findings {
        match app.out.format() {
            Format::Human => app.out.data(&text(finding, palette)),
            Format::Json => {
                let line = FindingLine {
                    level: name(finding.level),
                    subject: &finding.subject,
                    text: &finding.text,
                    remedy: &finding.remedy,
                };
                app.out.json(&Line::new("finding", line));
            }
        }
    }
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    Ok(if worst == Level::Error { Exit::Failed } else { Exit::Passed })
}

/// part.toml, and the programs that its suites start.
fn configuration(args: &DoctorArgs) -> Vec<Finding> {
    let (project, warnings, _) = match project::load(&args.project) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Finding::of_error("part.toml", &error)],
    };
    let mut findings = vec![Finding::new(
        Level::Ok,
        "part.toml",
        format!("{}: project {}", project.file.display(), project.name),
        "",
    )];
    for warning in warnings {
        findings.push(Finding::new(Level::Warning, "part.toml", warning.to_string(), ""));
    }
    findings.extend(project.suites.iter().map(|suite| program(&project, suite)));
    findings
}

fn program(project: &Project, suite: &crate::config::Suite) -> Finding {
    let subject = format!("suite {}", suite.name);
    let error = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        Finding::new(Level::Error, &subject, text, "see docs/part-toml.md and docs/frameworks.md")
    };
    let framework = match project.catalogue.resolve(&suite.framework, &project.root, &suite.folder) {
        Ok(framework) => framework,
        Err(wrong) => return error(&wrong),
    };
    let options = SuiteOptions {
        folder: suite.folder.clone(),
        browser: suite.settings.browser.clone(),
        args: suite.settings.args.clone(),
        command: suite.command.as_ref().map(|command| command.iter().map(ToString::to_string).collect()),
        report: suite.report.clone(),
        ..SuiteOptions::default()
    };
    let recipe = match build_recipe(&framework, &project.root, &options) {
        Ok(built) => built.recipe,
        Err(wrong) => return error(&wrong),
    };
    let Some(program) = recipe.command.first() else {
        return Finding::new(Level::Error, &subject, "it has no command", "set `command` in part.toml");
    };
    match find_program(program, &project.root.join(&suite.folder), &project.root) {
        Some(found) => {
            Finding::new(Level::Ok, &subject, format!("{}: {}", suite.framework, found.display()), "")
        }
        None => Finding::new(
            Level::Error,
            &subject,
            format!("{} needs {program}, which is not found", suite.framework),
            format!("install {program}, or add its folder to PATH"),
        ),
    }
}

/// Where a program is; one with placeholders that only a worker fills in is taken for found.
fn find_program(program: &str, folder: &Path, root: &Path) -> Option<PathBuf> {
    let root = root.display().to_string();
    let program = program.replace("{workspace}", &root);
    let runs = |file: &Path| {
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    if program.contains('{') {
        return Some(PathBuf::from(program));
    }
    if program.contains('/') {
        return Some(folder.join(&program)).filter(|file| runs(file));
    }
    let path = std::env::var_os(env::PATH)?;
    std::env::split_paths(&path).map(|folder| folder.join(&program)).find(|file| runs(file))
}

/// The folder of the local mesh: writable.
fn home_folder(home: Option<PathBuf>) -> Finding {
    let home = match home.map_or_else(default_home, Ok).and_then(|home| prepare_home(&home)) {
        Ok(home) => home,
        Err(error) => return Finding::of_error("home", &error),
    };
    let shown = home.display();
    if let Err(error) = rustix::fs::access(&home, rustix::fs::Access::WRITE_OK) {
        let text = format!("{shown} cannot be written: {error}");
        return Finding::new(
            Level::Error,
            "home",
            text,
            "choose another folder with --home DIR or PART_HOME",
        );
    }
    // How much room there is says the mesh itself.
    Finding::new(Level::Ok, "home", format!("{shown}: writable"), "")
}

/// What the mesh says about itself. A local one is started with its worker for that.
async fn mesh(place: &Place) -> Vec<Finding> {
    let role = match place {
        Place::Local { .. } => Role::Worker { slots: None, extra_slots: None },
        Place::Server { .. } => Role::Viewer,
    };
    let mesh = match Mesh::open(place, role).await {
        Ok(mesh) => mesh,
        Err(error) => return vec![Finding::of_error("mesh", &error)],
    };
    let checked = mesh.clients().mesh().doctor(DoctorRequest {}).await;
    let findings = match checked {
        Ok(response) => response.into_inner().findings.iter().map(from_wire).collect(),
        Err(status) => vec![Finding::of_error("mesh", &mesh.clients().error("check the mesh", &status))],
    };
    mesh.close(false).await;
    findings
}

fn from_wire(finding: &v1::Finding) -> Finding {
    let level = match finding.level() {
        FindingLevel::Ok => Level::Ok,
        // A level from the future is worth a look.
        FindingLevel::Warning | FindingLevel::Unspecified => Level::Warning,
        FindingLevel::Error => Level::Error,
    };
    Finding::new(level, &finding.subject, &finding.text, &finding.remedy)
}

const fn name(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn text(finding: &Finding, palette: Palette) -> String {
    let word = match finding.level {
        Level::Ok => palette.pass("ok"),
        Level::Warning => palette.warn("warning"),
        Level::Error => palette.fail("error"),
    };
    let indent = " ".repeat(9);
    let block = |text: &str| clean::block(text, palette.into()).replace('\n', &format!("\n{indent}"));
    let subject = clean::line(&finding.subject, palette.into());
    let mut text = format!("{}  {}: {}\n", right(&word, 7), palette.name(&subject), block(&finding.text));
    if !finding.remedy.is_empty() {
        text.push_str(&format!("{indent}{} {}\n", palette.note("→"), block(&finding.remedy)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_a_worker_would() {
        let folder = tempfile::tempdir().expect("a folder");
        let tool = folder.path().join("tool");
        std::fs::write(&tool, "").expect("written");
        let find = |program: &str| find_program(program, folder.path(), folder.path());
        assert_eq!(find("./tool"), None, "it is not executable");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("changed");
        assert!(find("./tool").is_some());
        assert!(find("{workspace}/tool").is_some());
        assert!(find("sh").is_some());
        assert!(find("{program:x}").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
    }

    #[test]
    fn findings_are_told_with_their_remedy() {
        let finding = Finding::new(Level::Error, "home", "disk\nfull\u{1b}[2J", "free some space");
        let shown = "  error  home: disk\n         full\n         → free some space\n";
        assert_eq!(text(&finding, Palette::PLAIN), shown);
    }
}
