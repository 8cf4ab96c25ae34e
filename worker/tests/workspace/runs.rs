//! Workspaces of runs: made once, kept apart, used again.

use crate::leader::PATIENCE;
use crate::world::{World, attempt};
use part_core::{AttemptVerdict, CancelMode, Command, Workspace};
use part_workspace::Digest;

const FILES: &[(&str, &str)] = &[("data/a.txt", "one"), ("b.txt", "two"), ("c.txt", "three")];

#[tokio::test]
async fn a_workspace_is_made_once_and_used_by_all_attempts_of_its_run() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    let script = "echo \"$(pwd) $(cat data/a.txt b.txt)\" >> \"$WITNESS\"";
    for spec in 0..2 {
        world.leader.order(spec, world.script(1, spec, script), workspace.clone()).await;
    }
    for spec in 0..2 {
        let end = world.leader.end(attempt(1, spec)).await;
        assert_eq!(end.verdict, AttemptVerdict::Passed, "{}", end.message);
    }
    assert_eq!(world.leader.asked(), [1, 3], "the manifest and its files, once");
    let tree = world.home().join("workspaces/0/tree").canonicalize().expect("a workspace");
    let line = format!("{} onetwo", tree.display());
    assert_eq!(world.seen(), [line.clone(), line]);
    world.stop().await;
}

#[tokio::test]
async fn a_run_has_a_workspace_for_each_of_its_submissions() {
    let mut world = World::new().await;
    let step = |name: &str| world.step("make", &format!("echo {name} > made"), &["b.txt"], &["made"]);
    let (one, two) = (world.workspace(FILES, vec![step("one")]), world.workspace(FILES, vec![step("two")]));
    let other = world.workspace(&[("b.txt", "other")], Vec::new());
    let hold = |spec: u32, check: &str| {
        world.script(1, spec, &format!("{check} && pwd >> \"$WITNESS\" && mkfifo fifo && read x < fifo"))
    };
    // All three at the same time, so that none can take another's place.
    world.leader.order(0, hold(0, "test \"$(cat b.txt made)\" = twoone"), one.clone()).await;
    world.leader.order(1, hold(1, "test \"$(cat b.txt made)\" = twotwo"), two).await;
    world.leader.order(2, hold(2, "test \"$(cat b.txt)\" = other && test ! -e made"), other).await;
    let until = tokio::time::Instant::now() + PATIENCE;
    while world.seen().len() < 3 {
        assert!(tokio::time::Instant::now() < until, "{:?}", world.seen());
        tokio::task::yield_now().await;
    }
    let places = world.seen();
    // Another attempt of the first submission finds its own.
    let again = world.script(1, 3, "test \"$(cat made)\" = one && test -e fifo");
    world.leader.order(3, again, one).await;
    assert_eq!(world.leader.end(attempt(1, 3)).await.verdict, AttemptVerdict::Passed);
    for place in &places {
        // The fifo comes after the line that tells of the place.
        let fifo = std::path::Path::new(place).join("fifo");
        while !fifo.exists() {
            assert!(tokio::time::Instant::now() < until, "{places:?}");
            tokio::task::yield_now().await;
        }
        let write = tokio::task::spawn_blocking(move || std::fs::write(fifo, "go\n"));
        write.await.expect("no panic").expect("it waits for this");
    }
    for spec in 0..3 {
        let end = world.leader.end(attempt(1, spec)).await;
        assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
    }
    // The run is over: the next ones take its places, and what is not needed goes.
    world.rest().await;
    for run in 2..4 {
        let workspace = world.workspace(&[("b.txt", &run.to_string())], Vec::new());
        world.leader.order(0, world.script(run, 0, "test ! -e made && test ! -e fifo"), workspace).await;
        assert_eq!(world.leader.end(attempt(run, 0)).await.verdict, AttemptVerdict::Passed);
        world.rest().await;
    }
    assert!(!world.home().join("workspaces/3").exists());
    world.stop().await;
}

#[tokio::test]
async fn a_run_cannot_change_what_the_next_one_gets() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    let spoil =
        "printf evil > b.txt; rm c.txt; ln -s /etc/hostname c.txt; mkdir junk; touch junk/x; chmod 500 data";
    world.leader.order(0, world.script(1, 0, spoil), workspace.clone()).await;
    assert_eq!(world.leader.end(attempt(1, 0)).await.verdict, AttemptVerdict::Passed);
    world.leader.asked();
    world.rest().await;
    let check =
        "test \"$(cat b.txt)\" = two && test \"$(cat c.txt)\" = three && test ! -e junk && test ! -L c.txt";
    world.leader.order(0, world.script(2, 0, check), workspace.clone()).await;
    let end = world.leader.end(attempt(2, 0)).await;
    assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
    assert_eq!(world.leader.asked(), [0; 0], "nothing is fetched twice");
    assert!(!world.home().join("workspaces/1").exists(), "the place was used again");
    // While a run uses its workspace, another one gets a place of its own.
    let hold = world.script(2, 1, "echo spoiled > b.txt; read x < fifo; cat b.txt >> \"$WITNESS\"");
    world.leader.order(1, world.script(2, 9, "mkfifo fifo"), workspace.clone()).await;
    world.leader.end(attempt(2, 9)).await;
    world.leader.order(1, hold, workspace.clone()).await;
    world.leader.started(attempt(2, 1)).await;
    world.leader.order(0, world.script(3, 0, check), workspace.clone()).await;
    assert_eq!(world.leader.end(attempt(3, 0)).await.verdict, AttemptVerdict::Passed);
    std::fs::write(world.home().join("workspaces/0/tree/fifo"), "go\n").expect("it waits for this");
    assert_eq!(world.leader.end(attempt(2, 1)).await.verdict, AttemptVerdict::Passed);
    assert_eq!(world.seen(), ["spoiled"]);
    world.stop().await;
}

