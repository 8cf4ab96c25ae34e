//! Setup steps: an earlier result, or the command itself under a shim of its own.

use super::cache::Cache;
use super::failure::{Trouble, blocking};
use super::kept;
use super::places::{KeptHere, PlaceNote};
use crate::WorkerOptions;
use crate::attempt::{base_environment, chain, keep_output};
use crate::bounds;
use crate::directory::Directory;
use crate::folder::remove_folder;
use crate::shim::{ExitRecord, Limits, MainEnd, Mode, Outcome, RunOrder, ShimHandle, StopMode};
use part_core::{AttemptVerdict, ExitStatus, Finish, Millis, SetupStep, Timing};
use part_workspace::check_path;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Tells a command that it runs as a setup step.
const SETUP_VARIABLE: &str = "PART_SETUP";

/// For each key, whoever makes its result now.
#[derive(Default)]
pub(crate) struct KeyLocks(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl KeyLocks {
    fn of(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for are made anew when needed.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(key.to_owned()).or_default())
    }
}

/// The setup of one workspace.
pub(crate) struct Setup<'a> {
    pub(crate) options: &'a WorkerOptions,
    pub(crate) directory: &'a Directory,
    pub(crate) cache: &'a Arc<Cache>,
    pub(crate) locks: &'a KeyLocks,
    /// The place, and the workspace in it.
    pub(crate) place: PathBuf,
    pub(crate) tree: PathBuf,
    /// Number of the place: names the shim's folder.
    pub(crate) number: usize,
    pub(crate) stop: &'a CancellationToken,
}

