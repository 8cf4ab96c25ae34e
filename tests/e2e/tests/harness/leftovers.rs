//! Nothing stays behind, also not of a test that is killed.

use crate::setting::play;
use part_e2e::{Base, Launch, Net, PATIENCE, Programs, Trouble, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set for a copy of this test program that is to be killed: it says its folder and waits.
const VICTIM: &str = "E2E_VICTIM";

/// Processes of any user whose command line holds this text.
fn processes_with(text: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let names = |path: &Path| std::fs::read(path.join("cmdline")).unwrap_or_default();
    entries.filter(|path| String::from_utf8_lossy(&names(path)).contains(text)).collect()
}

/// A number of seconds that nobody else sleeps.
fn marked_seconds() -> String {
    format!("{}.{}", 100_000 + std::process::id(), part_e2e::now_ms())
}

fn busy_host(base: &Base, net: &mut Net, seconds: &str) -> Result<(), Trouble> {
    let host = net.host("busy")?;
    let script =
        format!("setsid sleep {seconds} & echo up > {}/up; exec sleep {seconds}", base.path().display());
    host.start(Launch::of("sh").args(["-c", &script]))?;
    let up = base.path().join("up");
    wait_until("the host is busy", PATIENCE, || Ok(up.exists().then_some(())))
}

#[test]
fn dropping_takes_everything_away() {
    let seconds = marked_seconds();
    let mut folder = PathBuf::new();
    play(|_, base, net| {
        folder = base.path().to_owned();
        busy_host(base, net, &seconds)?;
        assert!(!processes_with(&seconds).is_empty());
        Ok(())
    });
    if is_played(&folder) {
        assert_eq!((processes_with(&seconds), folder.exists()), (Vec::new(), false));
    }
}

#[test]
fn killing_the_test_takes_everything_away() {
    if let Ok(seconds) = std::env::var(VICTIM) {
        return be_a_victim(&seconds);
    }
    if Programs::find().is_err() && part_e2e::is_skipping() {
        return;
    }
    let seconds = marked_seconds();
    let mut victim = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "leftovers::killing_the_test_takes_everything_away", "--nocapture"])
        .env(VICTIM, &seconds)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("a copy of this test");
    let prefix = format!("part-e2e-{}-", victim.id());
    let folders = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
        let is_its =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
        entries.map(|entry| entry.path()).filter(is_its).collect()
    };
    let busy = wait_until("the victim is busy", PATIENCE, || {
        Ok(folders().iter().any(|folder| folder.join("up").exists()).then_some(()))
    });
    let sleeping = processes_with(&seconds);
    victim.kill().expect("killed");
    victim.wait().expect("gone");
    assert_eq!(busy, Ok(()));
    assert!(!sleeping.is_empty());
    let clean = wait_until("nothing of the victim is left", PATIENCE, || {
        Ok((folders().is_empty() && processes_with(&seconds).is_empty()).then_some(()))
    });
    assert_eq!(clean, Ok(()));
}

/// What the copy does: holds a host until it is killed.
fn be_a_victim(seconds: &str) {
    play(|_, base, net| {
        busy_host(base, net, seconds)?;
        part_e2e::nap(PATIENCE * 5);
        Err(Trouble::new("nobody killed this"))
    });
}

fn is_played(folder: &Path) -> bool {
    !folder.as_os_str().is_empty()
}
