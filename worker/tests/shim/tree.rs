//! Processes that try to get away.

use std::time::{Duration, Instant};

use part_worker::shim::{MainEnd, Mode, Outcome, StopCause, StopMode};

use crate::support::{Checked, Place, assert_clean, in_time, long_sleep, marked, text, until, until_said};

/// A daemon by the book: own session, parent gone, environment cleared, output elsewhere.
fn daemon(sleep: &str) -> String {
    format!("(setsid env -i sh -c 'sleep {sleep} & exit' >/dev/null 2>&1 &)")
}

#[tokio::test]
async fn a_daemon_is_found_killed_and_named() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    let up = place.path().join("up");
    let mut order = place.script(&format!(
        "mkfifo {up}; (setsid env -i sh -c 'sleep {sleep} >/dev/null 2>&1 & echo up >{up}' &); cat {up}; exit 3",
        up = up.display()
    ));
    order.limits.leak_grace_ms = 300;
    let record = in_time(shim.run(order)).await??;
    assert_eq!(record.outcome, Outcome::Exited { code: 3 });
    assert!(record.leaked_count >= 1, "{record:?}");
    assert!(record.leaked.iter().any(|process| process.command.contains(&sleep)), "{record:?}");
    assert_eq!(marked(&sleep), []);
    assert_eq!(text(&record)?, "up\n");
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_grandchild_with_the_pipe_does_not_hold_the_attempt() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    let mut order = place.script(&format!("(trap '' TERM; echo kept; sleep {sleep}) & sleep 0.1; exit 0"));
    order.limits.leak_grace_ms = 200;
    let began = Instant::now();
    let record = in_time(shim.run(order)).await??;
    assert_eq!(record.outcome, Outcome::Exited { code: 0 });
    assert!(began.elapsed() >= Duration::from_millis(200) && began.elapsed() < Duration::from_secs(20));
    assert!(record.wall_ms < 20_000);
    assert!(record.leaked.iter().any(|process| process.command.contains(&sleep)), "{record:?}");
    assert_eq!(marked(&sleep), []);
    assert_eq!(text(&record)?, "kept\n");
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn who_goes_within_the_grace_is_no_leak() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let mut order = place.script("(sleep 0.3; echo late) & (setsid sleep 0.2 >/dev/null &); exit 0");
    order.limits.leak_grace_ms = 60_000;
    let began = Instant::now();
    let record = in_time(shim.run(order)).await??;
    assert_clean(&record, 0);
    assert_eq!(text(&record)?, "late\n");
    assert!(began.elapsed() < Duration::from_secs(25), "does not wait for the whole grace");
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_stop_reaches_every_corner() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    let stubborn = format!("setsid sh -c 'trap \"\" TERM; sleep {sleep}; sleep {sleep}' & ");
    let script = format!(
        "{daemon}; {stubborn} sh -c 'trap \"\" TERM; sleep {sleep} & wait' & sleep {sleep} & echo ready; wait",
        daemon = daemon(&sleep),
    );
    let mut order = place.script(&script);
    order.limits.grace_ms = 300;
    order.limits.leak_grace_ms = 300;
    let attempt = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    until("five sleepers", || {
        marked(&sleep).iter().filter(|(_, line)| line.starts_with("sleep")).count() >= 4
    })
    .await?;
    shim.stop(&attempt, StopMode::Graceful).await?;
    let record = in_time(shim.finished(&attempt)).await??;
    assert_eq!(record.outcome, Outcome::Stopped { mode: StopMode::Graceful, cause: StopCause::Asked });
    assert_eq!(record.main_end, Some(MainEnd::Signaled { signal: 15 }));
    assert!(record.survivors.is_empty());
    assert_eq!(marked(&sleep), []);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_bomb_is_defused() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    // Each generation doubles, ignores SIGTERM, and half of it opens new sessions. The depth bounds the
    // harm should the shim fail.
    let bomb = place.path().join("bomb.sh");
    std::fs::write(
        &bomb,
        "trap '' TERM; [ $1 -le 0 ] && exec sleep $2\n\
         sh $0 $(($1-1)) $2 & setsid sh $0 $(($1-1)) $2 & wait\n",
    )?;
    let mut order = place.command(["sh", &bomb.to_string_lossy(), "9", &sleep]);
    order.limits.max_processes = Some(200);
    let record = in_time(shim.run(order)).await??;
    let Outcome::TooManyProcesses { count } = record.outcome else {
        return Err(format!("{record:?}").into());
    };
    assert!(count > 200, "{count}");
    assert!(record.survivors.is_empty(), "{record:?}");
    assert_eq!(marked(&sleep), []);
    assert_eq!(marked(&bomb.to_string_lossy()), []);
    // The slot is as good as new.
    assert_clean(&*in_time(shim.run(place.script("exit 0"))).await??, 0);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_runaway_chain_is_caught() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    // Each link starts the next and ends: nobody stays long enough to be killed by number.
    let chain = place.path().join("chain.sh");
    std::fs::write(&chain, "[ $1 -le 0 ] || sh $0 $(($1-1)) &\n")?;
    let name = chain.to_string_lossy().into_owned();
    let mut order = place.command(["sh", &name, "100000"]);
    order.limits.leak_grace_ms = 100;
    let record = in_time(shim.run(order)).await??;
    assert_eq!(record.outcome, Outcome::Exited { code: 0 });
    assert!(record.survivors.is_empty(), "{record:?}");
    assert_eq!(marked(&name), []);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn many_children_within_the_limit_are_fine() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let mut order = place.script("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3 & done; wait");
    order.limits.max_processes = Some(11);
    assert_clean(&*in_time(shim.run(order)).await??, 0);
    Ok(shim.exit().await?)
}