#[tokio::test]
async fn a_damaged_cache_is_mended_and_what_the_mesh_lost_is_the_workers_trouble() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    world.leader.order(0, world.script(1, 0, "true"), workspace.clone()).await;
    assert_eq!(world.leader.end(attempt(1, 0)).await.verdict, AttemptVerdict::Passed);
    world.leader.asked();
    let two = Digest::of(b"two").to_string();
    std::fs::write(world.home().join("cache/blobs").join(&two[..2]).join(&two), "tw0").expect("a blob");
    let other = world.workspace(&[("b.txt", "two"), ("new.txt", "new")], Vec::new());
    world.leader.order(0, world.script(2, 0, "test \"$(cat b.txt)\" = two"), other).await;
    assert_eq!(world.leader.end(attempt(2, 0)).await.verdict, AttemptVerdict::Passed);
    assert_eq!(world.leader.asked(), [1, 1, 1], "the manifest, the new file, and the damaged one");

    let lost = world.workspace(&[("lost.txt", "lost")], Vec::new());
    world.leader.lose(Digest::of(b"lost"));
    world.leader.order(0, world.script(3, 0, "true"), lost).await;
    let end = world.leader.end(attempt(3, 0)).await;
    assert_eq!(end.verdict, AttemptVerdict::Lost);
    assert!(end.message.contains("the workspace cannot be fetched: blob"), "{}", end.message);
    world.stop().await;
}

#[tokio::test]
async fn an_attempt_that_outlives_its_worker_keeps_its_workspace() {
    let mut world = World::new().await;
    let workspace = world.workspace(FILES, Vec::new());
    world.leader.order(1, world.script(1, 9, "mkfifo fifo"), workspace.clone()).await;
    world.leader.end(attempt(1, 9)).await;
    let hold = world.script(1, 0, "read x < fifo; cat b.txt >> \"$WITNESS\"; echo >> \"$WITNESS\"");
    world.leader.order(0, hold, workspace.clone()).await;
    world.leader.started(attempt(1, 0)).await;
    world.stop().await;
    world.start().await;
    // Another run comes before the attempt ends, and one of the same run.
    let other = world.workspace(&[("b.txt", "other")], Vec::new());
    world.leader.order(1, world.script(2, 0, "test \"$(cat b.txt)\" = other"), other).await;
    assert_eq!(world.leader.end(attempt(2, 0)).await.verdict, AttemptVerdict::Passed);
    world.leader.asked();
    world.leader.order(1, world.script(1, 1, "test -p fifo"), workspace).await;
    assert_eq!(world.leader.end(attempt(1, 1)).await.verdict, AttemptVerdict::Passed, "the same workspace");
    assert_eq!(world.leader.asked(), [0; 0]);
    std::fs::write(world.home().join("workspaces/0/tree/fifo"), "go\n").expect("it waits for this");
    assert_eq!(world.leader.end(attempt(1, 0)).await.verdict, AttemptVerdict::Passed);
    assert_eq!(world.seen(), ["two"]);
    world.stop().await;
}

#[tokio::test]
async fn nothing_of_a_step_lies_outside_of_the_workspace() {
    let mut world = World::new().await;
    for (spec, keep) in ["../../x", "/etc", "a/../../b"].into_iter().enumerate() {
        let step = world.step("bad", "true", &["b.txt"], &[keep]);
        let workspace = world.workspace(FILES, vec![step]);
        assert!(matches!(workspace, Workspace::Shipped(_)));
        let run = 10 + spec as u128;
        world.leader.order(0, world.script(run, 0, "true"), workspace).await;
        let end = world.leader.end(attempt(run, 0)).await;
        assert_eq!(end.verdict, AttemptVerdict::SetupFailed);
        assert!(end.message.contains("no path below the workspace"), "{}", end.message);
    }
    world.stop().await;
}

#[tokio::test]
async fn nobody_who_waits_means_nobody_who_works() {
    let mut world = World::new().await;
    let step = world.step("slow", "echo $$ >> \"$WITNESS\"; sleep 1000", &[], &[]);
    let workspace = world.workspace(FILES, vec![step]);
    world.leader.order(0, world.script(1, 0, "true"), workspace).await;
    let process = loop {
        match world.seen().first().and_then(|line| line.parse::<i32>().ok()) {
            Some(process) => break process,
            None => tokio::task::yield_now().await,
        }
    };
    world.leader.say(Command::Cancel { attempt: attempt(1, 0), mode: CancelMode::Graceful }).await;
    assert_eq!(world.leader.end(attempt(1, 0)).await.verdict, AttemptVerdict::Cancelled);
    let until = tokio::time::Instant::now() + PATIENCE;
    while nix::sys::signal::kill(nix::unistd::Pid::from_raw(process), None).is_ok() {
        assert!(tokio::time::Instant::now() < until, "the step still runs");
        tokio::task::yield_now().await;
    }
    world.stop().await;
}
