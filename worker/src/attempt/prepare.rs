//! Before an attempt: its folders, its environment, its order for the shim.

use super::run::chain;
use super::workspace::{locate, put_first_in_path};
use super::{CPUS_FILE, Host, Job, ORDER_FILE};
use crate::bounds;
use crate::folder::remove_folder;
use crate::load::Hold;
use crate::shim::{Limits, RunOrder};
use crate::workspace::InUse;
use part_core::{AttemptVerdict, Command, Finish, LostCause, ReportPlace, SlotId, StartOrder, Term};
use part_frameworks::kit::JOURNAL_VARIABLE;
use part_frameworks::{Bindings, Invocation, expand};
use part_proto::convert::command_to_wire;
use prost::Message;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a spec gets of the worker's environment on a mesh. In local mode it gets all of it.
const ALLOWED: [&str; 21] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TERM",
    "TZ",
    "TMPDIR",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "JAVA_HOME",
    "ANDROID_HOME",
    "DEVELOPER_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];
/// Families of names that are allowed too.
const ALLOWED_PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// Where specs that share a process say how far they came, relative to the attempt's folder.
const JOURNAL_FILE: &str = "journal";

/// Where a shim's file with a separate standard output is, relative to the attempt's folder.
const STDOUT_FILE: &str = "stdout";

/// An attempt that is ready to be run.
pub(crate) struct Prepared {
    /// Its own folder.
    pub(crate) folder: PathBuf,
    /// Where the framework reports.
    pub(crate) reports: PathBuf,
    /// Where a spec puts what is to be kept.
    pub(crate) artifacts: PathBuf,
    /// The expanded recipe.
    pub(crate) invocation: Invocation,
    /// The order for the shim.
    pub(crate) order: RunOrder,
    /// Keeps a shipped workspace until everything in it was looked at.
    pub(crate) _in_use: Option<InUse>,
    /// Keeps the CPUs that the attempt is held to for its group.
    pub(crate) _hold: Option<Hold>,
}

impl Prepared {
    /// The file with the separate standard output, where the recipe reports there.
    pub(crate) fn stdout_file(&self) -> PathBuf {
        self.folder.join(STDOUT_FILE)
    }

    /// The file in which specs that share a process say how far they came.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join(JOURNAL_FILE)
    }
}

/// Makes the folders and the order. What goes wrong here is the worker's fault, but for a recipe that makes no sense.
pub(crate) async fn prepare(host: &Host, job: &Job) -> Result<Prepared, Box<Finish>> {
    let folder = host.attempt_folder(job.order.attempt);
    let (scratch, reports, artifacts) =
        (folder.join("scratch"), folder.join("report"), folder.join("artifacts"));
    if !job.found {
        make_folders(&folder, [&scratch, &reports, &artifacts])?;
        if host.options.mode == crate::shim::Mode::Detached {
            remember(&folder, job)?;
        }
    }
    let located = locate(host, job).await?;
    let (workspace, programs) = (located.tree, located.programs);
    let workspace = if job.order.recipe.copy_workspace {
        let copy = folder.join("workspace");
        if !job.found {
            copy_workspace(&workspace, &copy, &host.options.home).await?;
        }
        copy
    } else {
        workspace
    };
    // Some frameworks compare paths as text, after resolving links.
    let workspace = match workspace.canonicalize() {
        Ok(resolved) => resolved,
        // What ended is worth its report, also when the workspace is gone by now.
        Err(_) if job.found => workspace,
        Err(error) => return Err(failed("cannot find the workspace", &workspace, &error)),
    };
    let specs: Vec<String> = job.orders().map(|order| order.spec.as_ref().to_owned()).collect();
    let kit = folder.join("kit");
    let bindings = Bindings {
        specs: &specs,
        only: job.order.only.as_deref(),
        kit: &kit,
        workspace: &workspace,
        report: &reports.join("report"),
        report_dir: &reports,
        artifacts: &artifacts,
        scratch: &scratch,
        attempt: job.order.attempt.number,
        slot: job.slot.0,
    };
    let invocation = expand(&job.order.recipe, &bindings).map_err(|error| {
        let message = format!("its command cannot be made: {}", chain(&error));
        Box::new(match job.others.is_empty() {
            true => Finish::declared(AttemptVerdict::Crashed, message),
            // Alone each of them may well run.
            false => Finish::lost(LostCause::BatchEnded, message),
        })
    })?;
    if !job.found {
        write_helpers(&invocation, &kit)?;
    }
    let hold = hold(host, job, &folder)?;
    let temp = temp(host, job, &scratch);
    let mut order = order(host, job, &folder, &invocation, [&scratch, &artifacts, &temp], &programs);
    order.cpus = hold.as_ref().map(|hold| hold.cpus.clone());
    Ok(Prepared { folder, reports, artifacts, invocation, order, _in_use: located.in_use, _hold: hold })
}

