//! Shims and controllers that come and go.

use std::path::Path;
use std::time::Duration;

use part_worker::shim::{
    Mode, Outcome, ShimError, ShimHandle, StopCause, StopMode, read_record, reap_orphans,
};
use rustix::process::Signal;

use crate::support::{
    Checked, Place, assert_clean, exe, in_time, is_alive, kill, long_sleep, marked, text, until, until_said,
};

#[tokio::test]
async fn a_tied_shim_goes_with_its_owner() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let pid = shim.info().pid;
    let sleep = long_sleep();
    let mut order = place.script(&format!("trap '' TERM; setsid sleep {sleep} & echo ready; sleep {sleep}"));
    order.limits.grace_ms = 200;
    let (attempt, dir) = (order.attempt.clone(), order.attempt_dir.clone());
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    drop(shim);
    until("the shim is gone", || !is_alive(pid)).await?;
    assert_eq!(marked(&sleep), []);
    let record = read_record(&dir)?.ok_or("no record")?;
    assert_eq!(record.outcome, Outcome::Stopped { mode: StopMode::Graceful, cause: StopCause::OwnerGone });
    assert!(!place.shim_dir().join("shim.sock").exists() && !place.shim_dir().join("shim.json").exists());
    Ok(())
}

#[tokio::test]
async fn an_idle_tied_shim_goes_with_its_owner() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let pid = shim.info().pid;
    drop(shim);
    until("the shim is gone", || !is_alive(pid)).await
}

#[tokio::test]
async fn what_a_killed_shim_leaves_is_found() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let sleep = long_sleep();
    let order = place.script(&format!(
        "(setsid sh -c 'trap \"\" TERM; sleep {sleep}' >/dev/null 2>&1 &); \
         env -i sleep {sleep} & echo ready; sleep {sleep}"
    ));
    let attempt = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    until("three sleepers", || {
        marked(&sleep).iter().filter(|(_, line)| line.starts_with("sleep")).count() >= 3
    })
    .await?;
    kill(shim.info().pid, Signal::KILL)?;
    let error = in_time(shim.finished(&attempt)).await?.err().ok_or("it cannot have finished")?;
    assert!(matches!(&error, ShimError::Lost { .. }), "{error}");
    assert!(error.to_string().contains("signal: 9"), "{error}");
    assert!(matches!(shim.status().await, Err(ShimError::Lost { .. })));
    let reaped = reap_orphans(&place.shim_dir())?;
    assert!(
        reaped.killed.iter().filter(|process| process.command.contains(&sleep)).count() >= 3,
        "{reaped:?}"
    );
    assert!(reaped.survivors.is_empty());
    assert_eq!(marked(&sleep), []);
    assert_eq!(reap_orphans(&place.shim_dir())?.killed, [], "once is enough");
    // The folder serves again.
    let again = place.launch(Mode::Tied).await?;
    assert_clean(&*in_time(again.run(place.script("exit 0"))).await??, 0);
    Ok(again.exit().await?)
}

#[tokio::test]
async fn a_new_shim_clears_up_behind_a_dead_one() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Detached).await?;
    let sleep = long_sleep();
    let order = place.script(&format!("echo ready; sleep {sleep}"));
    let attempt = order.attempt.clone();
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    kill(shim.info().pid, Signal::KILL)?;
    let again = place.launch(Mode::Tied).await?;
    assert_eq!(marked(&sleep), []);
    assert_ne!(again.info().tag, shim.info().tag);
    Ok(again.exit().await?)
}

#[tokio::test]
async fn a_detached_attempt_is_taken_over_in_mid_run() -> Checked {
    let place = Place::new()?;
    let first = place.launch(Mode::Detached).await?;
    let go = place.path().join("go");
    let order =
        place.script(&format!("echo ready; until [ -e {} ]; do sleep 0.01; done; exit 4", go.display()));
    let attempt = order.attempt.clone();
    first.start(order).await?;
    until_said(&first, &attempt, "ready").await?;
    let info = first.info().clone();
    drop(first);
    let second = ShimHandle::attach(&place.shim_dir()).await?;
    assert_eq!(second.info(), &info);
    let running = second.status().await?.running.ok_or("it should be running")?;
    assert_eq!((running.attempt, running.output_bytes), (attempt.clone(), 6));
    // A third one may come while the second is still there.
    let third = ShimHandle::attach(&place.shim_dir()).await?;
    let replaced = in_time(second.finished(&attempt)).await?;
    assert!(matches!(replaced, Err(ShimError::Replaced { .. })), "{replaced:?}");
    std::fs::write(go, "")?;
    let record = in_time(third.finished(&attempt)).await??;
    assert_clean(&record, 4);
    Ok(third.exit().await?)
}