impl Setup<'_> {
    /// Does all steps. `before` is what an earlier run left in the place.
    pub(crate) async fn run(&self, steps: &[SetupStep], before: &[KeptHere]) -> Result<PlaceNote, Trouble> {
        check(steps)?;
        let outputs = self.place.join("setup");
        remove_folder(&outputs).map_err(|error| broken(&outputs, &error))?;
        self.drop_stale(steps, before).await?;
        let mut shim = None;
        let done = self.steps(steps, before, &outputs, &mut shim).await;
        if let Some(shim) = shim
            && let Err(error) = shim.exit().await
        {
            tracing::warn!(%error, "the shim of a setup did not leave; ending it");
            crate::attempt::end_shim_in(self.shim_folder()).await;
        }
        done
    }

    async fn steps(
        &self,
        steps: &[SetupStep],
        before: &[KeptHere],
        outputs: &Path,
        shim: &mut Option<ShimHandle>,
    ) -> Result<PlaceNote, Trouble> {
        let mut note = PlaceNote::default();
        let mut chained = String::new();
        for (number, step) in steps.iter().enumerate() {
            if self.stop.is_cancelled() {
                return Err(Trouble::Cancelled);
            }
            let key = self.key(step, &chained).await?;
            let paths = kept::paths(step);
            if step.keep.is_empty() {
                self.command(step, &outputs.join(number.to_string()), &note.programs, shim).await?;
            } else {
                let lock = self.locks.of(&key);
                let _making = tokio::select! {
                    making = lock.lock() => making,
                    () = self.stop.cancelled() => return Err(Trouble::Cancelled),
                };
                let again = before.iter().any(|kept| kept.key == key && kept.paths == paths);
                if !self.restore(step, &key, again).await? {
                    self.clear(step).await?;
                    self.command(step, &outputs.join(number.to_string()), &note.programs, shim).await?;
                    self.store(step, &key).await?;
                }
                note.programs.extend(self.programs(&paths));
                note.kept.push(KeptHere { key: key.clone(), paths });
            }
            chained = key;
        }
        Ok(note)
    }

    /// What an earlier run kept in the place and no step of this one keeps is not part of the workspace.
    async fn drop_stale(&self, steps: &[SetupStep], before: &[KeptHere]) -> Result<(), Trouble> {
        let wanted: Vec<String> = steps.iter().flat_map(kept::paths).collect();
        let stale = before.iter().flat_map(|kept| &kept.paths).filter(|path| !wanted.contains(path));
        let stale: Vec<PathBuf> = stale.map(|path| self.tree.join(path)).collect();
        if stale.is_empty() {
            return Ok(());
        }
        self.remove(stale).await
    }

    /// Removes files and folders of the workspace, but for what it was shipped with.
    async fn remove(&self, paths: Vec<PathBuf>) -> Result<(), Trouble> {
        let shipped = self.shipped().await;
        blocking("clearing what an earlier setup left", move || {
            for path in paths.iter().filter(|path| !shipped.iter().any(|file| file.starts_with(path))) {
                kept::remove(path).map_err(|error| broken(path, &error))?;
            }
            Ok(())
        })
        .await?
    }

    async fn key(&self, step: &SetupStep, before: &str) -> Result<String, Trouble> {
        let (step, before, tree) = (step.clone(), before.to_owned(), self.tree.clone());
        let name = step.name.clone();
        let key = blocking("reading key files", move || kept::key(&step, &before, &tree)).await?;
        key.map_err(|error| failed(&name, &format!("has an unusable key: {error}")))
    }

    /// Puts an earlier result in its place. One that is damaged is made anew.
    async fn restore(&self, step: &SetupStep, key: &str, again: bool) -> Result<bool, Trouble> {
        let (cache, key) = (Arc::clone(self.cache), key.to_owned());
        let (place, tree, name) = (self.place.clone(), self.tree.clone(), step.name.clone());
        blocking("laying out what a setup step keeps", move || {
            match kept::restore(&cache, &key, &place, &tree, again) {
                Ok(restored) => Ok(restored),
                Err(error) => {
                    tracing::warn!(step = name, key, %error, "what an earlier setup kept cannot be used; making it anew");
                    let folder = cache.setups().join(&key);
                    remove_folder(&folder).map_err(|error| broken(&folder, &error)).map(|()| false)
                }
            }
        })
        .await?
    }

    /// What an earlier run left where the step will make something is not the step's, nor the workspace's.
    async fn clear(&self, step: &SetupStep) -> Result<(), Trouble> {
        self.remove(kept::paths(step).iter().map(|path| self.tree.join(path)).collect()).await
    }

    /// Files of the workspace itself, by the stamps beside it.
    async fn shipped(&self) -> Vec<PathBuf> {
        let (stamps, tree) = (self.place.join("stamps"), self.tree.clone());
        let read = move || {
            let known = part_workspace::Stamps::load(&stamps);
            known.paths().map(|path| tree.join(path)).collect()
        };
        blocking("reading stamps", read).await.unwrap_or_default()
    }

    /// Keeps what a step made. Where that fails, the next run makes it again.
    async fn store(&self, step: &SetupStep, key: &str) -> Result<(), Trouble> {
        let (cache, step, key) = (Arc::clone(self.cache), step.clone(), key.to_owned());
        let (place, tree) = (self.place.clone(), self.tree.clone());
        blocking("keeping what a setup step made", move || {
            if let Err(error) = kept::store(&cache, &key, &step, &place, &tree) {
                tracing::warn!(step = step.name, key, %error, "what a setup step made cannot be kept");
            }
        })
        .await
    }

    /// Folders with programs among what is kept, relative to the tree.
    fn programs(&self, paths: &[String]) -> Vec<String> {
        let candidates = paths.iter().flat_map(|path| [format!("{path}/bin"), format!("{path}/.bin")]);
        candidates.filter(|folder| self.tree.join(folder).is_dir()).collect()
    }

    fn shim_folder(&self) -> PathBuf {
        self.options.home.join("slots").join(format!("setup-{}", self.number))
    }

    /// Runs the step's command to its end.
    async fn command(
        &self,
        step: &SetupStep,
        folder: &Path,
        programs: &[String],
        shim: &mut Option<ShimHandle>,
    ) -> Result<(), Trouble> {
        tracing::info!(step = step.name, "setting up");
        let unlaunched =
            |error| Trouble::Worker(format!("the shim of a setup cannot be started: {}", chain(&error)));
        let shim = match shim {
            Some(shim) => shim,
            None => {
                let (program, verb) = &self.options.shim;
                // Tied: without the worker nobody would use what it makes.
                let launched = ShimHandle::launch(program, verb, &self.shim_folder(), Mode::Tied).await;
                shim.insert(launched.map_err(unlaunched)?)
            }
        };
        let order = self.order(step, folder, programs);
        let name = order.attempt.clone();
        let broke = |error| Trouble::Worker(format!("the shim of a setup failed: {}", chain(&error)));
        shim.start(order).await.map_err(broke)?;
        let record = tokio::select! {
            record = shim.finished(&name) => record,
            () = self.stop.cancelled() => {
                shim.stop(&name, StopMode::Graceful).await.map_err(broke)?;
                shim.finished(&name).await.map_err(broke)?;
                return Err(Trouble::Cancelled);
            }
        };
        self.judge(step, &*record.map_err(broke)?).await
    }

    fn order(&self, step: &SetupStep, folder: &Path, programs: &[String]) -> RunOrder {
        let mut env = base_environment(self.options.inherit_env);
        let programs: Vec<PathBuf> = programs.iter().map(|folder| self.tree.join(folder)).collect();
        crate::attempt::put_first_in_path(&mut env, &programs);
        env.extend(step.env.iter().map(|(name, value)| (name.into(), value.into())));
        env.insert(SETUP_VARIABLE.into(), "1".into());
        RunOrder {
            attempt: format!("setup {}", step.name),
            argv: step.command.iter().map(OsString::from).collect(),
            env,
            cwd: self.tree.join(&step.folder),
            attempt_dir: folder.to_owned(),
            stdout_file: None,
            limits: Limits {
                timeout_ms: Some(step.timeout.0),
                max_processes: Some(bounds::PROCESSES),
                ..Limits::default()
            },
            cpus: None,
        }
    }

    async fn judge(&self, step: &SetupStep, record: &ExitRecord) -> Result<(), Trouble> {
        let why = match &record.outcome {
            Outcome::Exited { code: 0 } => return Ok(()),
            Outcome::Exited { code } => format!("failed with exit code {code}"),
            Outcome::Signaled { signal } => format!("died of signal {signal}"),
            Outcome::TimedOut { after_ms } | Outcome::Idle { after_ms } => {
                format!("was stopped after its time limit of {}", Millis(*after_ms))
            }
            Outcome::TooManyProcesses { count } => format!("was killed: it had {count} processes at once"),
            Outcome::SpawnFailed { message } => format!("could not start: {message}"),
            Outcome::Stopped { .. } => return Err(Trouble::Cancelled),
            Outcome::ShimError { message } => {
                return Err(Trouble::Worker(format!("setup step {:?}: {message}", step.name)));
            }
        };
        let Trouble::Setup(mut finish) = failed(&step.name, &why) else { return Ok(()) };
        finish.exit = record.main_end.map(|end| match end {
            MainEnd::Exited { code } => ExitStatus::Code(code),
            MainEnd::Signaled { signal } => ExitStatus::Signal(signal),
        });
        finish.timing = Timing { setup: Millis(record.wall_ms), ..Timing::default() };
        let (output, problems) = keep_output(self.directory, &record.output).await;
        finish.output = output;
        for problem in problems {
            finish.message = format!("{}; {problem}", finish.message);
        }
        Err(Trouble::Setup(finish))
    }
}

fn failed(step: &str, why: &str) -> Trouble {
    let message = format!("setup step {step:?} {why}");
    Trouble::Setup(Box::new(Finish::declared(AttemptVerdict::SetupFailed, message)))
}

fn broken(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Worker(format!("cannot clear {}: {error}", path.display()))
}

/// Whatever a client sent: nothing of a step is outside of the workspace.
fn check(steps: &[SetupStep]) -> Result<(), Trouble> {
    if steps.len() > bounds::SETUP_STEPS {
        let (count, most) = (steps.len(), bounds::SETUP_STEPS);
        let message = format!("there are {count} setup steps, allowed are {most}");
        return Err(Trouble::Setup(Box::new(Finish::declared(AttemptVerdict::SetupFailed, message))));
    }
    for step in steps {
        let folder = Some(&step.folder).filter(|folder| !folder.is_empty());
        for path in folder.into_iter().chain(&step.key).chain(&step.keep) {
            check_path(path).map_err(|rule| failed(&step.name, &format!("names {path:?}: {rule}")))?;
        }
        if step.command.is_empty() {
            return Err(failed(&step.name, "has no command"));
        }
    }
    Ok(())
}