/// What its command wants to find.
fn write_helpers(invocation: &Invocation, kit: &Path) -> Result<(), Box<Finish>> {
    if invocation.wants_kit {
        part_frameworks::kit::write(kit).map_err(|error| failed("cannot write into", kit, &error))?;
    }
    match &invocation.tests_file {
        Some((file, text)) => {
            std::fs::write(file, text).map_err(|error| failed("cannot write", file, &error))
        }
        None => Ok(()),
    }
}

/// The CPUs that it is held to; where an earlier life of the worker started it, those that it is held to already.
fn hold(host: &Host, job: &Job, folder: &Path) -> Result<Option<Hold>, Box<Finish>> {
    let (run, group, file) = (job.order.attempt.run, &job.order.group, folder.join(CPUS_FILE));
    if job.found {
        let known = std::fs::read(file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        return Ok(known.map(|cpus| host.holds.found(run, group, cpus)));
    }
    let hold = job.cpus.and_then(|count| host.holds.take(run, group, count));
    if let Some(hold) = &hold
        && host.options.mode == crate::shim::Mode::Detached
    {
        let written = serde_json::to_vec(&hold.cpus).map_err(std::io::Error::from);
        written
            .and_then(|text| std::fs::write(&file, text))
            .map_err(|error| failed("cannot write", &file, &error))?;
    }
    Ok(hold)
}

/// Where its temporary files go. Below its own folder, when there is no better place: then only paths of sockets may
/// become too long.
fn temp(host: &Host, job: &Job, scratch: &Path) -> PathBuf {
    if job.found {
        return host.temp.of_slot(job.slot);
    }
    host.temp.make(job.slot, &job.order.recipe.framework).unwrap_or_else(|error| {
        let folder = host.temp.of_slot(job.slot);
        tracing::warn!(folder = %folder.display(), %error, "no folder for temporary files; they go to the scratch folder");
        scratch.to_owned()
    })
}

fn failed(doing: &str, path: &Path, error: &std::io::Error) -> Box<Finish> {
    let no_room = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded].contains(&error.kind());
    let cause = if no_room { LostCause::NoRoom } else { LostCause::WorkerFailed };
    Box::new(Finish::lost(cause, format!("{doing} {}: {error}", path.display())))
}

fn make_folders(folder: &Path, inside: [&PathBuf; 3]) -> Result<(), Box<Finish>> {
    match std::fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            remove_folder(folder).map_err(|error| failed("cannot clear the folder", folder, &error))?;
            std::fs::create_dir(folder)
                .map_err(|error| failed("cannot create the folder", folder, &error))?;
        }
        Err(error) => return Err(failed("cannot create the folder", folder, &error)),
    }
    for folder in inside {
        std::fs::create_dir(folder).map_err(|error| failed("cannot create the folder", folder, &error))?;
    }
    Ok(())
}

/// Keeps the order beside the attempt, for a successor of this worker.
fn remember(folder: &Path, job: &Job) -> Result<(), Box<Finish>> {
    let order = StartOrder {
        slot: job.slot,
        workspace: job.workspace.clone(),
        attempts: job.orders().cloned().collect(),
        cpus: None,
    };
    let file = folder.join(ORDER_FILE);
    let bytes = command_to_wire(Term::default(), &Command::Start(order)).encode_to_vec();
    std::fs::write(&file, bytes).map_err(|error| failed("cannot write", &file, &error))
}

/// A copy of its own for one attempt; file systems that can share the blocks do. The worker's own folder, which may be
/// inside the workspace, is left out.
async fn copy_workspace(from: &Path, to: &Path, own: &Path) -> Result<(), Box<Finish>> {
    let (from, to, own) = (from.to_owned(), to.to_owned(), own.to_owned());
    let copied = tokio::task::spawn_blocking(move || copy_tree(&from, &to, &own)).await;
    match copied {
        Ok(result) => result,
        Err(error) => {
            Err(Box::new(Finish::lost(LostCause::WorkerFailed, format!("copying the workspace: {error}"))))
        }
    }
}

fn copy_tree(from: &Path, to: &Path, own: &Path) -> Result<(), Box<Finish>> {
    let identity = |path: &Path| match std::fs::metadata(path) {
        Ok(about) => Ok((about.dev(), about.ino())),
        Err(error) => Err(failed("cannot look at", path, &error)),
    };
    let own = identity(own)?;
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir(&to).map_err(|error| failed("cannot create the folder", &to, &error))?;
        let entries =
            std::fs::read_dir(&from).map_err(|error| failed("cannot read the folder", &from, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| failed("cannot read the folder", &from, &error))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type().map_err(|error| failed("cannot look at", &source, &error))?;
            if kind.is_dir() {
                if identity(&source)? != own {
                    folders.push((source, target));
                }
            } else if kind.is_symlink() {
                let link = std::fs::read_link(&source)
                    .map_err(|error| failed("cannot read the link", &source, &error))?;
                std::os::unix::fs::symlink(link, &target)
                    .map_err(|error| failed("cannot create the link", &target, &error))?;
            } else if kind.is_file() {
                std::fs::copy(&source, &target).map_err(|error| failed("cannot copy", &source, &error))?;
            }
        }
    }
    Ok(())
}

