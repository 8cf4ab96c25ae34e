//! What attempts get of the machine: slots beyond the CPUs, CPUs that a group is held to, a place for temporary files.

use crate::world::{World, attempt};
use part_core::{AttemptVerdict, SlotId, Workspace};

fn here(world: &World) -> Workspace {
    Workspace::InPlace(world.home().display().to_string())
}

#[tokio::test]
async fn extra_slots_are_offered_and_run_specs() {
    let mut world = World::new().await;
    let said = world.leader.introduction().await;
    assert_eq!(said.extra_slots, (2..6).map(SlotId).collect::<Vec<_>>());
    assert_eq!(said.cpus, part_worker::cpus());
    for slot in [5, 3, 0] {
        let order = world.script(1, slot, "echo slot $PART_SLOT >> \"$WITNESS\"");
        world.leader.order(slot, order, here(&world)).await;
    }
    for slot in [5, 3, 0] {
        assert_eq!(world.leader.end(attempt(1, slot)).await.verdict, AttemptVerdict::Passed);
    }
    assert_eq!(world.seen(), ["slot 0", "slot 3", "slot 5"]);
    world.leader.order(6, world.script(1, 6, "true"), here(&world)).await;
    let end = world.leader.end(attempt(1, 6)).await;
    assert!(end.message.contains("there is no such slot here"), "{}", end.message);
    world.stop().await;
}

/// The CPUs that a process may use, as the kernel tells it.
#[cfg(target_os = "linux")]
const ALLOWED: &str = "grep Cpus_allowed_list /proc/self/status | cut -f 2";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_group_is_held_to_its_cpus_and_only_while_it_runs() {
    let mut world = World::new().await;
    let busy = format!(
        "for n in 1 2 3 4; do (while :; do :; done) & pids=\"$pids $!\"; done; \
         for p in $pids; do grep Cpus_allowed_list /proc/$p/status | cut -f 2 >> \"$WITNESS\"; done; \
         {ALLOWED} >> \"$WITNESS\"; kill $pids; wait; exit 0"
    );
    let all = std::process::Command::new("sh").args(["-c", ALLOWED]).output().expect("ran");
    let all = String::from_utf8(all.stdout).expect("text").trim().to_owned();
    for spec in 0..2 {
        // On an extra slot, too.
        world.leader.order_held(spec * 3, world.script(1, spec, &busy), here(&world), Some(1)).await;
    }
    for spec in 0..2 {
        let end = world.leader.end(attempt(1, spec)).await;
        assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
        assert_eq!(end.cpu_wait.is_some(), std::path::Path::new("/proc/pressure/cpu").exists());
    }
    let seen = world.seen();
    assert_eq!(seen.len(), 10, "{seen:?}");
    if part_worker::cpus() > 1 {
        assert!(seen.iter().all(|cpus| *cpus == seen[0] && cpus.parse::<u32>().is_ok()), "one CPU: {seen:?}");
        assert_ne!(seen[0], all);
    }
    // The slot's next attempt, of a group without a limit, has them all.
    let free = world.script(2, 0, &format!("test \"$({ALLOWED})\" = {all}"));
    world.leader.order(0, free, here(&world)).await;
    assert_eq!(world.leader.end(attempt(2, 0)).await.verdict, AttemptVerdict::Passed);
    world.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_group_keeps_its_cpus_when_the_worker_starts_again() {
    let mut world = World::new().await;
    // Another group has the first CPU, so that this one gets another where there is one.
    let home = world.home().to_owned();
    let fifo = |name: &str| home.join(name);
    let wait =
        |name: &str| format!("mkfifo {0}; {ALLOWED} >> \"$WITNESS\"; read x < {0}", fifo(name).display());
    let mut other = world.script(1, 0, &wait("other"));
    other.group = "other".into();
    world.leader.order_held(0, other, here(&world), Some(1)).await;
    world.leader.started(attempt(1, 0)).await;
    world.leader.order_held(1, world.script(1, 1, &wait("first")), here(&world), Some(1)).await;
    world.leader.started(attempt(1, 1)).await;
    let until = tokio::time::Instant::now() + crate::leader::PATIENCE;
    while world.seen().len() < 2 {
        assert!(tokio::time::Instant::now() < until, "{:?}", world.seen());
        tokio::task::yield_now().await;
    }
    world.stop().await;
    world.start().await;
    let free = |name: &str| {
        let fifo = fifo(name);
        tokio::task::spawn_blocking(move || std::fs::write(fifo, "go\n"))
    };
    free("other").await.expect("no panic").expect("it waits for this");
    assert_eq!(world.leader.end(attempt(1, 0)).await.verdict, AttemptVerdict::Passed);
    // The first CPU is free again, but the group has its own.
    let again = world.script(1, 2, &format!("{ALLOWED} >> \"$WITNESS\""));
    world.leader.order_held(0, again, here(&world), Some(1)).await;
    assert_eq!(world.leader.end(attempt(1, 2)).await.verdict, AttemptVerdict::Passed);
    free("first").await.expect("no panic").expect("it waits for this");
    assert_eq!(world.leader.end(attempt(1, 1)).await.verdict, AttemptVerdict::Passed);
    if part_worker::cpus() == 2 {
        let seen = world.seen();
        assert!(seen[0] != seen[1] && seen[1] == seen[2], "{seen:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn temporary_files_go_with_the_attempt() {
    let mut world = World::new().await;
    let leave = "test \"$TMPDIR\" = \"$TMP\" && test \"$TMPDIR\" = \"$TEMP\" && touch \"$TMPDIR/org.left\" && \
                 echo $TMPDIR >> \"$WITNESS\"";
    for spec in 0..2 {
        let script = format!("test -z \"$(ls -A $TMPDIR | grep org)\" && {leave}");
        world.leader.order(1, world.script(1, spec, &script), here(&world)).await;
        let end = world.leader.end(attempt(1, spec)).await;
        assert_eq!(end.verdict, AttemptVerdict::Passed, "{} {:?}", end.message, end.output);
    }
    let seen = world.seen();
    assert!(seen.len() == 2 && seen[0] == seen[1] && seen[0].len() < 50, "{seen:?}");
    assert!(!std::path::Path::new(&seen[0]).exists());
    let mut own = world.script(1, 3, "test \"$TMPDIR\" = /chosen");
    let mut recipe = own.recipe.as_ref().clone();
    recipe.env.insert("TMPDIR".to_owned(), "/chosen".to_owned());
    own.recipe = recipe.into();
    world.leader.order(1, own, here(&world)).await;
    assert_eq!(
        world.leader.end(attempt(1, 3)).await.verdict,
        AttemptVerdict::Passed,
        "what is configured wins"
    );
    world.stop().await;
}
