//! `cargo xtask test`: everything that has to be green.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use xshell::cmd;

use crate::failure::Failure;
use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::{talk, tidy};

use self::digest::Digest;

mod digest;

/// Longest that the example may take: on a slow machine it takes two minutes.
const EXAMPLE_LIMIT: Duration = Duration::from_secs(600);
/// Longest that it may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(60);
/// How long to wait for more lines before looking whether the tests have ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Sets up, tidies, builds, and runs every test and the example. With `filters`, only the Rust tests whose names
/// contain one of them: for work on one thing.
///
/// What fails does not keep the rest from running: one call tells all that is wrong.
pub(crate) fn run(project: &Project, filters: &[String]) -> Result<(), Failure> {
    setup::run(project, Purpose::Test)?;
    let sh = project.shell();
    if !filters.is_empty() {
        cmd!(sh, "cargo test --workspace -- {filters...}").run()?;
        return Ok(());
    }
    let tidy = tidy::run(project);
    talk::step("building");
    cmd!(sh, "cargo build --workspace --all-targets").quiet().run()?;
    let example = check_example(project);
    let tests = run_tests(project);

    let failures: Vec<Failure> = [tidy, example, tests].into_iter().filter_map(Result::err).collect();
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(Failure::new(failures.iter().map(Failure::message).collect::<Vec<_>>().join("; "))),
    }
}

/// The example has to be green through Part, as in the demo, but in a home of its own and without a terminal.
fn check_example(project: &Project) -> Result<(), Failure> {
    talk::step("running examples/shop through Part");
    let sh = project.shell();
    let home = project.tools().join("example-home");
    sh.remove_path(&home)?;
    sh.create_dir(&home)?;
    let partctl = project.built()?.join("partctl");
    let _inside = sh.push_dir(project.shop());
    let _home = sh.push_env("PART_HOME", &home);
    // With what set-up put on the path. One of its specs is flaky on purpose: what it prints would read like a failure.
    let mut partctl = Command::from(cmd!(sh, "{partctl} submit --local"));
    let log = project.tools().join("example.log");
    let unwritable = |error: io::Error| Failure::new(format!("cannot write {}: {error}", log.display()));
    let output = fs::File::create(&log).map_err(unwritable)?;
    partctl.stderr(output.try_clone().map_err(unwritable)?).stdout(output);
    let ended = within(&mut partctl, EXAMPLE_LIMIT)?;
    let said = fs::read_to_string(&log).map_err(unwritable)?;
    if ended.is_some_and(|status| status.success()) {
        talk::note(said.lines().last().unwrap_or_default());
        return Ok(());
    }
    eprintln!("{said}");
    match ended {
        Some(status) => Err(Failure::new(format!("the example is not green: partctl ended with {status}"))),
        None => Err(Failure::with_remedy(
            format!(
                "the example was stopped: it did not end within {} minutes",
                EXAMPLE_LIMIT.as_secs() / 60
            ),
            "its last lines above say what it waited for; `cargo xtask demo` runs it by itself",
        )),
    }
}

/// Runs a command to its end; none when it takes longer than `limit`. It is then asked to end, and killed if it does not.
fn within(command: &mut Command, limit: Duration) -> Result<Option<ExitStatus>, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |doing: &str, error: io::Error| Failure::new(format!("{doing} {program}: {error}"));
    let mut child = command.spawn().map_err(|error| failed("cannot start", error))?;
    let process = child.id().to_string();
    let (say, ended) = mpsc::sync_channel(1);
    thread::spawn(move || {
        // Nobody listens any more when it did not even end after it was killed.
        let _nobody = say.send(child.wait());
    });
    let wait = |limit| match ended.recv_timeout(limit) {
        Ok(status) => status.map(Some).map_err(|error| failed("cannot wait for", error)),
        Err(_) => Ok(None),
    };
    if let Some(status) = wait(limit)? {
        return Ok(Some(status));
    }
    for signal in ["-TERM", "-KILL"] {
        Command::new("kill")
            .args([signal, &process])
            .status()
            .map_err(|error| failed("cannot end", error))?;
        if wait(GRACE)?.is_some() {
            break;
        }
    }
    Ok(None)
}

/// The examples in the documentation first: they are few, and the closing lines are to be those of the tests.
fn run_tests(project: &Project) -> Result<(), Failure> {
    talk::step("running the tests");
    let sh = project.shell();
    let documentation = cmd!(sh, "cargo test --workspace --no-fail-fast --doc").quiet();
    let tests = cmd!(sh, "cargo test --workspace --no-fail-fast --lib --bins --tests").quiet();
    let mut digest = Digest::default();
    let passed = [documentation, tests].into_iter().try_fold(true, |passed, tests| {
        Ok::<bool, Failure>(digested(Command::from(tests), &mut digest)? && passed)
    })?;
    for line in digest.failures() {
        println!("{line}");
    }
    if passed { Ok(()) } else { Err(Failure::new("tests failed: see above")) }
}

/// Runs a command of tests, and prints of its lines what is worth it. True when all passed.
fn digested(mut command: Command, digest: &mut Digest) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::new(format!("cannot run the tests: {error}"));
    let (printed, own) = io::pipe().map_err(failed)?;
    let mut child = command.stdout(own).spawn().map_err(failed)?;
    // It holds an end of the pipe itself.
    drop(command);
    let (say, lines) = mpsc::sync_channel(1024);
    thread::spawn(move || {
        for line in BufReader::new(printed).split(b'\n').map_while(Result::ok) {
            // Nobody listens any more to what outlives the tests.
            if say.send(line).is_err() {
                break;
            }
        }
    });
    // What a test left behind may hold the pipe for ever: not so long as to keep the tests from ending.
    let mut ended = None;
    loop {
        match lines.recv_timeout(LAST_WORDS) {
            Ok(line) => {
                let line = String::from_utf8_lossy(&line);
                if digest.line(&line) {
                    println!("{line}");
                }
            }
            Err(RecvTimeoutError::Timeout) if ended.is_none() => ended = child.try_wait().map_err(failed)?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(child.wait().map_err(failed)?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let long = Duration::from_secs(60);
        let ended = |script: &str, limit| within(&mut shell(script), limit).expect("it ran");
        assert_eq!(ended("exit 3", long).and_then(|status| status.code()), Some(3));
        assert!(ended("exec sleep 1000", Duration::from_millis(50)).is_none());
        assert!(within(&mut Command::new("/nowhere/program"), long).is_err());
    }
}
