//! Setup steps: once per host and key, with output when they fail.

use crate::world::{World, attempt};
use part_core::{AttemptVerdict, ExitStatus};

const LOCK: &[(&str, &str)] = &[("lock", "1"), ("b.txt", "two")];

/// Makes `modules` with a program and a file that names the workspace.
const INSTALL: &str = "echo installed >> \"$WITNESS\"; test \"$PART_SETUP\" = 1; mkdir -p modules/.bin; \
     printf '#!/bin/sh\\necho tool\\n' > modules/.bin/tool; chmod 755 modules/.bin/tool; pwd > modules/where";

#[tokio::test]
async fn what_a_step_keeps_is_used_again_and_cannot_be_changed() {
    let mut world = World::new().await;
    let step = || world.step("install", INSTALL, &["lock"], &["modules"]);
    let workspace = world.workspace(LOCK, vec![step()]);
    // The program is found by its name alone, and the file says where it is.
    let check =
        "test \"$(tool)\" = tool && test \"$(cat modules/where)\" = \"$(pwd)\" && echo ran >> \"$WITNESS\"";
    for spec in 0..2 {
        world.leader.order(spec, world.script(1, spec, check), workspace.clone()).await;
    }
    for spec in 0..2 {
        let end = world.leader.end(attempt(1, spec)).await;
        assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
    }
    assert_eq!(world.seen(), ["installed", "ran", "ran"]);
    let spoil = "rm modules/.bin/tool; echo elsewhere > modules/where; touch modules/junk";
    world.leader.order(0, world.script(1, 2, spoil), workspace.clone()).await;
    assert_eq!(world.leader.end(attempt(1, 2)).await.verdict, AttemptVerdict::Passed);

    // At once: in another place. After a rest: in the one that was spoiled.
    let check = format!("{check} && test ! -e modules/junk");
    world.leader.order(0, world.script(2, 0, &check), workspace.clone()).await;
    let end = world.leader.end(attempt(2, 0)).await;
    assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
    world.rest().await;
    for run in 3..5 {
        world.leader.order(0, world.script(run, 0, &check), workspace.clone()).await;
        let end = world.leader.end(attempt(run, 0)).await;
        assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
    }
    let runs = world.seen().iter().filter(|line| *line == "installed").count();
    assert_eq!(runs, 1, "once per key");

    let changed = world.workspace(&[("lock", "2"), ("b.txt", "two")], vec![step()]);
    world.leader.order(0, world.script(9, 0, &check), changed).await;
    assert_eq!(world.leader.end(attempt(9, 0)).await.verdict, AttemptVerdict::Passed);
    assert_eq!(world.seen().iter().filter(|line| *line == "installed").count(), 2, "another key");
    world.stop().await;
}

#[tokio::test]
async fn a_step_that_fails_is_told_with_its_output() {
    let mut world = World::new().await;
    let step = world.step(
        "npm ci",
        "echo tried >> \"$WITNESS\"; echo no such package; exit 7",
        &["lock"],
        &["modules"],
    );
    let later = world.step("later", "echo later >> \"$WITNESS\"", &[], &[]);
    let workspace = world.workspace(LOCK, vec![step, later]);
    for spec in 0..2 {
        world.leader.order(spec, world.script(1, spec, "true"), workspace.clone()).await;
    }
    for spec in 0..2 {
        let end = world.leader.end(attempt(1, spec)).await;
        assert_eq!(end.verdict, AttemptVerdict::SetupFailed);
        assert_eq!(end.message, "setup step \"npm ci\" failed with exit code 7");
        assert_eq!(end.exit, Some(ExitStatus::Code(7)));
        assert_eq!(end.output.inline.as_deref(), Some("no such package\n"));
    }
    // It is tried once more, and then believed.
    for spec in 2..6 {
        world.leader.order(0, world.script(1, spec, "true"), workspace.clone()).await;
        assert_eq!(world.leader.end(attempt(1, spec)).await.verdict, AttemptVerdict::SetupFailed);
    }
    let tried = world.seen().len();
    assert!((1..=2).contains(&tried), "{:?}", world.seen());

    let long = world.step("long", "yes | head -c 100000; sleep 1000", &[], &[]);
    let long = part_core::SetupStep { timeout: part_core::Millis(300), ..long };
    let workspace = world.workspace(LOCK, vec![long]);
    world.leader.order(0, world.script(2, 0, "true"), workspace).await;
    let end = world.leader.end(attempt(2, 0)).await;
    assert!(
        end.message.starts_with("setup step \"long\" was stopped after its time limit"),
        "{}",
        end.message
    );
    assert_eq!(world.leader.text(&end.output.blob.expect("a blob")).len(), 100_000);
    world.stop().await;
}
