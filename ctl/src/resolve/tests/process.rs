//! Listing commands that really run.

use super::*;
use crate::resolve::ProcessLister;
use part_frameworks::SuiteOptions;
use part_frameworks::listing::plan_specs;
use part_frameworks::table::{Catalogue, parse_tables};
use std::time::Duration;

/// A call of `sh` with this text.
fn plan(root: &Path, script: &str, timeout: &str) -> ListPlan {
    let table = format!(
        "[frameworks.x]\nspecs.list = {{ command = [\"sh\", \"-c\", '''{script}'''], parser = \"lines\", timeout = \"{timeout}\" }}\n"
    );
    let tables = parse_tables(&table).expect("a table").0;
    let framework =
        Catalogue::builtin().with_user(tables).expect("a catalogue").get("x").expect("the framework");
    let options =
        SuiteOptions { env: BTreeMap::from([("COLOUR".to_owned(), "red".to_owned())]), ..Default::default() };
    plan_specs(&framework, root, &options, &root.join("scratch")).expect("a plan").expect("a call")
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn output_environment_and_exit_code_arrive() {
    let root = tempfile::tempdir().expect("a folder");
    let script = "echo $COLOUR; pwd >&2; cat; exit 3";
    let output = run(ProcessLister.call(&plan(root.path(), script, "1m"))).expect("ends");
    assert_eq!((output.stdout.as_slice(), output.exit), (b"red\n".as_slice(), ExitStatus::Code(3)));
    let root = root.path().canonicalize().expect("the folder");
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), root.display().to_string());
    let output = run(ProcessLister.call(&plan(&root, "kill -9 $$", "1m"))).expect("ends");
    assert_eq!(output.exit, ExitStatus::Signal(9));
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let root = tempfile::tempdir().expect("a folder");
    let mut plan = plan(root.path(), "true", "1m");
    plan.argv[0] = "no-such-program".to_owned();
    let error = run(ProcessLister.call(&plan)).expect_err("cannot start");
    assert!(error.to_string().starts_with("cannot start `no-such-program` in "), "{error}");
}

#[test]
fn a_command_that_takes_too_long_is_stopped() {
    let root = tempfile::tempdir().expect("a folder");
    let error = run(ProcessLister.call(&plan(root.path(), "sleep 600", "200ms"))).expect_err("stops");
    assert_eq!(error.to_string(), "`sh` was stopped after 200ms");
}

#[test]
fn the_whole_tree_goes_when_nobody_waits_any_more() {
    let root = tempfile::tempdir().expect("a folder");
    let fifo = root.path().join("alive");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    // A grandchild in the background, too; all of them hold the pipe open.
    let script = format!("exec 7<>{}; (sleep 600 & echo started >&7; sleep 600) & sleep 600", fifo.display());
    run(async {
        let pipe = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&fifo).expect("the pipe");
        let plan = plan(root.path(), &script, "5m");
        tokio::select! {
            ended = ProcessLister.call(&plan) => panic!("ended by itself: {ended:?}"),
            count = read(&pipe) => assert_eq!(count, "started\n".len()),
        }
        // The end of the pipe: nobody is left who could write.
        let end =
            tokio::time::timeout(Duration::from_secs(60), read(&pipe)).await.expect("no process is left");
        assert_eq!(end, 0);
    });
}

async fn read(pipe: &tokio::net::unix::pipe::Receiver) -> usize {
    loop {
        pipe.readable().await.expect("the pipe");
        match pipe.try_read(&mut [0; 64]) {
            Ok(count) => return count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("the pipe: {error}"),
        }
    }
}