#[tokio::test]
async fn a_detached_attempt_that_ended_alone_is_not_lost() -> Checked {
    let place = Place::new()?;
    let first = place.launch(Mode::Detached).await?;
    let go = place.path().join("go");
    let order = place.script(&format!("until [ -e {} ]; do sleep 0.01; done; exit 6", go.display()));
    let (attempt, dir) = (order.attempt.clone(), order.attempt_dir.clone());
    first.start(order).await?;
    let pid = first.info().pid;
    drop(first);
    std::fs::write(go, "")?;
    until("the record", || matches!(read_record(&dir), Ok(Some(_)))).await?;
    assert!(is_alive(pid), "it waits for a controller");
    let second = ShimHandle::attach(&place.shim_dir()).await?;
    let record = in_time(second.finished(&attempt)).await??;
    assert_clean(&record, 6);
    assert_eq!(read_record(&dir)?.as_ref(), Some(&*record));
    assert_clean(&*in_time(second.run(place.script("exit 0"))).await??, 0);
    let unknown = second.finished(&attempt).await;
    assert!(matches!(unknown, Err(ShimError::UnknownAttempt { .. })), "{unknown:?}");
    second.exit().await?;
    until("the shim is gone", || !is_alive(pid)).await?;
    let gone = ShimHandle::attach(&place.shim_dir()).await;
    assert!(matches!(gone, Err(ShimError::Connect { .. })), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn limits_hold_without_a_controller() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Detached).await?;
    let mut order = place.script("sleep 1000");
    order.limits.timeout_ms = Some(300);
    let dir = order.attempt_dir.clone();
    shim.start(order).await?;
    drop(shim);
    until("the record", || matches!(read_record(&dir), Ok(Some(_)))).await?;
    let record = read_record(&dir)?.ok_or("no record")?;
    assert_eq!(record.outcome, Outcome::TimedOut { after_ms: 300 });
    ShimHandle::attach(&place.shim_dir()).await?.exit().await?;
    Ok(())
}

#[tokio::test]
async fn signals_to_the_shim() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Detached).await?;
    let pid = shim.info().pid;
    let order = place.script("trap 'echo tidy; exit 0' TERM; echo ready; sleep 1000 & wait");
    let (attempt, dir) = (order.attempt.clone(), order.attempt_dir.clone());
    shim.start(order).await?;
    until_said(&shim, &attempt, "ready").await?;
    for ignored in [Signal::INT, Signal::HUP, Signal::QUIT] {
        kill(pid, ignored)?;
    }
    assert!(shim.status().await?.running.is_some(), "the terminal's signals have no effect");
    kill(pid, Signal::TERM)?;
    let record = in_time(shim.finished(&attempt)).await??;
    assert_eq!(
        record.outcome,
        Outcome::Stopped { mode: StopMode::Graceful, cause: StopCause::ShimTerminated }
    );
    assert_eq!(text(&record)?, "ready\ntidy\n");
    let ended = in_time(shim.lost()).await?;
    assert!(matches!(ended, ShimError::Lost { .. }), "{ended}");
    until("the shim is gone", || !is_alive(pid)).await?;
    assert_eq!(read_record(&dir)?.as_ref(), Some(&*record));
    Ok(())
}

#[tokio::test]
async fn the_shim_is_out_of_the_terminals_reach() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let pid = rustix::process::Pid::from_raw(i32::try_from(shim.info().pid)?);
    assert_eq!(pid, Some(rustix::process::getsid(pid)?), "it leads its own session");
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn folders_with_long_names_work() -> Checked {
    let place = Place::new()?;
    let dir = place.path().join("d".repeat(120)).join("e".repeat(120));
    let verb = ["shim".into()];
    let shim = ShimHandle::launch(Path::new(exe()), &verb, &dir, Mode::Detached).await?;
    assert_clean(&*in_time(shim.run(place.script("exit 0"))).await??, 0);
    drop(shim);
    let shim = ShimHandle::attach(&dir).await?;
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn one_folder_holds_one_shim() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    let rival =
        tokio::process::Command::new(exe()).args(["shim", "--tied", "--dir"]).arg(place.shim_dir()).output();
    let rival = in_time(rival).await??;
    assert!(!rival.status.success());
    assert!(String::from_utf8_lossy(&rival.stderr).contains("taking over"), "{rival:?}");
    assert_clean(&*in_time(shim.run(place.script("exit 0"))).await??, 0);
    Ok(shim.exit().await?)
}

#[tokio::test]
async fn a_launch_that_fails_says_why() -> Checked {
    let place = Place::new()?;
    let launch = async |exe: &str, args: &[&str]| {
        let args: Vec<_> = args.iter().map(Into::into).collect();
        let launched = ShimHandle::launch(Path::new(exe), &args, &place.shim_dir(), Mode::Tied).await;
        launched.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let cases = [
        launch("/nonexistent/part", &["shim"]).await,
        launch(exe(), &["shim", "--loose"]).await,
        launch("/bin/sh", &["-c", "echo broken >&2; exit 9"]).await,
        launch("/bin/sh", &["-c", "echo surprise; exec sleep 1000"]).await,
    ];
    let expected = [
        "starting the shim",
        "unknown argument --loose",
        "exit status: 9; broken",
        "said \"surprise\\n\" instead",
    ];
    for (error, part) in cases.iter().zip(expected) {
        assert!(error.contains(part), "{error} should contain {part}");
    }
    Ok(())
}

#[tokio::test]
async fn waiting_costs_nothing() -> Checked {
    let place = Place::new()?;
    let shim = place.launch(Mode::Tied).await?;
    // A spec that closes its output early must not keep the loop spinning.
    let mut order = place.script("exec >/dev/null 2>&1; sleep 1");
    order.limits.max_processes = Some(100);
    order.limits.idle_timeout_ms = Some(50_000);
    let before = cpu_ticks(shim.info().pid)?;
    let record = in_time(shim.run(order)).await??;
    assert_clean(&record, 0);
    let used = Duration::from_millis(10 * (cpu_ticks(shim.info().pid)? - before));
    assert!(used <= Duration::from_millis(100), "{used:?} of processor time for one second of waiting");
    Ok(shim.exit().await?)
}

/// Processor time of a process in the hundredths of seconds that Linux counts in.
fn cpu_ticks(pid: u32) -> Result<u64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("odd stat")?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    Ok(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?)
}