fn order(
    host: &Host,
    job: &Job,
    folder: &Path,
    invocation: &Invocation,
    [scratch, artifacts, temp]: [&PathBuf; 3],
    programs: &[PathBuf],
) -> RunOrder {
    let recipe = &job.order.recipe;
    let mut env = base_environment(host.options.inherit_env);
    put_first_in_path(&mut env, programs);
    put_temp(&mut env, temp);
    env.extend(invocation.env.iter().map(|(name, value)| (name.into(), value.into())));
    env.extend(own_variables(host, job, scratch, artifacts));
    if !job.others.is_empty() {
        env.insert(JOURNAL_VARIABLE.into(), folder.join(JOURNAL_FILE).into());
    }
    // Together they may take as long as one after the other; without a limit if one has none.
    let timeout: Option<u64> =
        job.orders().map(|order| order.timeout.or(order.recipe.timeout).map(|limit| limit.0)).sum();
    let limits = Limits {
        timeout_ms: timeout,
        idle_timeout_ms: recipe.idle_timeout.map(|limit| limit.0),
        grace_ms: recipe.grace.0,
        stdout_file_bytes: bounds::REPORT_BYTES,
        max_processes: Some(bounds::PROCESSES),
        ..Limits::default()
    };
    RunOrder {
        attempt: job.name(),
        argv: invocation.argv.iter().map(OsString::from).collect(),
        env,
        cwd: invocation.folder.clone(),
        attempt_dir: folder.to_owned(),
        stdout_file: (recipe.report.place == ReportPlace::Stdout).then(|| STDOUT_FILE.into()),
        limits,
        cpus: None,
    }
}

/// Lets temporary files go to this folder, but for what a tool would download again and again.
fn put_temp(env: &mut BTreeMap<OsString, OsString>, temp: &Path) {
    env.extend(["TMPDIR", "TMP", "TEMP"].map(|name| (name.into(), temp.into())));
    env.entry("WEBDRIVER_CACHE_DIR".into()).or_insert_with(|| std::env::temp_dir().into());
}

pub(crate) fn base_environment(inherit: bool) -> BTreeMap<OsString, OsString> {
    let allowed = |name: &OsString| {
        let name = name.to_string_lossy();
        let upper = name.to_ascii_uppercase();
        ALLOWED.contains(&upper.as_str()) || ALLOWED_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
    };
    std::env::vars_os().filter(|(name, _)| inherit || allowed(name)).collect()
}

/// What every spec is told about itself.
fn own_variables(host: &Host, job: &Job, scratch: &Path, artifacts: &Path) -> Vec<(OsString, OsString)> {
    let order = &job.order;
    let SlotId(slot) = job.slot;
    let text = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
    vec![
        text("PART_RUN_ID", &order.attempt.run.to_string()),
        text("PART_PROJECT", &order.project),
        text("PART_GROUP", &order.group),
        text("PART_SPEC", &job.orders().map(|order| &*order.spec).collect::<Vec<_>>().join("\n")),
        text("PART_ATTEMPT", &order.attempt.number.to_string()),
        text("PART_SLOT", &slot.to_string()),
        text("PART_WORKER", &host.options.name),
        ("PART_SCRATCH_DIR".into(), scratch.into()),
        ("PART_ARTIFACTS_DIR".into(), artifacts.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_copied_workspace_holds_everything_but_the_worker_itself() {
        let place = tempfile::tempdir().expect("a folder");
        let workspace = place.path().join("workspace");
        let own = workspace.join(".part/local/x");
        let copy = own.join("attempts/1/workspace");
        fs::create_dir_all(workspace.join("src/deep")).expect("folders");
        fs::create_dir_all(copy.parent().expect("a parent")).expect("folders");
        fs::write(workspace.join("src/deep/a.txt"), "a").expect("a file");
        std::os::unix::fs::symlink("src/deep", workspace.join("link")).expect("a link");
        copy_tree(&workspace, &copy, &own).expect("copied");
        assert_eq!(fs::read_to_string(copy.join("link/a.txt")).expect("copied"), "a");
        assert!(copy.join("link").is_symlink());
        assert!(!copy.join(".part/local/x").exists());
    }

    #[test]
    fn a_copy_that_fails_names_the_place() {
        let place = tempfile::tempdir().expect("a folder");
        let gone = place.path().join("gone");
        let finish = copy_tree(&gone, &place.path().join("to"), place.path()).expect_err("nothing to copy");
        assert!(finish.message.contains("gone: No such file"), "{}", finish.message);
    }
}
