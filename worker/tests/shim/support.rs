//! A shim in a folder of its own, and ways to look at processes that do not rely on the shim.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

use part_worker::shim::{
    ExitRecord, Limits, MainEnd, Mode, Outcome, RunOrder, ShimError, ShimHandle, reap_orphans,
};

pub(crate) type Checked = Result<(), Box<dyn std::error::Error>>;

/// Longest wait for anything; only a failing test takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A shim's folder. Whatever happens in a test, nothing of the shim survives this.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    next: AtomicU32,
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that left nothing behind has no note for this to go by; one that fails is reported as such.
        drop(reap_orphans(&self.shim_dir()));
    }
}

impl Place {
    pub(crate) fn new() -> io::Result<Place> {
        Ok(Place { dir: tempfile::tempdir()?, next: AtomicU32::new(0) })
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn shim_dir(&self) -> PathBuf {
        self.path().join("slot")
    }

    pub(crate) async fn launch(&self, mode: Mode) -> Result<ShimHandle, ShimError> {
        ShimHandle::launch(Path::new(exe()), &["shim".into()], &self.shim_dir(), mode).await
    }

    /// An order for a command, each in a new folder.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, argv: impl IntoIterator<Item = S>) -> RunOrder {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        RunOrder {
            attempt: format!("attempt-{number}"),
            argv: argv.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            env: BTreeMap::from([(OsString::from("PATH"), path)]),
            cwd: self.path().to_owned(),
            attempt_dir: self.path().join(format!("attempt-{number}")),
            stdout_file: None,
            limits: Limits { grace_ms: 20_000, timeout_ms: Some(60_000), ..Limits::default() },
            cpus: None,
        }
    }

    /// An order for a shell script.
    pub(crate) fn script(&self, script: &str) -> RunOrder {
        self.command(["sh", "-c", script])
    }
}

/// The binary under test.
pub(crate) fn exe() -> &'static str {
    env!("CARGO_BIN_EXE_part-worker")
}

pub(crate) fn output(record: &ExitRecord) -> io::Result<Vec<u8>> {
    fs::read(&record.output.file)
}

pub(crate) fn text(record: &ExitRecord) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&output(record)?).into_owned())
}

/// An attempt that went by itself and left nothing.
pub(crate) fn assert_clean(record: &ExitRecord, code: i32) {
    assert_eq!(record.outcome, Outcome::Exited { code }, "{record:?}");
    assert_eq!(record.main_end, Some(MainEnd::Exited { code }));
    assert!(record.leaked.is_empty() && record.survivors.is_empty(), "{record:?}");
    assert_eq!(record.unsaved, None);
}

/// Waits until `level` holds.
pub(crate) async fn until(what: &str, mut level: impl FnMut() -> bool) -> Checked {
    let deadline = Instant::now() + PATIENCE;
    while !level() {
        if Instant::now() > deadline {
            return Err(format!("waited {PATIENCE:?} in vain: {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Waits until the running attempt has written `text`.
pub(crate) async fn until_said(shim: &ShimHandle, attempt: &str, text: &str) -> Checked {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let chunk = shim.tail(attempt, 0, 10_000).await?;
        if String::from_utf8_lossy(&chunk.data).contains(text) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{attempt} never said {text:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) async fn in_time<T>(task: impl Future<Output = T>) -> Result<T, tokio::time::error::Elapsed> {
    tokio::time::timeout(PATIENCE, task).await
}

/// Every living process of the host with its command line, by number.
pub(crate) fn processes() -> BTreeMap<u32, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        // Ended processes have no command line any more.
        if !line.is_empty() {
            found.insert(pid, String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned());
        }
    }
    found
}

pub(crate) fn is_alive(pid: u32) -> bool {
    processes().contains_key(&pid)
}

/// Living processes whose command line contains `mark`.
pub(crate) fn marked(mark: &str) -> Vec<(u32, String)> {
    processes().into_iter().filter(|(_, line)| line.contains(mark)).collect()
}

/// A number of seconds to sleep that no other process sleeps: it marks the sleeper.
pub(crate) fn long_sleep() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("54321.{}{:04}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn kill(pid: u32, signal: rustix::process::Signal) -> Checked {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).ok_or("no such number")?;
    Ok(rustix::process::kill_process(pid, signal)?)
}

/// One line from each attempt of a list.
pub(crate) async fn run_all(
    shim: &ShimHandle,
    orders: Vec<RunOrder>,
) -> Result<Vec<Arc<ExitRecord>>, Box<dyn std::error::Error>> {
    let mut records = Vec::new();
    for order in orders {
        records.push(in_time(shim.run(order)).await??);
    }
    Ok(records)
}
